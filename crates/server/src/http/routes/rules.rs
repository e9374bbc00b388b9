//! The published rules of a campaign, for anyone: as JSON, or as a page in Chinese or English.

use crate::http::App;
use crate::http::extract::Id;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::schema;
use app::RulesView;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::CampaignId;
use minijinja::{Environment, Value, context};
use serde::Deserialize;
use std::sync::LazyLock;

/// The page needs nothing from anywhere and runs nothing.
const CONTENT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'");

/// Compiled once; names ending in `.html` are escaped.
static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages
        .add_template("rules.html", include_str!("rules.html"))
        .expect("invariant: the template is part of the program");
    pages.add_filter("money", money);
    pages.add_filter("percent", percent);
    pages
});

/// The languages that the page is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Zh,
    En,
}

impl Language {
    fn named(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', ';']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Language::Zh),
            "en" => Some(Language::En),
            _ => None,
        }
    }

    /// What the query names, else what `Accept-Language` likes best, else Chinese.
    fn wanted(query: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = || {
            let text = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            let weight = |part: &str| {
                let q = part.split(';').nth(1).and_then(|q| q.trim().strip_prefix("q="));
                q.map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())
            };
            let known = text.split(',').filter_map(|part| Some((Language::named(part)?, weight(part)?)));
            // Of equals the first one counts.
            known
                .filter(|(_, q)| *q > 0.0)
                .reduce(|best, next| if next.1 > best.1 { next } else { best })
                .map(|(l, _)| l)
        };
        query.and_then(Language::named).or_else(accepted).unwrap_or(Language::Zh)
    }

    fn word(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesAsk {
    lang: Option<String>,
}

/// Shows the published rules: odds, quantities, limits, claim terms, and the hash that freezes them. Needs no credentials.
/// HTML where the caller prefers it, else JSON.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/rules", tag = "shopper",
    params(("id" = String, Path), ("lang" = Option<String>, Query, description = "`zh` or `en`; absent: by Accept-Language")),
    responses((status = 200, description = "The rules, or the page of them as text/html", body = schema::PublishedRules), schema::Problems))]
pub async fn get_rules(
    State(app): State<App>,
    Id(id): Id<CampaignId>,
    ask: Result<Query<RulesAsk>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(ask) = ask.map_err(|_| Problem::invalid("lang", "`lang` is `zh` or `en`".to_owned()))?;
    let rules = app.koi.published_rules(id).await?;
    let vary = HeaderValue::from_static("accept, accept-language");
    let mut response = if wants_html(&headers) {
        let page = render(&rules, Language::wanted(ask.lang.as_deref(), &headers)).map_err(|error| {
            tracing::error!(%error, campaign = %id, "the rules page could not be rendered");
            Problem::internal()
        })?;
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let policy = HeaderName::from_static("content-security-policy");
        ([(header::CONTENT_TYPE, html), (policy, CONTENT_POLICY)], page).into_response()
    } else {
        json(StatusCode::OK, &rules)
    };
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

/// Whether HTML is named, and before JSON.
fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let at = |what: &str| accept.find(what);
    at("text/html").is_some_and(|html| at("application/json").is_none_or(|json| html < json))
}

fn render(rules: &RulesView, language: Language) -> Result<String, minijinja::Error> {
    let t = Value::from_serialize(language.texts());
    PAGES.get_template("rules.html")?.render(context! { rules, t, lang => language.word() })
}

/// Minor units as the currency is written; those without minor units are few.
fn money(cents: i64, currency: &str) -> String {
    match currency {
        "JPY" | "KRW" | "VND" => format!("{cents} {currency}"),
        _ => format!("{}.{:02} {currency}", cents / 100, cents.unsigned_abs() % 100),
    }
}

/// `0.012346` as `1.2346 %`.
fn percent(decimal: &str) -> String {
    match decimal.parse::<f64>() {
        Ok(share) => format!("{:.4} %", share * 100.0),
        Err(_) => decimal.to_owned(),
    }
}

impl Language {
    /// Every text of the page.
    fn texts(self) -> serde_json::Map<String, serde_json::Value> {
        let column = match self {
            Language::Zh => 1,
            Language::En => 2,
        };
        TEXTS.iter().map(|row| (row[0].to_owned(), row[column].into())).collect()
    }
}

