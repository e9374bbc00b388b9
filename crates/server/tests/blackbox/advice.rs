//! Another program as the analyst: over HTTP by hand, and the Python worker of `clients/python` from end to end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::schema;
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{free_address, from_now, wait_for};

use super::cluster::Cluster;
use super::harness::{Koi, SETTLES_WITHIN, assert_problem, scratch, start_in};
use super::topics::Other;

/// How long the worker may take to import its libraries on a busy machine.
const WORKER_WITHIN: Duration = Duration::from_secs(120);

fn with_analyst(name: &str) -> Koi {
    let dir = scratch(name);
    let start = start_in(&dir.join("data")).env("KOI__ADVICE__CHOICES", "true").env("KOI__ADVICE__STRATEGIES", "true");
    Koi { server: start.start().expect("koi starts"), dir }
}

fn read(koi: &Koi, cursor: &str, wait_seconds: u64) -> Value {
    koi.must(&Call::get(format!("/advice/questions?cursor={cursor}&wait_seconds={wait_seconds}")).token(KEY))
}

fn choice(koi: &Koi) -> Value {
    let body = json!({"history": ["green tea", "tea pot"], "options": [
        {"id": "tools", "items": ["hammer", "saw"]}, {"id": "teas", "items": ["black tea", "tea cups"]}]});
    koi.must(&Call::post("/choices", &body).token(KEY))
}

#[test]
fn an_analyst_answers_choices_by_hand() {
    let koi = with_analyst("advice-choices");
    thread::scope(|scope| {
        let asked = scope.spawn(|| choice(&koi));
        let page = wait_for(SETTLES_WITHIN, "a question", || {
            let page = read(&koi, "0", 2);
            (!page["data"].as_array().expect("a list").is_empty()).then_some(page)
        });
        let page = page.expect("a question");
        let question = &page["data"][0];
        assert_eq!(
            (question["kind"].as_str(), question["version"].as_u64(), question["language"].as_str()),
            (Some("choice"), Some(1), Some("en"))
        );
        assert_eq!(question["options"][0]["items"], json!(["hammer", "saw"]));
        let answer = json!({"question": question["id"], "probabilities": {"1": 0.875, "2": 0.125}, "explanation": "Because the pot broke.", "analyst": "test"});
        let taken = koi.must(&Call::post("/advice/answers", &answer).token(KEY));
        assert_eq!(taken, json!({"accepted": 1, "duplicates": 0, "rejected": []}));
        let again = koi.must(&Call::post("/advice/answers", &json!([answer, answer])).token(KEY));
        assert_eq!(again["duplicates"], 2);
        let got = asked.join().expect("an answer");
        assert_eq!((got["choice"].as_str(), got["source"].as_str()), (Some("tools"), Some("llm")), "{got}");
        assert_eq!(got["probabilities"]["tools"], "0.875000");
        assert_eq!(got["explanation"], "Because the pot broke.");
        let kept = koi.must(&Call::get("/advice/answers").token(KEY));
        assert_eq!(kept["data"][0]["analyst"], "test", "{kept}");
        assert_eq!(read(&koi, page["next_cursor"].as_str().expect("a cursor"), 0)["data"], json!([]));
    });
    // Nobody answers: the local model does, in time.
    assert_eq!(choice(&koi)["source"], "model");
}

#[test]
fn bad_answers_and_callers_are_refused() {
    let koi = with_analyst("advice-bad");
    assert_eq!(choice(&koi)["source"], "model");
    let id = read(&koi, "0", 0)["data"][0]["id"].clone();
    for (name, answer, code) in [
        ("no such question", json!({"question": "999", "probabilities": {"1": 1.0}}), "question_unknown"),
        ("no probabilities", json!({"question": id}), "probabilities_invalid"),
        ("too little", json!({"question": id, "probabilities": {"1": 0.1, "2": 0.1}}), "probabilities_invalid"),
        ("an order", json!({"question": id, "order": ["1", "2"]}), "probabilities_invalid"),
        ("an unknown member", json!({"question": id, "colour": "red"}), "invalid_answer"),
        ("text for a number", json!({"question": id, "probabilities": {"1": "1"}}), "invalid_answer"),
        ("no object", json!("x"), "invalid_answer"),
        (
            "too long",
            json!({"question": id, "probabilities": {"1": 0.5, "2": 0.5}, "explanation": "x".repeat(5_000)}),
            "answer_too_large",
        ),
    ] {
        let taken = koi.must(&Call::post("/advice/answers", &json!([answer])).token(KEY));
        assert_eq!(taken["rejected"][0]["code"], code, "{name}: {taken}");
    }
    let many = vec![json!({"question": "1"}); 201];
    for (name, call, status, code) in [
        ("201 answers", Call::post("/advice/answers", &json!(many)).token(KEY), 422, "invalid_body"),
        ("none", Call::post("/advice/answers", &json!([])).token(KEY), 422, "invalid_body"),
        ("nobody", Call::post("/advice/answers", &json!({"question": "1"})), 401, "unauthorized"),
        ("a bad cursor", Call::get("/advice/questions?cursor=x").token(KEY), 422, "invalid_query"),
        ("a long wait", Call::get("/advice/questions?wait_seconds=99").token(KEY), 422, "invalid_query"),
        ("an unknown parameter", Call::get("/advice/questions?colour=red").token(KEY), 422, "invalid_query"),
        ("waiting for answers", Call::get("/advice/answers?wait_seconds=1").token(KEY), 422, "invalid_query"),
    ] {
        assert_problem(name, &koi.send(&call), status, code);
    }
    let key = |scope: &str| {
        let made = koi.must(&Call::post("/api/v1/api-keys", &json!({"name": scope, "scopes": [scope]})).token(KEY));
        made["key"].as_str().expect("a key").to_owned()
    };
    assert_problem(
        "another scope",
        &koi.send(&Call::get("/advice/questions").token(&key("shoppers"))),
        403,
        "forbidden",
    );
    assert_eq!(koi.send(&Call::get("/advice/questions").token(&key("advice"))).status, 200);
}

