//! What can go wrong in a use case, with the stable words that callers rely on.

use domain::draw::Refusal;

/// Every failure that a caller can be told of. Texts are lowercase fragments and never hold a driver's words.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The input is readable but makes no sense; nothing was changed. 422.
    #[error("{detail}")]
    Invalid { code: &'static str, field: Option<String>, detail: String },
    /// No such thing, or none that this caller may see. 404.
    #[error("{detail}")]
    NotFound { code: &'static str, detail: &'static str },
    /// The thing exists but its state forbids this; the same request may succeed later. 409.
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    /// A draw refused before its roll; no chance was used.
    #[error("{0}")]
    Refused(Refusal),
    /// Publishing found errors; nothing was changed. 422 with the findings.
    #[error("the campaign has errors that block publishing")]
    Findings(Vec<domain::campaign::Finding>),
    /// A rule flow does not compile; nothing was changed. 422 with line and column.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Flow(Vec<domain::flow::FlowError>),
    /// The same Idempotency-Key, or another draw of this shopper, is being decided right now. 409 with Retry-After.
    #[error("another draw of this shopper is being decided; ask again with the same key")]
    InFlight,
    /// The Idempotency-Key was used with another body. 422.
    #[error("this idempotency key was used with another body")]
    KeyReused,
    /// The business key was used with other content. 409.
    #[error("this business key was used with other content")]
    BusinessKeyReused,
    /// Who calls is not known, or not who they say. 401.
    #[error("{detail}")]
    Unauthenticated { code: &'static str, detail: &'static str },
    /// Who calls is known but may not do this. 403.
    #[error("{detail}")]
    Denied { code: &'static str, detail: String },
    /// Too many passwords were tried. 429 with Retry-After.
    #[error("too many passwords were tried; wait before the next one")]
    Throttled { after_ms: i64 },
    /// Too many redeem codes were tried that there are not. 429 with Retry-After.
    #[error("too many codes were tried that do not exist; wait before the next one")]
    Guessing { after_ms: i64 },
    /// Another piece of the same heavy work is running; nothing was done. 429 with Retry-After.
    #[error("{0}")]
    Busy(&'static str),
    /// If-Match named an older edit. 412.
    #[error("the resource was edited meanwhile; read it again")]
    Stale,
    /// A queue is full or an engine is out of reach: nothing is known to have happened, ask again. 503 with Retry-After.
    #[error("{0}")]
    Unavailable(&'static str),
}

impl Error {
    /// Shorthand for an input that makes no sense.
    pub fn invalid(code: &'static str, field: &str, detail: impl Into<String>) -> Self {
        Error::Invalid { code, field: Some(field.to_owned()), detail: detail.into() }
    }

    /// The stable word of API.md.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid { code, .. } | Error::NotFound { code, .. } | Error::Conflict { code, .. } => code,
            Error::Refused(refusal) => refusal.code(),
            Error::Findings(_) => "publish_blocked",
            Error::Flow(_) => "flow_invalid",
            Error::InFlight => "in_flight",
            Error::KeyReused => "idempotency_key_reused",
            Error::BusinessKeyReused => "business_key_reused",
            Error::Unauthenticated { code, .. } | Error::Denied { code, .. } => code,
            Error::Throttled { .. } | Error::Guessing { .. } => "too_many_attempts",
            Error::Busy(_) => "busy",
            Error::Stale => "stale",
            Error::Unavailable(_) => "unavailable",
        }
    }

    /// An unknown award, or somebody else's.
    pub const fn no_award() -> Self {
        Error::NotFound { code: "award_unknown", detail: "no award of that id" }
    }

    /// An unknown endpoint.
    pub const fn no_webhook() -> Self {
        Error::NotFound { code: "webhook_unknown", detail: "no webhook of that id" }
    }

    /// A claim of an award that is in no state to be claimed.
    pub fn not_claimable(state: domain::award::AwardState) -> Self {
        let detail = format!("the award is {}; only a granted one can be claimed", state.word());
        Error::Conflict { code: "award_not_claimable", detail }
    }

    /// A claim behind the award's deadline.
    pub fn claim_over() -> Self {
        Error::Conflict { code: "award_not_claimable", detail: "the award's deadline has passed unclaimed".into() }
    }

    /// An unknown item of the exchange shop.
    pub const fn no_item() -> Self {
        Error::NotFound { code: "item_unknown", detail: "no item of that id" }
    }

    /// An unknown shopper.
    pub const fn no_shopper() -> Self {
        Error::NotFound { code: "shopper_unknown", detail: "no shopper of that id" }
    }

    /// An unknown campaign, or a draft where only published ones are shown.
    pub const fn no_campaign() -> Self {
        Error::NotFound { code: "campaign_unknown", detail: "no campaign of that id" }
    }
}

/// The result of every use case.
pub type Result<T> = std::result::Result<T, Error>;
