//! `when("…")`: a condition in CEL over `shopper`, `profile`, `campaign` and `now`.
//!
//! Example: `shopper.level >= 3 && "vip" in shopper.tags && now.hour < 12`. Comparisons of a name with a number, of the
//! segment with a text, `in` of tags and flags, and `&&`, `||`, `!` of them become a [`Test`] that a draw runs without
//! allocating; anything else is evaluated as CEL. No loops: macros like `all` or `map` are refused, so an evaluation
//! costs what its text is long. One that cannot be evaluated (it divides by zero, say) is false.

use super::field::{Field, Needs};
use super::pool_condition::Operator;
use crate::draw::{BlacklistMode, Person, Snapshot};
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::{Context, Program, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Longest expression in bytes.
pub const EXPRESSION_BYTES: usize = 512;
/// Deepest nesting of brackets: each costs the parser a dozen frames.
const EXPRESSION_DEPTH: usize = 24;
/// What an expression may call; all of it costs no more than its arguments are long.
const CALLS: [&str; 21] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::IN,
    operators::CONDITIONAL,
    "size",
    "contains",
    "startsWith",
    "endsWith",
];

/// A compiled condition.
#[derive(Debug, Clone)]
pub enum Test {
    Is(bool),
    Compare(Field, Operator, i64),
    /// The segment is this.
    Segment(Box<str>),
    Tag(Box<str>),
    Flag(Box<str>),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Cel(General),
}

/// An expression that is evaluated as it stands.
#[derive(Clone)]
pub struct General {
    program: Arc<Program>,
    text: Box<str>,
}

impl fmt::Debug for General {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cel({:?})", self.text)
    }
}

impl Test {
    /// Reads an expression; on failure what is wrong with it, as a lowercase fragment, and what to do.
    pub fn compile(text: &str) -> Result<Test, (String, String)> {
        bounded(text)?;
        let program = Program::compile(text).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.lines().next().unwrap_or_default().to_lowercase());
            (
                format!("the expression cannot be read: {}", first.unwrap_or_default()),
                "it is CEL, like shopper.level >= 3".to_owned(),
            )
        })?;
        allowed(&program.expression().expr, &["shopper", "profile", "campaign", "now"])?;
        if let Some(test) = simple(&program.expression().expr) {
            return Ok(test);
        }
        let general = General { program: Arc::new(program), text: text.into() };
        general.try_out()?;
        Ok(Test::Cel(general))
    }

    /// Whether it is true of a snapshot.
    pub fn holds(&self, snapshot: &Snapshot<'_>) -> bool {
        match self {
            Test::Is(truth) => *truth,
            Test::Compare(field, operator, than) => operator.compare(&field.read(snapshot), than),
            Test::Segment(segment) => snapshot.person.segment == **segment,
            Test::Tag(tag) => snapshot.person.tags.contains(tag),
            Test::Flag(flag) => snapshot.flags.contains(flag),
            Test::Not(test) => !test.holds(snapshot),
            Test::All(tests) => tests.iter().all(|test| test.holds(snapshot)),
            Test::Any(tests) => tests.iter().any(|test| test.holds(snapshot)),
            Test::Cel(general) => matches!(general.evaluate(snapshot), Ok(Value::Bool(true))),
        }
    }

    /// Always the same, whatever the snapshot.
    pub(super) fn constant(&self) -> Option<bool> {
        if let Test::Is(truth) = self { Some(*truth) } else { None }
    }

    /// What must be gathered for it.
    pub fn needs(&self) -> Needs {
        match self {
            Test::Is(_) | Test::Flag(_) => Needs::default(),
            Test::Compare(field, _, _) => Needs {
                person: field.is_personal(),
                calendar: field.is_calendar(),
                spend: field.is_spend(),
                ..Needs::default()
            },
            Test::Segment(_) | Test::Tag(_) => Needs { person: true, ..Needs::default() },
            Test::Not(test) => test.needs(),
            Test::All(tests) | Test::Any(tests) => {
                tests.iter().fold(Needs::default(), |needs, test| needs.with(test.needs()))
            }
            Test::Cel(_) => Needs { person: true, calendar: true, spend: true, expression: true, ..Needs::default() },
        }
    }
}

