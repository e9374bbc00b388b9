//! The life of a campaign's rules: frozen by publishing, changed in the shopper's favour at once, never otherwise.

use crate::harness::{FIRST, Rig, draw, refusal};
use adapters::vault::Vault;
use app::Error;
use app::IfMatch;
use app::koi::CampaignPolicy;
use app::ports::{Campaigns, JobCursor, Shelves, StrategyRow};
use domain::campaign::compare::Effect;
use domain::campaign::{State, Time};
use domain::fairness::Receipt;
use domain::ids::CampaignId;
use domain::moments::Moments;
use serde_json::{Map, Value, json};
use testkit::builders::{NOON_MS, definition, one_prize};

fn patch(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

async fn amend(rig: &Rig, id: CampaignId, value: Value) -> Result<app::CampaignView, Error> {
    rig.koi.edit_campaign(id, &IfMatch::Absent, patch(&value)).await
}

/// Version of the row, version and hash of the rules.
async fn versions(rig: &Rig, id: CampaignId) -> (u32, u32, String) {
    let view = rig.koi.campaign(id).await.unwrap();
    (view.version, view.rules_version, view.rules_hash)
}

#[tokio::test]
async fn publish_freezes_rules_and_only_a_change_of_rules_makes_a_version() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"stock": 1}))).await;
    let who = rig.shopper("ada", id, 20).await;
    let (mut row, rules, hash) = versions(&rig, id).await;
    assert_eq!(rules, 1, "the first rules");
    for act in ["pause", "pause", "resume", "resume", "pause", "resume"] {
        let view = if act == "pause" { rig.koi.pause(id).await } else { rig.koi.resume(id).await };
        let view = view.unwrap();
        assert!(view.version >= row, "{act}");
        row = view.version;
        assert_eq!((view.rules_version, &view.rules_hash), (1, &hash), "{act} changes no rule");
    }
    let won = draw(&rig.koi, id, who, "first").await.unwrap();
    assert_eq!((&won["prize"]["code"], &won["receipt"]["rules"]), (&json!("cup"), &json!(1)));
    let none = draw(&rig.koi, id, who, "second").await.unwrap();
    assert_eq!(none["prize"]["code"], "thanks", "the one cup is won: {none}");

    let mut prizes: Value = serde_json::to_value(&rig.koi.campaign(id).await.unwrap().definition.prizes).unwrap();
    prizes[0]["stock"] = json!(3);
    let view = amend(&rig, id, json!({"prizes": prizes, "chances": {"sign_in": 3}})).await.unwrap();
    assert_eq!(view.rules_version, 2, "more stock makes a version");
    assert_ne!(view.rules_hash, hash);
    let again = draw(&rig.koi, id, who, "third").await.unwrap();
    assert_eq!((&again["prize"]["code"], &again["receipt"]["rules"]), (&json!("cup"), &json!(2)), "at once");
    assert_eq!(again["receipt"]["rules_hash"], json!(view.rules_hash));
    let same = amend(&rig, id, json!({"prizes": prizes})).await.unwrap();
    assert_eq!((same.version, same.rules_version), (view.version, 2), "the same rules are no change");

    rig = rig.reopen().await;
    assert_eq!(versions(&rig, id).await, (view.version, 2, view.rules_hash.clone()), "kept through a restart");
    for (version, want) in [(1, &hash), (2, &view.rules_hash)] {
        let kept = rig.store().rules(id, version).await.unwrap().expect("every version is kept");
        assert_eq!((&hex::encode(kept.hash), kept.version), (want, version));
    }
    rig.stop().await;
}

