//! Pairs of random flows: what an edit is said to mean is what it comes to when both are played.

use crate::fixture::{NOON_MS, SHOWN, Shelves, campaign_seed, definition, describe, rules, snapshot, spring, strategy};
use domain::campaign::{Definition, Rules, against_shopper};
use domain::draw::{BlacklistMode, Decision, Dry, Risk, Snapshot, Unit, decide};
use domain::fairness::DrawSeed;
use domain::flow::parse;
use domain::ids::ShopperId;
use serde_json::{Value, json};

/// Pairs of one run; `KOI_FLOW_PAIRS` plays more.
const PAIRS: u64 = 2_500;
/// Rolls that each shopper of a pair draws with.
const ROLLS: u32 = 12;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

const BEFORE: [&str; 12] = [
    "blacklist",
    "window",
    "limits",
    "limits.data('{\"per_day\": 3}')",
    "limits.data('{\"per_day\": 6}')",
    "cooldown.data('{\"seconds\": 60}')",
    "cooldown.data('{\"seconds\": 600}')",
    "risk.data('{\"refuse_from\": 80}')",
    "risk.data('{\"refuse_from\": 40}')",
    "when(\"campaign.n > 3\")",
    "when(\"shopper.level > 2\")",
    "points_only",
];
const AFTER: [&str; 7] = ["unlock", "once", "release", "stock", "fallback", "substitute", "budget"];
const CONDITIONS: [&str; 2] = ["first_draw", "sold_out"];

/// A flow as its parts: what comes before the draw, and what after.
#[derive(Clone)]
struct Parts {
    before: Vec<String>,
    guarantee: Option<String>,
    after: Vec<String>,
}

impl Parts {
    fn new(dice: &mut Dice) -> Self {
        let before = (0..dice.below(4)).map(|_| guarded(dice, &BEFORE, false)).collect();
        let guarantee = (!dice.one_in(3)).then(|| guarded(dice, &["guarantee"], false));
        let after = (0..dice.below(5)).map(|_| guarded(dice, &AFTER, true)).collect();
        Parts { before, guarantee, after }
    }

    /// The same with one or two things changed, so that many an edit is a kind one.
    fn edited(&self, dice: &mut Dice) -> Self {
        let mut new = self.clone();
        for _ in 0..=dice.below(2) {
            let (list, rules, draws) =
                if dice.one_in(2) { (&mut new.before, &BEFORE[..], false) } else { (&mut new.after, &AFTER[..], true) };
            let at = dice.below(list.len() + 1);
            match dice.below(5) {
                0 => list.insert(at, guarded(dice, rules, draws)),
                1 if at < list.len() => drop(list.remove(at)),
                2 if at < list.len() => list[at] = format!("IF({}, {})", dice.of(&CONDITIONS[..1]), list[at]),
                3 if at + 1 < list.len() => list.swap(at, at + 1),
                _ => new.guarantee = (!dice.one_in(3)).then(|| guarded(dice, &["guarantee"], false)),
            }
        }
        new
    }

    fn text(&self) -> String {
        let odds = std::iter::once("pool").chain(self.guarantee.as_deref()).chain(["draw"]);
        let before = self.before.iter().map(String::as_str);
        let parts: Vec<&str> = before.chain(odds).chain(self.after.iter().map(String::as_str)).collect();
        format!("THEN({})", parts.join(", "))
    }
}

/// A rule, now and then under a condition or with an alternative.
fn guarded(dice: &mut Dice, rules: &[&str], draws: bool) -> String {
    let rule = dice.of(rules);
    let condition = dice.of(if draws { &CONDITIONS[..] } else { &CONDITIONS[..1] });
    match dice.below(6) {
        0 => format!("IF({condition}, {rule})"),
        1 => format!("IF({condition}, {rule}, {})", dice.of(rules)),
        2 => format!("IF(NOT({condition}), {rule})"),
        _ => rule.to_owned(),
    }
}

fn campaign(flow: &str) -> Value {
    let mut body = spring();
    body["flow"] = json!(flow);
    body["limits"] = json!({"per_day": 9, "cooldown_seconds": 5, "budget_cents": 1_000_000});
    body["tiers"][1]["guarantee_after"] = json!(3);
    body["prizes"][0]["once"] = json!(true);
    body["prizes"][0]["substitute"] = json!("mug");
    body["prizes"][5]["release"] = json!([{"at": "2026-03-20T00:00:00Z", "units": 100}]);
    body
}

/// A definition that may be published, where the flow is one; nothing else.
fn sound(flow: &str) -> Option<Definition> {
    let definition = definition(campaign(flow));
    let errors = definition.check().into_iter().any(|finding| finding.severity == domain::campaign::Severity::Error);
    (!errors).then_some(definition)
}

