//! The ports of [`app::desk`]: operators, sessions, API keys, the audit.

use app::desk::{
    AuditFilter, AuditLog, AuditRow, KeyRow, KeyStore, OperatorRow, Operators, SecretRow, SessionRow, Sessions,
};
use app::ports::PortError;
use domain::ids::OperatorId;
use domain::operator::{Ban, Permission, Role};

fn operator(id: u64, login: &str, role: Role) -> OperatorRow {
    OperatorRow {
        id: OperatorId(id),
        version: 1,
        login: login.to_owned(),
        name: format!("{login} 锦鲤"),
        role,
        password: "$argon2id$…".to_owned(),
        bans: Vec::new(),
        created_at_ms: 1_000 + id as i64,
    }
}

/// Operators are unique by login, edited by version, listed newest first, and survive.
pub async fn keeps_operators<S: Operators>(open: impl AsyncFn() -> S) {
    let store = open().await;
    let (ada, bob, eve) =
        (operator(1, "ada", Role::Owner), operator(2, "bob", Role::Support), operator(3, "eve", Role::Owner));
    for row in [&ada, &bob, &eve] {
        assert_eq!(store.insert(row).await, Ok(true));
    }
    assert_eq!(store.insert(&OperatorRow { id: OperatorId(4), ..ada.clone() }).await, Ok(false), "the login is taken");
    let ban = Ban { permission: Some(Permission::PointsAdd), until_ms: Some(5), reason: "x \"y\"".into() };
    let edited = OperatorRow { version: 2, role: Role::Auditor, bans: vec![ban], ..bob.clone() };
    assert_eq!(store.update(&edited).await, Ok(()));
    assert_eq!(store.update(&edited).await, Err(PortError::Stale("the operator")), "one edit a version");
    drop(store);
    let store = open().await;
    assert_eq!(store.by_id(bob.id).await, Ok(Some(edited.clone())));
    assert_eq!(store.by_login("bob").await, Ok(Some(edited.clone())));
    assert_eq!(store.by_login("Bob").await, Ok(None));
    assert_eq!(store.list(u64::MAX >> 1, 2).await, Ok(vec![eve.clone(), edited.clone()]));
    assert_eq!(store.list(2, 2).await, Ok(vec![ada.clone()]));
    let mut owners = store.of_role(Role::Owner).await.expect("readable");
    owners.sort_by_key(|row| row.id);
    assert_eq!(owners, [ada.clone(), eve]);
    assert_eq!((store.delete(ada.id).await, store.delete(ada.id).await), (Ok(true), Ok(false)));
    assert_eq!(store.by_id(ada.id).await, Ok(None));
}

/// Sessions are found by their hash alone and bounded by person; they go with their person.
pub async fn keeps_sessions<S: Sessions + Operators>(open: impl AsyncFn() -> S) {
    let store = open().await;
    let (ada, bob) = (operator(1, "ada", Role::Owner), operator(2, "bob", Role::Support));
    for row in [&ada, &bob] {
        Operators::insert(&store, row).await.expect("stored");
    }
    let session = |operator: OperatorId, i: u8| SessionRow {
        id: format!("ses_{operator}_{i}"),
        operator,
        created_at_ms: i64::from(i) * 100,
        seen_at_ms: i64::from(i) * 100,
        fresh_at_ms: i64::from(i) * 100,
        address_hash: "ab".to_owned(),
    };
    for i in [1, 3, 2, 4] {
        Sessions::insert(&store, &session(ada.id, i), [i; 32], 3).await.expect("stored");
    }
    Sessions::insert(&store, &session(bob.id, 1), [11; 32], 3).await.expect("stored");
    let ids = async |store: &S, who: OperatorId| -> Vec<String> {
        store.of_operator(who).await.expect("readable").into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(&store, ada.id).await, ["ses_1_4", "ses_1_3", "ses_1_2"], "the oldest one went");
    assert_eq!(store.find([1; 32]).await, Ok(None));
    drop(store);
    let store = open().await;
    assert_eq!(store.find([3; 32]).await, Ok(Some((session(ada.id, 3), ada.clone()))));
    assert_eq!(store.touch("ses_1_3", 777, 555).await, Ok(()));
    let touched = SessionRow { seen_at_ms: 777, fresh_at_ms: 555, ..session(ada.id, 3) };
    assert_eq!(store.find([3; 32]).await, Ok(Some((touched, ada.clone()))));
    for (who, id, there) in [(bob.id, "ses_1_3", false), (ada.id, "ses_1_3", true), (ada.id, "ses_1_3", false)] {
        assert_eq!(Sessions::delete(&store, who, id).await, Ok(there), "{who} ends {id}");
    }
    assert_eq!(store.delete_all(ada.id, Some("ses_1_4")).await, Ok(1));
    assert_eq!(ids(&store, ada.id).await, ["ses_1_4"]);
    assert_eq!(store.delete_before(101).await, Ok(1), "bob's is older");
    assert_eq!(ids(&store, bob.id).await, [""; 0]);
    assert_eq!(Operators::delete(&store, ada.id).await, Ok(true));
    assert_eq!(store.find([4; 32]).await, Ok(None), "sessions go with their person");
}

