//! Lists, in one way: each has filters of its own; `sort`, `format`, `limit` and `cursor` mean the same in all.
//!
//! Where an engine holds a list by id, it narrows and orders it ([`answer`]). Where a list is short by its nature, or its
//! engine knows one order only, it is read whole up to a bound and put in order here ([`answer_here`], [`answer_all`]).

use super::App;
use super::paging::{self, cut, page};
use super::problem::Problem;
use super::reply::json;
use super::table::{self, Format};
use crate::validate;
use app::{Page, PageAsk};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cmp::Ordering;

/// Rows that are put in order here at most: some megabytes, and less than a second on a slow machine.
const WHOLE_MAX: usize = 10_000;
/// Rows that are asked for at once while a list is read whole.
const AT_ONCE: u32 = 200;
/// What every list understands; the rest of a query is its own.
const COMMON: [&str; 4] = ["sort", "format", "limit", "cursor"];

/// What every list can be asked for beside its filters.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described here: `Listed` reads them")]
pub struct ListParams {
    /// A column, `-` before it for the greatest first; the list's own order where absent
    sort: Option<String>,
    /// `json`, or `csv` for all pages as one file, up to 50,000 rows
    format: Option<String>,
    /// 1 to 200, 50 where absent
    limit: Option<u32>,
    /// `next_cursor` of the page before, to the same question
    cursor: Option<String>,
}

/// How the rows of a list become cells, and what they can be sorted by.
pub struct Table {
    /// Columns of the CSV: JSON pointers into a row without the first `/`; a head writes `_` for `/`.
    pub columns: &'static [&'static str],
    /// Those of them that `sort` may name, by their heads.
    pub sorts: &'static [&'static str],
}

/// A list's own filters, read from the query.
pub trait Narrow<T> {
    /// Refuses words that cannot be.
    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
    /// Whether [`Narrow::keeps`] may leave out rows.
    fn narrows(&self) -> bool;
    /// Whether a row is wanted.
    fn keeps(&self, row: &T) -> bool;
}

/// No filters.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl<T> Narrow<T> for NoFilter {
    fn narrows(&self) -> bool {
        false
    }
    fn keeps(&self, _: &T) -> bool {
        true
    }
}

/// A question to a list.
#[derive(Debug, Clone)]
pub struct Listed<F = NoFilter> {
    pub own: F,
    page: PageAsk,
    format: Format,
    sort: Option<String>,
}

impl<F: DeserializeOwned> FromRequestParts<App> for Listed<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let page = paging::parse(query)?;
        let format = table::wanted(paging::last(query, "format"), &parts.headers)?;
        let sort = paging::last(query, "sort").map(str::to_owned);
        Ok(Listed { own: own(query)?, page, format, sort })
    }
}

/// The list's own part of a query.
fn own<F: DeserializeOwned>(query: &str) -> Result<F, Problem> {
    let is_own = |pair: &&str| !COMMON.contains(&pair.split_once('=').map_or(*pair, |(name, _)| name));
    let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).filter(is_own).collect();
    let refused = || {
        let detail = "the query has a parameter that this list does not know, or one twice";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail)
    };
    let uri: Uri = format!("/?{}", pairs.join("&")).parse().map_err(|_| refused())?;
    Query::<F>::try_from_uri(&uri).map(|Query(own)| own).map_err(|_| refused())
}

/// A column of a list and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    column: &'static str,
    descending: bool,
}

impl<F> Listed<F> {
    fn order(&self, columns: &'static [&'static str]) -> Result<Option<Order>, Problem> {
        let Some(asked) = self.sort.as_deref() else { return Ok(None) };
        let (descending, name) = asked.strip_prefix('-').map_or((false, asked), |name| (true, name));
        let found = columns.iter().find(|column| head(column) == name);
        let known = || columns.iter().map(|column| head(column)).collect::<Vec<_>>().join(", ");
        let order = found.map(|column| Order { column, descending });
        order.map(Some).ok_or_else(|| {
            Problem::invalid_query("sort", format!("`sort` is one of {}, `-` before it or not", known()))
        })
    }

    /// Of a list that has one order: that no other is wanted.
    pub fn unsorted(&self) -> Result<(), Problem> {
        match self.sort {
            None => Ok(()),
            Some(_) => Err(Problem::invalid_query("sort", "this list has one order")),
        }
    }

    /// Of a list that its engine holds by id: whether it is wanted from the oldest on.
    pub fn oldest_first(&self) -> Result<bool, Problem> {
        Ok(self.order(&["id"])?.is_some_and(|order| !order.descending))
    }
}