#[tokio::test]
async fn publish_refuses_a_live_edit_against_the_shopper() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut body = one_prize(&json!({"stock": 10}));
    body["limits"] = json!({"per_shopper": 20, "per_day": 10});
    body["chances"] = json!({"sign_in": 2});
    let id = rig.publish(body.clone()).await;
    let before = versions(&rig, id).await;
    let mut prizes = body["prizes"].clone();
    prizes[0]["stock"] = json!(9);
    for value in [
        json!({"prizes": prizes}),
        json!({"ends_at": "2026-03-12T00:00:00Z"}),
        json!({"limits": {"per_day": 9}}),
        json!({"limits": {"per_shopper": 19, "per_day": 1_000}}),
        json!({"chances": {"sign_in": 1}}),
        json!({"chances": {"sign_in": null}}),
        json!({"tiers": [{"code": "small", "slots": 2, "weight": 1, "prizes": ["cup"]}]}),
        json!({"pools": [{"code": "late", "when": "n > 3", "tiers": ["small"]}]}),
        json!({"flow": "THEN(blacklist, pool, draw)"}),
    ] {
        assert_eq!(refusal(amend(&rig, id, value.clone()).await), "against_shopper", "{value}");
        assert_eq!(versions(&rig, id).await, before, "{value} changed nothing");
    }
    for (value, code) in [(json!({"colour": "red"}), "invalid_body"), (json!({"name": ""}), "publish_blocked")] {
        assert_eq!(refusal(amend(&rig, id, value.clone()).await), code, "{value}");
        assert_eq!(versions(&rig, id).await, before, "{value} changed nothing");
    }
    rig.koi.end(id).await.unwrap();
    assert_eq!(refusal(amend(&rig, id, json!({"name": "x"})).await), "campaign_over");
    rig.stop().await;
}

#[tokio::test]
async fn publish_announces_what_is_against_the_shopper_and_applies_it_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"stock": 10}))).await;
    let who = rig.shopper("ada", id, 20).await;
    let mut prizes = one_prize(&json!({"stock": 5}))["prizes"].clone();
    let draft = |at_ms| rig.koi.draft_version(id, patch(&json!({"prizes": prizes})), at_ms);
    let soon = draft(Some(NOON_MS + 60_000)).await.unwrap();
    assert_eq!((soon.version, soon.state), (2, "draft"));
    assert_eq!(refusal(rig.koi.publish_version(id, 2, &[]).await), "notice_short", "a minute is no notice");
    let at_ms = NOON_MS + 7_200_000;
    let later = draft(Some(at_ms)).await.unwrap();
    let diff = rig.koi.diff_version(id, later.version, None).await.unwrap();
    assert_eq!((diff.from, diff.effect, diff.changes.len()), (Some(1), Effect::Against, 1));
    assert_eq!(diff.changes[0].field, "prizes[0].stock");
    assert_eq!(rig.koi.publish_version(id, 3, &[]).await.unwrap().state, "announced");
    assert_eq!(refusal(rig.koi.publish_version(id, 2, &[]).await), "version_announced", "one at a time");
    prizes[0]["stock"] = json!(11);
    assert_eq!(refusal(amend(&rig, id, json!({"prizes": prizes})).await), "version_announced", "it would be undone");
    let shown = rig.koi.published_rules(id).await.unwrap();
    let announced = shown.announced.expect("shoppers are told");
    assert_eq!((announced.version, announced.changes.len(), shown.rules_version), (3, 1, 1));

    rig = rig.reopen().await;
    assert_eq!(rig.koi.apply_due().await.unwrap(), 0, "its time has not come");
    let before = draw(&rig.koi, id, who, "before").await.unwrap();
    assert_eq!(before["receipt"]["rules"], 1);
    rig.set_time(at_ms).await;
    assert_eq!(rig.koi.apply_due().await.unwrap(), 1);
    assert_eq!(rig.koi.apply_due().await.unwrap(), 0, "once");
    let after = draw(&rig.koi, id, who, "after").await.unwrap();
    assert_eq!(after["receipt"]["rules"], 3);
    let view = rig.koi.campaign(id).await.unwrap();
    assert_eq!((view.rules_version, view.definition.prizes[0].stock), (3, Some(5)));
    let states: Vec<_> = rig.koi.versions(id, FIRST).await.unwrap().data.iter().map(|v| (v.version, v.state)).collect();
    assert_eq!(states, [(3, "in_force"), (2, "draft"), (1, "past")]);
    assert_eq!(refusal(rig.koi.publish_version(id, 2, &[]).await), "version_outdated");
    assert_eq!(rig.koi.withdraw_version(id, 2).await.unwrap().state, "withdrawn");
    assert_eq!(refusal(rig.koi.withdraw_version(id, 3).await), "version_applied");
    let moved = rig.koi.draft_version(id, patch(&json!({"currency": "USD"})), Some(at_ms * 2)).await.unwrap();
    assert_eq!(refusal(rig.koi.publish_version(id, moved.version, &[]).await), "publish_blocked");
    assert_eq!(refusal(rig.koi.version(id, 99).await), "version_unknown");
    rig.stop().await;
}

