//! Orders of every kind, from their making to their end, with timers on a clock that the test holds.

use crate::harness::{FIRST, Rig, draw, refusal};
use app::koi::OrderInput;
use app::{Chances, Error, OrderView};
use domain::behaviour::{Action, Behaviour};
use domain::ids::{CampaignId, OrderId, ShopperId};
use serde_json::{Value, json};
use testkit::builders::{DAY_MS, NOON_MS, campaign, purchase};

async fn order(rig: &Rig, id: CampaignId, who: ShopperId, key: &str, input: OrderInput) -> Result<Value, Error> {
    let request = json!(format!("{input:?}"));
    let answer = rig.koi.order(id, who, key, input, &request).await?;
    assert_eq!(answer.status, 201);
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn id_of(order: &Value) -> OrderId {
    order["id"].as_str().unwrap().parse().unwrap()
}

fn with(chances: Value) -> Value {
    let mut whole = campaign();
    whole["chances"] = chances;
    whole
}

/// Granted, used, expired, taken back, left; they must add up.
async fn account(rig: &Rig, id: CampaignId, who: ShopperId) -> [u64; 5] {
    let Chances { granted, used, left, expired, taken_back } = rig.koi.me(id, who).await.unwrap().chances;
    assert_eq!(granted - used - expired - taken_back, left, "chances conserve");
    [granted, used, expired, taken_back, left]
}

async fn states(rig: &Rig, id: CampaignId, who: ShopperId) -> Vec<(&'static str, &'static str, u64)> {
    let orders = rig.koi.orders(id, who, FIRST).await.unwrap().data;
    for listed in &orders {
        let one = rig.koi.get_order(who, listed.id).await.unwrap();
        assert_eq!(
            serde_json::to_value(&one).unwrap(),
            serde_json::to_value(listed).unwrap(),
            "a list shows the order"
        );
    }
    orders.iter().map(|o: &OrderView| (o.kind, o.state, o.left)).collect()
}

#[tokio::test]
async fn chances_are_spent_oldest_expiry_first_and_expire() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"sign_in": 1}))).await;
    let who = rig.shopper("ada", id, 0).await;
    for (key, chances, expires) in
        [("a", 2, None), ("b", 2, Some(NOON_MS + 2 * DAY_MS)), ("c", 3, Some(NOON_MS + DAY_MS))]
    {
        rig.koi.grant(id, "ada", chances, key, "gift", expires).await.unwrap();
    }
    draw(&rig.koi, id, who, "1").await.unwrap();
    assert_eq!(
        states(&rig, id, who).await,
        [("grant", "effective", 2), ("grant", "effective", 2), ("grant", "effective", 2)]
    );
    rig.project().await;
    for _ in 0..2 {
        draw(&rig.koi, id, who, if account(&rig, id, who).await[1] == 1 { "2" } else { "3" }).await.unwrap();
        rig = rig.reopen().await;
    }
    assert_eq!(
        states(&rig, id, who).await,
        [("grant", "used", 0), ("grant", "effective", 2), ("grant", "effective", 2)]
    );
    // Before its timer, a draw itself writes off what is over; one that has nothing else left is refused.
    rig.set_time(NOON_MS + 2 * DAY_MS).await;
    assert_eq!(
        account(&rig, id, who).await,
        [7, 3, 2, 0, 2],
        "what is due is shown as expired before anybody writes it off"
    );
    draw(&rig.koi, id, who, "4").await.unwrap();
    assert_eq!(states(&rig, id, who).await, [("grant", "used", 0), ("grant", "expired", 0), ("grant", "effective", 1)]);
    rig.koi.grant(id, "ada", 5, "d", "gift", Some(NOON_MS + 3 * DAY_MS)).await.unwrap();
    draw(&rig.koi, id, who, "5").await.unwrap();
    draw(&rig.koi, id, who, "6").await.unwrap();
    rig.set_time(NOON_MS + 3 * DAY_MS).await;
    draw(&rig.koi, id, who, "7").await.unwrap();
    assert_eq!(refusal(draw(&rig.koi, id, who, "8").await), "no_chances");
    let want = account(&rig, id, who).await;
    rig.project().await;
    // The timer of what was drawn meanwhile is dropped; it changes nothing.
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1);
    assert_eq!(rig.koi.fire_due().await.unwrap(), 0);
    assert_eq!(account(&rig, id, who).await, want);
    rig.stop().await;
}

