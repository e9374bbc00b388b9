//! Answers for a service: from a known shopper or from names alone, with an explanation in the language of the request.
//!
//! Names are looked up in the shop's catalogue, by text where they are not in it. Where the shop knows every option and
//! has learned from its shoppers, the model answers; a shop that has learned nothing yet also weighs what kind of thing
//! the names name; and where it does not know the options, that alone decides. What the kinds say was set by hand, not
//! learned: such answers are plausible, their probabilities are not calibrated, and the explanation says so.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::evidence::{Evidence, Ranker};
use super::logit::softmax;
use super::model::{Asked, ChoiceModel};
use super::past::{GroupId, Past};
use crate::baskets::{Baskets, Dataset};
use crate::calibrate::top;
use crate::catalogue::Catalogue;
use crate::text::{Concept, Index, Language, affinity, concept_of, family_name, segment};

/// Options of a question, and names in it altogether.
pub const MAX_OPTIONS: usize = 1_000;
pub const MAX_NAMES: usize = 10_000;

/// Names of a history that are looked at, the last ones.
pub const MAX_HISTORY: usize = 1_000;

/// Utility of an option all of whose products are of the kind that was bought.
const KIND_WEIGHT: f64 = 6.0;

/// Days ago that a purchase is taken for of which only the name is known.
const UNDATED_DAYS: f64 = 7.0;

/// Names quoted in an explanation, and characters of each.
const QUOTED: usize = 3;
const QUOTED_CHARS: usize = 40;

/// A question by names.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What was bought, by name.
    pub history: Vec<String>,
    /// The products of each option.
    pub options: Vec<Vec<String>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Of each option, adding up to 1.
    pub probabilities: Vec<f64>,
    /// The first of the most probable options.
    pub choice: usize,
    /// A sentence or two, without the option's id.
    pub explanation: String,
}

/// What answers: immutable, shared by all threads.
#[derive(Debug, Clone)]
pub struct Chooser {
    model: ChoiceModel,
    index: Index,
}

/// What names say by the kinds of things they name.
struct Kinds {
    concepts: BTreeMap<Concept, f64>,
    words: FxHashSet<String>,
}

impl Chooser {
    /// Learns from what was bought before `before_ms`.
    pub fn fit(data: &Dataset, before_ms: i64) -> Chooser {
        let model = ChoiceModel::fit(data, before_ms);
        let index = Index::new(data.catalogue(), model.groups(), data.by_rank());
        Chooser { model, index }
    }

    /// The model behind it.
    pub fn model(&self) -> &ChoiceModel {
        &self.model
    }

    /// The model behind it, to keep a calibration in service.
    pub fn model_mut(&mut self) -> &mut ChoiceModel {
        &mut self.model
    }

    /// The index of the catalogue.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Answers. `baskets` are those of a shopper the shop knows, made with the catalogue it was fitted on; without them
    /// the names of `wanted.history` are what was bought. `now_ms` is the moment of the question.
    pub fn answer(&self, catalogue: &Catalogue, baskets: Option<Baskets<'_>>, wanted: &Wanted, now_ms: i64) -> Answer {
        let history = &wanted.history[wanted.history.len().saturating_sub(MAX_HISTORY)..];
        let past = match baskets {
            Some(baskets) => Past::new(baskets, self.model.groups(), now_ms.saturating_add(1)),
            None => {
                let groups = history.iter().flat_map(|name| self.index.groups_of(name).into_iter().take(1));
                Past::of_lines(groups.map(|group| (group, UNDATED_DAYS)).collect())
            }
        };
        let options: Vec<Vec<GroupId>> = wanted.options.iter().map(|names| self.groups_of(names)).collect();
        let language = Language::of(wanted.options.iter().flatten().chain(&wanted.history).map(String::as_str));
        let known = options.iter().all(|groups| !groups.is_empty()) && (baskets.is_some() || !past.is_empty());
        let asked = Asked { past, options };
        let probabilities = if known && self.model.learned_from() > 0 {
            self.model.answer(&asked)
        } else {
            let kinds = Kinds::of(history);
            let by_kind = wanted.options.iter().map(|names| KIND_WEIGHT * kinds.nearness(names));
            let utilities: Vec<f64> = if known {
                let model = self.model.answer(&asked);
                by_kind.zip(model).map(|(kind, p)| kind + p.max(f64::MIN_POSITIVE).ln()).collect()
            } else {
                by_kind.collect()
            };
            softmax(&utilities)
        };
        let (choice, p) = top(&probabilities);
        let said =
            Said { catalogue, language, history, names: wanted.options.get(choice).map_or(&[][..], Vec::as_slice) };
        let groups = asked.options.get(choice).map_or(&[][..], Vec::as_slice);
        let pieces = if known { self.model.evidence_for(&asked.past, groups, p) } else { Vec::new() };
        let explanation = said.explain(&pieces, p, known && self.model.learned_from() > 0);
        Answer { probabilities, choice, explanation }
    }

