//! Language models as `POST /choices` meets them: an answer of theirs where there is one, the local one in time where not.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::model_server::{Manner, ModelServer, completion};
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{from_now, run, wait_for};

use super::harness::{COMMAND_WITHIN, Koi, SETTLES_WITHIN, binary, koi, scratch, start_in, told};

/// The time a model is waited for, and what a busy machine may add to it.
const LOCAL_WITHIN: Duration = Duration::from_secs(3 + 6);

fn with_model(name: &str, server: &ModelServer, more: &[(&str, &str)]) -> Koi {
    let dir = scratch(name);
    let url = server.url();
    let named = [
        ("KOI__LLM__ENDPOINTS__NEAR__URL", url.as_str()),
        ("KOI__LLM__ENDPOINTS__NEAR__MODEL", "tiny"),
        ("KOI__LLM__ENDPOINTS__NEAR__KEY", "sk-never-shown"),
    ];
    let start =
        named.iter().chain(more).fold(start_in(&dir.join("data")), |start, (name, value)| start.env(name, *value));
    Koi { server: start.start().expect("koi starts"), dir }
}

fn question() -> Value {
    json!({"history": ["苹果手机", "联想电脑", "充电器", "充电线"], "options": [
        {"id": "pans", "items": ["炒锅", "菜刀"]}, {"id": "cases", "items": ["手机壳", "蓝牙耳机"]},
        {"id": "babies", "items": ["纸尿裤", "奶瓶"]}, {"id": "clothes", "items": ["衬衫", "牛仔裤"]}]})
}

fn ask(koi: &Koi, body: &Value) -> Value {
    koi.must(&Call::post("/choices", body).token(KEY))
}

/// Whichever letter stands for the option that holds `item` in a question.
fn letter_of(body: &Value, item: &str) -> String {
    let data: Value = serde_json::from_str(body["messages"][1]["content"].as_str().expect("data")).expect("JSON");
    let options = data["options"].as_object().expect("options");
    options
        .iter()
        .find(|(_, names)| names.to_string().contains(item))
        .map(|(letter, _)| letter.clone())
        .unwrap_or_default()
}

#[test]
fn a_model_answers_choices_and_is_told_nothing_of_a_person() {
    let server = ModelServer::start(|_, body| Manner::Json(completion(&letter_of(body, "衬衫"), 50, 1)));
    let koi = with_model("llm-choices", &server, &[]);
    let answer = ask(&koi, &question());
    assert_eq!((answer["choice"].as_str(), answer["source"].as_str()), (Some("clothes"), Some("llm")), "{answer}");
    let p: f64 = answer["probabilities"]["clothes"].as_str().and_then(|p| p.parse().ok()).expect("a decimal string");
    assert!(p > 0.5, "{answer}");
    assert!(answer["explanation"].as_str().is_some_and(|why| why.contains("语言模型")), "{answer}");
    assert_eq!(server.asked().len(), 4, "every option stood at every letter");
    ask(&koi, &question());
    assert_eq!(server.asked().len(), 4, "what was asked before is remembered");

    let bought = json!([{"id": "b1", "type": "purchase", "shopper": "ada.lovelace@example.com", "at": "2026-01-31T10:11:12Z", "order_id": "ORDER-77",
        "items": [{"sku": "SKU-123", "name": "Cup 13800138000", "category": "", "price_cents": 1234, "quantity": 1}]}]);
    assert_eq!(koi.send(&Call::post("/events", &bought).token(KEY)).status, 202);
    let options = json!([{"id": "x", "items": ["tea for bob@example.com"]}, {"id": "y", "items": ["soap"]}]);
    let body = json!({"shopper": "ada.lovelace@example.com", "options": options});
    let sent = wait_for(SETTLES_WITHIN, "a question about the purchase", || {
        koi.send(&Call::post("/choices", &body).token(KEY));
        let sent: String = server.asked()[4..].iter().map(Value::to_string).collect();
        sent.contains("Cup").then_some(sent)
    });
    let sent = sent.unwrap_or_else(|error| panic!("{error}"));
    for personal in ["ada", "lovelace", "example.com", "2026-01", "ORDER", "SKU", "13800138000", "1234"] {
        assert!(!sent.contains(personal), "{personal} was sent: {sent}");
    }
    let log = std::fs::read_to_string(koi.dir.join("data.log")).expect("a log");
    assert!(!log.contains("sk-never-shown"), "{log}");
}

#[test]
fn whatever_a_model_does_the_local_answer_comes_in_time() {
    let garbage = || Manner::Raw(200, String::new(), "{\"choices\": 7}".into());
    let server = ModelServer::start(move |_, _| garbage());
    let koi = with_model("llm-local", &server, &[("KOI__LLM__FAILURES", "1000")]);
    for (name, manner) in [
        ("garbage", garbage()),
        ("HTML", Manner::html(502)),
        ("it hangs", Manner::Hang),
        ("half a body", Manner::Half),
        ("100 MB", Manner::Huge(false)),
        ("too busy for an hour", Manner::status(429, "Retry-After: 3600\r\n")),
        ("a refusal", Manner::Json(completion("抱歉", 1, 1))),
    ] {
        let mut body = question();
        body["history"][0] = json!(format!("苹果手机 {name}"));
        server.behave(move |_, _| manner.clone());
        let started = Instant::now();
        let answer = ask(&koi, &body);
        assert!(started.elapsed() < LOCAL_WITHIN, "{name}: {:?}", started.elapsed());
        assert_eq!(
            (answer["choice"].as_str(), answer["source"].as_str()),
            (Some("cases"), Some("model")),
            "{name}: {answer}"
        );
    }
}

