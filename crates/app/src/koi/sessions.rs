//! Sessions of operators: opened by a password, ended by time, by their owner, or by whoever manages operators.

use super::Koi;
use super::audit::{Deed, Target, may};
use super::operators::{OperatorView, check_password, is_self, normal_login};
use crate::desk::{Caller, Policy, SessionRow, Tries, Who};
use crate::error::{Error, Result};
use crate::time::rfc3339;
use domain::ids::OperatorId;
use domain::operator::{Act, Permission, banned_at, rights_at};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `seen_at` is written once in this time.
const SEEN_GRAIN_MS: i64 = 60_000;

/// What a cookie holds; shown to nobody else and kept by its hash alone.
pub struct SessionToken(String);

impl SessionToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session that was found, with who may do what in it.
#[derive(Debug, Clone)]
pub struct Session {
    pub caller: Caller,
    pub operator: OperatorView,
    pub view: SessionView,
}

/// A session as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    pub id: String,
    pub created_at: String,
    /// Known to the minute.
    pub seen_at: String,
    /// When it ends at the latest.
    pub expires_at: String,
    /// Until when dangerous acts need no password.
    pub fresh_until: String,
    /// Tells two places apart, names none.
    pub address_hash: String,
}

fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn session_view(row: &SessionRow, policy: &Policy) -> SessionView {
    SessionView {
        id: row.id.clone(),
        created_at: rfc3339(row.created_at_ms),
        seen_at: rfc3339(row.seen_at_ms),
        expires_at: rfc3339(row.created_at_ms.saturating_add(ms(policy.absolute))),
        fresh_until: rfc3339(row.fresh_at_ms.saturating_add(ms(policy.fresh))),
        address_hash: row.address_hash.clone(),
    }
}

fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Koi {
    /// How sessions and logins are bounded. Set once, before the first request.
    pub fn set_policy(&self, policy: Policy) {
        // A second word changes nothing: sessions would be judged by two measures.
        _ = self.inner.policy.set(policy);
    }

    pub fn policy(&self) -> Policy {
        self.inner.policy.get().copied().unwrap_or_default()
    }

    /// Opens a session. An unknown login takes as long as a wrong password and is answered the same.
    ///
    /// # Errors
    /// `login_failed`, `account_banned` (after the right password only), `Throttled`.
    pub async fn open_session(
        &self,
        login: &str,
        password: &str,
        address: &str,
        request_id: &str,
    ) -> Result<(SessionToken, Session)> {
        let (policy, now_ms, login) = (self.policy(), self.now_ms(), normal_login(login));
        self.admit(&login, address)?;
        let found = self.parts().desk.operators.by_login(&login).await?;
        let right = self.inner.hasher.verify(password, found.as_ref().map(|row| row.password.as_str())).await?;
        let Some(operator) = found.filter(|_| right) else {
            metrics::counter!("koi_logins_failed_total").increment(1);
            return Err(Error::Unauthenticated { code: "login_failed", detail: "login and password do not match" });
        };
        self.inner.throttle.succeeded(Tries::Account(&login));
        self.inner.throttle.succeeded(Tries::Address(address));
        if let Some(ban) = banned_at(&operator.bans, now_ms) {
            let detail = match ban.until_ms {
                Some(until) => format!("this account is banned until {}", rfc3339(until)),
                None => "this account is banned".to_owned(),
            };
            return Err(Error::Denied { code: "account_banned", detail });
        }
        let token = SessionToken(hex::encode(crate::random::bytes32()));
        let row = SessionRow {
            id: format!("ses_{:016x}", crate::random::word()),
            operator: operator.id,
            created_at_ms: now_ms,
            seen_at_ms: now_ms,
            fresh_at_ms: now_ms,
            address_hash: self.address_hash(address),
        };
        let session = self.session(&row, &operator, request_id);
        self.note(&session.caller, "session.open", Target::Other("session", row.id.clone()), Value::Null).await?;
        let sessions = &self.parts().desk.sessions;
        sessions.insert(&row, sha256(token.as_str()), policy.sessions_max.max(1)).await?;
        // What is over long since is of no use to anybody; a failure leaves it to the next login.
        _ = sessions.delete_before(now_ms.saturating_sub(ms(policy.absolute))).await;
        Ok((token, session))
    }

    fn admit(&self, login: &str, address: &str) -> Result<()> {
        let (policy, now_ms) = (self.policy(), self.now_ms());
        let throttled = |after_ms| {
            metrics::counter!("koi_logins_throttled_total").increment(1);
            Error::Throttled { after_ms }
        };
        let throttle = &self.inner.throttle;
        throttle.admit(Tries::Address(address), policy.tries_address, policy.window, now_ms).map_err(throttled)?;
        throttle.admit(Tries::Account(login), policy.tries_account, policy.window, now_ms).map_err(throttled)
    }

    /// Tells two addresses apart without naming one: keyed by a secret, 64 bits.
    fn address_hash(&self, address: &str) -> String {
        let hash = Sha256::new().chain_update(self.parts().secret).chain_update("address").chain_update(address);
        hex::encode(&hash.finalize()[..8])
    }

    fn session(&self, row: &SessionRow, operator: &crate::desk::OperatorRow, request_id: &str) -> Session {
        let (policy, now_ms) = (self.policy(), self.now_ms());
        let who = Who::Operator { id: operator.id, role: operator.role, session: row.id.clone() };
        let rights = rights_at(operator.role, &operator.bans, now_ms);
        let fresh = now_ms - row.fresh_at_ms < ms(policy.fresh);
        Session {
            caller: Caller::new(who, rights, fresh, request_id),
            operator: OperatorView::of(operator, now_ms),
            view: session_view(row, &policy),
        }
    }

    /// The session of a token, nothing where it is unknown, over, or its owner banned.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_session(&self, token: &str, request_id: &str) -> Result<Option<Session>> {
        let (policy, now_ms) = (self.policy(), self.now_ms());
        let sessions = &self.parts().desk.sessions;
        let Some((mut row, operator)) = sessions.find(sha256(token)).await? else { return Ok(None) };
        let over = now_ms - row.created_at_ms >= ms(policy.absolute) || now_ms - row.seen_at_ms >= ms(policy.idle);
        if over || banned_at(&operator.bans, now_ms).is_some() {
            return Ok(None);
        }
        // Where the idle time is short the grain is finer, so that who works is never signed out.
        if now_ms - row.seen_at_ms >= SEEN_GRAIN_MS.min(ms(policy.idle) / 4) {
            row.seen_at_ms = now_ms;
            sessions.touch(&row.id, now_ms, row.fresh_at_ms).await?;
        }
        Ok(Some(self.session(&row, &operator, request_id)))
    }

    /// Ends the caller's own session.
    ///
    /// # Errors
    /// `Denied` for a caller without one.
    pub async fn close_session(&self, caller: &Caller) -> Result<()> {
        let (id, session) = own(caller)?;
        self.note(caller, "session.close", Target::Other("session", session.to_owned()), Value::Null).await?;
        self.parts().desk.sessions.delete(id, session).await?;
        Ok(())
    }

    /// Takes the password once more, so that dangerous acts are open for a while.
    ///
    /// # Errors
    /// `login_failed`, `Throttled`, `Denied` for a caller without a session.
    pub async fn reauthenticate(&self, caller: &Caller, password: &str, address: &str) -> Result<SessionView> {
        let (id, session) = own(caller)?;
        self.check_own_password(id, password, address).await?;
        let sessions = self.parts().desk.sessions.of_operator(id).await?;
        let row = sessions.into_iter().find(|row| row.id == session).ok_or_else(no_session)?;
        self.note(caller, "session.reauthenticate", Target::Other("session", session.to_owned()), Value::Null).await?;
        let row = SessionRow { seen_at_ms: self.now_ms(), fresh_at_ms: self.now_ms(), ..row };
        self.parts().desk.sessions.touch(session, row.seen_at_ms, row.fresh_at_ms).await?;
        Ok(session_view(&row, &self.policy()))
    }

    /// Changes the caller's own password and ends their other sessions.
    ///
    /// # Errors
    /// `login_failed`, `Throttled`, a new password that is too short.
    pub async fn change_password(&self, caller: &Caller, current: &str, new: &str, address: &str) -> Result<()> {
        let (id, session) = own(caller)?;
        check_password("new", new)?;
        self.check_own_password(id, current, address).await?;
        self.note(caller, "session.password", Target::Operator(id), Value::Null).await?;
        self.replace_password(id, new).await?;
        self.parts().desk.sessions.delete_all(id, Some(session)).await?;
        Ok(())
    }

    async fn check_own_password(&self, id: OperatorId, password: &str, address: &str) -> Result<()> {
        let row = self.parts().desk.operators.by_id(id).await?;
        let login = row.as_ref().map_or("", |row| row.login.as_str());
        self.admit(login, address)?;
        if !self.inner.hasher.verify(password, row.as_ref().map(|row| row.password.as_str())).await? {
            return Err(Error::Denied { code: "login_failed", detail: "the password is not right".to_owned() });
        }
        self.inner.throttle.succeeded(Tries::Account(login));
        self.inner.throttle.succeeded(Tries::Address(address));
        Ok(())
    }

    /// A person's sessions, newest first: for themself, and for whoever may see operators.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`.
    pub async fn sessions(&self, caller: &Caller, id: OperatorId) -> Result<Vec<SessionView>> {
        if !is_self(caller, id) {
            may(caller, Permission::OperatorsRead)?;
        }
        self.operator(id).await?;
        let (policy, now_ms) = (self.policy(), self.now_ms());
        let rows = self.parts().desk.sessions.of_operator(id).await?;
        let open = |row: &&SessionRow| {
            now_ms - row.created_at_ms < ms(policy.absolute) && now_ms - row.seen_at_ms < ms(policy.idle)
        };
        Ok(rows.iter().filter(open).map(|row| session_view(row, &policy)).collect())
    }

    /// Ends one session of a person, or all of them. A person ends their own without asking anybody.
    ///
    /// # Errors
    /// `Denied`; an unknown session.
    pub async fn end_sessions(&self, caller: &Caller, id: OperatorId, session: Option<&str>) -> Result<u64> {
        let asked = json!({"session": session});
        let work = async {
            self.operator(id).await?;
            let sessions = &self.parts().desk.sessions;
            match session {
                None => Ok(sessions.delete_all(id, None).await?),
                Some(one) if sessions.delete(id, one).await? => Ok(1),
                Some(_) => Err(no_session()),
            }
        };
        if is_self(caller, id) {
            self.note(caller, Act::EndSessions.word(), Target::Operator(id), asked).await?;
            return work.await;
        }
        self.audited(caller, Deed::of(Act::EndSessions).on(Target::Operator(id)).asking(asked), work).await
    }
}

fn no_session() -> Error {
    Error::NotFound { code: "session_unknown", detail: "no session of that id" }
}

/// The caller's own account and session.
fn own(caller: &Caller) -> Result<(OperatorId, &str)> {
    match &caller.who {
        Who::Operator { id, session, .. } => Ok((*id, session)),
        _ => Err(Error::Denied { code: "forbidden", detail: "this is for a session; an API key has none".to_owned() }),
    }
}