    /// The groups that an option's names mean, each once.
    fn groups_of(&self, names: &[String]) -> Vec<GroupId> {
        let distinct: FxHashSet<&str> = names.iter().map(String::as_str).collect();
        let mut groups: Vec<GroupId> = distinct.into_iter().flat_map(|name| self.index.groups_of(name)).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

impl Kinds {
    fn of(names: &[String]) -> Kinds {
        let mut kinds = Kinds { concepts: BTreeMap::new(), words: FxHashSet::default() };
        for name in names {
            match concept_of(name) {
                Some(concept) => *kinds.concepts.entry(concept).or_default() += 1.0,
                None => kinds.words.extend(segment(name)),
            }
        }
        kinds
    }

    /// How near an option's products are to them on average, from 0 to 1.
    fn nearness(&self, names: &[String]) -> f64 {
        names.iter().map(|name| self.nearness_of(name)).sum::<f64>() / names.len().max(1) as f64
    }

    /// Half what the nearest purchase says, half what all of them do; by shared words where no kind is known.
    fn nearness_of(&self, name: &str) -> f64 {
        let Some(concept) = concept_of(name) else {
            let words = segment(name);
            let shared = words.iter().filter(|word| self.words.contains(*word)).count();
            return shared as f64 / words.len().max(1) as f64 / 2.0;
        };
        let (mut nearest, mut sum, mut weight) = (0.0f64, 0.0, 0.0);
        for (&bought, &times) in &self.concepts {
            let near = affinity(bought, concept);
            nearest = nearest.max(near);
            sum += near * times;
            weight += times;
        }
        if weight > 0.0 { (nearest + sum / weight) / 2.0 } else { 0.0 }
    }
}

impl ChoiceModel {
    /// What speaks most reliably for the groups of an option that has this probability.
    fn evidence_for(&self, past: &Past, groups: &[GroupId], p: f64) -> Vec<(Evidence, f64)> {
        const MAX_GROUPS: usize = 20;
        self.ranker().best(&self.market, past, &groups[..groups.len().min(MAX_GROUPS)], p)
    }

    fn ranker(&self) -> &Ranker {
        &self.ranker
    }
}

/// What an explanation is made from.
struct Said<'a> {
    catalogue: &'a Catalogue,
    language: Language,
    history: &'a [String],
    names: &'a [String],
}

impl Said<'_> {
    fn explain(&self, pieces: &[(Evidence, f64)], p: f64, calibrated: bool) -> String {
        let zh = self.language == Language::Zh;
        let mut reasons: Vec<String> = pieces.iter().map(|(evidence, _)| self.reason(*evidence)).collect();
        if reasons.is_empty() {
            reasons.push(self.by_kind());
        }
        let percent = (p * 100.0).round();
        match (zh, calibrated) {
            (true, true) => format!("{}。概率 {percent}%。", reasons.join("；")),
            (true, false) => format!("{}。估计 {percent}%，仅凭商品类别判断，未经校准。", reasons.join("；")),
            (false, true) => format!("{}. Probability {percent}%.", reasons.join("; ")),
            (false, false) => {
                format!(
                    "{}. About {percent}%, judged by the kinds of products alone, not calibrated.",
                    reasons.join("; ")
                )
            }
        }
    }

    fn reason(&self, evidence: Evidence) -> String {
        let zh = self.language == Language::Zh;
        match evidence {
            Evidence::Bought { group, times, days_ago } => {
                let (name, days) = (self.group(group), days_ago.max(0.0).round());
                if zh {
                    format!("买过 {times:.0} 次{name}，最近一次在 {days} 天前")
                } else {
                    format!("bought {name} {times:.0} times, last {days} days ago")
                }
            }
            Evidence::Pair { from, group, lift, .. } => {
                let (from, name, times) = (self.group(from), self.group(group), lift.exp());
                if zh {
                    format!("买{from}的人买{name}的可能是平常的 {times:.1} 倍")
                } else {
                    format!("shoppers who buy {from} are {times:.1} times as likely to buy {name}")
                }
            }
            Evidence::Popular { group, share } => {
                let (name, percent) = (self.group(group), share * 100.0);
                if zh {
                    format!("{name}占全部购买的 {percent:.1}%")
                } else {
                    format!("{name} is {percent:.1}% of all purchases")
                }
            }
        }
    }