/// A column's name.
fn head(column: &str) -> String {
    column.replace('/', "_")
}

/// Answers from an engine that narrows and orders by itself.
pub async fn answer<F, T: Serialize, R: Future<Output = app::Result<Page<T>>>>(
    columns: &[&str],
    asked: &Listed<F>,
    fetch: impl Fn(PageAsk) -> R,
) -> Result<Response, Problem> {
    match asked.format {
        Format::Json => Ok(json(StatusCode::OK, &page(fetch(asked.page).await?))),
        Format::Csv => table::read(columns, asked.page, fetch).await,
    }
}

/// Answers from an engine that has one order: page by page as long as that is all that is asked, else read whole.
pub async fn answer_here<F: Narrow<T>, T: Serialize, R: Future<Output = app::Result<Page<T>>>>(
    table: &Table,
    asked: &Listed<F>,
    fetch: impl Fn(PageAsk) -> R,
) -> Result<Response, Problem> {
    asked.own.check()?;
    if asked.order(table.sorts)?.is_none() && !asked.own.narrows() {
        return answer(table.columns, asked, fetch).await;
    }
    let (mut rows, mut ask) = (Vec::new(), PageAsk { limit: AT_ONCE, before: None });
    loop {
        let Page { data, next_cursor } = fetch(ask).await?;
        rows.extend(data);
        let Some(behind) = next_cursor.and_then(|id| id.parse().ok()) else { break };
        if rows.len() >= WHOLE_MAX {
            let detail = format!("more than {WHOLE_MAX} rows: leave out `sort` and what narrows them, or take the CSV");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "list_too_long", detail));
        }
        ask.before = Some(behind);
    }
    answer_all(table, asked, rows)
}

/// Answers from a list that is at hand whole, in its own order where none is asked for.
pub fn answer_all<F: Narrow<T>, T: Serialize>(
    table: &Table,
    asked: &Listed<F>,
    mut rows: Vec<T>,
) -> Result<Response, Problem> {
    asked.own.check()?;
    rows.retain(|row| asked.own.keeps(row));
    let rows = rows.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>();
    let mut rows = rows.map_err(|_| Problem::internal())?;
    if let Some(order) = asked.order(table.sorts)? {
        sort(&mut rows, order);
    }
    match asked.format {
        Format::Json => Ok(json(StatusCode::OK, &cut(rows, asked.page))),
        Format::Csv => table::write(table.columns, &rows),
    }
}

/// Stable; what has no value comes last either way.
fn sort(rows: &mut [Value], Order { column, descending }: Order) {
    let pointer = format!("/{column}");
    rows.sort_by(|a, b| {
        let (a, b) = (a.pointer(&pointer).unwrap_or(&Value::Null), b.pointer(&pointer).unwrap_or(&Value::Null));
        match (a.is_null(), b.is_null()) {
            (false, false) if descending => compare(b, a),
            (false, false) => compare(a, b),
            (is_none, is_other_none) => is_none.cmp(&is_other_none),
        }
    });
}

