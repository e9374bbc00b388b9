use super::*;
use std::sync::atomic::{AtomicI64, Ordering};

/// A store in memory, with the promises of the port.
#[derive(Default)]
struct Memory {
    questions: Mutex<Vec<AdviceRow>>,
    answers: Mutex<BTreeMap<u64, AdviceRow>>,
}

#[async_trait]
impl AdviceStore for Memory {
    async fn put_questions(&self, bodies: Vec<String>, at_ms: i64) -> PortResult<Vec<u64>> {
        let mut all = self.questions.lock().expect("unpoisoned");
        Ok(bodies
            .into_iter()
            .map(|body| {
                let id = all.len() as u64 + 1;
                all.push(AdviceRow { id, at_ms, body });
                id
            })
            .collect())
    }
    async fn questions(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>> {
        let all = self.questions.lock().expect("unpoisoned");
        Ok(all.iter().filter(|row| row.id > after).take(limit as usize).cloned().collect())
    }
    async fn question(&self, id: u64) -> PortResult<Option<AdviceRow>> {
        Ok(self.questions.lock().expect("unpoisoned").iter().find(|row| row.id == id).cloned())
    }
    async fn put_answer(&self, question: u64, body: String, at_ms: i64) -> PortResult<AnswerNoted> {
        let mut all = self.answers.lock().expect("unpoisoned");
        Ok(match all.get(&question) {
            Some(given) if given.body == body => AnswerNoted::Same,
            Some(_) => AnswerNoted::Other,
            None => {
                all.insert(question, AdviceRow { id: question, at_ms, body });
                AnswerNoted::New
            }
        })
    }
    async fn answers(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>> {
        let all = self.answers.lock().expect("unpoisoned");
        Ok(all.range(after + 1..).take(limit as usize).map(|(_, row)| row.clone()).collect())
    }
    async fn forget(&self, _: ShopperId) -> PortResult<()> {
        Ok(())
    }
    async fn put_teacher(&self, _: String) -> PortResult<()> {
        Ok(())
    }
    async fn teacher(&self) -> PortResult<Option<String>> {
        Ok(None)
    }
}

struct Still(AtomicI64);

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn board() -> Arc<Board> {
    Arc::new(Board::new(Arc::new(Memory::default()), Arc::new(Still(AtomicI64::new(0)))))
}

fn question(options: usize) -> Question {
    Question {
        about: None,
        language: Language::En,
        bought: super::super::redact::named(&["tea".to_owned()]),
        options: (0..options).map(|n| vec![format!("thing {n}")]).collect(),
    }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_analyst_who_listens_answers_a_choice() {
    let board = board();
    let analyst = board.clone();
    let listening = tokio::spawn(async move {
        let read = analyst.read(0, 10, LONG).await.expect("in memory");
        let (id, message) = &read[0];
        assert_eq!((message["kind"].as_str(), message["version"].as_u64()), (Some("choice"), Some(1)));
        // Eleven options: as text "10" stands before "2".
        let probabilities = (1..=11).map(|n: u32| (n.to_string(), f64::from(n) / 66.0)).collect();
        let answer = AnalystAnswer {
            question: id.to_string(),
            probabilities: Some(probabilities),
            explanation: Some("For tea.".into()),
            ..Default::default()
        };
        analyst.take(&answer).await.expect("in memory")
    });
    let advice = board.advise(&question(11), LONG).await.expect("an answer");
    assert_eq!(listening.await.expect("no panic"), Ok(Taken::Choice));
    assert!(
        advice.probabilities.iter().enumerate().all(|(n, p)| (p - (n + 1) as f64 / 66.0).abs() < 1e-9),
        "{advice:?}"
    );
    assert_eq!(advice.explanation.as_deref(), Some("For tea."));
    assert!(board.waiting().is_empty());
}

#[tokio::test]
async fn nobody_listens_and_nobody_waits_for_ever() {
    let board = board();
    assert_eq!(board.advise(&question(2), Duration::from_millis(30)).await, None);
    assert_eq!(board.advise(&question(OPTIONS_MAX + 1), LONG).await, None, "more options than are told");
    assert!(board.waiting().is_empty());
    assert!(board.read(1, 10, Duration::from_millis(10)).await.expect("in memory").is_empty());
    // Late, but kept.
    let late = AnalystAnswer {
        question: "1".into(),
        probabilities: Some([("1".into(), 0.5), ("2".into(), 0.5)].into()),
        ..Default::default()
    };
    assert_eq!(board.take(&late).await.expect("in memory"), Ok(Taken::Choice));
    assert_eq!(board.answers(0, 10).await.expect("in memory").len(), 1);
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused_and_one_question_has_one_answer() {
    let board = board();
    _ = board.advise(&question(2), Duration::from_millis(5)).await;
    let prize =
        |code: &str| PrizeTold { code: code.into(), name: code.into(), category: String::new(), price: "1-9".into() };
    let rank = RankQuestion {
        shopper: ShopperId(7),
        campaign: CampaignId(9),
        language: Language::Zh,
        bought: Vec::new(),
        prizes: vec![prize("cup"), prize("pen")],
    };
    board.ask_for_orders(&[rank]).await.expect("in memory");
    let shown = board.read(1, 10, Duration::ZERO).await.expect("in memory");
    assert!(!shown[0].1.to_string().contains("about") && shown[0].1["id"] == "2", "{shown:?}");
    let choice = |p: &[(&str, f64)]| AnalystAnswer {
        question: "1".into(),
        probabilities: Some(p.iter().map(|(id, p)| ((*id).to_owned(), *p)).collect()),
        ..Default::default()
    };
    let order = |codes: &[&str]| AnalystAnswer {
        question: "2".into(),
        order: Some(codes.iter().map(|code| (*code).to_owned()).collect()),
        ..Default::default()
    };
    let both = AnalystAnswer { order: Some(vec![]), ..choice(&[("1", 0.5), ("2", 0.5)]) };
    for (name, answer, want) in [
        ("no such question", AnalystAnswer { question: "77".into(), ..Default::default() }, NotTaken::Unknown),
        ("no id", AnalystAnswer { question: "x".into(), ..Default::default() }, NotTaken::Unknown),
        ("nothing", AnalystAnswer { question: "1".into(), ..Default::default() }, NotTaken::Probabilities),
        ("both", both, NotTaken::Probabilities),
        ("one option missing", choice(&[("1", 1.0)]), NotTaken::Probabilities),
        ("another option", choice(&[("1", 0.5), ("3", 0.5)]), NotTaken::Probabilities),
        ("more than 1", choice(&[("1", 0.9), ("2", 0.9)]), NotTaken::Probabilities),
        ("below 0", choice(&[("1", -0.5), ("2", 1.5)]), NotTaken::Probabilities),
        ("not a number", choice(&[("1", f64::NAN), ("2", 0.5)]), NotTaken::Probabilities),
        ("a code missing", order(&["cup"]), NotTaken::Order),
        ("a code twice", order(&["cup", "cup"]), NotTaken::Order),
        ("a code of nothing", order(&["cup", "car"]), NotTaken::Order),
    ] {
        assert_eq!(board.take(&answer).await.expect("in memory"), Err(want), "{name}");
    }
    let taken =
        Taken::Order { shopper: ShopperId(7), campaign: CampaignId(9), codes: vec!["pen".into(), "cup".into()] };
    for (name, answer, want) in [
        ("an order", order(&["pen", "cup"]), Ok(taken.clone())),
        ("the same again", order(&["pen", "cup"]), Ok(taken)),
        ("another one", order(&["cup", "pen"]), Err(NotTaken::Answered)),
        ("a choice", choice(&[("1", 0.5), ("2", 0.5)]), Ok(Taken::Choice)),
        ("it again", choice(&[("1", 0.5), ("2", 0.5)]), Ok(Taken::Duplicate)),
    ] {
        assert_eq!(board.take(&answer).await.expect("in memory"), want, "{name}");
    }
}