#[tokio::test]
async fn a_timer_writes_off_what_nobody_draws() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"valid_days": 1}))).await;
    let who = rig.shopper("ada", id, 4).await;
    draw(&rig.koi, id, who, "1").await.unwrap();
    rig.project().await;
    // Granted at noon in Shanghai: the end of the next day is 36 hours later.
    for (at, fired, want) in [
        (NOON_MS + 36 * 3_600_000 - 1, 0, ("grant", "effective", 3)),
        (NOON_MS + 36 * 3_600_000, 1, ("grant", "expired", 0)),
    ] {
        rig.set_time(at).await;
        assert_eq!(rig.koi.fire_due().await.unwrap(), fired, "at {at}");
        assert_eq!(states(&rig, id, who).await, [want]);
    }
    rig.project().await;
    rig = rig.reopen().await;
    assert_eq!(states(&rig, id, who).await, [("grant", "expired", 0)]);
    assert_eq!(account(&rig, id, who).await, [4, 1, 3, 0, 0]);
    rig.stop().await;
}

async fn pay(rig: &Rig, order: OrderId, payment: &str, cents: Option<i64>) -> Result<Value, Error> {
    let answer = rig.koi.pay_order(order, Some(payment), cents).await?;
    assert_eq!((answer.status, answer.replayed), (200, false));
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn an_order_is_paid_in_time_or_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"paid_price_cents": 100}))).await;
    let who = rig.shopper("ada", id, 0).await;
    let stranger = rig.shopper("bob", id, 0).await;
    let paid = |quantity| OrderInput::Paid { quantity };
    let first = order(&rig, id, who, "1", paid(3)).await.unwrap();
    assert_eq!(
        (&first["state"], &first["price_cents"], &first["left"]),
        (&json!("pending_payment"), &json!(300), &json!(0))
    );
    assert_eq!(order(&rig, id, who, "1", paid(3)).await.unwrap(), first, "the same key again");
    assert_eq!(refusal(rig.koi.get_order(stranger, id_of(&first)).await), "order_unknown");
    assert_eq!(refusal(rig.koi.cancel_order(stranger, id_of(&first)).await), "order_unknown");
    // Nothing is projected yet: the shop's server names the order by its id alone.
    assert_eq!(refusal(pay(&rig, id_of(&first), "p1", Some(299)).await), "amount_mismatch");
    let done = pay(&rig, id_of(&first), "p1", Some(300)).await.unwrap();
    assert_eq!(
        (&done["state"], &done["left"], &done["created_at"]),
        (&json!("effective"), &json!(3), &first["created_at"])
    );
    assert_eq!(pay(&rig, id_of(&first), "p1", Some(300)).await.unwrap(), done, "the same payment again");
    assert_eq!(refusal(pay(&rig, id_of(&first), "p1", Some(301)).await), "business_key_reused");
    assert_eq!(account(&rig, id, who).await, [3, 0, 0, 0, 3]);
    assert_eq!(refusal(rig.koi.cancel_order(who, id_of(&first)).await), "order_not_cancellable");

    let second = order(&rig, id, who, "2", paid(1)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(rig.koi.cancel_order(who, id_of(&second)).await.unwrap().state, "closed");
    }
    let third = order(&rig, id, who, "3", paid(2)).await.unwrap();
    rig.project().await;
    rig = rig.reopen().await;
    for (after_ms, fired, state) in [(599_999, 0, "pending_payment"), (600_000, 1, "closed")] {
        rig.set_time(NOON_MS + after_ms).await;
        assert_eq!(rig.koi.fire_due().await.unwrap(), fired);
        assert_eq!(rig.koi.get_order(who, id_of(&third)).await.unwrap().state, state);
    }
    // Paid when it was closed, paid twice, and paid in the moment between its time and its timer.
    let fourth = order(&rig, id, who, "4", paid(1)).await.unwrap();
    rig.set_time(NOON_MS + 1_200_000).await;
    for (order, payment, state, left) in [
        (&second, "p2", "closed", 0),
        (&third, "p3", "closed", 0),
        (&first, "p4", "effective", 3),
        (&fourth, "p5", "closed", 0),
    ] {
        let late = pay(&rig, id_of(order), payment, None).await.unwrap();
        assert_eq!((&late["state"], &late["left"]), (&json!(state), &json!(left)), "{payment}");
        assert_eq!(late["refund"]["amount_cents"], order["price_cents"]);
        assert_eq!(pay(&rig, id_of(order), payment, None).await.unwrap(), late, "owed once");
    }
    assert_eq!(account(&rig, id, who).await, [3, 0, 0, 0, 3]);
    rig.project().await;
    let owed = rig.koi.refunds(id, FIRST).await.unwrap().data;
    let told: Vec<_> = owed.iter().map(|r| (r.payment_id.as_str(), r.amount_cents, r.shopper.as_deref())).collect();
    assert_eq!(
        told,
        [("p5", 100, Some("ada")), ("p4", 300, Some("ada")), ("p3", 200, Some("ada")), ("p2", 100, Some("ada"))]
    );
    assert_eq!(refusal(pay(&rig, OrderId(5), "p", None).await), "order_unknown");
    let states = states(&rig, id, who).await;
    assert_eq!(states.iter().map(|s| s.1).collect::<Vec<_>>(), ["closed", "closed", "closed", "effective"]);
    rig.stop().await;
}

