//! Signing in and out, for operators.

use crate::auth::session_cookie;
use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{Address, Signed};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::request_id::RequestId;
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::koi::Session;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    login: String,
    password: String,
}

fn render(session: &Session, csrf_token: String) -> schema::Session {
    schema::Session {
        kind: "operator",
        operator: Some(schema::Operator::of(session.operator.clone())),
        session: Some(schema::SessionInfo::of(session.view.clone())),
        permissions: session.operator.permissions.iter().map(|word| (*word).to_owned()).collect(),
        csrf_token: Some(csrf_token),
    }
}

/// Signs an operator in. An unknown login is answered like a wrong password.
#[utoipa::path(post, path = "/api/v1/session", tag = "operators", request_body = OpenSession,
    responses((status = 201, description = "Signed in: the cookie `koi_session`, and the token that changes must send as `X-CSRF-Token`", body = schema::Session),
        (status = 401, description = "`login_failed`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_attempts` with Retry-After", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn open_session(
    State(app): State<App>,
    Address(address): Address,
    request_id: Option<Extension<RequestId>>,
    Json(body): Json<OpenSession>,
) -> Result<Response, Problem> {
    let request_id = request_id.map(|Extension(id)| id.as_str().to_owned()).unwrap_or_default();
    let (token, session) = app.koi.open_session(&body.login, &body.password, &address, &request_id).await?;
    let mut response = json(StatusCode::CREATED, &render(&session, crate::auth::csrf_token(token.as_str())));
    let cookie = session_cookie(Some(token.as_str()), app.koi.policy().absolute, app.edge.secure_cookies);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Says who calls, and what they may do.
#[utoipa::path(get, path = "/api/v1/session", tag = "operators", security(("session" = []), ("api_key" = [])),
    responses((status = 200, description = "The caller", body = schema::Session), schema::Problems))]
pub async fn get_session(signed: Signed) -> Result<Response, Problem> {
    let mut response = match (&signed.session, signed.csrf_token()) {
        (Some((session, _)), Some(csrf_token)) => json(StatusCode::OK, &render(session, csrf_token)),
        _ => {
            let permissions = signed.caller.rights.words().into_iter().map(str::to_owned).collect();
            let caller =
                schema::Session { kind: "api_key", operator: None, session: None, permissions, csrf_token: None };
            json(StatusCode::OK, &caller)
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "operators", security(("session" = [])),
    responses((status = 204, description = "The session is over"), schema::Problems))]
pub async fn close_session(State(app): State<App>, signed: Signed, _: MaybeJson<Nothing>) -> Result<Response, Problem> {
    app.koi.close_session(&signed.caller).await?;
    let mut response = no_content();
    let cookie = session_cookie(None, app.koi.policy().absolute, app.edge.secure_cookies);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reauthenticate {
    password: String,
}

/// Takes the password once more: what is dangerous is open for some minutes.
#[utoipa::path(post, path = "/api/v1/session/reauthenticate", tag = "operators", security(("session" = [])), request_body = Reauthenticate,
    responses((status = 200, description = "Open until `fresh_until`", body = schema::SessionInfo), schema::Problems))]
pub async fn reauthenticate(
    State(app): State<App>,
    signed: Signed,
    Address(address): Address,
    Json(body): Json<Reauthenticate>,
) -> Result<Response, Problem> {
    let view = app.koi.reauthenticate(&signed.caller, &body.password, &address).await?;
    Ok(json(StatusCode::OK, &schema::SessionInfo::of(view)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    current: String,
    /// 12 to 128 characters.
    new: String,
}

/// Changes the caller's own password and ends their other sessions.
#[utoipa::path(put, path = "/api/v1/session/password", tag = "operators", security(("session" = [])), request_body = ChangePassword,
    responses((status = 204, description = "Changed"), schema::Problems))]
pub async fn change_password(
    State(app): State<App>,
    signed: Signed,
    Address(address): Address,
    Json(body): Json<ChangePassword>,
) -> Result<Response, Problem> {
    app.koi.change_password(&signed.caller, &body.current, &body.new, &address).await?;
    Ok(no_content())
}