#[tokio::test]
async fn publish_takes_a_second_person_where_configured() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let strict = rig.koi.with_policy(CampaignPolicy { second_person: true, ..CampaignPolicy::default() });
    let (ada, bob) = (strict.acting("operator:ada"), strict.acting("operator:bob"));
    let id = ada.create_campaign(definition(one_prize(&json!({"stock": 10})))).await.unwrap().id;
    assert_eq!(refusal(ada.publish(id, &[]).await), "second_person_needed");
    assert_eq!(refusal(strict.publish(id, &[]).await), "second_person_needed", "nobody is no second person");
    assert_eq!(bob.publish(id, &[]).await.unwrap().state, State::Live);
    let version = bob.version(id, 1).await.unwrap();
    assert_eq!((&*version.author, &*version.publisher), ("operator:ada", "operator:bob"));
    let more = patch(&json!({"chances": {"sign_in": 9}}));
    assert_eq!(refusal(bob.edit_campaign(id, &IfMatch::Absent, more.clone()).await), "second_person_needed");
    let draft = bob.draft_version(id, more, None).await.unwrap();
    assert_eq!(refusal(bob.publish_version(id, draft.version, &[]).await), "second_person_needed");
    assert_eq!(
        ada.publish_version(id, draft.version, &[]).await.unwrap().state,
        "in_force",
        "in their favour: at once"
    );
    rig.stop().await;
}

/// The page that anyone may read holds neither what things cost the shop nor the seed.
#[tokio::test]
async fn published_rules_show_odds_and_hide_costs() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut body = testkit::builders::campaign();
    body["limits"] = json!({"per_day": 3, "budget_cents": 987_654_321});
    body["prizes"][0]["cost_cents"] = json!(123_456_789);
    let draft = rig.koi.create_campaign(definition(body)).await.unwrap().id;
    assert_eq!(refusal(rig.koi.published_rules(draft).await), "campaign_unknown", "a draft is nobody's business");
    rig.koi.publish(draft, &[]).await.unwrap();
    let rules = rig.koi.published_rules(draft).await.unwrap();
    let odds: Vec<_> = rules.pools[0].odds.iter().map(|o| (&*o.tier, &*o.probability)).collect();
    assert_eq!(odds, [("small", "0.500000"), ("points", "0.500000")]);
    assert_eq!(rules.limits.get("per_day"), Some(&json!(3)));
    let text = serde_json::to_string(&rules).unwrap();
    let seed = hex::encode(rig.store().load(draft).await.unwrap().unwrap().seed.reveal());
    for secret in ["987654321", "123456789", "budget", "cost_cents", &*seed] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_campaign_is_archived_once_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({}))).await;
    assert_eq!(refusal(rig.koi.archive(id).await), "campaign_not_over");
    rig.koi.end(id).await.unwrap();
    assert_eq!(rig.koi.archive(id).await.unwrap().state, State::Archived);
    rig = rig.reopen().await;
    assert_eq!(rig.koi.archive(id).await.unwrap().state, State::Archived, "again");
    assert_eq!(refusal(rig.koi.resume(id).await), "campaign_over");
    let draft = rig.koi.copy_campaign(id).await.unwrap();
    assert_eq!((draft.state, draft.rules_version), (State::Draft, 0), "a copy starts anew");
    assert_eq!(refusal(rig.koi.pause(draft.id).await), "campaign_not_published");
    assert_eq!(rig.koi.archive(draft.id).await.unwrap().state, State::Archived);
    rig.stop().await;
}

