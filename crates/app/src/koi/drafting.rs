//! For the marketer: a segment's brief and a campaign for it that could be published as it is. Nothing is stored.
//!
//! The facts are the shop's own (what the segment's shoppers buy); a template gives odds, limits and money. A language
//! model, where there is one, writes the brief, picks the template and names the prizes: texts only. What it writes is
//! checked, and the whole is checked as publishing checks it; what does not pass is replaced by the local draft.

use super::Koi;
use crate::advise::{prompts, redact, shown};
use crate::error::{Error, Result};
use crate::ports::{Ask, LanguageModel, Shape, Spoken};
use crate::time::rfc3339;
use crate::worded::DraftView;
use domain::campaign::templates::{self, Template};
use domain::campaign::{Definition, Finding, Severity};
use recommend::baskets::Dataset;
use recommend::text::Language;
use serde_json::{Value, json};
use std::time::Duration;

/// Categories of a segment that are told.
const CATEGORIES_MAX: usize = 8;
/// Characters of a name and of a brief that a model writes.
const NAME_CHARS: usize = 40;
const BRIEF_CHARS: usize = 600;
/// Tokens of the whole answer, and how long it is waited for.
const ANSWER_TOKENS: u32 = 900;
const WITHIN: Duration = Duration::from_secs(20);
/// The window of a draft without one: from tomorrow, for two weeks.
const STARTS_IN_MS: i64 = 86_400_000;
const LASTS_MS: i64 = 14 * 86_400_000;

/// What the marketer wishes.
#[derive(Debug, Clone)]
pub struct DraftAsk {
    /// What the segment is called.
    pub segment: String,
    /// Its shoppers are those who bought of this category; where absent, everybody.
    pub category: Option<String>,
    /// Where absent, that of the segment's name.
    pub language: Option<Language>,
    pub starts_at_ms: Option<i64>,
    pub ends_at_ms: Option<i64>,
}

/// What a segment's shoppers buy of one category.
#[derive(Debug, Clone, PartialEq)]
struct Taste {
    category: String,
    /// Of all their lines.
    share: f64,
    /// The mean price of its items.
    cents: i64,
}

/// A segment as numbers.
#[derive(Debug, Clone, PartialEq)]
struct Facts {
    shoppers: usize,
    tastes: Vec<Taste>,
}

/// What stands in a draft beside the template.
struct Texts {
    template: Template,
    name: String,
    brief: String,
    /// Of prizes by code: name and category.
    prizes: Vec<(String, String, String)>,
}

impl Koi {
    /// A brief of a segment and a draft campaign for it.
    ///
    /// # Errors
    /// A category that the shop does not know; a window that ends before it starts.
    pub async fn draft_campaign(&self, ask: DraftAsk) -> Result<DraftView> {
        let fitted = self.fitted().await?;
        let category = ask.category.clone();
        let facts = tokio::task::spawn_blocking(move || facts(fitted.data(), category.as_deref())).await;
        let facts = facts.map_err(|_| Error::Unavailable("the segment could not be looked at"))?;
        let unknown = || Error::invalid("category_unknown", "category", "no shopper bought anything of this category");
        let facts = facts.ok_or_else(unknown)?;
        let now_ms = self.now_ms();
        let starts_ms = ask.starts_at_ms.unwrap_or(now_ms + STARTS_IN_MS);
        let ends_ms = ask.ends_at_ms.unwrap_or(starts_ms.saturating_add(LASTS_MS));
        let language = ask.language.unwrap_or_else(|| Language::of([ask.segment.as_str()]));
        let window = (starts_ms, ends_ms);
        if let Some(model) = self.language_model()
            && let Some(texts) = written(&**model, &ask.segment, &facts, language).await
            && let Some(view) = self.drafted(texts, window, "llm").filter(DraftView::passes)
        {
            return Ok(view);
        }
        let local = local(&ask.segment, &facts, language);
        let view = self.drafted(local, window, "model");
        view.ok_or_else(|| Error::invalid("invalid_body", "ends_at", "a campaign starts before it ends, since 1970"))
    }

    /// The draft as a whole, checked as publishing checks it.
    fn drafted(&self, texts: Texts, (starts_ms, ends_ms): (i64, i64), source: &'static str) -> Option<DraftView> {
        let mut body = texts.template.campaign;
        body["name"] = json!(texts.name);
        body["starts_at"] = json!(rfc3339(starts_ms));
        body["ends_at"] = json!(rfc3339(ends_ms));
        for prize in body["prizes"].as_array_mut()? {
            if let Some((_, name, category)) = texts.prizes.iter().find(|(code, ..)| prize["code"] == *code) {
                prize["name"] = json!(name);
                prize["category"] = json!(category);
            }
        }
        let campaign: Definition = serde_json::from_value(body).ok()?;
        let findings: Vec<Finding> = campaign.check_publish(self.now_ms());
        let window = findings.iter().any(|finding| finding.severity == Severity::Error && starts_ms >= ends_ms);
        (!window).then_some(DraftView { brief: texts.brief, template: texts.template.code, source, campaign, findings })
    }
}

