//! Operators: people who work with the console.

use super::Koi;
use super::audit::{Deed, Target, may};
use crate::desk::{Caller, OperatorRow, PASSWORD_CHARS, Who};
use crate::error::{Error, Result};
use crate::precondition::IfMatch;
use crate::time::rfc3339;
use crate::views::{Page, PageAsk};
use domain::ids::OperatorId;
use domain::operator::{Act, Ban, Permission, Role, banned_at};
use serde::Serialize;
use serde_json::json;

/// Characters of a login.
const LOGIN_CHARS: std::ops::RangeInclusive<usize> = 3..=64;
/// Bans of one person: one a right and one of the account.
const NAME_MAX: usize = 200;

/// What is to be known of a new operator.
#[derive(Debug, Clone)]
pub struct NewOperator {
    pub login: String,
    pub name: String,
    pub role: Role,
    pub password: String,
}

/// What of an operator is to change.
#[derive(Debug, Clone, Default)]
pub struct OperatorEdit {
    pub name: Option<String>,
    pub role: Option<Role>,
}

/// A ban as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BanView {
    /// The right that is taken away; null for the whole account.
    pub permission: Option<Permission>,
    pub until: Option<String>,
    pub reason: String,
}

/// An operator as it is shown: no password, no hash of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorView {
    pub id: OperatorId,
    pub login: String,
    pub name: String,
    pub role: Role,
    /// What the role allows, less what is banned now.
    pub permissions: Vec<&'static str>,
    pub bans: Vec<BanView>,
    pub created_at: String,
    #[serde(skip)]
    pub version: u32,
}

impl OperatorView {
    pub(super) fn of(row: &OperatorRow, now_ms: i64) -> Self {
        let bans = row.bans.iter().filter(|ban| ban.holds_at(now_ms)).map(|ban| BanView {
            permission: ban.permission,
            until: ban.until_ms.map(rfc3339),
            reason: ban.reason.clone(),
        });
        Self {
            id: row.id,
            login: row.login.clone(),
            name: row.name.clone(),
            role: row.role,
            permissions: domain::operator::rights_at(row.role, &row.bans, now_ms).words(),
            bans: bans.collect(),
            created_at: rfc3339(row.created_at_ms),
            version: row.version,
        }
    }
}

fn no_operator() -> Error {
    Error::NotFound { code: "operator_unknown", detail: "no operator of that id" }
}

fn last_owner() -> Error {
    let detail = "this is the last owner who can sign in; make another one first".to_owned();
    Error::Conflict { code: "last_owner", detail }
}

/// A login in its one form: lower case, nothing around it.
pub(super) fn normal_login(login: &str) -> String {
    login.trim().to_lowercase()
}

fn check_login(login: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@+-".contains(c);
    if LOGIN_CHARS.contains(&login.len()) && login.chars().all(good) {
        return Ok(());
    }
    Err(Error::invalid("invalid_body", "login", "`login` has 3 to 64 characters of a-z, 0-9 and . _ @ + -"))
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if (1..=NAME_MAX).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("invalid_body", "name", "`name` has 1 to 200 characters, none of them a control character"))
}

pub(super) fn check_password(field: &str, password: &str) -> Result<()> {
    if PASSWORD_CHARS.contains(&password.chars().count()) {
        return Ok(());
    }
    Err(Error::invalid("password_too_weak", field, format!("`{field}` has 12 to 128 characters")))
}