/// Two secret times: the first draw after each wins, whatever its odds; nobody before, nobody twice, nothing lost by a restart.
#[tokio::test]
async fn the_first_draw_after_a_moment_wins_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut body = one_prize(&json!({}));
    body["starts_at"] = json!("2026-03-10T03:59:00Z");
    body["ends_at"] = json!("2026-04-01T00:00:00Z");
    let car = json!({"code": "car", "name": "Car", "kind": "goods", "value_cents": 4_000_000, "moments": 2});
    body["prizes"].as_array_mut().unwrap().push(car);
    let id = rig.publish(body).await;
    let (ada, bob) = (rig.shopper("ada", id, 50).await, rig.shopper("bob", id, 50).await);
    let rules = rig.koi.published_rules(id).await.unwrap();
    let committed = rules.moments.expect("they are told of");
    assert_eq!((committed.count, committed.times.is_none()), (2, true), "but not when");
    assert_eq!((rules.prizes[1].quantity, rules.prizes[1].by_time), (Some(2), true));
    // Only a test may look: times come from the seed alone.
    let seed = rig.store().load(id).await.unwrap().unwrap().seed;
    let at = |text: &str| Time::parse(text).unwrap().as_ms();
    let (starts, ends) = (at("2026-03-10T03:59:00Z"), at("2026-04-01T00:00:00Z"));
    let moments = Moments::derive(&seed, id, starts, ends, &[(1, "car", 2)]);
    assert_eq!(hex::encode(moments.commitment()), committed.hash);
    let code = |won: Value| won["prize"]["code"].as_str().unwrap().to_owned();
    let mut won = 0;
    for (round, moment) in moments.reveal().iter().enumerate() {
        let key = |what: &str| format!("{what} {round}");
        if moment.at_ms - 1 > NOON_MS {
            rig.set_time(moment.at_ms - 1).await;
            assert_eq!(code(draw(&rig.koi, id, ada, &key("before")).await.unwrap()), "cup", "a millisecond early");
        }
        rig.set_time(moment.at_ms.max(NOON_MS)).await;
        rig = rig.reopen().await;
        let first = draw(&rig.koi, id, bob, &key("first")).await.unwrap();
        let verified = Receipt::parse(first["receipt"].to_string().as_bytes()).unwrap().verify();
        assert_eq!(verified.unwrap().prize, "car", "the receipt holds");
        won += usize::from(code(first) == "car");
        rig = rig.reopen().await;
        assert_eq!(code(draw(&rig.koi, id, ada, &key("next")).await.unwrap()), "cup", "each moment once");
    }
    assert_eq!(won, 2);
    let longer = amend(&rig, id, json!({"ends_at": "2026-05-01T00:00:00Z"})).await;
    assert_eq!(refusal(longer), "publish_blocked", "another window would mean other moments");
    rig.koi.end(id).await.unwrap();
    let times = rig.koi.published_rules(id).await.unwrap().moments.unwrap().times.expect("now they are shown");
    assert_eq!(
        times.iter().map(|m| at(&m.at)).collect::<Vec<_>>(),
        moments.reveal().iter().map(|m| m.at_ms).collect::<Vec<_>>()
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_campaign_is_warm_when_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut body = testkit::builders::campaign();
    body["starts_at"] = json!("2026-03-10T04:10:00Z");
    let id = rig.publish(body).await;
    assert_eq!(rig.koi.campaign(id).await.unwrap().state, State::Scheduled);
    let mut rows = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let shopper = rig.shopper(name, id, 1).await;
        let slots = "[[0,0,null],[0,1,null],[1,3,null]]".to_owned();
        rows.push(StrategyRow { shopper, campaign: id, slots, generation: 1, message: 0, at_ms: 0 });
    }
    let cursor = JobCursor { campaign: id, after: rows[2].shopper, done: 3, total: 3, generation: 1, finished: true };
    rig.store().put_strategies(rows, cursor).await.unwrap();
    assert_eq!(rig.koi.preheat().await.unwrap(), 0, "ten minutes ahead is too early");
    rig.set_time(NOON_MS + 6 * 60_000).await;
    assert_eq!(rig.koi.preheat().await.unwrap(), 3);
    assert_eq!(rig.koi.preheat().await.unwrap(), 0, "once");
    rig.stop().await;
}

/// A campaign from before there were two seeds: its late one follows from the master key, the same at every start.
#[tokio::test]
async fn a_campaign_with_one_seed_has_a_late_one_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"stock": 10}))).await;
    let before = Campaigns::load(rig.store(), id).await.unwrap().unwrap();
    let data = rig.stop().await;
    let sealed = Vault::open(&data).unwrap().seal(before.seed.reveal());
    let records = rusqlite::Connection::open(data.join("records.db")).unwrap();
    assert_eq!(records.execute("UPDATE campaigns SET seed = ?1 WHERE id = ?2", (sealed, id.0 as i64)).unwrap(), 1);
    drop(records);
    let mut known = None;
    for _ in 0..2 {
        let rig = Rig::open(dir.path()).await;
        let row = Campaigns::load(rig.store(), id).await.unwrap().unwrap();
        assert_eq!(row.seed.reveal(), before.seed.reveal());
        assert!(row.late_seed.reveal() != row.seed.reveal() && row.late_seed.reveal() != before.late_seed.reveal());
        assert!(known.is_none_or(|known| known == *row.late_seed.reveal()), "always the same");
        known = Some(*row.late_seed.reveal());
        rig.stop().await;
    }
}
