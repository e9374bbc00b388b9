//! Language models: a misbehaving endpoint in every way there is, and a real one whose answers are known.

mod budget;
mod real;

use adapters::advice::AdviceFile;
use adapters::llm::{EndpointOptions, Models, Options};
use app::advise::{Consultant, Manner as Consulting};
use app::koi::{Adviser, Question};
use app::ports::{Ask, LanguageModel, Said, Shape, Silence, Spoken};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::builders::NOON_MS;
use testkit::clock::FakeClock;
use testkit::model_server::{Manner, ModelServer, completion};

/// What a question has that will be answered, on a machine that is busy with other tests.
const WITHIN: Duration = Duration::from_secs(20);
/// What one has that will not.
const BRIEFLY: Duration = Duration::from_millis(700);
/// What a deadline may be missed by on a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(4);

fn letter() -> Ask {
    Ask {
        prompt: "test.v1.en",
        instruction: "Answer with one letter.".into(),
        data: json!({"options": {"A": ["pan"], "B": ["phone case"], "C": ["diapers"], "D": ["shirt"]}}).to_string(),
        shape: Shape::Letter(4),
        answer_tokens: 24,
    }
}

fn about(thing: &str) -> Ask {
    Ask { data: json!({"bought": thing}).to_string(), ..letter() }
}

fn endpoint(url: String, priority: u32) -> EndpointOptions {
    EndpointOptions {
        url,
        model: format!("m{priority}"),
        key: "sk-secret".into(),
        priority,
        input_cents_per_million: 100,
        output_cents_per_million: 1_000,
    }
}

/// Options with these endpoints, in this order.
fn options(urls: &[String]) -> Options {
    let endpoints = urls.iter().zip(0..).map(|(url, n)| (format!("e{n}"), endpoint(url.clone(), n)));
    Options { attempt_ms: 20_000, failures: 1_000, endpoints: endpoints.collect(), ..Options::default() }
}

fn models(options: &Options, data: &Path) -> Models {
    Models::new(options, AdviceFile::open(data).unwrap(), Arc::new(FakeClock::at(NOON_MS))).unwrap()
}

fn said_letter(said: &Result<Said, Silence>) -> Option<usize> {
    match said {
        Ok(Said { answer: Spoken::Letter { letter, .. }, .. }) => Some(*letter),
        _ => None,
    }
}