impl Koi {
    /// A new operator.
    ///
    /// # Errors
    /// `Denied`; `login_taken`; a field that makes no sense.
    pub async fn create_operator(&self, caller: &Caller, new: NewOperator) -> Result<OperatorView> {
        let asked = json!({"role": new.role});
        let work = async {
            let login = normal_login(&new.login);
            check_login(&login)?;
            check_name(&new.name)?;
            check_password("password", &new.password)?;
            let password = self.inner.hasher.hash(&new.password).await?;
            let id = self.make_id().await?;
            let row = OperatorRow {
                id: OperatorId(id),
                version: 1,
                login,
                name: new.name,
                role: new.role,
                password,
                bans: Vec::new(),
                created_at_ms: self.now_ms(),
            };
            if !self.parts().desk.operators.insert(&row).await? {
                let detail = "another operator has this login".to_owned();
                return Err(Error::Conflict { code: "login_taken", detail });
            }
            Ok(OperatorView::of(&row, self.now_ms()))
        };
        let deed = Deed::of(Act::CreateOperator).asking(asked);
        self.audited_making(caller, deed, work, |operator| Target::Operator(operator.id)).await
    }

    /// Operators, newest first.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`.
    pub async fn operators(&self, caller: &Caller, page: PageAsk) -> Result<Page<OperatorView>> {
        may(caller, Permission::OperatorsRead)?;
        let before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let mut rows = self.parts().desk.operators.list(before, page.limit + 1).await?;
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = if more { rows.last().map(|row| row.id.to_string()) } else { None };
        let now_ms = self.now_ms();
        Ok(Page { data: rows.iter().map(|row| OperatorView::of(row, now_ms)).collect(), next_cursor })
    }

    /// One operator, for whoever may see them, and for themself.
    ///
    /// # Errors
    /// `Denied`; an unknown operator.
    pub async fn get_operator(&self, caller: &Caller, id: OperatorId) -> Result<OperatorView> {
        if !is_self(caller, id) {
            may(caller, Permission::OperatorsRead)?;
        }
        self.operator(id).await
    }

    pub(super) async fn operator(&self, id: OperatorId) -> Result<OperatorView> {
        Ok(OperatorView::of(&self.operator_row(id).await?, self.now_ms()))
    }

    async fn operator_row(&self, id: OperatorId) -> Result<OperatorRow> {
        self.parts().desk.operators.by_id(id).await?.ok_or_else(no_operator)
    }

    /// Changes name or role. What a new role takes away is gone with the next request.
    ///
    /// # Errors
    /// `Denied`, `Stale`, `last_owner`.
    pub async fn edit_operator(
        &self,
        caller: &Caller,
        id: OperatorId,
        if_match: &IfMatch,
        edit: OperatorEdit,
    ) -> Result<OperatorView> {
        let asked = json!({"role": edit.role});
        let work = async {
            edit.name.as_deref().map_or(Ok(()), check_name)?;
            let change = |row: &mut OperatorRow| {
                row.name = edit.name.clone().unwrap_or_else(|| std::mem::take(&mut row.name));
                row.role = edit.role.unwrap_or(row.role);
            };
            self.change_operator(id, if_match, change).await
        };
        self.audited(caller, Deed::of(Act::EditOperator).on(Target::Operator(id)).asking(asked), work).await
    }

    /// Edits are made one at a time, so that two of them cannot take away the last two owners.
    async fn change_operator(
        &self,
        id: OperatorId,
        if_match: &IfMatch,
        change: impl FnOnce(&mut OperatorRow),
    ) -> Result<OperatorView> {
        let _one_at_a_time = self.inner.desk_edits.lock().await;
        let mut row = self.operator_row(id).await?;
        if_match.check_version(row.version)?;
        let was = row.clone();
        change(&mut row);
        if is_able_owner(&was, self.now_ms()) && !is_able_owner(&row, self.now_ms()) {
            self.check_other_owner(id).await?;
        }
        row.version += 1;
        self.parts().desk.operators.update(&row).await?;
        Ok(OperatorView::of(&row, self.now_ms()))
    }

    async fn check_other_owner(&self, id: OperatorId) -> Result<()> {
        let owners = self.parts().desk.operators.of_role(Role::Owner).await?;
        let other = owners.iter().any(|row| row.id != id && is_able_owner(row, self.now_ms()));
        if other { Ok(()) } else { Err(last_owner()) }
    }