#[tokio::test]
async fn unpaid_orders_are_bounded_and_kinds_refused_where_not_offered() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let (id, bare) = (rig.publish(with(json!({"paid_price_cents": 1}))).await, rig.publish(with(json!({}))).await);
    let who = rig.shopper("ada", id, 0).await;
    for i in 0..domain::account::UNPAID_MAX {
        order(&rig, id, who, &i.to_string(), OrderInput::Paid { quantity: 1 }).await.unwrap();
    }
    assert_eq!(refusal(order(&rig, id, who, "more", OrderInput::Paid { quantity: 1 }).await), "unpaid_too_many");
    for input in [OrderInput::SignIn, OrderInput::Paid { quantity: 1 }, OrderInput::Points { quantity: 1 }] {
        assert_eq!(refusal(order(&rig, bare, who, "k", input).await), "not_offered");
    }
    assert_eq!(refusal(order(&rig, bare, who, "k", OrderInput::Referral { code: "X".into() }).await), "code_unknown");
    rig.stop().await;
}

#[tokio::test]
async fn chances_are_bought_with_points_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"points_price": 50}))).await;
    let who = rig.shopper("ada", id, 0).await;
    rig.koi.add_points("ada", 120, "k", "gift", None).await.unwrap();
    let buy = |quantity| OrderInput::Points { quantity };
    assert_eq!(refusal(order(&rig, id, who, "1", buy(3)).await), "points_short");
    let bought = order(&rig, id, who, "1", buy(2)).await.unwrap();
    assert_eq!((&bought["price_points"], &bought["left"]), (&json!(100), &json!(2)));
    for _ in 0..2 {
        assert_eq!(order(&rig, id, who, "1", buy(2)).await.unwrap(), bought);
        assert_eq!(refusal(order(&rig, id, who, "2", buy(1)).await), "points_short");
        assert_eq!(rig.koi.points(who).await.unwrap().balance, 20);
        assert_eq!(account(&rig, id, who).await, [2, 0, 0, 0, 2]);
        rig.project().await;
        rig = rig.reopen().await;
    }
    let entry = &rig.koi.point_entries(who, FIRST).await.unwrap().data[0];
    let key = format!("order:{}", bought["id"].as_str().unwrap());
    assert_eq!((entry.amount, entry.contra, entry.business_key.as_str()), (-100, "spent", key.as_str()));
    rig.stop().await;
}

fn gave_back(id: &str, order: &str, at_ms: i64, cents: i64) -> Behaviour {
    let Action::Purchase { order_id, items } = purchase(id, order, at_ms, "CUP", cents).action else { unreachable!() };
    Behaviour { id: id.into(), at_ms, action: Action::Return { order_id, items } }
}

