//! Every act of an operator: its word in the audit, the right it wants, whether a fresh password is asked for, and what
//! the audit keeps of it. A new use case adds one line here.

use super::Permission as P;
use super::{Permission, Rights};

/// What the audit keeps of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// An entry before the act takes effect, another with its outcome and what changed.
    Whole,
    /// The entry before alone. For what a shop's server does by the thousand and the ledger keeps under its business key.
    Asked,
}

macro_rules! acts {
    ($($variant:ident $word:literal $permission:ident $danger:ident $trail:ident;)+) => {
        /// One act.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Act { $($variant),+ }

        impl Act {
            /// All of them.
            pub const ALL: &[Act] = &[$(Act::$variant),+];

            /// `thing.verb`, stable.
            pub const fn word(self) -> &'static str {
                match self { $(Act::$variant => $word),+ }
            }

            /// The right it wants.
            pub const fn permission(self) -> Permission {
                match self { $(Act::$variant => P::$permission),+ }
            }

            /// Whether a person must have given their password lately.
            pub const fn is_dangerous(self) -> bool {
                match self { $(Act::$variant => danger::$danger),+ }
            }

            pub const fn trail(self) -> Trail {
                match self { $(Act::$variant => Trail::$trail),+ }
            }
        }
    };
}

/// The words of the table below.
#[expect(non_upper_case_globals, reason = "they are words of a table")]
mod danger {
    pub const plain: bool = false;
    pub const dangerous: bool = true;
}

acts! {
    CreateCampaign    "campaign.create"     CampaignsEdit    plain     Whole;
    EditCampaign      "campaign.edit"       CampaignsEdit    plain     Whole;
    CopyCampaign      "campaign.copy"       CampaignsEdit    plain     Whole;
    PublishCampaign   "campaign.publish"    CampaignsPublish plain     Whole;
    PauseCampaign     "campaign.pause"      CampaignsPublish plain     Whole;
    ResumeCampaign    "campaign.resume"     CampaignsPublish plain     Whole;
    ChangeLive        "campaign.change"     CampaignsPublish plain     Whole;
    EndCampaign       "campaign.end"        CampaignsEnd     dangerous Whole;
    DrawEntry         "entry.draw"          CampaignsEnd     plain     Whole;
    ArchiveCampaign   "campaign.archive"    CampaignsEnd     plain     Whole;
    EditFlow          "flow.edit"           CampaignsPublish plain     Whole;
    ActivateModel     "model.activate"      CampaignsPublish plain     Whole;
    EditSegment       "segment.edit"        CampaignsEdit    plain     Whole;
    DeleteSegment     "segment.delete"      CampaignsEdit    plain     Whole;
    CreateGrant       "grant.create"        GrantsCreate     plain     Asked;
    CreateCodes       "codes.create"        CodesManage      plain     Whole;
    ExportCodes       "codes.export"        CodesManage      plain     Asked;
    CreateItem        "exchange_item.create" ExchangeManage  plain     Whole;
    EditItem          "exchange_item.edit"  ExchangeManage   plain     Whole;
    HandleAward       "award.handle"        AwardsManage     plain     Whole;
    CreateWebhook     "webhook.create"      WebhooksManage   plain     Whole;
    EditWebhook       "webhook.edit"        WebhooksManage   plain     Whole;
    DeleteWebhook     "webhook.delete"      WebhooksManage   plain     Whole;
    ReplayWebhook     "webhook.replay"      WebhooksManage   plain     Whole;
    BlockShopper      "shopper.block"       ShoppersBlock    plain     Asked;
    UnblockShopper    "shopper.unblock"     ShoppersBlock    plain     Asked;
    SetRisk           "shopper.risk"        ShoppersBlock    plain     Asked;
    EraseShopper      "shopper.erase"       ShoppersWrite    dangerous Whole;
    ExportShopper     "shopper.export"      ShoppersWrite    dangerous Asked;
    AddPoints         "points.add"          PointsAdd        plain     Asked;
    PayOrder          "order.paid"          ShoppersWrite    plain     Asked;
    CreateOperator    "operator.create"     OperatorsManage  dangerous Whole;
    EditOperator      "operator.edit"       OperatorsManage  dangerous Whole;
    DeleteOperator    "operator.delete"     OperatorsManage  dangerous Whole;
    SetPassword       "operator.password"   OperatorsManage  dangerous Whole;
    BanOperator       "operator.ban"        OperatorsManage  plain     Whole;
    UnbanOperator     "operator.unban"      OperatorsManage  dangerous Whole;
    EndSessions       "operator.sign_out"   OperatorsManage  plain     Whole;
    CreateKey         "api_key.create"      KeysManage       dangerous Whole;
    RotateKey         "api_key.rotate"      KeysManage       dangerous Whole;
    RevokeKey         "api_key.revoke"      KeysManage       plain     Whole;
    ExportAudit       "audit.export"        AuditRead        plain     Asked;
    CreateBackup      "backup.create"       BackupCreate     dangerous Whole;
}

impl Act {
    /// Whether somebody with these rights may do it, a fresh password aside.
    pub const fn is_allowed(self, rights: Rights) -> bool {
        rights.has(self.permission())
    }
}
