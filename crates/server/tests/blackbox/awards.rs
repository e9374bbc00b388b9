//! Awards reach who fulfils them, whatever receivers do: at least once, under one id, none dropped, others not delayed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::fixture::{self, KEY};
use xtask::http::Call;
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, assert_problem, draw, print_counters, unique};
use super::receiver::{Heard, Manner, Receiver};

/// Short waits, so that hours of retries pass in seconds.
const FAST: [(&str, &str); 6] = [
    ("KOI__FULFILMENT__TIMEOUT_MS", "400"),
    ("KOI__FULFILMENT__FIRST_RETRY_MS", "20"),
    ("KOI__FULFILMENT__LONGEST_RETRY_MS", "100"),
    ("KOI__FULFILMENT__ATTEMPTS", "6"),
    ("KOI__FULFILMENT__JITTER_SEED", "7"),
    ("KOI__FULFILMENT__SCAN_SECONDS", "1"),
];
/// Everything has arrived by then; with one lane for all it would take longer.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
/// A receiver that is well hears of an award by then, whatever the others do: projection's lag and a busy machine.
const PROMPT: Duration = Duration::from_secs(10);
const SHOPPERS: usize = 8;
const DRAWS: usize = 15;

fn start(name: &str) -> Koi {
    let mut koi = Koi::start(name);
    koi.restart_with(&FAST);
    koi
}

/// Four prizes, each as likely.
fn campaign() -> Value {
    let prize = |code: &str, kind: &str| json!({"code": code, "name": code, "kind": kind, "value_cents": 500});
    let tier = |code: &str| json!({"code": code, "slots": 1, "weight": 1_000, "prizes": [code]});
    json!({
        "name": "Awards", "starts_at": from_now(-60), "ends_at": from_now(86_400), "claim_days": 30,
        "prizes": [prize("hook", "webhook"), prize("money", "balance"), prize("paper", "coupon"), prize("cup", "goods")],
        "tiers": [tier("hook"), tier("money"), tier("paper"), tier("cup")],
    })
}

/// Registers a receiver; gives the webhook.
fn register(koi: &Koi, receiver: &Receiver, types: &[&str]) -> Value {
    koi.must(&Call::post("/webhooks", &json!({"url": receiver.url(), "types": types})).token(KEY))
}

/// What a test knows of one won award.
struct Won {
    id: String,
    kind: String,
    token: String,
    at: Instant,
}

/// Draws once; what was won.
fn win(koi: &Koi, campaign: &str, token: &str) -> Won {
    let key = unique("awards");
    let drawn = wait_for(ARRIVES_WITHIN, "a draw", || {
        let answer = koi.client().send(&draw(campaign, token, &key)).ok()?;
        answer.ok().then(|| answer.json())
    });
    let drawn = drawn.expect("a draw");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, kind) = (text(&drawn["award"]["id"]), text(&drawn["prize"]["kind"]));
    Won { id, kind, token: token.to_owned(), at: Instant::now() }
}

/// The states of awards, as their shoppers see them.
fn states(koi: &Koi, wins: &[Won]) -> BTreeMap<String, Value> {
    let tokens: BTreeSet<&str> = wins.iter().map(|w| w.token.as_str()).collect();
    let rows = tokens.into_iter().flat_map(|token| koi.rows("/awards", token));
    rows.map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row)).collect()
}

#[track_caller]
fn wait_for_states(koi: &Koi, wins: &[Won], kinds: &[&str], want: &str) {
    let wrong = || {
        let states = states(koi, wins);
        let wins = wins.iter().filter(|w| kinds.contains(&w.kind.as_str()));
        wins.filter(|w| states[&w.id]["state"] != want)
            .map(|w| format!("{} {}", w.kind, states[&w.id]))
            .collect::<Vec<_>>()
    };
    if wait_for(ARRIVES_WITHIN, want, || wrong().is_empty().then_some(())).is_err() {
        panic!("awards of {kinds:?} are not {want}: {:#?}; {:#?}", wrong(), deliveries(koi, "pending"));
    }
}