/// A campaign whose prizes differ in kind, of one tier.
fn campaign() -> Value {
    let prize = |code: &str, name: &str, category: &str| json!({"code": code, "name": name, "kind": "goods", "category": category, "value_cents": 2000, "stock": 100});
    json!({"name": "Kinds", "starts_at": from_now(-3600), "ends_at": from_now(86_400),
        "prizes": [prize("hammer", "Hammer", "tools"), prize("doll", "Doll", "toys"), prize("pot", "Tea pot", "tea"), prize("rope", "Rope", "tools"), prize("pts", "Coupon", "misc")],
        "tiers": [{"code": "all", "slots": 1, "weight": 1, "prizes": ["hammer", "doll", "pot", "rope", "pts"]}]})
}

fn buys_tea(koi: &Koi, who: &str) {
    let event = json!({"id": format!("{who}-1"), "type": "purchase", "shopper": who, "at": from_now(-86_400), "order_id": format!("o-{who}"),
        "items": [{"sku": "t1", "name": "Green tea", "category": "tea", "price_cents": 900, "quantity": 3}]});
    assert_eq!(koi.send(&Call::post("/events", &event).token(KEY)).status, 202);
}

fn slot(koi: &Koi, campaign: &str, token: &str) -> String {
    koi.me(campaign, token)["strategy"]["slots"][0]["prize"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_analysts_order_reaches_the_strategy_and_an_erased_shopper_leaves_nothing() {
    let koi = with_analyst("advice-order");
    let id = koi.publish(&campaign());
    let token = koi.shopper(&id, "ada", 0);
    buys_tea(&koi, "ada");
    slot(&koi, &id, &token);
    let question = wait_for(SETTLES_WITHIN, "a question of prizes", || {
        read(&koi, "0", 1)["data"].as_array()?.iter().find(|question| question["kind"] == "rank").cloned()
    });
    let question = question.expect("a question of prizes");
    assert_eq!(question["prizes"].as_array().map(Vec::len), Some(5), "{question}");
    assert!(!question.to_string().contains("ada") && question["bought"][0]["kind"] == "tea", "{question}");
    let about_ada =
        json!({"shopper": "ada", "options": [{"id": "a", "items": ["saw"]}, {"id": "b", "items": ["tea"]}]});
    koi.must(&Call::post("/choices", &about_ada).token(KEY));
    let choices = |koi: &Koi| {
        let page = read(koi, "0", 0);
        page["data"].as_array().map_or(0, |all| all.iter().filter(|question| question["kind"] == "choice").count())
    };
    assert_eq!(choices(&koi), 1);
    let answer = json!({"question": question["id"], "order": ["rope", "doll", "pot", "hammer", "pts"]});
    assert_eq!(koi.must(&Call::post("/advice/answers", &answer).token(KEY))["accepted"], 1);
    let shown =
        wait_for(SETTLES_WITHIN, "the order in the strategy", || (slot(&koi, &id, &token) == "rope").then_some(()));
    shown.unwrap_or_else(|error| panic!("{error}: {}", koi.me(&id, &token)));
    assert_eq!(koi.send(&Call::new("DELETE", "/shoppers/ada").token(KEY)).status / 100, 2);
    let left = read(&koi, "0", 0);
    assert!(left["data"].as_array().expect("a list").iter().all(|q| q["id"] != question["id"]), "{left}");
    assert_eq!(choices(&koi), 0, "what a choice told of ada is gone too");
    assert_eq!(koi.must(&Call::get("/advice/answers").token(KEY))["data"], json!([]));
}

/// The worker's process, ended with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// The Python that has the worker's libraries: `cargo xtask test` makes it.
fn python() -> PathBuf {
    let folder = std::env::var_os("KOI_TEST_PYTHON").map_or_else(xtask::python::folder, PathBuf::from);
    let python = folder.join("bin/python3");
    assert!(python.is_file(), "there is no {}; `cargo xtask test llm` makes it", python.display());
    python
}

#[test]
fn the_python_worker_is_an_analyst_from_end_to_end() {
    let koi = with_analyst("advice-python");
    let made = koi.must(&Call::post("/api/v1/api-keys", &json!({"name": "analyst", "scopes": ["advice"]})).token(KEY));
    let key = made["key"].as_str().expect("a key");
    let url = format!("http://{}", koi.server.address);
    is_the_analyst(&koi, &[("KOI_URL", &url), ("KOI_KEY", key)]);
}

#[test]
fn the_python_worker_is_an_analyst_over_kafka() {
    let (cluster, dir) = (Cluster::new(None), scratch("advice-kafka"));
    let start = cluster.start(&dir.join("data"));
    let start = start.env("KOI__ADVICE__CHOICES", "true").env("KOI__ADVICE__STRATEGIES", "true");
    let koi = Koi { server: start.start().expect("a node starts"), dir };
    let (brokers, prefix) = cluster.topics();
    let (questions, answers) = (format!("{prefix}.advice.questions"), format!("{prefix}.advice.answers"));
    is_the_analyst(&koi, &[("KOI_KAFKA", brokers), ("KOI_QUESTIONS", &questions), ("KOI_ANSWERS", &answers)]);

    // What no node can read is a dead letter, and so is another answer to a question that has one.
    let other = Other::of(&cluster);
    let asked = other.read("advice.questions");
    let schema = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/advice/{name}.schema.json"));
        serde_json::from_str::<Value>(&std::fs::read_to_string(path).expect("a schema")).expect("JSON")
    };
    for (key, question) in &asked {
        schema::check(&schema("question"), question).unwrap_or_else(|error| panic!("{error}: {question}"));
        assert_eq!(question["id"], key.as_str());
    }
    for (_, answer) in other.read("advice.answers") {
        schema::check(&schema("answer"), &answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    }
    let answered = other.read("advice.answers")[0].1["question"].clone();
    let text = |value: Value| value.to_string().into_bytes();
    other.write(
        "advice.answers",
        &[
            ("1".into(), b"nonsense".to_vec()),
            ("2".into(), text(json!({"version": 2, "question": "1"}))),
            ("3".into(), text(json!({"question": "7", "probabilities": {"1": 1.0}}))),
            ("4".into(), text(json!({"question": answered, "order": ["a"], "analyst": "late"}))),
        ],
    );
    let letters = other.read_until("dead-letters", |all| all.len() >= 3);
    let mut codes: Vec<&str> = letters.iter().filter_map(|(_, letter)| letter["code"].as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes.len(), 3, "an answer to nobody's question here may be another node's: {letters:?}");
    assert!(codes.contains(&"invalid_answer") && codes.contains(&"version_newer"), "{codes:?}");
}

/// Starts the worker and waits until its answers have their effects.
fn is_the_analyst(koi: &Koi, place: &[(&str, &str)]) {
    let health = free_address().expect("a port");
    let log = File::create(koi.dir.join("worker.log")).expect("a log");
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/python");
    let mut command = Command::new(python());
    command.args(["-m", "koi_analyst"]).current_dir(package).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env_remove("KOI_KAFKA").envs(place.iter().copied()).env("KOI_HEALTH", health.to_string());
    let log_too = log.try_clone().expect("a log");
    let _worker = Worker(command.stdin(Stdio::null()).stdout(log).stderr(log_too).spawn().expect("python starts"));
    let told = || std::fs::read_to_string(koi.dir.join("worker.log")).unwrap_or_default();
    let well = wait_for(WORKER_WITHIN, "the worker's health", || {
        let mut client = xtask::http::Client::new(health);
        let answer = client.send(&Call::get("/healthz")).ok()?;
        (answer.status == 200).then_some(())
    });
    well.unwrap_or_else(|error| panic!("{error}: {}", told()));
    let got = wait_for(SETTLES_WITHIN, "its answer", || {
        let got = choice(koi);
        (got["source"] == "llm").then_some(got)
    });
    let got = got.unwrap_or_else(|error| panic!("{error}: {}", told()));
    assert_eq!(got["choice"], "teas", "{got}");
    let id = koi.publish(&campaign());
    let token = koi.shopper(&id, "bob", 0);
    buys_tea(koi, "bob");
    let shown = wait_for(SETTLES_WITHIN, "its order", || (slot(koi, &id, &token) == "pot").then_some(()));
    shown.unwrap_or_else(|error| panic!("{error}: {} {}", koi.me(&id, &token), told()));
    let answers = koi.must(&Call::get("/advice/answers").token(KEY));
    assert!(
        answers["data"].as_array().expect("a list").iter().any(|a| a["analyst"] == "koi-analyst-python"),
        "{answers}"
    );
}
