//! Rehearsal: a campaign is played with a crowd before anybody draws, through the same snapshot, the same `decide` and the
//! same fold as the owner's ([`crate::owner::play`]), and nothing is stored.
//!
//! One rehearsal plays several *rounds*, each with a campaign seed of its own and, where the crowd is synthetic, with
//! visits of its own. What the rounds come to makes a *prediction interval* for one more play, the real one
//! ([`spread::Spread`]). The same ask gives the same answer, whatever machine it runs on and with however many threads.

pub mod crowd;
mod report;
pub mod spread;

use crate::owner::{Play, play};
use crate::ports::CampaignRow;
use crate::runtime::Runtime;
use crate::views::RehearsalView;
use crowd::{Crowd, Dice};
use domain::campaign::{Definition, Finding, State};
use domain::fairness::CampaignSeed;
use domain::ids::{CampaignId, ShopperId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Named bounds.
pub mod bounds {
    /// Shoppers of one crowd: each is a whole account in memory, in every round that is being played.
    pub const SHOPPERS: u32 = 1_000_000;
    /// Visits of one round.
    pub const DRAWS: u32 = 5_000_000;
    /// The same over HTTP, beside a server's own work.
    pub const HTTP_SHOPPERS: u32 = 100_000;
    pub const HTTP_DRAWS: u32 = 1_000_000;
    /// Draws of all rounds together decide how many rounds there are; never fewer than the first of [`super::ROUNDS`].
    pub const DRAWS_IN_ALL: u64 = 4_000_000;
    /// Rounds that run at a time.
    pub const THREADS: usize = 16;
}

/// How many rounds there may be, see [`spread::Spread`] for why these.
pub const ROUNDS: [u64; 4] = [4, 9, 19, 199];

/// What is rehearsed.
#[derive(Debug, Clone)]
pub struct Ask {
    pub definition: Definition,
    pub crowd: Crowd,
    /// Visits of one round; each is one try to draw.
    pub draws: u32,
    pub seed: u64,
    pub threads: usize,
}

/// Why there is no rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RehearseError {
    #[error("{what} are 1 to {most}")]
    OutOfBounds { what: &'static str, most: u32 },
    #[error("the campaign has errors: {}", .0.iter().map(|f| format!("{} ({})", f.detail, f.code)).collect::<Vec<_>>().join("; "))]
    Findings(Vec<Finding>),
    #[error("it was stopped")]
    Stopped,
}

/// How many rounds a rehearsal of so many draws has.
pub fn rounds_of(draws: u32) -> u64 {
    let fit = |rounds: &&u64| **rounds * u64::from(draws) <= bounds::DRAWS_IN_ALL;
    ROUNDS.iter().rev().find(fit).copied().unwrap_or(ROUNDS[0])
}

/// Plays all rounds. `stop` ends it early.
///
/// # Errors
/// A campaign that does not compile, counts out of bounds, or `Stopped`.
pub fn rehearse(ask: &Ask, stop: &AtomicBool) -> Result<RehearsalView, RehearseError> {
    let members = ask.crowd.members();
    for (what, count, most) in [("shoppers", members, bounds::SHOPPERS), ("draws", ask.draws, bounds::DRAWS)] {
        if !(1..=most).contains(&count) {
            return Err(RehearseError::OutOfBounds { what, most });
        }
    }
    let runtime = Runtime::new(&published(&ask.definition), &ask.definition).map_err(RehearseError::Findings)?;
    let strategies: Vec<_> = (0..members).map(|one| runtime.rules.random_strategy(shopper_of(one))).collect();
    let rounds = rounds_of(ask.draws) as usize;
    let round = |number: usize| {
        let mut dice = Dice::of(ask.seed, number as u64);
        let runtime = Arc::new(runtime.reseeded(dice.seed(), &ask.definition));
        let visits = ask.crowd.visits(&runtime.rules, ask.draws, &mut dice);
        play(runtime, &ask.crowd, &strategies, &visits, stop)
    };
    let plays = in_parallel(rounds, ask.threads, round).ok_or(RehearseError::Stopped)?;
    Ok(report::view(ask, &runtime, &plays))
}

/// The shopper that a member of a crowd is.
pub(crate) fn shopper_of(member: u32) -> ShopperId {
    ShopperId(u64::from(member) + 1)
}

/// The row of a campaign as its publishing would leave it.
fn published(definition: &Definition) -> CampaignRow {
    CampaignRow {
        id: CampaignId(1),
        version: 1,
        rules_version: 1,
        state: State::Scheduled,
        definition: String::new(),
        seed: CampaignSeed::new([0; 32]),
        late_seed: CampaignSeed::new([0; 32]),
        created_at_ms: definition.starts_at.as_ms(),
        published_at_ms: Some(definition.starts_at.as_ms()),
        ended_at_ms: None,
        ended_by: String::new(),
        author: String::new(),
    }
}

/// Plays the rounds on a few threads; the results are in the order of rounds. Nothing where one of them was stopped.
fn in_parallel(rounds: usize, threads: usize, round: impl Fn(usize) -> Option<Play> + Sync) -> Option<Vec<Play>> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= rounds {
                return Some(done);
            }
            done.push((number, round(number)?));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.clamp(1, bounds::THREADS).min(rounds)).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            let theirs = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done = done.zip(theirs).map(|(mut all, theirs)| {
                all.extend(theirs);
                all
            });
        }
        done
    })?;
    done.sort_unstable_by_key(|(number, _)| *number);
    Some(done.into_iter().map(|(_, play)| play).collect())
}

#[cfg(test)]
mod tests;
