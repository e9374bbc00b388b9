//! The model's life: versions, what they were compared with, going back by one command, and staying there.

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, koi as command, told};

/// More than twice as many as a comparison wants, so that it has enough even where a fit comes in between.
const SHOPPERS: usize = 200;

/// One more basket of everybody.
fn buy(koi: &Koi, round: usize) {
    let event = |shopper: usize| {
        let sku = |n: usize| json!({"sku": format!("s{}", (shopper + n) % 7), "name": "thing", "price_cents": 100, "quantity": 1});
        json!({"id": format!("b{round}"), "type": "purchase", "shopper": format!("m{shopper}"), "order_id": format!("o{shopper}-{round}"),
               "at": from_now(-86_400 * 30 + i64::try_from(round).expect("few") * 86_400), "items": [sku(0), sku(round)]})
    };
    let all: Vec<Value> = (0..SHOPPERS).map(event).collect();
    koi.must(&Call::post("/events", &json!(all)).token(KEY));
}

fn models(koi: &Koi) -> Vec<Value> {
    koi.must(&Call::get("/models").token(KEY))["data"].as_array().expect("a list").clone()
}

fn serving(all: &[Value]) -> &Value {
    let mut serving = all.iter().filter(|model| model["state"] == "in_service");
    let one = serving.next().expect("one is in service");
    assert!(serving.next().is_none(), "only one: {all:?}");
    one
}

fn activate(koi: &Koi, version: &Value) -> Value {
    koi.must(&Call::post(format!("/models/{version}/activate"), &json!({})).token(KEY))
}

#[test]
fn models_are_versioned_compared_and_brought_back() {
    let mut koi = Koi::start("models");
    assert_eq!(models(&koi), Vec::<Value>::new(), "nothing was fitted yet");
    buy(&koi, 1);
    buy(&koi, 2);
    let settled = |what: &str, of: &dyn Fn(&[Value]) -> bool| {
        wait_for(SETTLES_WITHIN, what, || Some(models(&koi)).filter(|all| of(all)))
            .unwrap_or_else(|error| panic!("{error}: {:?}", models(&koi)))
    };
    let known = |model: &Value| (model["shoppers"] == SHOPPERS) && model["baskets"] == 2 * SHOPPERS;
    let all = settled("a model of everybody", &|all| all.first().is_some_and(known));
    let first = serving(&all)["version"].clone();
    buy(&koi, 3);
    let compared = |model: &Value| model["comparison"]["shoppers"].as_u64().is_some_and(|shoppers| shoppers >= 50);
    let all =
        settled("a model that was compared", &|all| all.iter().any(compared) && all[0]["baskets"] == 3 * SHOPPERS);
    let newest = all[0].clone();
    assert!(newest["version"].as_u64() > first.as_u64() && newest["drift"].is_number(), "{newest}");
    assert_eq!(newest["model"], "tifu-knn", "{newest}");
    let answer = koi.send(&Call::get("/metrics"));
    let metrics = answer.text();
    for name in ["koi_model_drift", "koi_model_ndcg", "koi_model_version", "koi_model_fit_seconds"] {
        assert!(metrics.contains(name), "{name}");
    }

    let back = activate(&koi, &first);
    assert_eq!(
        (&back["state"], &back["held"], &back["baskets"]),
        (&json!("in_service"), &json!(true), &json!(2 * SHOPPERS))
    );
    assert_eq!(serving(&models(&koi))["version"], first);
    let newest_now =
        models(&koi).iter().find(|model| model["version"] == newest["version"]).expect("kept")["state"].clone();
    assert!(newest_now == "retired" || newest_now == "refused", "{newest_now}");
    let audit = koi.must(&Call::get("/audit?limit=5").token(KEY)).to_string();
    assert!(audit.contains("model.activate"), "{audit}");

    koi.restart();
    koi.must(&Call::get("/shoppers/m1/recommendations?limit=3").token(KEY));
    let again = models(&koi);
    assert_eq!(
        (&serving(&again)["version"], again.len()),
        (&first, all.len()),
        "held across a restart, and no new one"
    );
    assert_eq!(activate(&koi, &newest["version"])["held"], false, "newer ones may replace the newest");
    for unknown in ["999999", "0", "x", "-1"] {
        let answer = koi.send(&Call::post(format!("/models/{unknown}/activate"), &json!({})).token(KEY));
        assert_problem(unknown, &answer, 404, "model_unknown");
    }

    koi.server.kill();
    let data = koi.data();
    let run = |arguments: &[&str]| {
        let output = command(arguments.iter().map(|a| std::ffi::OsStr::new(*a)).chain([
            "--data".as_ref(),
            data.as_os_str(),
            "--json".as_ref(),
        ]));
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| json!(told(&output))))
    };
    let (status, done) = run(&["models", "activate", &first.to_string()]);
    assert_eq!((status, &done["models"][0]["held"]), (Some(0), &json!(true)), "{done}");
    let (status, listed) = run(&["models", "list"]);
    assert_eq!(status, Some(0), "{listed}");
    assert_eq!(serving(listed["models"].as_array().expect("a list"))["version"], first);
    assert_eq!(run(&["models", "activate", "999999"]).0, Some(1));
}
