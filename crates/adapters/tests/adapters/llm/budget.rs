//! The day's budget: never passed by one token, whoever asks at once and whatever dies when.

use super::*;
use adapters::advice::{Bounds, Cost};
use std::sync::atomic::{AtomicU64, Ordering};

const DAY_MS: i64 = 86_400_000;
const BOUNDS: Bounds = Bounds { tokens: 100, microcents: 1_000 };

fn cost(tokens: u64, microcents: u64) -> Cost {
    Cost { tokens, microcents }
}

#[tokio::test]
async fn what_does_not_fit_by_one_is_not_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let file = AdviceFile::open(dir.path()).unwrap();
    for (name, more, fits) in [
        ("one token too many", cost(101, 0), false),
        ("money by one too much", cost(1, 1_001), false),
        ("some", cost(60, 100), true),
        ("by one too many behind it", cost(41, 0), false),
        ("the very last token", cost(40, 0), true),
        ("nothing is left", cost(1, 0), false),
        ("a question that is free", cost(0, 900), true),
        ("money is gone too", cost(0, 1), false),
        ("overflow", cost(u64::MAX, u64::MAX), false),
    ] {
        assert_eq!(file.set_aside(NOON_MS, more, BOUNDS).await.unwrap(), fits, "{name}");
    }
    assert!(file.set_aside(NOON_MS + DAY_MS, cost(100, 0), BOUNDS).await.unwrap(), "tomorrow is another day");
    file.settle(NOON_MS, cost(60, 100), cost(10, 20)).await.unwrap();
    let spent = file.spent(NOON_MS, BOUNDS).await.unwrap();
    assert_eq!((spent.tokens, spent.microcents, spent.tokens_max), (50, 920, 100));
}

#[tokio::test]
async fn what_was_set_aside_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    // The process dies between setting aside and settling.
    assert!(AdviceFile::open(dir.path()).unwrap().set_aside(NOON_MS, cost(99, 0), BOUNDS).await.unwrap());
    let file = AdviceFile::open(dir.path()).unwrap();
    assert!(!file.set_aside(NOON_MS, cost(2, 0), BOUNDS).await.unwrap());
    assert!(file.set_aside(NOON_MS, cost(1, 0), BOUNDS).await.unwrap());
}

/// A server that counts what it is paid, as much as it may be: a token for each byte of a question, and as many of an
/// answer as were allowed.
fn greedy() -> (ModelServer, Arc<AtomicU64>) {
    let paid = Arc::new(AtomicU64::new(0));
    let counts = paid.clone();
    let server = ModelServer::start(move |_, body| {
        let prompt: usize =
            body["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap().len()).sum();
        let answer = body["max_tokens"].as_u64().unwrap();
        counts.fetch_add(prompt as u64 + answer, Ordering::Relaxed);
        Manner::Late(5, completion("B", prompt as u64, answer))
    });
    (server, paid)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_never_pass_the_budget_and_a_restart_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let (server, paid) = greedy();
    let options = Options { tokens_per_day: 5_000, concurrency: 16, ..options(&[server.url()]) };
    let mut answered = 0;
    for life in 0..3 {
        let models = Arc::new(models(&options, dir.path()));
        let asked: Vec<_> = (0..40)
            .map(|n| {
                let (models, ask) = (models.clone(), about(&format!("{life} {n}")));
                tokio::spawn(async move { models.ask(&ask, WITHIN).await })
            })
            .collect();
        for said in asked {
            match said.await.unwrap() {
                Ok(said) => answered += said.tokens,
                Err(silence) => assert_eq!(silence, Silence::Budget),
            }
            let spent = models.spent().await.unwrap();
            assert!(spent.tokens <= 5_000, "{spent:?}");
        }
        let paid = paid.load(Ordering::Relaxed);
        assert!(paid > 0 && paid <= 5_000, "{paid}");
        assert_eq!(models.spent().await.unwrap().tokens, paid, "what is counted is what was paid");
        assert_eq!(answered, paid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_a_bound_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = greedy();
    // Of 1 cent: answers of 24 tokens at 1,000 cents a million are 24,000 millionths, questions about as much.
    let options = Options { cents_per_day: 1, ..options(&[server.url()]) };
    let models = models(&options, dir.path());
    let mut outcomes = Vec::new();
    for n in 0..60 {
        outcomes.push(models.ask(&about(&n.to_string()), WITHIN).await.map(|said| said.microcents));
        assert!(models.spent().await.unwrap().microcents <= 1_000_000);
    }
    assert!(outcomes[0].is_ok() && outcomes.last() == Some(&Err(Silence::Budget)), "{outcomes:?}");
    let paid: u64 = outcomes.iter().flatten().sum();
    assert_eq!(models.spent().await.unwrap().microcents, paid);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_budget_nothing_is_ever_sent() {
    for (tokens_per_day, cents_per_day) in [(0, 100), (1_000_000, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let (server, _) = greedy();
        let options = Options { tokens_per_day, cents_per_day, ..options(&[server.url()]) };
        assert_eq!(models(&options, dir.path()).ask(&letter(), WITHIN).await, Err(Silence::Budget));
        assert!(server.asked().is_empty());
    }
}

/// Who gives up waiting may have caused work: what the question may cost at most stays spent.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_never_came_count_in_full() {
    for manner in [Manner::Hang, Manner::Half, Manner::Huge(false), Manner::html(200)] {
        let dir = tempfile::tempdir().unwrap();
        let each = manner.clone();
        let server = ModelServer::start(move |_, _| each.clone());
        let models = models(&options(&[server.url()]), dir.path());
        assert!(models.ask(&letter(), BRIEFLY).await.is_err());
        assert!(models.spent().await.unwrap().tokens > 24, "{manner:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let nobody = models(&options(&["http://127.0.0.1:9/v1".to_owned()]), dir.path());
    assert_eq!(nobody.ask(&letter(), WITHIN).await, Err(Silence::Down));
    assert_eq!(nobody.spent().await.unwrap().tokens, 0, "nobody was reached, nothing was spent");
    // Whoever asks goes away in the middle.
    let server = ModelServer::start(|_, _| Manner::Hang);
    let models = models(&options(&[server.url()]), dir.path());
    _ = tokio::time::timeout(Duration::from_millis(200), models.ask(&letter(), WITHIN)).await;
    assert!(models.spent().await.unwrap().tokens > 24);
}
