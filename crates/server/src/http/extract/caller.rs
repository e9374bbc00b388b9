//! Who calls: the shopper behind a token, or whoever acts for the shop, with what they may do.

use super::App;
use super::Problem;
use crate::auth::{COOKIE, CSRF_HEADER, Credential, TokenError, basic_key, credential, csrf_token, is_csrf_token};
use crate::clock;
use crate::http::front::Peer;
use crate::http::request_id::RequestId;
use app::desk::{Caller, Who};
use app::koi::Session;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use domain::ids::ShopperId;
use domain::operator::Permission;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The shopper whose token came along.
#[derive(Debug, Clone, Copy)]
pub struct Shopper(pub ShopperId);

impl FromRequestParts<App> for Shopper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let id = shopper(app, &parts.headers).await?;
        app.admit(crate::http::Who::Shopper(id), &parts.headers).await?;
        Ok(Shopper(id))
    }
}

/// Whose token came along. A shopper's own route: a valid API key or session is 403 here.
pub async fn shopper(app: &App, headers: &HeaderMap) -> Result<ShopperId, Problem> {
    const OWN: &str = "this is a shopper's own; send a shopper's token";
    let known = match credential(headers) {
        Credential::ShopperToken(token) => return app.tokens.verify(token, clock::now_s()).map_err(Problem::from),
        Credential::Jwt(token) => return shopper_of_jwt(app, token).await,
        Credential::ApiKey(key) => app.keys.find(&app.koi, key, "").await?.is_some(),
        Credential::Session(token) => app.koi.find_session(token, "").await?.is_some(),
        Credential::None => false,
    };
    Err(if known { Problem::forbidden(OWN) } else { Problem::unauthorized() })
}

async fn shopper_of_jwt(app: &App, token: &str) -> Result<ShopperId, Problem> {
    match &app.edge.jwt {
        Some(jwt) => Ok(jwt.shopper(&app.koi, token, clock::now_s()).await?),
        None => Err(Problem::unauthorized()),
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Bad => Problem::unauthorized(),
            TokenError::Expired => Problem::new(StatusCode::UNAUTHORIZED, "token_expired", error.to_string()),
        }
    }
}

/// What a route wants, as a type, so that a handler's signature says it. The use case asks again.
pub trait Wanted: Send {
    /// To look.
    const READ: Permission;
    /// To change.
    const WRITE: Permission;
    /// What a shop's server does by the thousand; the audit holds it only where a person does it.
    const FEED: bool = false;
}

macro_rules! wanted {
    ($($name:ident: $read:ident, $write:ident $(, $feed:literal)?;)+) => {$(
        #[doc = concat!("Wants `", stringify!($read), "` to look and `", stringify!($write), "` to change.")]
        pub struct $name;
        impl Wanted for $name {
            const READ: Permission = Permission::$read;
            const WRITE: Permission = Permission::$write;
            $(const FEED: bool = $feed;)?
        }
    )+};
}
wanted! {
    // By scope, for routes whose own right is not finer.
    Shoppers: ShoppersRead, ShoppersBlock;
    Campaigns: CampaignsRead, CampaignsPublish;
    Admin: OperatorsManage, OperatorsManage;
    // By right.
    Registration: ShoppersRead, ShoppersWrite, true;
    Erasure: ShoppersWrite, ShoppersWrite;
    Events: EventsWrite, EventsWrite, true;
    // A question, though it comes by POST.
    Choices: ShoppersRead, ShoppersRead, true;
    Points: PointsAdd, PointsAdd;
    Advice: AdviceGive, AdviceGive, true;
    CampaignDrafts: CampaignsRead, CampaignsEdit;
    CampaignEnds: CampaignsRead, CampaignsEnd;
    // A question, though it comes by POST.
    CampaignChecks: CampaignsRead, CampaignsRead;
    Reports: ReportsRead, ReportsRead;
    Grants: GrantsCreate, GrantsCreate;
    Payments: ShoppersRead, ShoppersWrite;
    Codes: CodesManage, CodesManage;
    Exchange: ExchangeManage, ExchangeManage;
    Awards: AwardsManage, AwardsManage;
    Webhooks: WebhooksManage, WebhooksManage;
    Keys: KeysManage, KeysManage;
    Audit: AuditRead, AuditRead;
    Backups: BackupCreate, BackupCreate;
}

/// Whoever acts for the shop and holds the right; hand it to `Koi::audited`.
pub struct Operator<W> {
    caller: Caller,
    wanted: PhantomData<W>,
}

