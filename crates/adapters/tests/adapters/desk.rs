//! The operators' desk on real records, under a clock that a test holds.

use crate::harness::{DEADLINE, FIRST, Rig, within};
use app::Error;
use app::IfMatch;
use app::desk::{AuditFilter, Caller, Policy, Who};
use app::koi::{Deed, NewOperator, OperatorEdit, Target};
use domain::ids::OperatorId;
use domain::operator::{Act, Ban, Permission, Rights, Role};
use testkit::builders::NOON_MS;

const PASSWORD: &str = "correct horse battery";
const MINUTE: i64 = 60_000;

async fn operator(rig: &Rig, login: &str, role: Role) -> OperatorId {
    let new = NewOperator { login: login.into(), name: login.into(), role, password: PASSWORD.into() };
    rig.koi.create_operator(&Caller::command_line(), new).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    operator(&rig, "ada", Role::Owner).await;
    let policy = rig.koi.policy();
    assert_eq!(policy, Policy::default());
    let token = rig.koi.open_session("ada", PASSWORD, "10.0.0.1", "").await.unwrap().0;
    let found = async |minutes: i64| {
        rig.clock.set(NOON_MS + minutes * MINUTE);
        rig.koi.find_session(token.as_str(), "").await.unwrap().map(|session| session.caller.fresh)
    };
    // Used every 29 minutes it lives for 12 hours; the password is fresh for 10 minutes.
    for (minutes, want) in [(0, Some(true)), (9, Some(true)), (10, Some(false)), (38, Some(false)), (67, Some(false))] {
        assert_eq!(found(minutes).await, want, "after {minutes} minutes");
    }
    for minutes in (96..720).step_by(29) {
        assert_eq!(found(minutes).await, Some(false), "after {minutes} minutes");
    }
    assert_eq!(found(720).await, None, "twelve hours are over");
    assert_eq!(found(710).await, Some(false), "it is judged by its times, not by a look");
    let idle = rig.koi.open_session("ada", PASSWORD, "10.0.0.1", "").await.unwrap().0;
    rig.clock.set(NOON_MS + (710 + 30) * MINUTE);
    assert!(rig.koi.find_session(idle.as_str(), "").await.unwrap().is_none(), "half an hour without a request");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_of_many_at_once_are_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut running = tokio::task::JoinSet::new();
    for i in 0..64 {
        let koi = rig.koi.clone();
        running.spawn(async move {
            let caller = Caller::new(Who::ApiKey(format!("key_{i}")), Rights::EVERY, true, "");
            koi.audited(&caller, Deed::of(Act::ReplayWebhook), async { Ok(()) }).await.unwrap();
            assert!(caller.is_recorded());
        });
    }
    running.join_all().await;
    let all = Caller::command_line();
    let check = rig.koi.check_audit(&all).await.unwrap();
    assert_eq!((check.whole, check.entries), (true, 128), "{check:?}");
    let rig = rig.reopen().await;
    rig.koi.audited(&all, Deed::of(Act::ReplayWebhook), async { Ok(()) }).await.unwrap();
    let check = rig.koi.check_audit(&all).await.unwrap();
    assert_eq!((check.whole, check.entries), (true, 130), "it goes on where it ended: {check:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_without_an_end_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let all = Caller::command_line();
    let newest = async |rig: &Rig| {
        let page = rig.koi.audit(&all, &AuditFilter::default(), FIRST).await.unwrap();
        page.data.into_iter().next().map(|row| (row.act, row.outcome, row.code))
    };
    let refused = Error::Conflict { code: "campaign_not_draft", detail: String::new() };
    let word = |text: &str| Some(text.to_owned());
    for (result, outcome, code) in [
        (Ok(()), word("done"), None),
        (Err(refused), word("refused"), word("campaign_not_draft")),
        (Err(Error::Unavailable("no")), word("unclear"), word("unavailable")),
    ] {
        let _seen = rig.koi.audited(&all, Deed::of(Act::EditFlow), async { result }).await;
        assert_eq!(newest(&rig).await, Some(("flow.edit".to_owned(), outcome, code)));
    }
    // A caller who goes away while the act runs.
    let hangs = rig.koi.audited(&all, Deed::of(Act::EditItem), std::future::pending::<app::Result<()>>());
    let begun = async || newest(&rig).await.is_some_and(|(act, ..)| act == "exchange_item.edit");
    tokio::select! {
        _ = hangs => unreachable!("it never ends"),
        () = within(DEADLINE, "the entry before the act", begun) => {}
    }
    let gone = Some(("exchange_item.edit".to_owned(), word("unclear"), word("caller_gone")));
    within(DEADLINE, "the entry of who went away", async || newest(&rig).await == gone).await;
    // A process that dies while the act runs leaves the entry alone: the outcome is unknown.
    let hangs = rig.koi.audited(&all, Deed::of(Act::CreateItem), std::future::pending::<app::Result<()>>());
    let begun = async || newest(&rig).await.is_some_and(|(act, ..)| act == "exchange_item.create");
    tokio::select! {
        _ = hangs => unreachable!("it never ends"),
        () = within(DEADLINE, "the entry", begun) => {}
    }
    rig.stop().await;
}

/// The use case refuses by itself, whoever calls it and by whatever way.
#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_refused_without_its_right() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    for act in Act::ALL {
        let (permission, id) = (act.permission(), OperatorId(7));
        for (rights, fresh, want) in [
            (Rights::EVERY.without(permission), true, "forbidden"),
            (Rights::NONE, true, "forbidden"),
            (
                [permission].into_iter().collect(),
                false,
                if act.is_dangerous() { "reauthentication_required" } else { "" },
            ),
            ([permission].into_iter().collect(), true, ""),
        ] {
            let who = Who::Operator { id, role: Role::Support, session: "ses".into() };
            let caller = Caller::new(who, rights, fresh, "");
            let mut done = false;
            let work = async {
                done = true;
                Ok(())
            };
            let result = rig.koi.audited(&caller, Deed::of(*act).on(Target::Other("x", "1".into())), work).await;
            assert_eq!(result.map_err(|error| error.code()).err().unwrap_or(""), want, "{act:?} with {rights:?}");
            assert_eq!((done, caller.is_recorded()), (want.is_empty(), want.is_empty()), "{act:?} with {rights:?}");
        }
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edits_never_take_the_last_two_owners() {
    for round in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let rig = Rig::open(dir.path()).await;
        let (ada, bob) = (operator(&rig, "ada", Role::Owner).await, operator(&rig, "bob", Role::Owner).await);
        let all = Caller::command_line();
        let partly = Ban { permission: Some(Permission::PointsAdd), until_ms: None, reason: "x".into() };
        rig.koi.ban_operator(&all, ada, partly).await.unwrap();
        let support = OperatorEdit { name: None, role: Some(Role::Support) };
        let whole = Ban { permission: None, until_ms: None, reason: "x".into() };
        let (demoted, banned) = tokio::join!(
            rig.koi.edit_operator(&all, ada, &IfMatch::Absent, support),
            rig.koi.ban_operator(&all, bob, whole)
        );
        let refused: Vec<_> = [demoted.err(), banned.err()].into_iter().flatten().map(|error| error.code()).collect();
        assert_eq!(refused, ["last_owner"], "round {round}: one of the two is refused");
        rig.stop().await;
    }
}