#[test]
fn the_budget_outlives_a_restart() {
    let server = ModelServer::start(|_, body| Manner::Json(completion(&letter_of(body, "衬衫"), 400, 1)));
    let limits = [("KOI__LLM__TOKENS_PER_DAY", "12000")];
    let mut koi = with_model("llm-budget", &server, &limits);
    let mut number = 0;
    let mut spend = |koi: &Koi| {
        loop {
            number += 1;
            let mut body = question();
            body["history"][0] = json!(format!("苹果手机 {number}"));
            if ask(koi, &body)["source"] == "model" {
                return;
            }
            assert!(number < 100, "the budget never ends");
        }
    };
    spend(&koi);
    let asked = server.asked().len();
    assert!(asked > 4 && asked as u64 * 401 <= 12_000, "{asked} questions");
    let url = server.url();
    koi.restart_with(&[
        ("KOI__LLM__ENDPOINTS__NEAR__URL", url.as_str()),
        ("KOI__LLM__ENDPOINTS__NEAR__MODEL", "tiny"),
        limits[0],
    ]);
    spend(&koi);
    let again = server.asked().len();
    assert!(again as u64 * 401 <= 12_000, "{again} questions after a restart");
}

/// A shop whose shoppers buy plain things, and in the end a gift that only a mark in their history foretells: nothing
/// before the last weeks could teach it.
fn marked_shop() -> String {
    let mut csv = "shopper,order_id,at,sku,name,category,price_cents,quantity\n".to_owned();
    let mut line = |who: usize, day: i64, what: &str| {
        csv += &format!("s{who},o{who}-{day}-{what},{},{what},{what},{what},1000,1\n", from_now(-86_400 * day));
    };
    for who in 0..160usize {
        line(who, 290, &format!("mark {}", who % 6));
        for visit in 0..24 {
            line(who, 285 - 9 * visit as i64, &format!("plain {}", (who * 7 + visit * (3 + who % 5)) % 9));
        }
        line(who, 20, &format!("gift {}", who % 6));
    }
    csv
}

/// The letter of the gift that the mark foretells, if it is offered; else nothing.
fn foretold(body: &Value) -> String {
    let data: Value = serde_json::from_str(body["messages"][1]["content"].as_str().expect("data")).expect("JSON");
    let bought = data["bought"].to_string();
    let mark = (0..6).find(|mark| bought.contains(&format!("\"mark {mark}\""))).expect("a mark");
    letter_of(body, &format!("gift {mark}"))
}

#[test]
fn label_measures_what_advice_is_worth() {
    let dir = scratch("llm-label");
    let (data, file) = (dir.join("data"), dir.join("shop.csv"));
    std::fs::write(&file, marked_shop()).expect("a file");
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let imported = koi(["import".to_owned(), "purchases".into(), path(&file), "--data".into(), path(&data)]);
    assert!(imported.status.success(), "{}", told(&imported));
    let label = |server: &ModelServer| -> Value {
        let mut command = Command::new(binary());
        command.args(["advise", "label", "--sample", "150", "--uncertain", "30", "--json", "--data"]).arg(&data);
        command.env("KOI__LLM__ENDPOINTS__NEAR__URL", server.url()).env("KOI__LLM__ENDPOINTS__NEAR__MODEL", "tiny");
        command.env("KOI__LLM__ENDPOINTS__NEAR__INPUT_CENTS_PER_MILLION", "100").env("KOI__LLM__CENTS_PER_DAY", "1000");
        command.env("KOI__LLM__ATTEMPT_MS", "20000");
        let output = run(&mut command, COMMAND_WITHIN).expect("it ends");
        assert!(output.status.success(), "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
    };
    let knows = ModelServer::start(|_, body| Manner::Json(completion(&foretold(body), 100, 1)));
    let report = label(&knows);
    assert_eq!(
        (report["labelled"].as_u64(), report["uncertain"].as_u64(), report["silent"].as_u64()),
        (Some(150), Some(30), Some(0)),
        "{report}"
    );
    let loss = |of: &str, with: &str| report[of][with].as_f64().expect("a number");
    for of in ["advised", "least_certain"] {
        assert!(loss(of, "log_loss_with") < loss(of, "log_loss_without") - 0.2, "{of}: {report}");
    }
    assert!(report["advice_weight"].as_f64().is_some_and(|weight| weight > 0.0), "{report}");
    assert_eq!(report["tokens"].as_u64(), Some(101 * knows.asked().len() as u64), "{report}");
    let cents = report["cost_cents"].as_f64().expect("a number");
    assert!((cents - 100.0 * 100.0 * knows.asked().len() as f64 / 1e6).abs() < 1e-9, "{report}");

    // Free of position bias it says nothing.
    let stubborn = ModelServer::start(|_, _| Manner::Json(completion("A", 100, 1)));
    let report = label(&stubborn);
    assert_eq!(
        (report["advice_weight"].as_f64(), report["weight"].as_f64()),
        (Some(0.0), Some(0.0)),
        "the same letter every time is worth nothing: {report}"
    );
    // And is not asked any more about shoppers whom the shop knows.
    let url = stubborn.url();
    let start = start_in(&data)
        .env("KOI__LLM__ENDPOINTS__NEAR__URL", url.as_str())
        .env("KOI__LLM__ENDPOINTS__NEAR__MODEL", "tiny");
    let koi = Koi { server: start.start().expect("koi starts"), dir };
    let asked = stubborn.asked().len();
    let options = json!([{"id": "a", "items": ["plain 1"]}, {"id": "b", "items": ["gift 2"]}]);
    assert_eq!(ask(&koi, &json!({"shopper": "s1", "options": options}))["source"], "model");
    assert_eq!(stubborn.asked().len(), asked);
}
