//! One endpoint: how it is asked, what of it is remembered, and what a question to it may cost.

use super::breaker::{Breaker, Pass};
use super::options::{Endpoint as Configured, Options};
use super::wire::{self, WAYS};
use crate::advice::{AdviceFile, Bounds, Cost};
use app::ports::{Ask, Clock, Said, Silence, Spoken};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::Instant as Deadline;

/// Waits on an endpoint's word within one question.
const WAITS_MAX: u32 = 3;
/// How long an endpoint that is too busy is left alone where it does not say.
const BUSY_FOR: Duration = Duration::from_secs(1);
/// How long one that does not know the key is left alone.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// Tokens that a chat's frame may add beside what the body says.
const FRAME_TOKENS: u64 = 64;

/// See the module.
pub(super) struct Endpoint {
    name: String,
    model: String,
    url: String,
    key: Option<HeaderValue>,
    input_cents: u64,
    output_cents: u64,
    breaker: Breaker,
    /// The way that worked last, by its place in [`WAYS`].
    way: AtomicUsize,
}

/// What all endpoints share.
pub(super) struct Means {
    pub client: reqwest::Client,
    pub file: AdviceFile,
    pub clock: Arc<dyn Clock>,
    pub attempt: Duration,
    pub answer_bytes: usize,
    pub bounds: Bounds,
}

/// What came back to one attempt.
enum Reply {
    /// 200 with a JSON text.
    Json(Value),
    /// It does not take the question in this form.
    NotSo,
    /// It is too busy; when to come again, where it says.
    Wait(Option<Duration>),
    /// It does not know the key, or the model.
    Refused(StatusCode),
    /// It failed before it can have done any work.
    Failed(&'static str),
    /// It may have done the work, but there is no answer.
    Broken(&'static str),
    TooLate,
}

impl Endpoint {
    pub fn new(name: &str, configured: &Configured, options: &Options) -> Self {
        let key = (!configured.key.0.is_empty()).then(|| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", configured.key.0)).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self {
            name: name.to_owned(),
            model: configured.model.clone(),
            url: configured.completions(),
            key: key.flatten(),
            input_cents: configured.input_cents_per_million,
            output_cents: configured.output_cents_per_million,
            breaker: Breaker::new(options.failures, options.pause()),
            way: AtomicUsize::new(0),
        }
    }

    /// Under which name its answers are remembered: another model at the same place gives others.
    pub fn identity(&self) -> String {
        format!("{}\n{}", self.url, self.model)
    }

    /// Asks until there is an answer, or reason to think that there will be none, or `until`.
    pub async fn ask(&self, ask: &Ask, means: &Means, until: Deadline) -> Result<Said, Silence> {
        let mut pass = self.breaker.pass(Instant::now()).ok_or(Silence::Down)?;
        let (mut way, mut waits) = (self.way.load(Ordering::Relaxed), 0);
        loop {
            let body = wire::body(ask, &self.model, WAYS[way]);
            let aside = self.most(body.len() as u64, ask.answer_tokens);
            let asked_ms = means.clock.now_ms();
            let fits = means.file.set_aside(asked_ms, aside, means.bounds).await;
            if !fits.map_err(|_| Silence::Down)? {
                return Err(Silence::Budget);
            }
            let reply = self.attempt(body, means, until).await;
            // What was not worked on is not paid for; of everything else the most that it may have cost stays set aside.
            let free = matches!(reply, Reply::NotSo | Reply::Wait(_) | Reply::Refused(_) | Reply::Failed(_));
            let real = match &reply {
                Reply::Json(reply) => self.real(reply).unwrap_or(aside),
                _ if free => Cost::default(),
                _ => aside,
            };
            if real.tokens > aside.tokens {
                tracing::warn!(endpoint = self.name, "the endpoint took more tokens than it was asked for");
            }
            // Where this fails, too much stays set aside, never too little.
            _ = means.file.settle(asked_ms, aside, real).await;
            pass = match self.judge(reply, ask, pass, real, &mut way, until) {
                Verdict::Over(outcome) => return outcome,
                Verdict::Again(pass) => pass,
                Verdict::Wait(pass, wait) if waits < WAITS_MAX => {
                    waits += 1;
                    tokio::time::sleep(wait).await;
                    pass
                }
                Verdict::Wait(pass, wait) => {
                    pass.told(Instant::now(), wait);
                    return Err(Silence::Down);
                }
            };
        }
    }

    /// What a reply means for the question, and for the endpoint.
    fn judge<'a>(
        &self,
        reply: Reply,
        ask: &Ask,
        pass: Pass<'a>,
        real: Cost,
        way: &mut usize,
        until: Deadline,
    ) -> Verdict<'a> {
        let now = Instant::now();
        let (why, silence) = match reply {
            Reply::Json(reply) => {
                // It answers; whether this question is another matter.
                pass.worked();
                self.way.store(*way, Ordering::Relaxed);
                let answer = wire::spoken(ask, &reply).ok_or(Silence::Unusable);
                return Verdict::Over(answer.map(|answer| self.said(answer, real)));
            }
            Reply::NotSo if *way + 1 < WAYS.len() => {
                *way += 1;
                return Verdict::Again(pass);
            }
            Reply::NotSo => ("it takes the question in no form", Silence::Down),
            Reply::Wait(Some(wait)) if Deadline::now() + wait < until => return Verdict::Wait(pass, wait),
            Reply::Wait(wait) => {
                pass.told(now, wait.unwrap_or(BUSY_FOR));
                return Verdict::Over(Err(Silence::Down));
            }
            Reply::Refused(status) => {
                tracing::warn!(
                    endpoint = self.name,
                    status = status.as_u16(),
                    "the endpoint refuses the key or the model"
                );
                pass.told(now, REFUSED_FOR);
                return Verdict::Over(Err(Silence::Down));
            }
            Reply::Failed(why) => (why, Silence::Down),
            Reply::Broken(why) => (why, Silence::Unusable),
            Reply::TooLate => ("no answer in time", Silence::Late),
        };
        tracing::debug!(endpoint = self.name, why, "no advice");
        pass.failed(now);
        Verdict::Over(Err(silence))
    }

