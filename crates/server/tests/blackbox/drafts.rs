//! `POST /campaigns/draft`: a campaign for a segment that could be published as it is.

use serde_json::{Value, json};
use testkit::model_server::{Manner, ModelServer, completion};
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem};

fn shop(koi: &Koi) {
    let buy = |n: usize, category: &str| {
        json!({"id": format!("{category}{n}"), "type": "purchase", "shopper": format!("s{n}"), "at": from_now(-86_400), "order_id": format!("o{category}{n}"),
            "items": [{"sku": category, "name": category, "category": category, "price_cents": 1500, "quantity": 1}]})
    };
    let events: Vec<Value> =
        (0..6).map(|n| buy(n, "tea")).chain((0..2).map(|n| buy(n, "cups"))).chain([buy(9, "tools")]).collect();
    assert_eq!(koi.send(&Call::post("/events", &json!(events)).token(KEY)).status, 202);
}

/// The draft once the model knows the shop's purchases.
fn draft(koi: &Koi, body: &Value, ready: impl Fn(&Value) -> bool) -> Value {
    let found = wait_for(SETTLES_WITHIN, "a draft", || {
        let answer = koi.send(&Call::post("/campaigns/draft", body).token(KEY));
        (answer.status == 200 && ready(&answer.json())).then(|| answer.json())
    });
    found.unwrap_or_else(|error| {
        panic!("{error}: {}", koi.send(&Call::post("/campaigns/draft", body).token(KEY)).text())
    })
}

fn can_be_published(koi: &Koi, draft: &Value) {
    let made = koi.must(&Call::post("/campaigns", &draft["campaign"]).token(KEY));
    let id = made["id"].as_str().expect("an id");
    koi.must(&Call::post(format!("/campaigns/{id}/publish"), &json!({})).token(KEY));
}

#[test]
fn a_draft_names_what_the_segment_buys_and_can_be_published() {
    let koi = Koi::start("drafts");
    shop(&koi);
    let body = json!({"segment": "爱喝茶的人", "category": "tea"});
    let got = draft(&koi, &body, |draft| draft.to_string().contains("tea"));
    assert_eq!((got["source"].as_str(), got["template"].as_str()), (Some("model"), Some("wheel")), "{got}");
    assert!(got["brief"].as_str().is_some_and(|brief| brief.contains("6 位顾客") && brief.contains("tea")), "{got}");
    assert!(got["campaign"]["prizes"].to_string().contains("tea礼品"), "{got}");
    can_be_published(&koi, &got);
    assert_eq!(
        koi.must(&Call::get("/campaigns").token(KEY))["data"].as_array().map(Vec::len),
        Some(1),
        "drafts are not stored"
    );
    for (name, body, status, code) in [
        ("no segment", json!({}), 422, ""),
        ("an empty one", json!({"segment": ""}), 422, "invalid_body"),
        ("an unknown category", json!({"segment": "x", "category": "cars"}), 422, "category_unknown"),
        ("another language", json!({"segment": "x", "language": "fr"}), 422, "invalid_body"),
        (
            "an end before the start",
            json!({"segment": "x", "starts_at": "2030-02-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}),
            422,
            "",
        ),
        ("an unknown field", json!({"segment": "x", "budget": 1}), 422, ""),
    ] {
        assert_problem(name, &koi.send(&Call::post("/campaigns/draft", &body).token(KEY)), status, code);
    }
    assert_eq!(koi.send(&Call::post("/campaigns/draft", &body)).status, 401);
}

#[test]
fn a_model_words_it_and_what_is_not_fit_is_not_taken() {
    let wording = |name: &str| {
        json!({"brief": "They drink tea every day.", "template": "nine_grid", "name": name,
        "prizes": [{"code": "grand", "name": "Tea garden trip", "category": "tea"}, {"code": "fine", "name": "Tea set", "category": "tea"}]}).to_string()
    };
    let server = ModelServer::start(move |nth, _| {
        Manner::Json(completion(&wording(if nth == 0 { "<b>Win!</b>" } else { "Tea time" }), 300, 80))
    });
    let url = server.url();
    let mut koi = Koi::start("drafts-llm");
    koi.restart_with(&[("KOI__LLM__ENDPOINTS__NEAR__URL", url.as_str()), ("KOI__LLM__ENDPOINTS__NEAR__MODEL", "tiny")]);
    shop(&koi);
    let local = draft(&koi, &json!({"segment": "Tea drinkers"}), |draft| draft.to_string().contains("tea gift"));
    assert_eq!(local["source"], "model", "markup is no name: {local}");
    let got = draft(&koi, &json!({"segment": "Tea lovers"}), |draft| draft["source"] == "llm");
    assert_eq!((got["campaign"]["name"].as_str(), got["template"].as_str()), (Some("Tea time"), Some("nine_grid")));
    assert!(got["campaign"]["prizes"].to_string().contains("Tea garden trip"), "{got}");
    can_be_published(&koi, &got);
    assert!(!server.asked()[0].to_string().contains("s0"), "no shopper's id is sent");
}