impl DraftView {
    /// Whether nothing blocks publishing.
    fn passes(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// What a segment buys; nothing where nobody is in it though a category was named.
fn facts(data: &Dataset, category: Option<&str>) -> Option<Facts> {
    let catalogue = data.catalogue();
    let wanted = match category {
        Some(name) => Some(catalogue.category(name)?),
        None => None,
    };
    let (mut lines, mut shoppers) = (vec![0u64; catalogue.category_count()], 0);
    for place in 0..data.len() {
        let baskets = data.baskets(place);
        let bought: Vec<u32> = baskets.iter().flatten().filter_map(|item| catalogue.category_of(*item)).collect();
        if wanted.is_some_and(|wanted| !bought.contains(&wanted)) {
            continue;
        }
        shoppers += 1;
        bought.iter().for_each(|category| lines[*category as usize] += 1);
    }
    if wanted.is_some() && shoppers == 0 {
        return None;
    }
    let mut prices = vec![(0i64, 0i64); catalogue.category_count()];
    for item in 0..catalogue.len() as u32 {
        if let (Some(category), cents @ 1..) = (catalogue.category_of(item), catalogue.price_cents(item)) {
            let (sum, count) = &mut prices[category as usize];
            (*sum, *count) = (sum.saturating_add(cents), *count + 1);
        }
    }
    let all = lines.iter().sum::<u64>().max(1) as f64;
    let mut order: Vec<usize> = (0..lines.len()).filter(|category| lines[*category] > 0).collect();
    order.sort_by_key(|category| (std::cmp::Reverse(lines[*category]), *category));
    let taste = |&category: &usize| Taste {
        category: catalogue.category_text(category as u32).to_owned(),
        share: lines[category] as f64 / all,
        cents: prices[category].0.checked_div(prices[category].1).unwrap_or(0),
    };
    let named = order.iter().map(taste).filter(|taste| !taste.category.is_empty());
    Some(Facts { shoppers, tastes: named.take(CATEGORIES_MAX).collect() })
}

/// Prizes of a template that want a name of their own: goods.
fn goods(template: &Template) -> Vec<(String, i64)> {
    let prizes = template.campaign["prizes"].as_array().map_or(&[][..], Vec::as_slice);
    let of = prizes.iter().filter(|prize| prize["kind"] == "goods");
    of.filter_map(|prize| Some((prize["code"].as_str()?.to_owned(), prize["value_cents"].as_i64()?))).collect()
}

/// The draft without a model: the segment's own categories on the most usual template.
fn local(segment: &str, facts: &Facts, language: Language) -> Texts {
    let template = templates::all().swap_remove(0);
    let zh = language == Language::Zh;
    let named = |(nth, (code, _)): (usize, (String, i64))| {
        let taste = facts.tastes.get(nth % facts.tastes.len().max(1))?;
        let name = if zh { format!("{}礼品", taste.category) } else { format!("{} gift", taste.category) };
        Some((code, name.chars().take(NAME_CHARS).collect(), taste.category.clone()))
    };
    let prizes = goods(&template).into_iter().enumerate().filter_map(named).collect();
    let tastes: Vec<String> = facts
        .tastes
        .iter()
        .take(3)
        .map(|taste| format!("{} {:.0}%", redact::name(&taste.category), taste.share * 100.0))
        .collect();
    let (name, brief) = if zh {
        let bought = if tastes.is_empty() {
            "还没有购买记录".to_owned()
        } else {
            format!("常买{}", tastes.join("、"))
        };
        (format!("{segment}抽奖"), format!("{segment}：{} 位顾客，{bought}。", facts.shoppers))
    } else {
        let bought =
            if tastes.is_empty() { "nothing bought yet".to_owned() } else { format!("mostly {}", tastes.join(", ")) };
        (format!("{segment} prize draw"), format!("{segment}: {} shoppers, {bought}.", facts.shoppers))
    };
    Texts { template, name, brief, prizes }
}

/// What a model writes, each text checked; nothing where it writes nothing fit.
async fn written(model: &dyn LanguageModel, segment: &str, facts: &Facts, language: Language) -> Option<Texts> {
    let all = templates::all();
    let codes: Vec<&str> = all.iter().map(|template| template.code).collect();
    let mut prizes: Vec<(String, i64)> = all.iter().flat_map(goods).collect();
    prizes.sort_unstable();
    prizes.dedup_by(|a, b| a.0 == b.0);
    let categories: Vec<&str> = facts.tastes.iter().map(|taste| taste.category.as_str()).collect();
    if categories.is_empty() {
        return None;
    }
    let text = json!({"type": "string"});
    let prize = json!({"type": "object", "required": ["code", "name", "category"], "additionalProperties": false, "properties": {
        "code": {"type": "string", "enum": prizes.iter().map(|(code, _)| code).collect::<Vec<_>>()},
        "name": text, "category": {"type": "string", "enum": categories}}});
    let schema = json!({"type": "object", "required": ["brief", "template", "name", "prizes"], "additionalProperties": false,
        "properties": {"brief": text, "template": {"type": "string", "enum": codes}, "name": text, "prizes": {"type": "array", "items": prize}}});
    let bought = facts.tastes.iter().map(|taste| {
        json!({"kind": taste.category, "share": (taste.share * 100.0).round() / 100.0, "price": redact::band(taste.cents)})
    });
    let told = json!({
        "segment": redact::name(segment),
        "bought": bought.collect::<Vec<_>>(),
        "templates": all.iter().map(|t| json!({"code": t.code, "description": t.description, "prizes": goods(t).into_iter().map(|(code, _)| code).collect::<Vec<_>>()})).collect::<Vec<_>>(),
        "prizes": prizes.iter().map(|(code, cents)| json!({"code": code, "value_cents": cents})).collect::<Vec<_>>(),
    });
    let prompt = prompts::campaign(language);
    let ask = Ask {
        prompt: prompt.name,
        instruction: prompt.text.to_owned(),
        data: told.to_string(),
        shape: Shape::Object { name: "campaign", schema },
        answer_tokens: ANSWER_TOKENS,
    };
    let Spoken::Object(answer) = model.ask(&ask, WITHIN).await.ok()?.answer else { return None };
    taken(&answer, all, language)
}

fn taken(answer: &Value, all: Vec<Template>, language: Language) -> Option<Texts> {
    let fit = |text: &Value, most: usize| shown(text.as_str()?, language, most);
    let template = all.into_iter().find(|template| answer["template"] == template.code)?;
    let wanted = goods(&template);
    let named = |prize: &Value| {
        let code = prize["code"].as_str()?.to_owned();
        // Names of things may be in either language.
        let name =
            [Language::Zh, Language::En].into_iter().find_map(|l| shown(prize["name"].as_str()?, l, NAME_CHARS))?;
        wanted.iter().any(|(wanted, _)| *wanted == code).then_some((code, name, prize["category"].as_str()?.to_owned()))
    };
    let prizes: Vec<_> = answer["prizes"].as_array()?.iter().filter_map(named).collect();
    let brief = fit(&answer["brief"], BRIEF_CHARS)?;
    Some(Texts { template, name: fit(&answer["name"], NAME_CHARS)?, brief, prizes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(template: &str, name: &str, brief: &str) -> Value {
        json!({"template": template, "name": name, "brief": brief, "prizes": [
            {"code": "first", "name": "Tea set", "category": "tea"}, {"code": "grand", "name": "Grand", "category": "tea"},
            {"code": "first", "name": "<script>", "category": "tea"}]})
    }

    #[test]
    fn what_a_model_writes_is_taken_only_where_it_is_fit() {
        for (name, said, ok) in [
            ("good", answer("wheel", "Spring", "They like tea."), true),
            ("no template", answer("roulette", "Spring", "They like tea."), false),
            ("a link", answer("wheel", "Spring", "See https://x"), false),
            ("markup", answer("wheel", "<b>", "They like tea."), false),
            ("another language", answer("wheel", "春天", "They like tea."), false),
            ("too long", answer("wheel", "Spring", &"tea ".repeat(500)), false),
        ] {
            let taken = taken(&said, templates::all(), Language::En);
            assert_eq!(taken.is_some(), ok, "{name}");
            if let Some(texts) = taken {
                assert_eq!(
                    texts.prizes,
                    [("first".to_owned(), "Tea set".to_owned(), "tea".to_owned())],
                    "of this template alone"
                );
            }
        }
    }

    #[test]
    fn the_local_draft_names_what_the_segment_buys() {
        let taste = |category: &str, share| Taste { category: category.into(), share, cents: 900 };
        let facts = Facts { shoppers: 12, tastes: vec![taste("茶", 0.6), taste("杯", 0.4)] };
        let texts = local("老顾客", &facts, Language::Zh);
        assert_eq!(
            (texts.name.as_str(), texts.brief.as_str()),
            ("老顾客抽奖", "老顾客：12 位顾客，常买茶 60%、杯 40%。")
        );
        assert!(texts.prizes.iter().any(|(_, name, category)| name == "茶礼品" && category == "茶"));
        let nobody = local("New ones", &Facts { shoppers: 0, tastes: Vec::new() }, Language::En);
        assert!(nobody.prizes.is_empty() && nobody.brief.contains("nothing bought yet"));
    }
}