/// Keys are found by each of at most two secrets, rotated and taken away.
pub async fn keeps_api_keys<S: KeyStore>(open: impl AsyncFn() -> S) {
    let store = open().await;
    let secret = |created_at_ms, expires_at_ms| SecretRow { created_at_ms, expires_at_ms };
    let key = |i: u8| KeyRow {
        id: format!("key_{i}"),
        name: format!("shop {i}"),
        scopes: vec!["events".into(), "campaigns".into()],
        created_at: format!("2026-03-1{i}T00:00:00.000Z"),
        expires_at_ms: Some(9_000),
        last_used_at_ms: None,
        secrets: vec![secret(100, None)],
    };
    for i in [1, 3, 2] {
        store.insert_key(&key(i), [i; 32], 100).await.expect("stored");
    }
    assert!(store.insert_key(&key(4), [1; 32], 100).await.is_err(), "a secret is one key's");
    drop(store);
    let store = open().await;
    assert_eq!(store.key([3; 32]).await, Ok(Some(key(3))));
    assert_eq!(store.key([4; 32]).await, Ok(None));
    assert_eq!(store.key_by_id("key_4").await, Ok(None), "a key is stored whole or not at all");
    assert_eq!(store.keys().await, Ok(vec![key(3), key(2), key(1)]));
    assert_eq!(store.rotate("key_2", [22; 32], 200, 1_000).await, Ok(true));
    assert_eq!(store.rotate("key_2", [23; 32], 300, 2_000).await, Ok(true));
    assert_eq!(store.rotate("key_9", [99; 32], 300, 2_000).await, Ok(false));
    let rotated = KeyRow { secrets: vec![secret(300, None), secret(200, Some(2_000))], ..key(2) };
    assert_eq!(store.key_by_id("key_2").await, Ok(Some(rotated)));
    assert_eq!(store.key([2; 32]).await, Ok(None), "two secrets at most");
    assert_eq!(store.key([22; 32]).await, Ok(Some(KeyRow { secrets: vec![secret(200, Some(2_000))], ..key(2) })));
    assert_eq!(store.touch_key("key_3", 555).await, Ok(()));
    assert_eq!(store.key([3; 32]).await, Ok(Some(KeyRow { last_used_at_ms: Some(555), ..key(3) })));
    for (id, there) in [("key_3", true), ("key_3", false), ("key_9", false)] {
        assert_eq!(store.delete_key(id).await, Ok(there), "{id}");
    }
    assert_eq!(store.key([3; 32]).await, Ok(None), "a revoked key opens nothing");
}

/// Entries are appended whole and in order; a number is taken once; filters find acts.
pub async fn keeps_the_audit<S: AuditLog>(open: impl AsyncFn() -> S) {
    let row = |seq: u64, who: &str, act: &str, target: &str, of| AuditRow {
        seq,
        at_ms: seq as i64 * 10,
        who: who.to_owned(),
        act: act.to_owned(),
        target: target.to_owned(),
        of,
        hash: format!("{seq:064}"),
        body: format!("{{\"seq\":{seq}}}"),
    };
    let store = open().await;
    assert_eq!(store.tip().await, Ok(None));
    let rows = [
        row(1, "operator:1", "campaign.create", "", None),
        row(2, "operator:1", "campaign.create", "campaign:7", Some(1)),
        row(3, "api_key:k", "campaign.end", "campaign:7", None),
        row(4, "operator:1", "campaign.end", "campaign:8", None),
    ];
    assert_eq!(store.append(&rows[..2]).await, Ok(()));
    assert_eq!(store.append(&rows[2..]).await, Ok(()));
    assert!(store.append(&[row(5, "a", "b", "", None), rows[3].clone()]).await.is_err(), "a number is taken once");
    drop(store);
    let store = open().await;
    assert_eq!(store.tip().await, Ok(Some((4, rows[3].hash.clone()))), "a batch is stored whole or not at all");
    assert_eq!(store.entries(0, 10).await, Ok(rows.to_vec()));
    assert_eq!(store.entries(2, 1).await, Ok(vec![rows[2].clone()]));
    assert_eq!(store.outcomes(&[1, 3]).await, Ok(vec![rows[1].clone()]));
    assert_eq!(store.outcomes(&[]).await, Ok(vec![]));
    let text = |text: &str| Some(text.to_owned());
    let none = AuditFilter::default;
    for (filter, before, limit, want) in [
        (none(), 100, 10, &[4u64, 3, 1][..]),
        (none(), 4, 1, &[3]),
        (AuditFilter { who: text("operator:1"), ..none() }, 100, 10, &[4, 1]),
        (AuditFilter { act: text("campaign.end"), ..none() }, 100, 10, &[4, 3]),
        (AuditFilter { target: text("campaign:7"), ..none() }, 100, 10, &[3, 1]),
        (AuditFilter { target: text("campaign:7"), who: text("api_key:k"), ..none() }, 100, 10, &[3]),
        (AuditFilter { from_ms: Some(20), until_ms: Some(40), ..none() }, 100, 10, &[3]),
        (AuditFilter { who: text("' OR 1=1"), ..none() }, 100, 10, &[]),
    ] {
        let found = store.acts(&filter, Some(before), limit).await.expect("readable");
        assert_eq!(found.iter().map(|row| row.seq).collect::<Vec<_>>(), want, "{filter:?}");
    }
    for (behind, limit, oldest_first, want) in
        [(None, 2, true, &[1u64, 3][..]), (Some(3), 9, true, &[4]), (None, 2, false, &[4, 3]), (Some(4), 9, true, &[])]
    {
        let filter = AuditFilter { oldest_first, ..none() };
        let found = store.acts(&filter, behind, limit).await.expect("readable");
        assert_eq!(found.iter().map(|row| row.seq).collect::<Vec<_>>(), want, "{behind:?} {oldest_first}");
    }
}
