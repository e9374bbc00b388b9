//! What an editor of flows asks: what is wrong with one, how it looks as a tree and as a graph, and what a draw through it
//! would come to. Nothing is changed by any of it.

use super::Koi;
use super::flows::flow_invalid;
use super::lists::prize_view;
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::views::{FlowCheckView, TrialView};
use domain::campaign::{Definition, PrizeIx, State};
use domain::draw::{Decision, NOBODY, Person, Risk, Shelf, Snapshot, Unit, decide};
use domain::fairness::DrawSeed;
use domain::flow::outline::Outline;
use domain::flow::{Graph, Plan, parse};
use domain::ids::{CampaignId, ShopperId};
use sha2::{Digest, Sha256};

/// A shopper who is made up for a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialAsk {
    /// Instead of the campaign's own.
    pub flow: Option<String>,
    /// The same seed rolls the same.
    pub seed: String,
    /// Draws made before, chances left.
    pub used: u32,
    pub left: u32,
    pub draws_today: u32,
    pub spend_cents: i64,
    pub segment: String,
    pub level: i64,
    pub tags: Vec<String>,
    pub risk_score: u32,
    /// Codes of prizes that are sold out.
    pub sold_out: Vec<String>,
    /// Codes of prizes that were won before.
    pub won: Vec<String>,
    /// Unix milliseconds; now where absent.
    pub at_ms: Option<i64>,
}

/// Shelves that are full but for what is said to be sold out.
struct Imagined(Vec<PrizeIx>);

impl Shelf for Imagined {
    fn unit(&self, prize: PrizeIx) -> Unit {
        if self.0.contains(&prize) { Unit::SoldOut } else { Unit::Free }
    }

    fn unit_within(&self, prize: PrizeIx, released: u64) -> Unit {
        if released == 0 { Unit::SoldOut } else { self.unit(prize) }
    }
}

/// Everything that an editor shows of a flow's text.
pub fn check_flow(text: &str) -> FlowCheckView {
    let flow = match parse(text) {
        Ok(flow) => flow,
        Err(error) => return FlowCheckView { errors: vec![error], ..FlowCheckView::of(text) },
    };
    let (errors, graph) = match Graph::of(&flow) {
        Ok(graph) => (Vec::new(), Some(graph)),
        Err(errors) => (errors, None),
    };
    FlowCheckView {
        valid: errors.is_empty(),
        flow: text.to_owned(),
        canonical: Some(flow.to_string()),
        outline: Some(Outline::from(&flow)),
        mermaid: graph.as_ref().map(Graph::mermaid),
        graph,
        errors,
    }
}

impl Koi {
    /// Draws once for a shopper who is made up, by the campaign's rules with another flow if one is given. Neither the
    /// campaign's seed nor its stock has part in it.
    pub async fn try_flow(&self, id: CampaignId, ask: &TrialAsk) -> Result<TrialView> {
        let view = self.campaign(id).await?;
        let mut definition: Definition = view.definition;
        if let Some(flow) = &ask.flow {
            Plan::compile(flow).map_err(flow_invalid)?;
            definition.flow.clone_from(flow);
        }
        let row = self.parts().campaigns.load(id).await?.ok_or(Error::no_campaign())?;
        let runtime = Runtime::new(&row, &definition).map_err(Error::Findings)?;
        let rules = &runtime.rules;
        let places = |codes: &[String], field: &str| {
            let place = |code: &String| {
                let unknown = || Error::invalid("invalid_body", field, format!("no prize has the code `{code}`"));
                rules.prize_by_code(code).ok_or_else(unknown)
            };
            codes.iter().map(place).collect::<Result<Vec<_>>>()
        };
        let shelf = Imagined(places(&ask.sold_out, "sold_out")?);
        let mut won = places(&ask.won, "won")?;
        won.sort_unstable();
        let now_ms = ask.at_ms.unwrap_or_else(|| self.now_ms().clamp(rules.starts_at_ms, rules.ends_at_ms - 1));
        let tags = ask.tags.iter().map(|tag| tag.as_str().into()).collect();
        let person = Person { segment: ask.segment.clone(), level: ask.level, tags, ..NOBODY.clone() };
        let snapshot = Snapshot {
            used: ask.used,
            left: ask.left,
            draws_today: ask.draws_today,
            draws_week: ask.draws_today,
            spend_cents: ask.spend_cents,
            risk: Risk { score: ask.risk_score, ..Risk::default() },
            state: State::Live,
            civil: rules.civil(now_ms),
            won: &won,
            person: &person,
            ..Snapshot::blank(now_ms)
        };
        // A seed of its own: one that came from the campaign's would tell of draws to come.
        let seed: [u8; 32] = Sha256::new().chain_update("koi trial ").chain_update(&ask.seed).finalize().into();
        let mut roll = DrawSeed::new(seed).roll("");
        let strategy = rules.random_strategy(ShopperId(0));
        Ok(match decide(rules, &strategy, &snapshot, &mut roll, &shelf) {
            Decision::Drawn(outcome) => TrialView {
                outcome: "drawn",
                refusal: None,
                detail: None,
                pool: Some(rules.pools[usize::from(outcome.pool)].code.to_string()),
                tier: Some(rules.tiers[usize::from(outcome.hit_tier)].code.to_string()),
                slot: outcome.slot,
                prize: Some(prize_view(&runtime, outcome.prize.unwrap_or(PrizeIx(u16::MAX)))),
                points: (outcome.points > 0).then_some(outcome.points),
                held: outcome.held,
                path: outcome.path.steps().iter().map(|step| step.word()).collect(),
            },
            Decision::Refused(refusal) => TrialView {
                outcome: "refused",
                refusal: Some(refusal.code()),
                detail: Some(refusal.to_string()),
                pool: None,
                tier: None,
                slot: None,
                prize: None,
                points: None,
                held: false,
                path: Vec::new(),
            },
            Decision::Needs(_) => return Err(Error::Unavailable("a trial has all units at hand")),
        })
    }
}
