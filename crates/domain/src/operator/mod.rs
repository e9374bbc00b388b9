//! Who may do what: roles of people, scopes of API keys, permissions, and every act that wants one.
//!
//! [`ROLES`] is the one table of role x permission; [`acts`] names the permission of every act. Both are data, so that a
//! test can walk every role against every act, and the console can show them.

mod acts;

pub use acts::{Act, Trail};

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$item_doc])* $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word that API and storage use.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The one that a word names.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// What a person is to the shop.
    Role {
        /// Everything.
        Owner = "owner",
        /// Plans and runs campaigns.
        CampaignManager = "campaign_manager",
        /// Helps shoppers: chances, points, awards, blocks.
        Support = "support",
        /// Reads everything that was done, changes nothing.
        Auditor = "auditor",
        /// Reads campaigns and figures, no person's data.
        Analyst = "analyst",
    }
}

words! {
    /// One right.
    Permission {
        CampaignsRead = "campaigns_read",
        /// Drafts, copies, flows of drafts.
        CampaignsEdit = "campaigns_edit",
        /// Publish, pause, resume, live edits.
        CampaignsPublish = "campaigns_publish",
        CampaignsEnd = "campaigns_end",
        ReportsRead = "reports_read",
        GrantsCreate = "grants_create",
        CodesManage = "codes_manage",
        ExchangeManage = "exchange_manage",
        AwardsManage = "awards_manage",
        WebhooksManage = "webhooks_manage",
        /// Profiles and what is known of a person.
        ShoppersRead = "shoppers_read",
        /// Registration and tokens: acting for a shopper.
        ShoppersWrite = "shoppers_write",
        /// Blacklist and risk.
        ShoppersBlock = "shoppers_block",
        PointsAdd = "points_add",
        EventsWrite = "events_write",
        OperatorsRead = "operators_read",
        OperatorsManage = "operators_manage",
        KeysManage = "keys_manage",
        AuditRead = "audit_read",
        BackupCreate = "backup_create",
        /// Reads questions of the advice topics and answers them.
        AdviceGive = "advice_give",
    }
}

words! {
    /// What an API key may do, in the shop's words.
    Scope {
        /// Shoppers, their tokens, profiles, recommendations and blacklist entries.
        Shoppers = "shoppers",
        /// Behaviour.
        Events = "events",
        /// Campaigns and all that belongs to one: grants, codes, exchange, awards, webhooks, reports.
        Campaigns = "campaigns",
        /// Points of shoppers.
        Points = "points",
        /// The topics of advice: for another program that is the analyst.
        Advice = "advice",
        /// API keys, operators, the audit; holds every other scope.
        Admin = "admin",
    }
}

use Permission as P;

/// The table: who holds which right. One row a permission; `o`wner, campaign `m`anager, `s`upport, `a`uditor, a`n`alyst.
pub const ROLES: &[(Permission, &str)] = &[
    (P::CampaignsRead, "omsan"),
    (P::CampaignsEdit, "om"),
    (P::CampaignsPublish, "om"),
    (P::CampaignsEnd, "om"),
    (P::ReportsRead, "oman"),
    (P::GrantsCreate, "oms"),
    (P::CodesManage, "om"),
    (P::ExchangeManage, "om"),
    (P::AwardsManage, "oms"),
    (P::WebhooksManage, "o"),
    (P::ShoppersRead, "osa"),
    (P::ShoppersWrite, "o"),
    (P::ShoppersBlock, "os"),
    (P::PointsAdd, "os"),
    (P::EventsWrite, "o"),
    (P::OperatorsRead, "oa"),
    (P::OperatorsManage, "o"),
    (P::KeysManage, "o"),
    (P::AuditRead, "oa"),
    (P::BackupCreate, "o"),
    (P::AdviceGive, "o"),
];

impl Role {
    const fn letter(self) -> u8 {
        match self {
            Role::Owner => b'o',
            Role::CampaignManager => b'm',
            Role::Support => b's',
            Role::Auditor => b'a',
            Role::Analyst => b'n',
        }
    }

    /// The role's row set of [`ROLES`].
    pub fn rights(self) -> Rights {
        let holds = |(_, who): &&(Permission, &str)| who.bytes().any(|letter| letter == self.letter());
        ROLES.iter().filter(holds).map(|(permission, _)| *permission).collect()
    }
}

impl Scope {
    /// What a key with this scope may do.
    pub fn rights(self) -> Rights {
        match self {
            Scope::Shoppers => [P::ShoppersRead, P::ShoppersWrite, P::ShoppersBlock].into_iter().collect(),
            Scope::Events => [P::EventsWrite].into_iter().collect(),
            Scope::Points => [P::PointsAdd].into_iter().collect(),
            Scope::Advice => [P::AdviceGive].into_iter().collect(),
            Scope::Campaigns => [
                P::CampaignsRead,
                P::CampaignsEdit,
                P::CampaignsPublish,
                P::CampaignsEnd,
                P::ReportsRead,
                P::GrantsCreate,
                P::CodesManage,
                P::ExchangeManage,
                P::AwardsManage,
                P::WebhooksManage,
            ]
            .into_iter()
            .collect(),
            Scope::Admin => Rights::EVERY,
        }
    }

    /// The rights of several scopes, from their words. A word that this build does not know grants nothing.
    pub fn rights_of<S: AsRef<str>>(words: &[S]) -> Rights {
        let known = words.iter().filter_map(|word| Scope::of_word(word.as_ref()));
        known.fold(Rights::NONE, |all, scope| all.with(scope.rights()))
    }
}

/// Some permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u32);

impl Rights {
    pub const NONE: Rights = Rights(0);
    /// Every permission there is.
    pub const EVERY: Rights = Rights(u32::MAX);

    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    #[must_use]
    pub const fn with(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, permission: Permission) -> Rights {
        Rights(self.0 & !(1 << permission as u32))
    }

    /// The words of all that are held, in the table's order.
    pub fn words(self) -> Vec<&'static str> {
        Permission::ALL.iter().filter(|p| self.has(**p)).map(|p| p.word()).collect()
    }
}

impl FromIterator<Permission> for Rights {
    fn from_iter<I: IntoIterator<Item = Permission>>(all: I) -> Self {
        Rights(all.into_iter().fold(0, |set, permission| set | 1 << permission as u32))
    }
}

/// Something a person may not do for a while: everything, or one right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The right that is taken away; where absent, the whole account.
    pub permission: Option<Permission>,
    /// Unix milliseconds, exclusive; where absent, until it is lifted.
    pub until_ms: Option<i64>,
    pub reason: String,
}

impl Ban {
    pub fn holds_at(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

/// What a person of `role` may do at a moment, bans taken off; nothing for a banned account.
pub fn rights_at(role: Role, bans: &[Ban], now_ms: i64) -> Rights {
    bans.iter().filter(|ban| ban.holds_at(now_ms)).fold(role.rights(), |rights, ban| match ban.permission {
        Some(permission) => rights.without(permission),
        None => Rights::NONE,
    })
}

/// The ban of the whole account that holds at a moment.
pub fn banned_at(bans: &[Ban], now_ms: i64) -> Option<&Ban> {
    bans.iter().find(|ban| ban.permission.is_none() && ban.holds_at(now_ms))
}

#[cfg(test)]
mod tests;