/// Numbers by size, ids too though they are texts; texts as people look for them, capitals aside.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).expect("invariant: JSON's numbers are finite")
        }
        (Value::String(a), Value::String(b)) => {
            let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_id(a) && is_id(b) {
                return a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            }
            a.to_lowercase().cmp(&b.to_lowercase())
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// Refuses a text that is too long or has control characters.
pub fn text(field: &str, given: Option<&str>, chars: usize) -> Result<(), Problem> {
    let Some(given) = given else { return Ok(()) };
    validate::text(field, given, chars).map_err(|problem| Problem { code: "invalid_query", ..problem })
}

/// Reads a time, Unix milliseconds.
pub fn time(field: &str, given: Option<&str>) -> Result<Option<i64>, Problem> {
    let time = given.map(|at| validate::time(field, at)).transpose();
    time.map_err(|problem| Problem { code: "invalid_query", ..problem })
}

/// Refuses a word that is none of `words`.
pub fn one_of(field: &str, given: Option<&str>, words: &[&str]) -> Result<(), Problem> {
    match given {
        Some(word) if !words.contains(&word) => {
            Err(Problem::invalid_query(field, format!("`{field}` is one of {}", words.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Whether one of `texts` holds what was asked for, capitals aside.
pub fn holds(asked: Option<&str>, texts: &[&str]) -> bool {
    asked.is_none_or(|asked| {
        let asked = asked.to_lowercase();
        texts.iter().any(|text| text.to_lowercase().contains(&asked))
    })
}

/// Whether a value is what was asked for.
pub fn is(asked: Option<&str>, value: &str) -> bool {
    asked.is_none_or(|asked| asked == value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Named {
        q: Option<String>,
    }

    #[test]
    fn a_lists_own_filters_are_told_from_what_all_lists_understand() {
        let q = |text: &str| Ok(Named { q: Some(text.to_owned()) });
        for (query, want) in [
            ("", Ok(Named::default())),
            ("limit=3&sort=-name&format=csv&cursor=AA", Ok(Named::default())),
            ("sort=name&q=%E8%8C%B6&limit=3", q("茶")),
            ("q=a+b", q("a b")),
            ("q=a&q=b", Err("invalid_query")),
            ("colour=red", Err("invalid_query")),
            ("colour", Err("invalid_query")),
        ] {
            assert_eq!(own::<Named>(query).map_err(|problem| problem.code), want, "{query}");
        }
    }

    fn listed(sort: Option<&str>) -> Listed {
        let page = PageAsk { limit: 50, before: None };
        Listed { own: NoFilter {}, page, format: Format::Json, sort: sort.map(str::to_owned) }
    }

    #[test]
    fn orders_name_columns() {
        let order = |column, descending| Ok(Some(Order { column, descending }));
        for (sort, want) in [
            (None, Ok(None)),
            (Some("name"), order("name", false)),
            (Some("-prize_code"), order("prize/code", true)),
            (Some("prize/code"), Err(Some("sort".to_owned()))),
            (Some("--name"), Err(Some("sort".to_owned()))),
            (Some(""), Err(Some("sort".to_owned()))),
        ] {
            assert_eq!(listed(sort).order(&["name", "prize/code"]).map_err(|p| p.field), want, "{sort:?}");
        }
        for (sort, want) in [(None, Ok(false)), (Some("id"), Ok(true)), (Some("-id"), Ok(false)), (Some("n"), Err(()))]
        {
            assert_eq!(listed(sort).oldest_first().map_err(|_| ()), want, "{sort:?}");
        }
    }

    #[test]
    fn rows_are_sorted_as_people_expect() {
        for (values, up, down) in [
            (json!(["b", "A", "c"]), json!(["A", "b", "c"]), json!(["c", "b", "A"])),
            (json!([10, 9.5, -1]), json!([-1, 9.5, 10]), json!([10, 9.5, -1])),
            (json!(["10", "9", "100"]), json!(["9", "10", "100"]), json!(["100", "10", "9"])),
            (json!([null, "b", "a"]), json!(["a", "b", null]), json!(["b", "a", null])),
            (json!([true, false]), json!([false, true]), json!([true, false])),
        ] {
            let rows =
                || -> Vec<Value> { values.as_array().unwrap().iter().map(|v| json!({"at": {"v": v}})).collect() };
            for (descending, want) in [(false, up), (true, down)] {
                let mut rows = rows();
                sort(&mut rows, Order { column: "at/v", descending });
                let got: Vec<&Value> = rows.iter().map(|row| &row["at"]["v"]).collect();
                assert_eq!(json!(got), want);
            }
        }
    }

    #[test]
    fn words_are_checked_and_texts_are_looked_through() {
        for (given, good) in [(None, true), (Some("live"), true), (Some("dead"), false), (Some(""), false)] {
            assert_eq!(one_of("state", given, &["live", "ended"]).is_ok(), good, "{given:?}");
        }
        for (asked, want) in [(None, true), (Some("TEA"), true), (Some("coffee"), false), (Some(""), true)] {
            assert_eq!(holds(asked, &["Green tea", "x"]), want, "{asked:?}");
        }
        assert!(is(None, "a") && is(Some("a"), "a") && !is(Some("b"), "a"));
    }
}