/// Key, Chinese, English.
const TEXTS: &[[&str; 3]] = &[
    ["rules", "活动规则", "Rules"],
    ["window", "活动时间", "Time"],
    ["until", "至", "to"],
    ["zone", "时区", "time zone"],
    ["prizes", "奖品", "Prizes"],
    ["prize", "奖品", "Prize"],
    ["kind", "类型", "Kind"],
    ["value", "价值", "Value"],
    ["quantity", "数量", "Quantity"],
    ["unlimited", "不限量", "unlimited"],
    ["odds", "中奖概率", "Odds"],
    [
        "odds_note",
        "概率属于奖级，对每位参与者相同；个性化的只是奖格中展示的奖品。",
        "Odds belong to a tier and are the same for everyone; only which of a tier's prizes fill the places is personal.",
    ],
    ["pool", "奖池", "Pool"],
    ["always", "其他情况", "otherwise"],
    ["tier", "奖级", "Tier"],
    ["probability", "概率", "Probability"],
    ["places", "奖格数", "Places"],
    ["unlock", "解锁", "Opens"],
    ["unlock_after", "抽奖次数后解锁：", "after draws: "],
    ["limits", "限制", "Limits"],
    ["chances", "如何获得抽奖次数", "How to get chances"],
    ["none", "无", "none"],
    ["claim", "领奖方式与期限", "How and until when to claim"],
    [
        "claim_none",
        "奖品在中奖后自动发放或在“我的奖品”中领取。",
        "Prizes are credited by themselves or claimed among your awards.",
    ],
    ["fair", "公平与验证", "Fairness"],
    [
        "fair_note",
        "规则以 SHA-256 摘要冻结；活动种子的摘要在活动开始前公布，种子在活动结束后公布，每次抽奖的凭证均可重新计算。",
        "The rules are frozen by their SHA-256; the hash of the campaign's seed is published beforehand, the seed when the campaign is over, and every draw can be recomputed from its receipt.",
    ],
    ["version", "规则版本", "Version of the rules"],
    ["since", "生效时间", "In force since"],
    ["rules_hash", "规则摘要", "Hash of the rules"],
    ["seed_hash", "种子摘要", "Hash of the seed"],
    ["announced", "已公告的规则变更", "Announced change"],
    ["effective", "生效时间", "Takes effect"],
    ["before", "现行", "Now"],
    ["after", "变更为", "Then"],
    ["field", "项目", "What"],
    ["points", "积分", "points"],
    ["coupon", "优惠券", "coupon"],
    ["goods", "实物", "goods"],
    ["webhook", "权益", "benefit"],
    ["kind_none", "谢谢参与", "nothing"],
    ["per_shopper", "每人总次数", "Draws of one person"],
    ["per_day", "每人每日次数", "Draws of one person a day"],
    ["per_week", "每人每周次数", "Draws of one person a week"],
    ["per_campaign", "活动总次数", "Draws in all"],
    ["sign_in", "每日签到获得次数", "Chances of a day's sign-in"],
    ["per_purchase_cents", "每满此消费金额（分）获得一次", "One chance per purchase of (minor units)"],
    ["points_price", "每次所需积分", "Points for one chance"],
    ["paid_price_cents", "每次价格（分）", "Price of one chance (minor units)"],
    ["points_on_sign_in", "签到积分", "Points of a sign-in"],
    ["points_on_purchase", "购物积分", "Points of a purchase"],
    ["by_time", "定时开奖", "by time"],
    [
        "moments_note",
        "定时奖品：中奖时刻事先确定，时刻之后的第一次抽奖中奖；时刻摘要：",
        "Prizes by time: the moments are fixed beforehand and the first draw after one wins. Hash of the moments:",
    ],
    ["entry", "活动结束后的抽签", "Drawing when the campaign is over"],
    ["entry_winners", "中签人数", "Winners"],
    ["entry_alternates", "候补人数", "Alternates"],
    ["entry_draws", "每次抽奖得一张签", "Each draw is a ticket."],
    ["entry_chances", "每次获得的抽奖机会得一张签", "Each chance that was granted is a ticket."],
    [
        "entry_note",
        "签数名单在活动结束时冻结，结果由事先公布摘要的种子与名单摘要算出，任何人可重新计算。",
        "The list of tickets is frozen when the campaign ends; the result follows from the seed, whose hash is above, and from the list, and anyone can recompute it.",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn the_language_is_what_was_asked_for() {
        for (query, accept, want) in [
            (Some("en"), "zh", Language::En),
            (Some("zh-CN"), "en", Language::Zh),
            (Some("fr"), "en-GB,en;q=0.9", Language::En),
            (None, "en;q=0.5, zh-CN", Language::Zh),
            (None, "fr, en;q=0.1", Language::En),
            (None, "en;q=0", Language::Zh),
            (None, "", Language::Zh),
            (None, "xx;q=many,,;", Language::Zh),
        ] {
            assert_eq!(
                Language::wanted(query, &headers(header::ACCEPT_LANGUAGE, accept)),
                want,
                "{query:?} {accept:?}"
            );
        }
    }

    #[test]
    fn html_is_for_who_prefers_it() {
        for (accept, want) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json, text/html", false),
            ("text/html, application/json", true),
            ("*/*", false),
            ("", false),
        ] {
            assert_eq!(wants_html(&headers(header::ACCEPT, accept)), want, "{accept:?}");
        }
    }

    #[test]
    fn money_and_shares_are_written_for_people() {
        assert_eq!(money(390_005, "CNY"), "3900.05 CNY");
        assert_eq!(money(500, "JPY"), "500 JPY");
        assert_eq!((percent("0.012346"), percent("x")), ("1.2346 %".to_owned(), "x".to_owned()));
    }
}