    /// Where only the names speak.
    fn by_kind(&self) -> String {
        let zh = self.language == Language::Zh;
        let near = |name: &&String| {
            let concept = concept_of(name);
            concept.is_some_and(|concept| {
                self.history
                    .iter()
                    .filter_map(|bought| concept_of(bought))
                    .any(|bought| affinity(bought, concept) > 0.0)
            })
        };
        let fitting: Vec<&String> = self.names.iter().take(MAX_HISTORY).filter(near).take(QUOTED).collect();
        let (bought, offered) = (quoted(self.history.iter().rev(), zh), quoted(fitting.iter().copied(), zh));
        let family =
            fitting.first().and_then(|name| concept_of(name)).map(|concept| family_name(concept, self.language));
        match (family, zh) {
            (Some(family), true) => format!("买过{bought}，{offered}（{family}）与之同类或常一起使用"),
            (Some(family), false) => format!("bought {bought}, which {offered} ({family}) belong to or are used with"),
            (None, true) => "没有购买记录能说明偏好".to_owned(),
            (None, false) => "nothing that was bought speaks for any of them".to_owned(),
        }
    }

    fn group(&self, group: GroupId) -> String {
        let categories = self.catalogue.category_count();
        let name = if (group as usize) < categories { self.catalogue.category_text(group) } else { "" };
        match (name.is_empty(), self.language) {
            (false, _) => shortened(name),
            (true, Language::Zh) => "这件商品".to_owned(),
            (true, Language::En) => "this product".to_owned(),
        }
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>, zh: bool) -> String {
    let names: Vec<String> = names.take(QUOTED).map(|name| shortened(name)).collect();
    names.join(if zh { "、" } else { ", " })
}

fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::tests::{DAY, two_tastes};
    use domain::ids::ShopperId;

    fn ask(history: &[&str], options: &[&[&str]]) -> Answer {
        let data = Dataset::default();
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let wanted = Wanted { history: owned(history), options: options.iter().map(|names| owned(names)).collect() };
        Chooser::fit(&data, 0).answer(data.catalogue(), None, &wanted, 0)
    }

    #[test]
    fn names_alone_decide_in_an_empty_shop_in_both_languages() {
        let zh = ask(
            &["苹果手机", "联想电脑", "充电器", "充电线"],
            &[
                &["炒锅", "菜刀", "砧板"],
                &["手机壳", "蓝牙耳机", "钢化膜"],
                &["纸尿裤", "奶粉", "奶瓶"],
                &["衬衫", "牛仔裤", "运动鞋"],
            ],
        );
        assert!(zh.choice == 1 && zh.probabilities[1] > 0.7, "{zh:?}");
        assert!(zh.explanation.contains("充电线") && zh.explanation.contains("手机壳"), "{}", zh.explanation);
        let en = ask(
            &["Apple phone", "Lenovo laptop", "charger", "charging cable"],
            &[
                &["frying pan", "kitchen knife"],
                &["phone case", "wireless earphones"],
                &["diapers", "baby formula"],
                &["shirt", "jeans"],
            ],
        );
        assert!(en.choice == 1 && en.probabilities[1] > 0.7, "{en:?}");
        assert!(en.explanation.is_ascii() && en.explanation.contains("phone case"), "{}", en.explanation);
        let baby = ask(&["奶粉", "奶瓶"], &[&["炒锅"], &["手机壳"], &["纸尿裤"], &["衬衫"]]);
        assert_eq!(baby.choice, 2, "{baby:?}");
    }

    #[test]
    fn whatever_is_asked_has_an_answer() {
        let check = |history: &[&str], options: &[&[&str]]| {
            let answer = ask(history, options);
            assert!((answer.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{answer:?}");
            assert!(answer.probabilities.iter().all(|p| p.is_finite()) && answer.choice < options.len());
        };
        check(&[], &[&["a"], &["b"]]);
        check(&["zzz"], &[&["zzz"], &["yyy"]]);
        check(&[""], &[&[""], &["!?"]]);
        check(&["x"], &[&["x"]]);
        check(&["手机"], &[&[], &[]]);
    }

    #[test]
    fn a_shop_that_has_learned_answers_from_purchases_and_says_so() {
        let data = two_tastes(200, 120);
        let chooser = Chooser::fit(&data, 120 * DAY);
        let wanted =
            Wanted { history: vec![], options: vec![vec!["soil".into()], vec!["a tea".into(), "sku-cup".into()]] };
        let baskets = data.baskets(data.place(ShopperId(1)).expect("bought"));
        let answer = chooser.answer(data.catalogue(), Some(baskets), &wanted, 120 * DAY);
        assert!(answer.choice == 1 && answer.probabilities[1] > 0.8, "{answer:?}");
        assert!(
            answer.explanation.contains("tea") && answer.explanation.contains("Probability"),
            "{}",
            answer.explanation
        );
        let named = Wanted { history: vec!["a soil".into(), "a seed".into()], ..wanted };
        let answer = chooser.answer(data.catalogue(), None, &named, 120 * DAY);
        assert_eq!(answer.choice, 0, "{answer:?}");
    }
}
