//! Advice over the log: questions to read, answers to give (docs/advice.md).

use crate::http::body::{LARGE, RawJson, parse_list};
use crate::http::extract::{Advice, Asked, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use app::advise::board::{AnalystAnswer, NotTaken, Taken};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Answers of one request.
const ANSWERS_MAX: usize = 200;
/// Seconds that a request may wait for the next question: less than a stopping server waits for its last answers.
const WAIT_MAX: u64 = 10;

/// Where on a topic to read on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadOn {
    /// `next_cursor` of the answer before; where absent, from the oldest that is kept.
    cursor: Option<String>,
    /// 1 to 200, 50 where absent.
    limit: Option<u32>,
    /// Seconds, at most 10, to wait for the first one where there is none yet; 0 where absent. Of questions only.
    wait_seconds: Option<u64>,
}

impl ReadOn {
    fn checked(&self) -> Result<(u64, u32, Duration), Problem> {
        let wrong = |field: &str, detail: &'static str| Problem::invalid_query(field, detail);
        let after = self.cursor.as_deref().map_or(Ok(0), str::parse::<u64>);
        let after = after.map_err(|_| wrong("cursor", "`cursor` is the `next_cursor` of an answer before"))?;
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(wrong("limit", "`limit` is 1 to 200"));
        }
        let wait = self.wait_seconds.unwrap_or(0);
        if wait > WAIT_MAX {
            return Err(wrong("wait_seconds", "`wait_seconds` is 0 to 10"));
        }
        Ok((after, limit, Duration::from_secs(wait)))
    }
}

fn page(after: u64, rows: Vec<(u64, Value)>) -> Response {
    // A topic has no end: whoever has read all asks again from here.
    let next = rows.last().map_or(after, |(id, _)| *id);
    let data: Vec<Value> = rows.into_iter().map(|(_, message)| message).collect();
    json(StatusCode::OK, &json!({"data": data, "next_cursor": next.to_string()}))
}

fn closed() -> Problem {
    Problem::from(app::Error::Unavailable("the topics of advice are not open"))
}

/// Reads the topic of questions on from a cursor, waiting for the next one if asked to. Questions hold no personal data.
#[utoipa::path(get, path = "/api/v1/advice/questions", tag = "advice", security(("api_key" = ["advice"])), params(ReadOn),
    responses((status = 200, description = "Questions in order", body = schema::advice::Questions), schema::Problems))]
pub async fn list_advice_questions(
    State(app): State<App>,
    _: Operator<Advice>,
    Asked(ask): Asked<ReadOn>,
) -> Result<Response, Problem> {
    let (after, limit, wait) = ask.checked()?;
    let board = app.koi.board().ok_or_else(closed)?;
    let rows = board.read(after, limit, wait).await.map_err(app::Error::from)?;
    Ok(page(after, rows))
}

/// Reads the topic of answers on from a cursor, in the order of their questions.
#[utoipa::path(get, path = "/api/v1/advice/answers", tag = "advice", security(("api_key" = ["advice"])), params(ReadOn),
    responses((status = 200, description = "Answers in the order of their questions", body = schema::advice::Answers), schema::Problems))]
pub async fn list_advice_answers(
    State(app): State<App>,
    _: Operator<Advice>,
    Asked(ask): Asked<ReadOn>,
) -> Result<Response, Problem> {
    let (after, limit, wait) = ask.checked()?;
    if !wait.is_zero() {
        return Err(Problem::invalid_query("wait_seconds", "only questions can be waited for"));
    }
    let board = app.koi.board().ok_or_else(closed)?;
    let rows = board.answers(after, limit).await.map_err(app::Error::from)?;
    Ok(page(after, rows))
}

/// One answer or up to 200.
#[derive(serde::Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrManyAnswers {
    One(schema::advice::Answer),
    Many(Vec<schema::advice::Answer>),
}

/// Answers questions. One question has one answer; the same again changes nothing.
#[utoipa::path(post, path = "/api/v1/advice/answers", tag = "advice", security(("api_key" = ["advice"])), request_body = OneOrManyAnswers,
    responses((status = 200, description = "What became of each", body = schema::advice::Taken), schema::Problems))]
pub async fn give_advice(
    State(app): State<App>,
    _: Operator<Advice>,
    RawJson(body): RawJson<LARGE>,
) -> Result<Response, Problem> {
    let given = match parse_list::<Value>(&body)? {
        Value::Array(many) => many,
        one => vec![one],
    };
    if !(1..=ANSWERS_MAX).contains(&given.len()) {
        return Err(Problem::invalid("answers", format!("one answer or up to {ANSWERS_MAX}")));
    }
    let (mut accepted, mut duplicates, mut rejected) = (0, 0, Vec::new());
    let mut reject = |index: usize, code: &str, detail: String| {
        rejected.push(json!({"index": index, "code": code, "detail": detail}))
    };
    for (index, answer) in given.into_iter().enumerate() {
        let answer = match AnalystAnswer::read(answer) {
            Ok(answer) => answer,
            Err(unfit) => {
                reject(index, &unfit.code, unfit.detail);
                continue;
            }
        };
        match app.koi.take_answer(&answer).await? {
            Ok(Taken::Duplicate) => duplicates += 1,
            Ok(_) => accepted += 1,
            Err(wrong) => reject(index, NotTaken::code(wrong), wrong.to_string()),
        }
    }
    Ok(json(StatusCode::OK, &json!({"accepted": accepted, "duplicates": duplicates, "rejected": rejected})))
}