    /// Takes an account away, with its sessions. The audit keeps the id.
    ///
    /// # Errors
    /// `Denied`, `last_owner`, an unknown operator.
    pub async fn delete_operator(&self, caller: &Caller, id: OperatorId) -> Result<()> {
        let work = async {
            let _one_at_a_time = self.inner.desk_edits.lock().await;
            let row = self.operator_row(id).await?;
            if is_able_owner(&row, self.now_ms()) {
                self.check_other_owner(id).await?;
            }
            let gone = self.parts().desk.operators.delete(id).await?;
            if gone { Ok(()) } else { Err(no_operator()) }
        };
        self.audited(caller, Deed::of(Act::DeleteOperator).on(Target::Operator(id)), work).await
    }

    /// Sets another's password and ends all their sessions.
    ///
    /// # Errors
    /// `Denied`; a password that is too short.
    pub async fn set_password(&self, caller: &Caller, id: OperatorId, password: &str) -> Result<()> {
        let work = async {
            check_password("password", password)?;
            let hash = self.inner.hasher.hash(password).await?;
            self.change_operator(id, &IfMatch::Absent, |row| row.password = hash).await?;
            self.parts().desk.sessions.delete_all(id, None).await?;
            Ok(())
        };
        self.audited(caller, Deed::of(Act::SetPassword).on(Target::Operator(id)), work).await
    }

    /// Stores a person's own new password; the right one before was checked.
    pub(super) async fn replace_password(&self, id: OperatorId, password: &str) -> Result<()> {
        let hash = self.inner.hasher.hash(password).await?;
        self.change_operator(id, &IfMatch::Absent, |row| row.password = hash).await.map(|_| ())
    }

    /// Bans an account or one right of it; doing it again replaces it. A banned account's sessions end at once.
    ///
    /// # Errors
    /// `Denied`, `last_owner`, `own_account`, an end that is over.
    pub async fn ban_operator(&self, caller: &Caller, id: OperatorId, ban: Ban) -> Result<OperatorView> {
        let asked = json!({"permission": ban.permission, "until": ban.until_ms.map(rfc3339), "reason": ban.reason});
        let work = async {
            if is_self(caller, id) {
                let detail = "nobody bans themself".to_owned();
                return Err(Error::Conflict { code: "own_account", detail });
            }
            if !ban.holds_at(self.now_ms()) {
                return Err(Error::invalid("invalid_body", "until", "`until` is over already"));
            }
            let whole = ban.permission.is_none();
            let view = self.change_operator(id, &IfMatch::Absent, |row| {
                row.bans.retain(|old| old.permission != ban.permission);
                row.bans.push(ban);
            });
            let view = view.await?;
            if whole {
                self.parts().desk.sessions.delete_all(id, None).await?;
            }
            Ok(view)
        };
        self.audited(caller, Deed::of(Act::BanOperator).on(Target::Operator(id)).asking(asked), work).await
    }

    /// Lifts a ban; lifting none is fine.
    ///
    /// # Errors
    /// `Denied`, an unknown operator.
    pub async fn unban_operator(
        &self,
        caller: &Caller,
        id: OperatorId,
        permission: Option<Permission>,
    ) -> Result<OperatorView> {
        let work =
            self.change_operator(id, &IfMatch::Absent, |row| row.bans.retain(|old| old.permission != permission));
        let asked = json!({"permission": permission});
        self.audited(caller, Deed::of(Act::UnbanOperator).on(Target::Operator(id)).asking(asked), work).await
    }
}

pub(super) fn is_self(caller: &Caller, id: OperatorId) -> bool {
    matches!(caller.who, Who::Operator { id: own, .. } if own == id)
}

/// An owner who can sign in.
fn is_able_owner(row: &OperatorRow, now_ms: i64) -> bool {
    row.role == Role::Owner && banned_at(&row.bans, now_ms).is_none()
}