impl<W> Deref for Operator<W> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<W: Wanted> FromRequestParts<App> for Operator<W> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Signed { caller, .. } = identify(parts, app, W::FEED).await?;
        let wanted = if parts.method.is_safe() { W::READ } else { W::WRITE };
        if !caller.rights.has(wanted) {
            return Err(Problem::forbidden(format!("this needs the permission `{}`", wanted.word())));
        }
        Ok(Operator { caller, wanted: PhantomData })
    }
}

/// A shop's tracker: an API key that may send events, as the user of HTTP Basic.
pub struct Tracker;

impl FromRequestParts<App> for Tracker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let key = basic_key(&parts.headers).ok_or_else(Problem::no_write_key)?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default();
        let caller = app.keys.find(&app.koi, &key, &request_id).await?.ok_or_else(Problem::no_write_key)?;
        app.admit(crate::http::Who::Key(&caller.who.word()), &parts.headers).await?;
        let wanted = Permission::EventsWrite;
        if caller.rights.has(wanted) {
            Ok(Tracker)
        } else {
            Err(Problem::forbidden(format!("this needs the permission `{}`", wanted.word())))
        }
    }
}

/// Whoever looks at the exchange shop: a shopper, or somebody who may manage it.
pub enum Visitor {
    Shopper,
    Manager,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match credential(&parts.headers) {
            Credential::ShopperToken(_) | Credential::Jwt(_) => {
                shopper(app, &parts.headers).await.map(|_| Visitor::Shopper)
            }
            _ => Operator::<Exchange>::from_request_parts(parts, app).await.map(|_| Visitor::Manager),
        }
    }
}

/// Whoever acts for the shop, whatever they may do: the use case alone decides.
pub struct Signed {
    pub caller: Caller,
    /// Where it is a person.
    pub session: Option<(Session, String)>,
}

impl Signed {
    /// What a person's changes bring along in the CSRF header.
    pub fn csrf_token(&self) -> Option<String> {
        self.session.as_ref().map(|(_, token)| csrf_token(token))
    }
}

impl FromRequestParts<App> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        identify(parts, app, false).await
    }
}

/// Remembers for the layer around who called.
#[derive(Clone, Default)]
pub struct Seen(pub Arc<OnceLock<Caller>>);

async fn identify(parts: &mut Parts, app: &App, feed: bool) -> Result<Signed, Problem> {
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default();
    let signed = match credential(&parts.headers) {
        Credential::ApiKey(key) => {
            let caller = app.keys.find(&app.koi, key, &request_id).await?.ok_or_else(Problem::unauthorized)?;
            app.admit(crate::http::Who::Key(&caller.who.word()), &parts.headers).await?;
            Signed { caller, session: None }
        }
        Credential::Session(token) => {
            let found = app.koi.find_session(token, &request_id).await?;
            let session = found.ok_or_else(no_session)?;
            check_csrf(&parts.method, &parts.headers, token)?;
            Signed { caller: session.caller.clone(), session: Some((session, token.to_owned())) }
        }
        Credential::ShopperToken(token) => {
            app.tokens.verify(token, clock::now_s())?;
            return Err(Problem::forbidden("this needs an API key or a session; a shopper's token is not enough"));
        }
        Credential::Jwt(token) => {
            shopper_of_jwt(app, token).await?;
            return Err(Problem::forbidden("this needs an API key or a session; a shopper's token is not enough"));
        }
        Credential::None => return Err(Problem::unauthorized()),
    };
    let is_person = matches!(signed.caller.who, Who::Operator { .. });
    if let Some(seen) = parts.extensions.get::<Seen>().filter(|_| is_person || !feed) {
        // One request has one caller: a second extractor finds the same.
        _ = seen.0.set(signed.caller.clone());
    }
    Ok(signed)
}

fn no_session() -> Problem {
    let detail = format!("the session of the cookie `{COOKIE}` is over; sign in again");
    Problem::new(StatusCode::UNAUTHORIZED, "session_over", detail)
}

fn check_csrf(method: &Method, headers: &HeaderMap, session: &str) -> Result<(), Problem> {
    let given = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if method.is_safe() || is_csrf_token(session, given) {
        return Ok(());
    }
    let detail = format!("send the session's csrf_token as `{CSRF_HEADER}`");
    Err(Problem::new(StatusCode::FORBIDDEN, "csrf_required", detail))
}

/// Where the request comes from, for counting tries: the connection's address, or what a trusted proxy says.
pub struct Address(pub String);

impl FromRequestParts<App> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
        let said = || {
            // The last one was added by the proxy itself; those before are the caller's to invent.
            let last = parts.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            last.rsplit(',').next()?.trim().parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
        };
        Ok(Address(if app.edge.forwarded_for { said().unwrap_or(peer) } else { peer }))
    }
}