pub(super) fn bounded(text: &str) -> Result<(), (String, String)> {
    if text.len() > EXPRESSION_BYTES {
        let message = format!("the expression has {} bytes, more than {EXPRESSION_BYTES}", text.len());
        return Err((message, String::new()));
    }
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' | b':' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > EXPRESSION_DEPTH {
        return Err((format!("the expression is nested deeper than {EXPRESSION_DEPTH}"), String::new()));
    }
    Ok(())
}

/// Whether everything in it is offered: no loops, no calls of unknown cost.
pub(super) fn allowed(expr: &Expr, names: &[&str]) -> Result<(), (String, String)> {
    match expr {
        Expr::Call(call) => {
            if !CALLS.contains(&call.func_name.as_str()) {
                let hint = "what can be called is: size, contains, startsWith, endsWith, in";
                return Err((format!("the expression calls `{}`, which is not offered", call.func_name), hint.into()));
            }
            call.target.iter().map(|target| &**target).chain(&call.args).try_for_each(|part| allowed(&part.expr, names))
        }
        Expr::Comprehension(_) => {
            let hint = "ask for one member, like \"vip\" in shopper.tags";
            Err(("the expression loops".to_owned(), hint.to_owned()))
        }
        Expr::Select(select) => allowed(&select.operand.expr, names),
        Expr::List(list) => list.elements.iter().try_for_each(|part| allowed(&part.expr, names)),
        Expr::Ident(name) if !names.contains(&name.as_str()) => {
            let hint = format!("the names are: {}", names.join(", "));
            Err((format!("the expression asks for `{name}`, which nothing is called"), hint))
        }
        Expr::Ident(_) | Expr::Literal(_) => Ok(()),
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err(("the expression builds a map".to_owned(), "compare names with numbers and texts".to_owned()))
        }
    }
}

/// The expression as a test, where it is simple enough.
fn simple(expr: &Expr) -> Option<Test> {
    match expr {
        Expr::Literal(LiteralValue::Boolean(truth)) => Some(Test::Is(*truth.inner())),
        Expr::Select(_) => {
            let field = Field::named(&path(expr)?).filter(|field| field.is_truth())?;
            Some(Test::Compare(field, Operator::Unequal, 0))
        }
        Expr::Call(call) => simple_call(call),
        _ => None,
    }
}

fn simple_call(call: &CallExpr) -> Option<Test> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => Some(match simple(&inner.expr)? {
            Test::Is(truth) => Test::Is(!truth),
            test => Test::Not(Box::new(test)),
        }),
        (operators::LOGICAL_AND, parts) => join(parts.iter().map(|p| simple(&p.expr)).collect::<Option<_>>()?, false),
        (operators::LOGICAL_OR, parts) => join(parts.iter().map(|p| simple(&p.expr)).collect::<Option<_>>()?, true),
        (operators::IN, [what, list]) => match path(&list.expr)?.as_str() {
            "shopper.tags" => Some(Test::Tag(word(&what.expr)?)),
            "shopper.flags" => Some(Test::Flag(word(&what.expr)?)),
            _ => None,
        },
        (name, [left, right]) => {
            let operator = operator(name)?;
            compare(&left.expr, operator, &right.expr).or_else(|| compare(&right.expr, operator.turned(), &left.expr))
        }
        _ => None,
    }
}

/// Tests joined, those that are always the same taken out.
fn join(parts: Vec<Test>, any: bool) -> Option<Test> {
    if parts.iter().any(|part| part.constant() == Some(any)) {
        return Some(Test::Is(any));
    }
    let open: Vec<Test> = parts.into_iter().filter(|part| part.constant().is_none()).collect();
    Some(match (open.is_empty(), any) {
        (true, _) => Test::Is(!any),
        (false, true) => Test::Any(open.into()),
        (false, false) => Test::All(open.into()),
    })
}

