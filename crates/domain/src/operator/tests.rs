use super::*;
use std::collections::BTreeSet;

/// Written out a second time, the other way round: each role with all that it may do.
const BY_ROLE: &[(Role, &[&str])] = &[
    (
        Role::Owner,
        &[
            "campaigns_read",
            "campaigns_edit",
            "campaigns_publish",
            "campaigns_end",
            "reports_read",
            "grants_create",
            "codes_manage",
            "exchange_manage",
            "awards_manage",
            "webhooks_manage",
            "shoppers_read",
            "shoppers_write",
            "shoppers_block",
            "points_add",
            "events_write",
            "operators_read",
            "operators_manage",
            "keys_manage",
            "audit_read",
            "backup_create",
            "advice_give",
        ],
    ),
    (
        Role::CampaignManager,
        &[
            "campaigns_read",
            "campaigns_edit",
            "campaigns_publish",
            "campaigns_end",
            "reports_read",
            "grants_create",
            "codes_manage",
            "exchange_manage",
            "awards_manage",
        ],
    ),
    (
        Role::Support,
        &["campaigns_read", "grants_create", "awards_manage", "shoppers_read", "shoppers_block", "points_add"],
    ),
    (Role::Auditor, &["campaigns_read", "reports_read", "shoppers_read", "operators_read", "audit_read"]),
    (Role::Analyst, &["campaigns_read", "reports_read"]),
];

#[test]
fn every_role_has_exactly_its_rights() {
    assert_eq!(BY_ROLE.len(), Role::ALL.len());
    for (role, words) in BY_ROLE {
        for permission in Permission::ALL {
            let want = words.contains(&permission.word());
            assert_eq!(role.rights().has(*permission), want, "{} and {}", role.word(), permission.word());
        }
        assert!(words.iter().all(|word| Permission::of_word(word).is_some()), "{role:?}: a word that names no right");
    }
}

#[test]
fn the_table_has_one_row_a_permission() {
    let rows: Vec<Permission> = ROLES.iter().map(|(permission, _)| *permission).collect();
    assert_eq!(rows, Permission::ALL);
    assert!(Permission::ALL.len() <= 32, "a set of rights is one word of 32 bits");
    for (permission, who) in ROLES {
        assert!(who.bytes().all(|letter| b"omsan".contains(&letter)), "{permission:?}: {who}");
        assert!(who.starts_with('o'), "an owner may do everything: {permission:?}");
    }
}

#[test]
fn every_role_against_every_act() {
    for act in Act::ALL {
        for (role, words) in BY_ROLE {
            let want = words.contains(&act.permission().word());
            assert_eq!(act.is_allowed(role.rights()), want, "{} does {}", role.word(), act.word());
        }
    }
    let words: BTreeSet<&str> = Act::ALL.iter().map(|act| act.word()).collect();
    assert_eq!(words.len(), Act::ALL.len(), "words are unique");
    for dangerous in [Act::EndCampaign, Act::CreateBackup, Act::CreateKey, Act::RotateKey, Act::EditOperator] {
        assert!(dangerous.is_dangerous(), "{dangerous:?} wants a fresh password");
    }
}

#[test]
fn scopes_open_what_they_name() {
    let all = |words: &[&str]| Scope::rights_of(words);
    for (words, permission, want) in [
        (&["shoppers"][..], Permission::ShoppersWrite, true),
        (&["shoppers"], Permission::EventsWrite, false),
        (&["shoppers", "events"], Permission::EventsWrite, true),
        (&["campaigns"], Permission::CampaignsEnd, true),
        (&["campaigns"], Permission::KeysManage, false),
        (&["campaigns"], Permission::ShoppersRead, false),
        (&["points"], Permission::PointsAdd, true),
        (&["points"], Permission::GrantsCreate, false),
        (&["root"], Permission::PointsAdd, false),
        (&[], Permission::PointsAdd, false),
    ] {
        assert_eq!(all(words).has(permission), want, "{words:?} and {permission:?}");
    }
    for permission in Permission::ALL {
        assert!(all(&["admin"]).has(*permission), "admin holds {permission:?}");
        let held = [Scope::Shoppers, Scope::Events, Scope::Campaigns, Scope::Points, Scope::Advice];
        let by_other = held.into_iter().any(|scope| scope.rights().has(*permission));
        let admin_only = ["operators_read", "operators_manage", "keys_manage", "audit_read", "backup_create"];
        assert_eq!(by_other, !admin_only.contains(&permission.word()), "{permission:?}");
    }
}

#[test]
fn words_come_back() {
    for role in Role::ALL {
        assert_eq!(Role::of_word(role.word()), Some(*role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.word(), "API and storage use one word");
    }
    for permission in Permission::ALL {
        assert_eq!(Permission::of_word(permission.word()), Some(*permission));
        assert_eq!(serde_json::to_value(permission).unwrap(), permission.word());
    }
    assert_eq!(Role::of_word("Owner"), None);
}

#[test]
fn bans_take_rights_away_for_a_while() {
    let ban = |permission, until_ms| Ban { permission, until_ms, reason: "x".into() };
    let points = Some(Permission::PointsAdd);
    for (bans, now_ms, points_add, any, banned) in [
        (vec![], 0, true, true, false),
        (vec![ban(points, Some(10))], 9, false, true, false),
        (vec![ban(points, Some(10))], 10, true, true, false),
        (vec![ban(points, None)], i64::MAX, false, true, false),
        (vec![ban(None, Some(10))], 9, false, false, true),
        (vec![ban(None, Some(10))], 10, true, true, false),
        (vec![ban(None, Some(5)), ban(points, None)], 7, false, true, false),
    ] {
        let rights = rights_at(Role::Support, &bans, now_ms);
        assert_eq!(rights.has(Permission::PointsAdd), points_add, "{bans:?} at {now_ms}");
        assert_eq!(rights.has(Permission::CampaignsRead), any, "{bans:?} at {now_ms}");
        assert_eq!(banned_at(&bans, now_ms).is_some(), banned, "{bans:?} at {now_ms}");
    }
}
