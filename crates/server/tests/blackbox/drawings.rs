//! Entry drawings over HTTP, with a process that dies in the middle of one.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;
use xtask::process::{run, wait_for};

use super::harness::{COMMAND_WITHIN, Koi, SETTLES_WITHIN, assert_problem, binary, draw, print_counters, told, unique};

const SHOPPERS: usize = 12;
const WINNERS: usize = 5;

fn raffle() -> Value {
    let mut body = tight_campaign(1_000, 1_000);
    let car =
        json!({"code": "car", "name": "Car", "kind": "goods", "value_cents": 1, "cost_cents": 7, "claim_days": 30});
    body["prizes"].as_array_mut().expect("prizes").push(car);
    body["entry"] = json!({"tickets": "draws", "prize": "car", "winners": WINNERS, "alternates": 2});
    body
}

/// Whatever happens between the frozen list and the last prize, every winner gets one car and nobody else does.
#[test]
fn a_drawing_survives_the_death_of_the_process() {
    let mut koi = Koi::start("drawings");
    let mut counters = BTreeMap::new();
    for failpoint in ["after_drawing", "entry_won:3", "entry_given:2", "between_wins", "projection_between"] {
        let campaign = koi.publish(&raffle());
        let tokens: Vec<(String, String)> = (0..SHOPPERS)
            .map(|i| {
                let name = format!("d{i}-{failpoint}").replace(':', "_");
                let token = koi.shopper(&campaign, &name, 10);
                assert_eq!(koi.send(&draw(&campaign, &token, &unique("d"))).status, 201);
                (name, token)
            })
            .collect();
        let path = format!("/campaigns/{campaign}/drawing");
        let early = koi.send(&Call::post(&path, &json!({})).token(KEY));
        assert_problem("before its end", &early, 409, "campaign_not_over");
        assert_problem("no proof yet", &koi.send(&Call::get(format!("{path}/proof"))), 404, "drawing_unknown");
        koi.must(&Call::post(format!("/campaigns/{campaign}/end"), &json!({})).token(KEY));
        let ready = koi.restart_failing(failpoint);
        // The projection may be at it before the process is ready: what the kill left to be projected is enough.
        assert!(ready || failpoint == "projection_between", "{failpoint}: died before it was ready");
        if ready {
            // It may die before, while or after it is answered.
            _ = koi.client().send(&Call::post(&path, &json!({})).token(KEY));
            wait_for(SETTLES_WITHIN, "the process to die", || koi.server.exited()).expect(failpoint);
        }
        koi.restart();
        let view = wait_for(SETTLES_WITHIN, "the drawing to be finished", || {
            let made = koi.send(&Call::post(&path, &json!({})).token(KEY));
            (made.ok()).then(|| made.json())
        })
        .expect(failpoint);
        assert_eq!((&view["given"], &view["holders"]), (&json!(WINNERS), &json!(SHOPPERS)), "{failpoint}: {view}");
        let winners = koi.rows(&format!("{path}/winners"), KEY);
        assert_eq!(winners.len(), WINNERS, "{failpoint}");
        let mut cars = 0;
        for (name, token) in &tokens {
            let own: Vec<Value> =
                koi.rows("/awards", token).into_iter().filter(|award| award["prize"]["code"] == "car").collect();
            let won: Vec<&Value> = winners.iter().filter(|winner| winner["shopper"] == **name).collect();
            assert_eq!(own.len(), won.len(), "{failpoint}: {name}");
            assert!(own.iter().zip(&won).all(|(own, won)| own["id"] == won["award_id"]), "{failpoint}: {name}");
            cars += own.len();
        }
        assert_eq!(cars, WINNERS, "{failpoint}");
        assert_eq!(koi.must(&Call::post(&path, &json!({})).token(KEY)), view, "again the same");
        verify(&koi, &path, &view);
        counters.insert(failpoint, cars);
    }
    print_counters("drawings", &json!({"rounds": counters.len(), "lost": 0, "twice": 0}));
}

/// The proof holds outside the server, and no more once anything in it is changed.
fn verify(koi: &Koi, path: &str, view: &Value) {
    let mut proof = koi.must(&Call::get(format!("{path}/proof")));
    assert_eq!((&proof["seed_hash"], &proof["list_hash"]), (&view["seed_hash"], &view["list_hash"]));
    let file = koi.dir.join("proof.json");
    let verified = |proof: &Value| {
        std::fs::write(&file, proof.to_string()).expect("written");
        let mut command = Command::new(binary());
        run(command.args(["verify-receipt", "--json"]).arg(&file), COMMAND_WITHIN).expect("in time")
    };
    let good = verified(&proof);
    assert!(good.status.success(), "{}", told(&good));
    let shown: Value = serde_json::from_slice(&good.stdout).expect("JSON");
    assert_eq!(shown["receipts"][0]["drawing"]["winners"].as_array().map(Vec::len), Some(WINNERS));
    if let Some(ranks) = proof["ranks"].as_array_mut() {
        ranks.swap(0, 1);
    }
    let bad = verified(&proof);
    assert_eq!(bad.status.code(), Some(1), "{}", told(&bad));
    assert!(told(&bad).contains("rank 0"), "{}", told(&bad));
}