#[tokio::test]
async fn a_return_takes_back_what_is_not_spent() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"per_purchase_cents": 1_000, "return_window_days": 7}))).await;
    let send = async |rig: &Rig, event: Behaviour| {
        rig.koi.record_events(vec![Ok(("ada".to_owned(), event))]).await.unwrap();
    };
    let who = rig.shopper("ada", id, 0).await;
    send(&rig, purchase("e1", "o1", NOON_MS, "CUP", 5_500)).await;
    let made = rig.koi.orders(id, who, FIRST).await.unwrap().data.remove(0);
    assert_eq!((made.kind, made.pending, made.reason.as_deref(), made.left), ("purchase", Some(true), Some("o1"), 5));
    draw(&rig.koi, id, who, "1").await.unwrap();
    for (event, cents, want, state) in [
        // 5,100 remain: all five chances are deserved still.
        ("r1", 400, [5, 1, 0, 0, 4], ("purchase", "effective", 4)),
        ("r1", 400, [5, 1, 0, 0, 4], ("purchase", "effective", 4)),
        ("r2", 2_000, [5, 1, 0, 2, 2], ("purchase", "effective", 2)),
        // Nothing remains; the spent one is forgiven.
        ("r3", 9_000, [5, 1, 0, 4, 0], ("purchase", "closed", 0)),
        ("r4", 9_000, [5, 1, 0, 4, 0], ("purchase", "closed", 0)),
    ] {
        send(&rig, gave_back(event, "o1", NOON_MS + 1, cents)).await;
        assert_eq!(account(&rig, id, who).await, want, "{event}");
        assert_eq!(states(&rig, id, who).await, [state]);
        rig.project().await;
        rig = rig.reopen().await;
    }
    // After the window a return changes nothing, and the order is pending no more.
    send(&rig, purchase("e2", "o2", NOON_MS, "CUP", 2_000)).await;
    rig.set_time(NOON_MS + 9 * DAY_MS).await;
    send(&rig, gave_back("r5", "o2", NOON_MS + 9 * DAY_MS, 2_000)).await;
    assert_eq!(account(&rig, id, who).await, [7, 1, 0, 4, 2]);
    assert_eq!(rig.koi.orders(id, who, FIRST).await.unwrap().data[0].pending, Some(false));
    // A purchase and its return in one request.
    let both = [purchase("e3", "o3", NOON_MS, "CUP", 3_000), gave_back("r6", "o3", NOON_MS, 1_000)];
    rig.koi.record_events(both.into_iter().map(|e| Ok(("ada".to_owned(), e))).collect()).await.unwrap();
    assert_eq!(account(&rig, id, who).await, [10, 1, 0, 5, 4]);
    rig.stop().await;
}

#[tokio::test]
async fn who_brings_whom_is_rewarded_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(with(json!({"referral": 2, "referred": 1}))).await;
    let ada = rig.shopper("ada", id, 0).await;
    let code = rig.koi.me(id, ada).await.unwrap().referral_code.unwrap();
    let by = |code: &str| OrderInput::Referral { code: code.to_owned() };
    assert_eq!(refusal(order(&rig, id, ada, "1", by(&code)).await), "referral_own");
    let bob = rig.shopper("bob", id, 0).await;
    let came = order(&rig, id, bob, "1", by(&code)).await.unwrap();
    assert_eq!((&came["kind"], &came["chances"]), (&json!("referral"), &json!(1)));
    assert_eq!(account(&rig, id, ada).await, [2, 0, 0, 0, 2], "at once");
    for round in 0..2 {
        assert_eq!(order(&rig, id, bob, "1", by(&code)).await.unwrap(), came);
        assert_eq!(refusal(order(&rig, id, bob, "2", by(&code)).await), "already_referred");
        rig.project().await;
        // The timer that stands in for a reward that a crash forgot finds it done.
        assert_eq!(rig.koi.fire_due().await.unwrap(), usize::from(round == 0));
        assert_eq!(account(&rig, id, ada).await, [2, 0, 0, 0, 2], "once");
        rig = rig.reopen().await;
    }
    let eve = rig.shopper("eve", id, 1).await;
    draw(&rig.koi, id, eve, "1").await.unwrap();
    assert_eq!(refusal(order(&rig, id, eve, "2", by(&code)).await), "already_drawn");
    assert_eq!(refusal(order(&rig, id, eve, "2", by("0123456789ABCDEFGHJKM")).await), "code_unknown");
    rig.stop().await;
}

#[tokio::test]
async fn days_in_a_row_give_more() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let streaks = json!([{"days": 1, "points": 1}, {"days": 3, "chances": 1, "points": 10}, {"days": 4, "chances": 5}]);
    let id = rig.publish(with(json!({"sign_in": 1, "streaks": streaks}))).await;
    let who = rig.shopper("ada", id, 0).await;
    // A day is left out after the fifth; the calendar starts again after its fourth.
    for (day, streak, chances, points) in
        [(0, 1, 1, 1), (1, 2, 1, 0), (2, 3, 2, 10), (3, 4, 6, 0), (4, 5, 1, 1), (6, 1, 1, 1), (7, 2, 1, 0)]
    {
        rig.set_time(NOON_MS + day * DAY_MS).await;
        let made = order(&rig, id, who, &day.to_string(), OrderInput::SignIn).await.unwrap();
        let want = (&json!(streak), &json!(chances), points);
        assert_eq!((&made["streak"], &made["chances"], made["points"].as_i64().unwrap_or(0)), want, "day {day}");
        assert_eq!(rig.koi.me(id, who).await.unwrap().streak, streak);
    }
    rig.set_time(NOON_MS + 9 * DAY_MS).await;
    assert_eq!(rig.koi.me(id, who).await.unwrap().streak, 0, "two days ago is no row");
    rig.stop().await;
}