fn deliveries(koi: &Koi, state: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = koi.must(&Call::get(format!("/deliveries?state={state}&limit=200{cursor}")).token(KEY));
        rows.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// Every attempt of an id carries the same body and is signed.
#[track_caller]
fn assert_stable(attempts: &[Heard], secret: &str) {
    for heard in attempts {
        let told = || format!("{}: {}", heard.id, String::from_utf8_lossy(&heard.body));
        assert_eq!(heard.body, attempts[0].body, "the body changed: {}", told());
        assert_eq!((heard.signed_by(secret), heard.signatures()), (1, 1), "{}", told());
    }
}

/// A metric once it is what a condition wants.
fn metric(koi: &Koi, name: &str, want: impl Fn(f64) -> bool) -> f64 {
    let read = || {
        let text = koi.send(&Call::get("/metrics"));
        fixture::metric(&text.text(), name, "").filter(|value| want(*value))
    };
    wait_for(ARRIVES_WITHIN, name, read).expect(name)
}

#[test]
fn awards() {
    let mut koi = start("awards");
    // Fails, hangs, answers twice, then takes it; which of them comes first differs from id to id by the crash below.
    let rough = Receiver::start(|nth| match nth {
        1 => Manner::Status(500),
        2 => Manner::Hang,
        3 => Manner::Drop,
        _ => Manner::Twice,
    });
    let well = Receiver::start(|_| Manner::Well);
    let dead = Receiver::start(|nth| if nth == 1 { Manner::Hang } else { Manner::Status(503) });
    let secret = |webhook: &Value| webhook["secret"].as_str().expect("a secret").to_owned();
    let rough_secret = secret(&register(&koi, &rough, &["award.fulfil"]));
    let well_secret = secret(&register(&koi, &well, &["award.updated"]));
    let dead_secret = secret(&register(&koi, &dead, &["draw.result"]));
    let campaign = koi.publish(&campaign());
    let tokens: Vec<String> = (0..SHOPPERS).map(|i| koi.shopper(&campaign, &format!("s{i}"), DRAWS as u32)).collect();
    let mut wins = Vec::new();
    for n in 0..DRAWS {
        if n == DRAWS / 2 {
            koi.restart_with(&FAST);
        }
        wins.extend(tokens.iter().map(|token| win(&koi, &campaign, token)));
    }
    wait_for_states(&koi, &wins, &["webhook", "balance"], "granted");
    wait_for_states(&koi, &wins, &["coupon"], "failed");
    wait_for_states(&koi, &wins, &["goods"], "granted");
    let fulfilled = check_fulfilled(&rough, &wins, &rough_secret);
    let coupons = fill_pool(&koi, &campaign, &wins);
    let slowest = check_told(&well, &wins, &well_secret);
    let replayed = check_parked(&koi, &dead, wins.len(), &dead_secret);
    assert_eq!(koi.report(&campaign)["draws"], wins.len());
    let attempts = rough.heard().len();
    print_counters(
        "awards",
        &json!({"awards": wins.len(), "fulfilled": fulfilled, "attempts": attempts, "dropped": 0, "coupons": coupons,
                "parked_and_replayed": replayed, "others_slowest_ms": slowest.as_millis() as u64}),
    );
}

/// Each award of the kinds that a receiver fulfils was taken, under one id; no other was.
fn check_fulfilled(rough: &Receiver, wins: &[Won], secret: &str) -> usize {
    let wanted: BTreeMap<String, &Won> = wins
        .iter()
        .filter(|w| ["webhook", "balance"].contains(&w.kind.as_str()))
        .map(|w| (format!("award_{}", w.id), w))
        .collect();
    let heard = rough.by_id();
    assert!(heard.keys().eq(wanted.keys()), "ids heard and awards to fulfil: {:?} {:?}", heard.keys(), wanted.keys());
    for (id, attempts) in &heard {
        assert!(attempts.iter().any(Heard::taken), "{id} was never taken in {} attempts", attempts.len());
        assert_stable(attempts, secret);
        let body = attempts[0].json();
        assert_eq!((&body["type"], &body["data"]["id"]), (&json!("award.fulfil"), &json!(wanted[id].id)));
        let balance = (wanted[id].kind == "balance").then(|| json!({"amount_cents": 500, "currency": "CNY"}));
        assert_eq!(body["data"].get("balance"), balance.as_ref(), "{body}");
        assert!(body["data"]["shopper"].as_str().is_some_and(|s| s.starts_with('s')), "{body}");
    }
    heard.len()
}

/// A receiver that is well heard of every award, soon.
fn check_told(well: &Receiver, wins: &[Won], secret: &str) -> Duration {
    let last = |won: &Won| format!("award_{}_granted", won.id);
    wait_for(ARRIVES_WITHIN, "every award", || {
        let heard = well.by_id();
        wins.iter().all(|won| heard.contains_key(&last(won))).then_some(())
    })
    .expect("every award is told of");
    let heard = well.by_id();
    heard.values().for_each(|attempts| assert_stable(attempts, secret));
    let first = |won: &Won| if won.kind == "goods" { last(won) } else { format!("award_{}_granting", won.id) };
    // Around the restart nobody is told anything; what was won before it is left out.
    let after = wins.len() / 2;
    let delays = wins[after..].iter().map(|won| heard[&first(won)][0].at.saturating_duration_since(won.at));
    let slowest = delays.max().unwrap_or_default();
    assert!(slowest < PROMPT, "others are delayed by a receiver that fails: {slowest:?}");
    slowest
}

/// Coupons that waited are granted when the pool is filled, each with a code of its own.
fn fill_pool(koi: &Koi, campaign: &str, wins: &[Won]) -> usize {
    let waiting = wins.iter().filter(|w| w.kind == "coupon").count();
    metric(koi, "koi_coupons_awaited", |value| value == waiting as f64);
    let path = format!("/campaigns/{campaign}/prizes/paper/coupons");
    let csv: String = (0..waiting).map(|i| format!("CSV-{i}\n")).collect();
    let call =
        Call::new("POST", path.as_str()).bytes(format!("code\n{csv}").into_bytes()).header("Content-Type", "text/csv");
    assert_eq!(koi.must(&call.token(KEY))["added"], waiting);
    let again = json!({"codes": ["CSV-0", "JSON-0", "JSON-0"]});
    let pool = koi.must(&Call::post(path.as_str(), &again).token(KEY));
    assert_eq!((&pool["added"], &pool["duplicates"]), (&json!(1), &json!(2)), "{pool}");
    wait_for_states(koi, wins, &["coupon"], "granted");
    let states = states(koi, wins);
    let codes: BTreeSet<&str> = states.values().filter_map(|row| row["coupon_code"].as_str()).collect();
    assert_eq!(codes.len(), waiting, "every coupon has a code of its own");
    let pool = koi.must(&Call::get(path.as_str()).token(KEY));
    assert_eq!((&pool["assigned"], &pool["free"]), (&json!(waiting), &json!(1)), "{pool}");
    let shop = koi.must(&Call::get("/shoppers/s0/awards?limit=200").token(KEY)).to_string();
    assert!(!shop.contains("CSV-") && !shop.contains("JSON-"), "the shop's list shows no code: {shop}");
    waiting
}

/// What a dead receiver did not take is parked, listed, and sent again when it is well.
fn check_parked(koi: &Koi, dead: &Receiver, draws: usize, secret: &str) -> usize {
    wait_for(ARRIVES_WITHIN, "all parked", || (deliveries(koi, "parked").len() == draws).then_some(())).unwrap_or_else(
        |error| panic!("{error}: {} parked, {:#?}", deliveries(koi, "parked").len(), deliveries(koi, "pending")),
    );
    metric(koi, "koi_deliveries_parked", |value| value == draws as f64);
    dead.behave(|_| Manner::Well);
    for delivery in deliveries(koi, "parked") {
        assert_eq!(delivery["problem"], "status_503", "{delivery}");
        let path = format!("/deliveries/{}/replay", delivery["id"].as_str().expect("an id"));
        assert_eq!(koi.send(&Call::post(path, &json!({})).token(KEY)).status, 204);
    }
    wait_for(ARRIVES_WITHIN, "replayed", || {
        let heard = dead.by_id();
        (heard.len() == draws && heard.values().all(|all| all.iter().any(Heard::taken))).then_some(())
    })
    .expect("all are delivered");
    wait_for(ARRIVES_WITHIN, "none parked", || deliveries(koi, "parked").is_empty().then_some(()))
        .expect("none parked");
    for (id, attempts) in dead.by_id() {
        assert_stable(&attempts, secret);
        let data = &attempts[0].json()["data"];
        assert_eq!(format!("draw_{}", data["id"].as_str().unwrap_or_default()), id);
        assert!(data["receipt"].is_object() && data["shopper"].is_string(), "the draw as it was answered: {data}");
    }
    assert_problem(
        "a delivery that is none",
        &koi.send(&Call::post("/deliveries/99999/replay", &json!({})).token(KEY)),
        404,
        "delivery_unknown",
    );
    draws
}

#[test]
fn webhooks_are_registered_rotated_and_removed() {
    let koi = start("webhooks");
    for (body, code) in [
        (json!({"url": "ftp://shop.example/", "types": ["draw.result"]}), "url_refused"),
        (json!({"url": "http://169.254.169.254/", "types": ["draw.result"]}), "url_refused"),
        (json!({"url": "https://shop.example/", "types": ["draw.lost"]}), "type_unknown"),
        (json!({"url": "https://shop.example/", "types": []}), "types_none"),
        (json!({"url": "https://shop.example/"}), "invalid_body"),
    ] {
        assert_problem(&body.to_string(), &koi.send(&Call::post("/webhooks", &body).token(KEY)), 422, code);
    }
    let receiver = Receiver::start(|_| Manner::Well);
    let made = register(&koi, &receiver, &["draw.result", "order.updated"]);
    let (id, first) = (made["id"].as_str().expect("an id"), made["secret"].as_str().expect("a secret"));
    let listed = koi.must(&Call::get("/webhooks").token(KEY));
    assert_eq!((&listed["data"][0]["id"], listed["data"][0].get("secret")), (&json!(id), None), "{listed}");
    let campaign = koi.publish(&campaign());
    let token = koi.shopper(&campaign, "ada", 3);
    let next = |seen: usize| {
        win(&koi, &campaign, &token);
        let draws = || receiver.heard().into_iter().filter(|h| h.kind == "draw.result").collect::<Vec<_>>();
        wait_for(ARRIVES_WITHIN, "a draw told", || draws().get(seen).cloned()).expect("told")
    };
    let heard = next(0);
    assert_eq!((heard.signatures(), heard.signed_by(first)), (1, 1));
    assert!(receiver.heard().iter().any(|h| h.kind == "order.updated"), "the grant was told");
    let rotated = koi.must(&Call::post(format!("/webhooks/{id}/rotate"), &json!({})).token(KEY));
    let second = rotated["secret"].as_str().expect("a new secret");
    let heard = next(1);
    assert_eq!((heard.signatures(), heard.signed_by(first), heard.signed_by(second)), (2, 1, 1), "both sign");
    assert_eq!(koi.must(&Call::new("DELETE", format!("/webhooks/{id}/old-secret")).token(KEY))["secrets"], 1);
    let heard = next(2);
    assert_eq!((heard.signatures(), heard.signed_by(second)), (1, 1), "the old one signs no more");
    assert_eq!(koi.send(&Call::new("DELETE", format!("/webhooks/{id}")).token(KEY)).status, 204);
    assert_problem("gone", &koi.send(&Call::get(format!("/webhooks/{id}")).token(KEY)), 404, "webhook_unknown");
    let records = fs::read(koi.data().join("records.db")).expect("records");
    let plain = first.trim_start_matches("whsec_").as_bytes();
    assert!(!records.windows(plain.len()).any(|w| w == plain), "secrets are sealed at rest");
}

#[test]
fn goods_are_claimed_with_an_address_that_only_the_shop_reads() {
    let koi = start("addresses");
    let mut body = campaign();
    body["tiers"].as_array_mut().expect("tiers").retain(|tier| tier["code"] == "cup");
    let campaign = koi.publish(&body);
    let token = koi.shopper(&campaign, "ada", 2);
    let (cup, other) = (win(&koi, &campaign, &token), win(&koi, &campaign, &token));
    let address = json!({"name": "Ada Lovelace-Marker", "phone": "+86 138", "city": "上海", "street": "Marker Rd 7"});
    let claim =
        |award: &Won, body: &Value| koi.send(&Call::post(format!("/awards/{}/claim", award.id), body).token(&token));
    assert_problem("half an address", &claim(&cup, &json!({"address": {"name": "Ada"}})), 422, "invalid_body");
    let claimed = claim(&cup, &json!({"address": address}));
    assert_eq!((claimed.status, &claimed.json()["state"]), (200, &json!("claimed")), "{}", claimed.text());
    assert!(claimed.json()["claim_by"].is_string(), "the deadline is shown: {}", claimed.text());
    assert_eq!(claim(&cup, &json!({"address": address})).status, 200, "the same claim again");
    let moved = json!({"address": {"name": "Eve", "phone": "1", "city": "x", "street": "y"}});
    assert_problem("another address", &claim(&cup, &moved), 409, "award_claimed");
    assert_eq!(claim(&other, &json!({})).status, 200, "an address is optional");
    let path = |award: &Won| format!("/awards/{}/address", award.id);
    let read = wait_for(ARRIVES_WITHIN, "the address", || {
        let answer = koi.send(&Call::get(path(&cup)).token(KEY));
        answer.ok().then(|| answer.json())
    });
    assert_eq!(read.expect("an address")["address"], address);
    assert_problem("no address", &koi.send(&Call::get(path(&other)).token(KEY)), 404, "address_unknown");
    assert_problem("not the shopper's", &koi.send(&Call::get(path(&cup)).token(&token)), 403, "");
    let award = koi.must(&Call::get(format!("/awards/{}", cup.id)).token(KEY));
    assert_eq!((&award["shopper"], &award["state"]), (&json!("ada"), &json!("claimed")), "{award}");
    for entry in fs::read_dir(koi.data()).expect("data").flatten().filter(|e| e.path().is_file()) {
        let bytes = fs::read(entry.path()).expect("a file");
        assert!(!bytes.windows(6).any(|w| w == b"Marker"), "{:?} shows the address", entry.file_name());
    }
}
