//! What a draw needs besides the roll, gathered concurrently: the shopper's strategy and profile from where they are
//! kept, and the account with its risk flags, which the owner loads meanwhile. The slowest decides and not their sum; there
//! is one deadline for all, and where one fails the others are given up.

use super::Koi;
use super::context::Shown;
use crate::command::{Who, Work};
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use domain::draw::Person;
use domain::ids::ShopperId;
use std::sync::Arc;
use std::time::Duration;

/// How long gathering may take: well within a caller's own deadline, so that it hears why.
const WITHIN: Duration = Duration::from_secs(5);

/// Waits for all three at once, for no longer than `within`. The first failure ends the others, and so does the caller
/// who goes away: nothing runs on for nobody.
///
/// # Errors
/// The first failure; `Unavailable` after `within`.
pub async fn together<A, B, C>(
    within: Duration,
    strategy: impl Future<Output = Result<A>>,
    profile: impl Future<Output = Result<B>>,
    risk: impl Future<Output = Result<C>>,
) -> Result<(A, B, C)> {
    match tokio::time::timeout(within, async { tokio::try_join!(strategy, profile, risk) }).await {
        Ok(gathered) => gathered,
        Err(_) => {
            metrics::counter!("koi_gather_late_total").increment(1);
            Err(Error::Unavailable("what the draw needs could not be gathered in time"))
        }
    }
}

impl Koi {
    /// The shopper's strategy and, where the campaign's rules ask for it, who the shopper is. Costs nothing but two
    /// look-ups where both are at hand.
    pub(super) async fn gather(&self, runtime: &Runtime, shopper: ShopperId) -> Result<(Arc<Shown>, Arc<Person>)> {
        let shown = self.shown_at_hand(runtime, shopper);
        let person = self.person_at_hand(shopper, runtime.rules.needs.person);
        match (shown, person) {
            (Some(shown), Some(person)) => Ok((shown, person)),
            (shown, person) => self.gather_cold(runtime, shopper, shown, person).await,
        }
    }

    async fn gather_cold(
        &self,
        runtime: &Runtime,
        shopper: ShopperId,
        shown: Option<Arc<Shown>>,
        person: Option<Arc<Person>>,
    ) -> Result<(Arc<Shown>, Arc<Person>)> {
        let started = std::time::Instant::now();
        // Whose strategy is at hand drew a moment ago, so the account is too; and an owner on another node is not asked
        // twice.
        let cold = shown.is_none() && self.owners().are_here(shopper.partition());
        let strategy = async {
            match shown {
                Some(shown) => Ok(shown),
                None => self.fetch_shown(runtime, shopper).await,
            }
        };
        let profile = async {
            match person {
                Some(person) => Ok(person),
                None => self.fetch_person(shopper).await,
            }
        };
        let risk = async { if cold { self.ask(Who::Id(shopper), Work::Look).await.map(drop) } else { Ok(()) } };
        let (shown, person, ()) = together(WITHIN, strategy, profile, risk).await?;
        metrics::histogram!("koi_gather_seconds").record(started.elapsed().as_secs_f64());
        Ok((shown, person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicBool, Ordering};

    const FAILED: Error = Error::Unavailable("failed");

    /// Says so when it is given up.
    struct Given(Arc<AtomicBool>);

    impl Drop for Given {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    #[tokio::test]
    async fn the_first_failure_and_the_deadline_end_all() {
        for (fails, within, want) in [(true, WITHIN, "failed"), (false, Duration::from_millis(10), "in time")] {
            let given = Arc::new(AtomicBool::new(false));
            let held = Given(given.clone());
            let endless = async move {
                let _held = held;
                pending::<Result<()>>().await
            };
            let other = async move { if fails { Err::<(), _>(FAILED) } else { Ok(()) } };
            let error = together(within, endless, other, ready(Ok(()))).await.expect_err("no answer");
            assert!(error.to_string().contains(want), "{error}");
            assert!(given.load(Ordering::Acquire), "nothing runs on");
        }
    }

    #[tokio::test]
    async fn all_are_asked_at_once() {
        // Each waits for the others: one after the other they would never end.
        let all = tokio::sync::Barrier::new(3);
        let source = || async {
            all.wait().await;
            Ok(())
        };
        assert_eq!(together(WITHIN, source(), source(), source()).await.ok(), Some(((), (), ())));
    }
}