/// An explanation of the table: what the server does, what the caller is told, and how often it is asked at least and at
/// most.
type Case = (&'static str, Manner, Result<usize, Silence>, std::ops::RangeInclusive<usize>);

fn misbehaviours() -> Vec<Case> {
    let json = |text: &str| Manner::Raw(200, "Content-Type: application/json\r\n".into(), text.into());
    vec![
        ("a letter", Manner::Json(completion("B组", 9, 2)), Ok(1), 1..=1),
        ("thoughts first", Manner::Json(completion("<think>A?</think>选C", 9, 2)), Ok(2), 1..=1),
        (
            "no usage, strange reason",
            json("{\"choices\":[{\"message\":{\"content\":\"D\"},\"finish_reason\":\"zzz\"}]}"),
            Ok(3),
            1..=1,
        ),
        ("a refusal", Manner::Json(completion("抱歉，我无法选择", 9, 2)), Err(Silence::Unusable), 1..=1),
        ("two letters", Manner::Json(completion("A or B", 9, 2)), Err(Silence::Unusable), 1..=1),
        ("a letter nobody offered", Manner::Json(completion("E", 9, 2)), Err(Silence::Unusable), 1..=1),
        ("HTML as an error", Manner::html(502), Err(Silence::Down), 1..=1),
        ("HTML as an answer", Manner::html(200), Err(Silence::Unusable), 1..=1),
        ("half a body", Manner::Half, Err(Silence::Unusable), 1..=2),
        ("no answer at all", Manner::Drop, Err(Silence::Unusable), 1..=2),
        ("broken JSON", json("{\"choices\": [{\"mess"), Err(Silence::Unusable), 1..=1),
        ("other JSON", json("[1, 2, 3]"), Err(Silence::Unusable), 1..=1),
        ("an error as an answer", json("{\"error\": {\"message\": \"B\"}}"), Err(Silence::Unusable), 1..=1),
        ("null content", json("{\"choices\":[{\"message\":{\"content\":null}}]}"), Err(Silence::Unusable), 1..=1),
        ("it hangs", Manner::Hang, Err(Silence::Late), 1..=1),
        ("it drips", Manner::Drip, Err(Silence::Late), 1..=1),
        ("100 MB", Manner::Huge(false), Err(Silence::Unusable), 1..=1),
        ("100 MB with their length", Manner::Huge(true), Err(Silence::Unusable), 1..=1),
        ("too many requests", Manner::status(429, ""), Err(Silence::Down), 1..=1),
        ("too many, come in an hour", Manner::status(429, "Retry-After: 3600\r\n"), Err(Silence::Down), 1..=1),
        (
            "too many, come next year",
            Manner::status(429, "Retry-After: Sat, 28 Nov 2099 10:00:00 GMT\r\n"),
            Err(Silence::Down),
            1..=1,
        ),
        ("too many, come at once, always", Manner::status(429, "Retry-After: 0\r\n"), Err(Silence::Down), 4..=4),
        ("the wrong key", Manner::status(401, ""), Err(Silence::Down), 1..=1),
        ("it takes no form", Manner::status(400, ""), Err(Silence::Down), 6..=6),
        ("a redirect", Manner::status(307, "Location: http://127.0.0.1:9/v1\r\n"), Err(Silence::Down), 1..=1),
        ("an error", Manner::status(500, ""), Err(Silence::Down), 1..=1),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misbehaviour_is_silence_in_time() {
    for (name, manner, want, times) in misbehaviours() {
        let dir = tempfile::tempdir().unwrap();
        let server = ModelServer::start(move |_, _| manner.clone());
        let models = models(&options(&[server.url()]), dir.path());
        let started = Instant::now();
        let within = if want == Err(Silence::Late) { BRIEFLY } else { WITHIN };
        let said = models.ask(&letter(), within).await;
        assert!(started.elapsed() < within + SLACK, "{name}: {:?}", started.elapsed());
        match want {
            Ok(letter) => assert_eq!(said_letter(&said), Some(letter), "{name}: {said:?}"),
            Err(silence) => assert_eq!(said, Err(silence), "{name}"),
        }
        assert!(times.contains(&server.asked().len()), "{name}: asked {} times", server.asked().len());
        assert!(server.sent() < 16 << 20, "{name}: {} bytes were taken", server.sent());
    }
}

/// What a shopper's question comes to: the adviser is silent, so the local model answers.
#[tokio::test(flavor = "multi_thread")]
async fn every_misbehaviour_leaves_the_adviser_silent() {
    for (name, manner, want, _) in misbehaviours() {
        let dir = tempfile::tempdir().unwrap();
        let server = ModelServer::start(move |_, _| manner.clone());
        let consultant =
            Consultant::new(Arc::new(models(&options(&[server.url()]), dir.path())), Consulting::default());
        let question = Question {
            about: None,
            language: recommend::text::Language::En,
            bought: app::advise::redact::named(&["phone".to_owned()]),
            options: ["pan", "phone case", "diapers", "shirt"].map(|item| vec![item.to_owned()]).into(),
        };
        let started = Instant::now();
        let within = if want == Err(Silence::Late) { BRIEFLY } else { WITHIN };
        let advice = consultant.advise(&question, within).await;
        assert!(started.elapsed() < within + SLACK, "{name}: {:?}", started.elapsed());
        assert_eq!(advice.is_some(), want.is_ok(), "{name}: {advice:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_within_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let busy = || Manner::status(429, "Retry-After: 0.3\r\n");
    let server = ModelServer::start(move |nth, _| if nth < 2 { busy() } else { Manner::Json(completion("C", 5, 1)) });
    let models = models(&options(&[server.url()]), dir.path());
    let started = Instant::now();
    assert_eq!(said_letter(&models.ask(&letter(), WITHIN).await), Some(2));
    assert!(started.elapsed() >= Duration::from_millis(600) && server.asked().len() == 3);
    assert_eq!(models.spent().await.unwrap().tokens, 6, "what was refused is not paid for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = ModelServer::start(|_, _| Manner::Json(completion("A", 1, 1)));
    let to = format!("Location: {}/chat/completions\r\n", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let to = to.clone();
        let server = ModelServer::start(move |_, _| Manner::status(status, &to));
        assert_eq!(models(&options(&[server.url()]), dir.path()).ask(&letter(), WITHIN).await, Err(Silence::Down));
    }
    assert_eq!(elsewhere.asked().len(), 0, "the key went nowhere else");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_endpoint_answers_within_the_same_deadline() {
    for (name, manner) in
        [("hangs", Manner::Hang), ("is broken", Manner::html(502)), ("refuses", Manner::Json(completion("抱歉", 1, 1)))]
    {
        let dir = tempfile::tempdir().unwrap();
        let first = ModelServer::start(move |_, _| manner.clone());
        let second = ModelServer::start(|_, _| Manner::Json(completion("B", 1, 1)));
        let options = Options { attempt_ms: 2_000, ..options(&[first.url(), second.url()]) };
        let models = models(&options, dir.path());
        let said = models.ask(&letter(), WITHIN).await;
        assert_eq!((said_letter(&said), said.unwrap().model.as_str()), (Some(1), "m1"), "the first one {name}");
        assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
    }
    let dir = tempfile::tempdir().unwrap();
    let good = ModelServer::start(|_, _| Manner::Json(completion("B", 1, 1)));
    let nobody = "http://127.0.0.1:9/v1".to_owned();
    let said = models(&options(&[nobody, good.url()]), dir.path()).ask(&letter(), WITHIN).await;
    assert_eq!(said_letter(&said), Some(1), "nobody listens at the first one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_asked_in_the_form_that_it_takes_and_that_is_remembered() {
    let format = |body: &Value| body["response_format"]["type"].as_str().unwrap_or("plain").to_owned();
    for (takes, tokens, tries) in
        [("json_schema", true, 1), ("json_schema", false, 2), ("json_object", true, 3), ("plain", false, 6)]
    {
        let dir = tempfile::tempdir().unwrap();
        let server = ModelServer::start(move |_, body| {
            let fits = match takes {
                "plain" => body["response_format"].is_null(),
                _ => body["response_format"]["type"] == takes,
            };
            if fits && (tokens || body["logprobs"].is_null()) {
                Manner::Json(completion("{\"answer\": \"B\", \"confidence\": 70}", 5, 5))
            } else {
                Manner::status(400, "")
            }
        });
        let models = models(&options(&[server.url()]), dir.path());
        assert_eq!(said_letter(&models.ask(&about("tea"), WITHIN).await), Some(1), "{takes}");
        assert_eq!(server.asked().len(), tries, "{takes}");
        assert_eq!(said_letter(&models.ask(&about("cups"), WITHIN).await), Some(1), "{takes}");
        assert_eq!(server.asked().len(), tries + 1, "{takes}: the form was remembered");
        assert_eq!(format(server.asked().last().unwrap()), takes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = ModelServer::start(|_, _| Manner::html(500));
    let options = Options { failures: 3, pause_ms: 400, ..options(&[server.url()]) };
    let models = models(&options, dir.path());
    for n in 0..10 {
        assert_eq!(models.ask(&about(&n.to_string()), WITHIN).await, Err(Silence::Down));
    }
    assert_eq!(server.asked().len(), 3);
    server.behave(|_, _| Manner::Json(completion("A", 1, 1)));
    let until = Instant::now() + WITHIN;
    let mut said = models.ask(&letter(), WITHIN).await;
    while said.is_err() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
        said = models.ask(&letter(), WITHIN).await;
    }
    assert_eq!(said_letter(&said), Some(0), "it is asked again after a pause");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_under_way_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = ModelServer::start(|_, _| Manner::Late(60, completion("A", 1, 1)));
    let options = Options { concurrency: 3, attempt_ms: 20_000, ..options(&[server.url()]) };
    let models = Arc::new(models(&options, dir.path()));
    let asked = (0..20).map(|n| {
        let models = models.clone();
        tokio::spawn(async move { models.ask(&about(&n.to_string()), Duration::from_secs(30)).await })
    });
    for said in asked.collect::<Vec<_>>() {
        assert_eq!(said_letter(&said.await.unwrap()), Some(0));
    }
    assert!(server.most_at_once() <= 3, "{}", server.most_at_once());
    let server = ModelServer::start(|_, _| Manner::Hang);
    let one = Arc::new(self::models(
        &Options { concurrency: 1, attempt_ms: 20_000, ..self::options(&[server.url()]) },
        dir.path(),
    ));
    let hung = one.clone();
    let hung = tokio::spawn(async move { hung.ask(&about("x"), Duration::from_secs(30)).await });
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(one.ask(&about("y"), Duration::from_millis(200)).await, Err(Silence::Busy));
    hung.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_is_answered_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    let server = ModelServer::start(|_, _| Manner::Json(completion("B", 7, 1)));
    let models = models(&options(&[server.url()]), dir.path());
    let first = models.ask(&letter(), WITHIN).await.unwrap();
    let again = models.ask(&letter(), WITHIN).await.unwrap();
    assert_eq!((first.cached, first.tokens, again.cached, again.tokens), (false, 8, true, 0));
    assert_eq!(first.answer, again.answer);
    assert_eq!((server.asked().len(), models.spent().await.unwrap().tokens), (1, 8));
    for other in [
        Ask { data: "{}".into(), ..letter() },
        Ask { instruction: "Other.".into(), ..letter() },
        Ask { prompt: "test.v2.en", ..letter() },
        Ask { shape: Shape::Letter(3), ..letter() },
    ] {
        assert!(!models.ask(&other, WITHIN).await.unwrap().cached, "{other:?}");
    }
}