/// Shoppers who differ in all that the rules above ask for.
fn shoppers() -> Vec<Snapshot<'static>> {
    let mut all = Vec::new();
    for used in [0, 4, 12, 60] {
        for (today, last_ms, score) in [(0, None, 0), (4, Some(NOON_MS - 120_000), 50), (7, Some(NOON_MS - 1_000), 90)]
        {
            for blacklist in [None, Some(BlacklistMode::PointsOnly), Some(BlacklistMode::Refuse)] {
                all.push(Snapshot {
                    draws_today: today,
                    last_draw_ms: last_ms,
                    risk: Risk { score, ..Risk::default() },
                    blacklist,
                    dry: Dry::all(u64::from(used)),
                    ..snapshot(used)
                });
            }
        }
    }
    all
}

/// How good a decision is: refused, thanks, points, then tiers by their value; what is held back is worse than what is not.
fn worth(rules: &Rules, decision: &Decision) -> (i64, bool) {
    match decision {
        Decision::Refused(_) => (-1, false),
        Decision::Needs(prize) => panic!("{prize:?} is on no shelf"),
        Decision::Drawn(outcome) => {
            let value = match (outcome.prize, outcome.tier) {
                (None, _) => 0,
                (Some(_), None) => 1,
                (Some(_), Some(tier)) => 1 + rules.tiers[usize::from(tier)].value_cents,
            };
            (value, !outcome.held)
        }
    }
}

/// Whether a bar was lifted: who could win points alone plays for prizes like everybody again, which may be sold out.
fn freed(before: &str, after: &str) -> bool {
    before.contains("points_only") && !after.contains("points_only")
}

/// A draw that comes to less under the new rules than under the old ones.
fn found_worse(old: &Rules, new: &Rules, seeds: &[DrawSeed]) -> Option<String> {
    let shown = (strategy(old, SHOWN), strategy(new, SHOWN));
    let gone = |codes: &[&'static str]| codes.iter().map(|code| (*code, Unit::SoldOut)).collect::<Vec<_>>();
    let shelves =
        [gone(&[]), gone(&["cup", "pen"]), gone(&["kettle", "lamp"]), gone(&["cup", "mug", "pen", "bag", "hat"])];
    for snapshot in shoppers() {
        for named in &shelves {
            for seed in seeds {
                let before = decide(old, &shown.0, &snapshot, &mut seed.roll(""), &Shelves::of(old, named));
                let after = decide(new, &shown.1, &snapshot, &mut seed.roll(""), &Shelves::of(new, named));
                if worth(new, &after) < worth(old, &before) && !freed(&describe(old, &before), &describe(new, &after)) {
                    let (used, today) = (snapshot.used, snapshot.draws_today);
                    return Some(format!(
                        "{} becomes {}\nat {used} draws, {today} today, {:?}, {:?}, without {named:?}",
                        describe(old, &before),
                        describe(new, &after),
                        snapshot.blacklist,
                        snapshot.risk
                    ));
                }
            }
        }
    }
    None
}

#[test]
fn an_edit_that_is_called_kind_takes_nothing_from_anybody() {
    let pairs = std::env::var("KOI_FLOW_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let seeds: Vec<DrawSeed> =
        (0..ROLLS).map(|n| campaign_seed(7).draw_seed(crate::fixture::CAMPAIGN, ShopperId(u64::from(n)), 1)).collect();
    let (mut kind, mut refused, mut harmless, mut wrong) = (0, 0, 0, Vec::new());
    for pair in 0..pairs {
        let mut dice = Dice(pair);
        let parts = Parts::new(&mut dice);
        let (old, new) = (parts.text(), parts.edited(&mut dice).text());
        let (Some(was), Some(is)) = (sound(&old), sound(&new)) else { continue };
        for text in [&old, &new] {
            let printed = parse(text).expect("a sound flow parses").to_string();
            assert_eq!(parse(&printed).expect("what is printed parses").to_string(), printed, "{text}");
        }
        let worse = against_shopper(&was, &is);
        let played = found_worse(&rules(campaign(&old)), &rules(campaign(&new)), &seeds);
        match (worse.is_empty(), played) {
            (true, Some(draw)) => wrong.push(format!("pair {pair}: {old}\nto {new} is called kind, but\n{draw}")),
            (true, None) => kind += 1,
            (false, Some(_)) => refused += 1,
            // Nobody here is worse off, somebody else may be.
            (false, None) => harmless += 1,
        }
    }
    println!("{{\"test\":\"flow_pairs\",\"kind\":{kind},\"worse\":{refused},\"refused_unseen\":{harmless}}}");
    assert!(
        wrong.is_empty(),
        "{} edits are judged wrongly, like\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n\n")
    );
    assert!(kind >= 20 && refused >= 20, "both kinds of edits are looked at: {kind} kind, {refused} worse");
}