    fn said(&self, answer: Spoken, real: Cost) -> Said {
        let model = self.model.clone();
        Said { answer, model, tokens: real.tokens, microcents: real.microcents, cached: false }
    }

    async fn attempt(&self, body: String, means: &Means, until: Deadline) -> Reply {
        let end = until.min(Deadline::now() + means.attempt);
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.clone());
        }
        let request = means.client.post(&self.url).headers(headers).body(body).send();
        match tokio::time::timeout_at(end, request).await {
            Err(_) => Reply::TooLate,
            Ok(Err(error)) if error.is_connect() => Reply::Failed("no connection"),
            Ok(Err(_)) => Reply::Broken("the connection broke"),
            Ok(Ok(response)) => {
                tokio::time::timeout_at(end, read(response, means.answer_bytes)).await.unwrap_or(Reply::TooLate)
            }
        }
    }

    /// The most that a question may cost: a token is at least one byte of what is sent.
    fn most(&self, body_bytes: u64, answer_tokens: u32) -> Cost {
        self.cost(body_bytes + FRAME_TOKENS, answer_tokens.into())
    }

    fn real(&self, reply: &Value) -> Option<Cost> {
        wire::usage(reply).map(|(prompt, answer)| self.cost(prompt, answer))
    }

    /// Cents for a million tokens are millionths of a cent for one.
    fn cost(&self, prompt: u64, answer: u64) -> Cost {
        let of = |tokens: u64, price: u64| tokens.saturating_mul(price);
        Cost {
            tokens: prompt.saturating_add(answer),
            microcents: of(prompt, self.input_cents).saturating_add(of(answer, self.output_cents)),
        }
    }
}

enum Verdict<'a> {
    Over(Result<Said, Silence>),
    /// At once, in another form.
    Again(Pass<'a>),
    Wait(Pass<'a>, Duration),
}

/// Reads an answer, no further than the bound.
async fn read(mut response: Response, most: usize) -> Reply {
    let status = response.status();
    match status {
        StatusCode::OK => {}
        StatusCode::BAD_REQUEST
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::NOT_IMPLEMENTED => {
            return Reply::NotSo;
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            return Reply::Wait(retry_after(response.headers(), SystemTime::now()));
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::PAYMENT_REQUIRED => {
            return Reply::Refused(status);
        }
        _ if status.is_redirection() => return Reply::Failed("a redirect, which is not followed"),
        _ => return Reply::Failed("an error"),
    }
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Reply::Broken("an answer that is too long");
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > most => return Reply::Broken("an answer that is too long"),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => return Reply::Broken("half an answer"),
        }
    }
    serde_json::from_slice(&body).map_or(Reply::Broken("no JSON"), Reply::Json)
}

/// When to come again: seconds or a date (RFC 9110), never in the past.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sat, 28 Nov 2026 10:00:00 GMT").expect("a date");
        for (text, want) in [
            ("3", Some(3_000)),
            (" 0 ", Some(0)),
            ("0.5", Some(500)),
            ("Sat, 28 Nov 2026 10:00:05 GMT", Some(5_000)),
            ("Sat, 28 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("NaN", None),
            ("1e30", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).expect("a header"))]);
            assert_eq!(retry_after(&headers, now).map(|d| d.as_millis()), want, "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