fn compare(left: &Expr, operator: Operator, right: &Expr) -> Option<Test> {
    if let (Some(one), Some(other)) = (number(left), number(right)) {
        return Some(Test::Is(operator.compare(&one, &other)));
    }
    let name = path(left)?;
    if name == "shopper.segment" {
        let is = Test::Segment(word(right)?);
        return match operator {
            Operator::Equal => Some(is),
            Operator::Unequal => Some(Test::Not(Box::new(is))),
            _ => None,
        };
    }
    let field = Field::named(&name)?;
    if field.is_truth() {
        let Expr::Literal(LiteralValue::Boolean(truth)) = right else { return None };
        return Some(Test::Compare(field, operator, i64::from(*truth.inner())));
    }
    Some(Test::Compare(field, operator, number(right)?))
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::Unequal,
        operators::GREATER_EQUALS => Operator::AtLeast,
        operators::LESS_EQUALS => Operator::AtMost,
        operators::GREATER => Operator::Above,
        operators::LESS => Operator::Below,
        _ => return None,
    })
}

/// `a.b` as text.
fn path(expr: &Expr) -> Option<String> {
    let Expr::Select(select) = expr else { return None };
    match &select.operand.expr {
        Expr::Ident(name) if !select.test => Some(format!("{name}.{}", select.field)),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        Expr::Literal(LiteralValue::UInt(number)) => i64::try_from(*number.inner()).ok(),
        Expr::Call(call) if call.func_name == operators::NEGATE => {
            let [inner] = call.args.as_slice() else { return None };
            number(&inner.expr)?.checked_neg()
        }
        _ => None,
    }
}

fn word(expr: &Expr) -> Option<Box<str>> {
    if let Expr::Literal(LiteralValue::String(text)) = expr { Some(text.inner().into()) } else { None }
}

impl General {
    /// Evaluates it for two made-up shoppers: what cannot be evaluated for anyone is told before anyone draws.
    fn try_out(&self) -> Result<(), (String, String)> {
        let regular = Person {
            segment: "vip".to_owned(),
            level: 3,
            tags: vec!["vip".into()],
            orders: 3,
            returns: 1,
            spend_cents: 30_000,
            recency_days: 3,
        };
        let blank = Snapshot::blank(1_773_115_200_000);
        let flags: [Box<str>; 1] = ["bot".into()];
        let known = Snapshot {
            person: &regular,
            flags: &flags,
            used: 7,
            left: 3,
            spend_cents: 10_000,
            blacklist: Some(BlacklistMode::PointsOnly),
            ..blank
        };
        let hint = "it must be true or false for every shopper";
        for snapshot in [&blank, &known] {
            match self.evaluate(snapshot) {
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    let message = format!("the expression gives {}, not true or false", other.type_of());
                    return Err((message, "compare it with something".to_owned()));
                }
                Err(why) => return Err((format!("the expression cannot be evaluated: {why}"), hint.to_owned())),
            }
        }
        Ok(())
    }

    fn evaluate(&self, snapshot: &Snapshot<'_>) -> Result<Value, String> {
        let mut context = Context::default();
        for group in ["shopper", "profile", "campaign", "now"] {
            let mut values: HashMap<String, Value> = Field::all()
                .filter_map(|field| {
                    let name = field.name().strip_prefix(group)?.strip_prefix('.')?;
                    let read = field.read(snapshot);
                    Some((name.to_owned(), if field.is_truth() { Value::from(read != 0) } else { Value::from(read) }))
                })
                .collect();
            if group == "shopper" {
                let person = snapshot.person;
                let list =
                    |words: &[Box<str>]| Value::from(words.iter().map(|w| Value::from(&**w)).collect::<Vec<_>>());
                values.insert("segment".to_owned(), person.segment.as_str().into());
                values.insert("tags".to_owned(), list(&person.tags));
                values.insert("flags".to_owned(), list(snapshot.flags));
            }
            context.add_variable_from_value(group, values);
        }
        self.program.execute(&context).map_err(|error| error.to_string().to_lowercase())
    }
}
