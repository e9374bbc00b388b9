//! A shopper in one paragraph, in Chinese or English, from facts alone: nothing is said that was not counted.

use super::{Channel, Persona, Trend};
use crate::profile::Profile;
use crate::rfm::Segment;
use crate::text::Language;

/// Categories and items that are named.
const NAMED: usize = 3;

/// The paragraph; names of products and categories are the shop's own.
pub(super) fn paragraph(persona: &Persona, profile: &Profile, now_ms: i64, language: Language) -> String {
    let zh = language == Language::Zh;
    let mut sentences: Vec<String> = Vec::new();
    let Some(days) = profile.recency_days(now_ms) else {
        return if zh { "还没有购买记录。".to_owned() } else { "Has bought nothing yet.".to_owned() };
    };
    let money =
        |cents: i64| format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, (cents / 100).abs(), (cents % 100).abs());
    let segment = persona.rfm.map_or("", |rfm| segment(rfm.segment, zh));
    let spend = money(profile.spend_cents);
    sentences.push(if zh {
        format!("{segment}：共下单 {} 次，净消费 {spend}，最近一次购买在 {days} 天前", profile.orders)
    } else {
        let orders = if profile.orders == 1 { "order" } else { "orders" };
        format!("{segment}: {} {orders} worth {spend} net of returns, the last one {days} days ago", profile.orders)
    });
    if !persona.tastes.is_empty() {
        let names: Vec<String> =
            persona.tastes.iter().take(NAMED).map(|taste| named(taste.trend, &taste.category, zh)).collect();
        sentences.push(if zh { format!("偏爱{}", names.join("、")) } else { format!("Likes {}", names.join(", ")) });
    }
    if let Some(cycle) = persona.repeat_cycles.first() {
        let name = if cycle.name.is_empty() { &cycle.sku } else { &cycle.name };
        sentences.push(if zh {
            format!("约每 {} 天回购一次{name}", cycle.days)
        } else {
            format!("Buys {name} again about every {} days", cycle.days)
        });
    }
    if let Some(pays) = persona.willingness_to_pay.first() {
        let (median, high) = (money(pays.median_cents), money(pays.high_cents));
        sentences.push(if zh {
            format!("在{}上通常每件付 {median}，最多约 {high}", pays.category)
        } else {
            format!("Pays {median} a piece for {}, up to {high}", pays.category)
        });
    }
    if let Some(sensitive) = persona.price_sensitivity {
        sentences.push(bargains(sensitive, zh).to_owned());
    }
    if let Some(times) = &persona.favourite_times {
        let until = (times.hour + 3) % 24;
        sentences.push(if zh {
            format!("多在{} {:02}:00 至 {until:02}:00 间下单", weekday(times.weekday, zh), times.hour)
        } else {
            format!(
                "Orders mostly on {} and between {:02}:00 and {until:02}:00",
                weekday(times.weekday, zh),
                times.hour
            )
        });
    }
    if let Some(channel) = persona.channel {
        sentences.push(comes(channel, zh).to_owned());
    }
    let percent = |p: &String| (p.parse::<f64>().unwrap_or(0.0) * 100.0).round();
    if let (Some(buys), Some(churn)) = (&persona.buys_within_30_days, &persona.churn_risk) {
        let (buys, churn) = (percent(buys), percent(churn));
        sentences.push(if zh {
            format!("30 天内购买的概率为 {buys}%，流失风险为 {churn}%")
        } else {
            format!("Buys within 30 days with a probability of {buys} %, is lost with {churn} %")
        });
    }
    if zh { sentences.join("；") + "。" } else { sentences.join(". ") + "." }
}

fn named(trend: Trend, category: &str, zh: bool) -> String {
    match (trend, zh) {
        (Trend::Steady, _) => category.to_owned(),
        (Trend::Rising, true) => format!("{category}（上升）"),
        (Trend::Falling, true) => format!("{category}（下降）"),
        (Trend::Rising, false) => format!("{category} (more of late)"),
        (Trend::Falling, false) => format!("{category} (less of late)"),
    }
}

fn bargains(sensitivity: f64, zh: bool) -> &'static str {
    match (sensitivity, zh) {
        (0.6.., true) => "对价格敏感，多在降价时购买",
        (0.6.., false) => "Watches prices and buys mostly below the usual one",
        (0.3..0.6, true) => "对价格有一定敏感度",
        (0.3..0.6, false) => "Takes a bargain now and then",
        (_, true) => "对价格不敏感",
        (_, false) => "Does not wait for bargains",
    }
}

fn comes(channel: Channel, zh: bool) -> &'static str {
    match (channel, zh) {
        (Channel::Search, true) => "通常先搜索再购买",
        (Channel::Browse, true) => "通常先浏览再购买",
        (Channel::SignIn, true) => "通常在签到当天购买",
        (Channel::Direct, true) => "通常直接购买",
        (Channel::Search, false) => "Usually searches first",
        (Channel::Browse, false) => "Usually looks around first",
        (Channel::SignIn, false) => "Usually buys on a day of signing in",
        (Channel::Direct, false) => "Usually buys straight away",
    }
}

fn weekday(day: u8, zh: bool) -> &'static str {
    const ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    const EN: [&str; 7] = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];
    let place = usize::from(day.saturating_sub(1)).min(6);
    if zh { ZH[place] } else { EN[place] }
}

fn segment(segment: Segment, zh: bool) -> &'static str {
    match (segment, zh) {
        (Segment::Champions, true) => "核心客户",
        (Segment::Loyal, true) => "忠诚客户",
        (Segment::PotentialLoyalist, true) => "潜力客户",
        (Segment::New, true) => "新客户",
        (Segment::Promising, true) => "有望客户",
        (Segment::NeedsAttention, true) => "需要关注的客户",
        (Segment::AboutToSleep, true) => "即将沉睡的客户",
        (Segment::AtRisk, true) => "有流失风险的客户",
        (Segment::CannotLose, true) => "不能失去的客户",
        (Segment::Hibernating, true) => "沉睡客户",
        (Segment::Lost, true) => "已流失客户",
        (Segment::Champions, false) => "Among the best customers",
        (Segment::Loyal, false) => "A loyal customer",
        (Segment::PotentialLoyalist, false) => "May become loyal",
        (Segment::New, false) => "A new customer",
        (Segment::Promising, false) => "A promising customer",
        (Segment::NeedsAttention, false) => "Needs attention",
        (Segment::AboutToSleep, false) => "About to fall asleep",
        (Segment::AtRisk, false) => "At risk of leaving",
        (Segment::CannotLose, false) => "A customer not to lose",
        (Segment::Hibernating, false) => "A sleeping customer",
        (Segment::Lost, false) => "A lost customer",
    }
}
