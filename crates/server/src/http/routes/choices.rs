//! Which of several groups of products a shopper would rather buy.

use crate::http::body::{Json, LARGE};
use crate::http::extract::{Choices, Operator, Reports};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate::{self, ID_CHARS, NAME_CHARS};
use app::ChoiceInput;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use recommend::choice::answer::{MAX_NAMES, MAX_OPTIONS};
use serde::Deserialize;
use std::collections::HashSet;
use utoipa::ToSchema;

/// A question. Either `shopper` or `history`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskChoice {
    /// The shop's own id of a shopper whose purchases are known.
    shopper: Option<String>,
    /// What was bought, by name, the oldest first.
    history: Option<Vec<String>>,
    /// At most 1,000, with distinct ids.
    options: Vec<ChoiceOption>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    #[schema(example = "A")]
    id: String,
    /// Products or categories by name; at least one.
    items: Vec<String>,
}

/// Says which group of products a shopper would rather buy, how probable each is, and why. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/choices", tag = "shoppers", security(("api_key" = ["shoppers"])), request_body = AskChoice,
    responses((status = 200, description = "The answer", body = schema::Choice), schema::Problems))]
pub async fn create_choice(
    State(app): State<App>,
    _: Operator<Choices>,
    Json(body): Json<AskChoice, LARGE>,
) -> Result<Response, Problem> {
    let view = app.koi.choose(check(body)?).await?;
    Ok(json(StatusCode::OK, &view))
}

fn check(body: AskChoice) -> Result<ChoiceInput, Problem> {
    match (&body.shopper, &body.history) {
        (Some(shopper), None) => validate::external_id("shopper", shopper)?,
        (None, Some(_)) => {}
        _ => return Err(Problem::invalid("history", "send either `shopper` or `history`")),
    }
    if !(1..=MAX_OPTIONS).contains(&body.options.len()) {
        return Err(Problem::invalid("options", format!("`options` has 1 to {MAX_OPTIONS} entries")));
    }
    let history = body.history.unwrap_or_default();
    let names = history.len() + body.options.iter().map(|option| option.items.len()).sum::<usize>();
    if names > MAX_NAMES {
        return Err(Problem::invalid(
            "options",
            format!("a question names at most {MAX_NAMES} products, this one {names}"),
        ));
    }
    for (place, name) in history.iter().enumerate() {
        validate::text(&format!("history[{place}]"), name, NAME_CHARS)?;
    }
    let mut ids = HashSet::new();
    for (place, option) in body.options.iter().enumerate() {
        let field = format!("options[{place}]");
        validate::text(&format!("{field}.id"), &option.id, ID_CHARS)?;
        if !ids.insert(option.id.as_str()) {
            return Err(Problem::invalid(&format!("{field}.id"), "two options have the same id"));
        }
        if option.items.is_empty() {
            return Err(Problem::invalid(&format!("{field}.items"), "an option has at least one product"));
        }
        for (item, name) in option.items.iter().enumerate() {
            validate::text(&format!("{field}.items[{item}]"), name, NAME_CHARS)?;
        }
    }
    let options = body.options.into_iter().map(|option| (option.id, option.items)).collect();
    Ok(ChoiceInput { shopper: body.shopper, history, options })
}

/// Says how far the probabilities of the choice model in service can be trusted: measures and a reliability diagram over
/// questions about the latest purchases, which it had not learned from.
#[utoipa::path(get, path = "/api/v1/choices/reliability", tag = "campaigns", security(("api_key" = ["campaigns"])),
    responses((status = 200, description = "As of the last fit", body = schema::rehearsal::Reliability), schema::Problems))]
pub async fn get_reliability(State(app): State<App>, _: Operator<Reports>) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.choice_reliability().await?))
}
