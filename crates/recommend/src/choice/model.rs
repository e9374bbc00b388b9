//! The choice model: a conditional logit over what a shopper and everybody bought, its probabilities calibrated.
//!
//! It is fitted on what happened before a moment: questions about windows after earlier moments teach the weights, the
//! latest window says how strong the penalty is, which calibration holds and how strongly the baseline is smoothed.
//!
//! How the options of a question were put together matters: among groups drawn evenly the popular one is mostly the
//! answer; where wrong ones were drawn by popularity it says little. The model is never told. It weighs both ways by
//! how well each explains the options themselves, over all questions that come together (empirical Bayes by
//! expectation maximisation; Robbins 1956, Dempster et al. 1977). Answers play no part in that.

use super::distil::{Teacher, pooled};
use super::evidence::{Lesson, MAX_LESSONS, Ranker};
use super::logit::{Choice, Logit, log_sum_exp, softmax};
use super::market::Market;
use super::past::{GroupId, Groups, Past, Pasts};
use super::train::{BASELINE_PRIORS, Drawn, Example, N, examples, option};
use crate::baskets::Dataset;
use crate::calibrate::{Calibrator, Case, Quality, Recalibrated, choose, cross_judged, recalibrate};
use domain::ids::mix;

/// The window whose purchases answer a training question: two months, or a fifth of a shorter history.
pub(super) const WINDOW_MS: i64 = 61 * 86_400_000;
pub(super) const WINDOWS_AT_LEAST: i64 = 5;

/// Earlier moments in windows before the cut. The first one validates, those from two windows on train meanwhile.
const MOMENTS: [f64; 5] = [1.0, 1.5, 2.0, 2.5, 3.0];

/// Questions below which nothing is learned and personal frequency decides.
const MIN_EXAMPLES: usize = 200;

/// Inverse variances of the weights' prior. Weak ones only: a strong one does the calibration's work on the window that
/// validates, and the weights fitted again on more questions, where it weighs less, are then too sure.
const PENALTIES: [f64; 2] = [3.0, 30.0];

/// The smoothing of personal frequency where nothing could be validated.
const DEFAULT_PRIOR: f64 = 100.0;

/// Rounds of expectation maximisation; it settles within ten.
const ROUNDS: usize = 25;

/// One option of a question: the groups of its products. Empty is an option of which nothing is known.
pub type OptionGroups = Vec<GroupId>;

/// One question about a shopper.
#[derive(Debug, Clone)]
pub struct Asked {
    pub past: Past,
    pub options: Vec<OptionGroups>,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct ChoiceModel {
    pub(crate) groups: Groups,
    pub(crate) market: Market,
    logit: Logit<N>,
    /// For questions drawn each way.
    calibrators: [Calibrator; 2],
    prior: f64,
    pub(crate) ranker: Ranker,
    /// The latest window's questions as the weights answered them that were learned before it, drawn each way.
    outcomes: [Vec<Case>; 2],
    learned_from: usize,
    before_ms: i64,
    /// What was distilled from a language model, where that was worth something.
    taught: Option<(f64, Logit<N>)>,
}

impl ChoiceModel {
    /// Fits on baskets strictly before `before_ms`. Groups that appear only later are known by name, as never bought.
    pub fn fit(data: &Dataset, before_ms: i64) -> ChoiceModel {
        let groups = Groups::new(data.catalogue());
        let pasts = Pasts::new(data, &groups, before_ms);
        let market = Market::new(&pasts.of, groups.len());
        let lessons = lessons(data, &groups, before_ms);
        let mut model = ChoiceModel {
            groups,
            market,
            logit: frequency_alone(),
            calibrators: [Calibrator::Identity, Calibrator::Identity],
            prior: DEFAULT_PRIOR,
            ranker: Ranker::fit(&[]),
            outcomes: [Vec::new(), Vec::new()],
            learned_from: 0,
            before_ms,
            taught: None,
        };
        let [latest, _, ..] = &lessons[..] else { return model };
        let meanwhile: Vec<&Example> = lessons[2..].iter().flatten().collect();
        if latest.len() >= MIN_EXAMPLES && meanwhile.len() >= MIN_EXAMPLES {
            model.learn(latest, &meanwhile, &lessons);
        }
        model
    }

    fn learn(&mut self, latest: &[Example], meanwhile: &[&Example], lessons: &[Vec<Example>]) {
        let train = choices(meanwhile.iter().copied());
        let tried = PENALTIES.map(|penalty| {
            let logit = Logit::fit(&train, penalty);
            let loss: f64 = latest.iter().map(|example| case_of(&logit, &example.choice).log_loss()).sum();
            (penalty, loss, logit)
        });
        let best = tried.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let Some((penalty, _, logit)) = best else { return };
        for drawn in Drawn::ALL {
            let mut of_kind: Vec<&Example> = latest.iter().filter(|example| example.drawn == drawn).collect();
            of_kind.sort_by_key(|example| mix(example.shopper as u64 + 1));
            let cases: Vec<Case> = of_kind.iter().map(|example| case_of(&logit, &example.choice)).collect();
            self.calibrators[drawn as usize] = choose(&cases, |place| mix(of_kind[place].shopper as u64 + 1) & 1 == 0);
            self.outcomes[drawn as usize] = cases;
        }
        let frequency_loss = |place: usize| -> f64 {
            let of_one = |example: &Example| {
                let utilities: Vec<f64> = example.frequency.iter().map(|of_option| of_option[place]).collect();
                Case { probabilities: softmax(&utilities), answer: example.choice.chosen }.log_loss()
            };
            latest.iter().map(of_one).sum()
        };
        let places = (0..BASELINE_PRIORS.len()).map(|place| (place, frequency_loss(place)));
        if let Some((place, _)) = places.min_by(|a, b| a.1.total_cmp(&b.1)) {
            self.prior = BASELINE_PRIORS[place];
        }
        let evidence: Vec<Lesson> =
            lessons.iter().flatten().flat_map(|example| example.evidence.iter().copied()).take(MAX_LESSONS).collect();
        self.ranker = Ranker::fit(&evidence);
        let all = choices(lessons.iter().flatten());
        self.logit = Logit::fit(&all, penalty);
        self.learned_from = all.len();
    }

    /// The groups that the model tells apart.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Questions that it was fitted on; 0 where too little was known and personal frequency decides.
    pub fn learned_from(&self) -> usize {
        self.learned_from
    }

    /// The moment before which everything lies that it knows, Unix milliseconds.
    pub fn before_ms(&self) -> i64 {
        self.before_ms
    }

    /// The calibration in service for questions drawn each way.
    pub fn calibrators(&self) -> &[Calibrator; 2] {
        &self.calibrators
    }

    /// Takes over from the model in service. Its calibration stays unless the outcomes of the latest window show that
    /// another one is clearly better (see [`recalibrate`]). A model that had learned nothing has none to keep.
    pub fn succeed(&mut self, previous: &ChoiceModel) {
        if previous.learned_from == 0 || self.learned_from == 0 {
            return;
        }
        for (place, outcomes) in self.outcomes.iter().enumerate() {
            self.calibrators[place] = match recalibrate(&previous.calibrators[place], outcomes) {
                Recalibrated::Replaced(new) => new,
                Recalibrated::TooFew | Recalibrated::NotBetter => previous.calibrators[place].clone(),
            };
        }
    }

    /// What its probabilities were worth on the latest window, by weights learned before it and maps chosen on the other
    /// half of the shoppers. No cases where nothing was learned.
    pub fn reliability(&self) -> Quality {
        let judged: Vec<Case> = self.outcomes.iter().flat_map(|outcomes| cross_judged(outcomes)).collect();
        Quality::of(&judged)
    }

    /// Lets what was distilled from a language model count beside what was learned here.
    pub fn be_taught(&mut self, teacher: &Teacher) {
        self.taught = teacher.logit();
    }

    /// The smoothing of the baseline, in lines.
    pub fn baseline_prior(&self) -> f64 {
        self.prior
    }

    /// Smoothed personal frequency as probabilities, for comparison.
    pub fn baseline(&self, asked: &Asked) -> Vec<f64> {
        let of_group = |&group: &GroupId| self.market.frequency(&asked.past, group, self.prior).ln();
        softmax(&asked.options.iter().map(|groups| mean_of(groups.iter().map(of_group))).collect::<Vec<_>>())
    }

    /// Probabilities of the options of one question, where the shopper's wish alone decides what is offered.
    pub fn answer(&self, asked: &Asked) -> Vec<f64> {
        self.probabilities(asked, Drawn::Evenly)
    }

    /// Probabilities for questions that come together.
    pub fn answer_all(&self, asked: &[Asked]) -> Vec<Vec<f64>> {
        let evidence: Vec<[f64; 2]> = asked.iter().map(|one| self.evidence(one)).collect();
        let share = share_by_popularity(&evidence);
        let both = asked.iter().zip(evidence).map(|(one, [evenly, popular])| {
            let weight = posterior(share, evenly, popular);
            let [evenly, popular] = Drawn::ALL.map(|drawn| self.probabilities(one, drawn));
            evenly.iter().zip(popular).map(|(e, p)| (1.0 - weight) * e + weight * p).collect()
        });
        both.collect()
    }

    fn probabilities(&self, asked: &Asked, drawn: Drawn) -> Vec<f64> {
        let utilities: Vec<f64> = asked.options.iter().map(|groups| self.utility(&asked.past, groups, drawn)).collect();
        let own = self.calibrators[drawn as usize].apply(&softmax(&utilities));
        let Some((weight, taught)) = &self.taught else { return own };
        let of_group = |&group: &GroupId| taught.utility(&option(&self.market, &asked.past, group, drawn));
        let opinion = asked.options.iter().map(|groups| mean_of(groups.iter().map(of_group)));
        pooled(&own, &softmax(&opinion.collect::<Vec<_>>()), *weight)
    }

    /// An option of several groups is worth what the mean of them is: a long list does not win by its length.
    fn utility(&self, past: &Past, groups: &[GroupId], drawn: Drawn) -> f64 {
        mean_of(groups.iter().map(|&group| self.logit.utility(&option(&self.market, past, group, drawn))))
    }

    /// How well each way of drawing explains the options: the logarithm of the summed odds of each being the answer
    /// while the others were drawn.
    fn evidence(&self, asked: &Asked) -> [f64; 2] {
        let odds: Vec<f64> =
            asked.options.iter().map(|groups| self.utility(&asked.past, groups, Drawn::Evenly)).collect();
        Drawn::ALL.map(|drawn| {
            let chances: Vec<f64> = asked
                .options
                .iter()
                .map(|groups| {
                    mean_of(groups.iter().map(|&group| drawn.log_chance(&self.market, group, self.groups.len())))
                })
                .collect();
            log_sum_exp(odds.iter().zip(&chances).map(|(odds, chance)| odds - chance)) + chances.iter().sum::<f64>()
        })
    }
}

/// Personal frequency as a logit: the model before anything was learned.
fn frequency_alone() -> Logit<N> {
    // The second feature of `Market::features` is the logarithm of the strongly smoothed frequency.
    Logit { weights: std::array::from_fn(|i| f64::from(u8::from(i == 1))) }
}

/// Training questions by moment, the latest first; empty where the history is too short.
fn lessons(data: &Dataset, groups: &Groups, before_ms: i64) -> Vec<Vec<Example>> {
    let first = (0..data.len()).filter_map(|place| data.baskets(place).first_at_ms()).min();
    let Some(span) = first.map(|first| before_ms - first).filter(|span| *span > 0) else { return Vec::new() };
    let window = WINDOW_MS.min(span / WINDOWS_AT_LEAST);
    if window <= 0 || groups.len() < 2 {
        return Vec::new();
    }
    let about = |(place, windows): (usize, f64)| {
        let from = before_ms - (windows * window as f64) as i64;
        examples(data, groups, from, from + window, place as u64 + 1)
    };
    MOMENTS.into_iter().enumerate().map(about).collect()
}

fn choices<'a>(examples: impl Iterator<Item = &'a Example>) -> Vec<Choice<N>> {
    examples.map(|example| example.choice.clone()).collect()
}

fn case_of(logit: &Logit<N>, choice: &Choice<N>) -> Case {
    let utilities: Vec<f64> = choice.options.iter().map(|option| logit.utility(option)).collect();
    Case { probabilities: softmax(&utilities), answer: choice.chosen }
}

/// The logarithm of the mean of exponentials; of nothing, an utility below all that are known.
fn mean_of(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    const UNKNOWN: f64 = -30.0;
    let n = values.len();
    if n == 0 { UNKNOWN } else { log_sum_exp(values) - (n as f64).ln() }
}

/// The share of questions whose wrong options were drawn by popularity, starting from one of each kind.
fn share_by_popularity(evidence: &[[f64; 2]]) -> f64 {
    let mut share = 0.5;
    for _ in 0..ROUNDS {
        let expected: f64 = evidence.iter().map(|[evenly, popular]| posterior(share, *evenly, *popular)).sum();
        share = (expected + 0.5) / (evidence.len() as f64 + 1.0);
    }
    share
}

fn posterior(share: f64, evenly: f64, popular: f64) -> f64 {
    1.0 / (1.0 + (evenly - popular + (1.0 - share).ln() - share.ln()).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::tests::{DAY, two_tastes};

    #[test]
    fn learns_what_shoppers_come_back_for() {
        let data = two_tastes(200, 120);
        let model = ChoiceModel::fit(&data, 120 * DAY);
        assert!(model.learned_from() > MIN_EXAMPLES);
        let group = |name| data.catalogue().category(name).expect("bought");
        let ask = |place: usize| {
            let past = Past::new(data.baskets(place), model.groups(), 120 * DAY);
            model.answer(&Asked { past, options: vec![vec![group("tea")], vec![group("soil")]] })
        };
        assert!(ask(0)[0] > 0.9 && ask(1)[0] < 0.1, "{:?} {:?}", ask(0), ask(1));
        let reliability = model.reliability();
        assert!(
            reliability.n >= MIN_EXAMPLES && reliability.hit_at_1 > 0.25 && reliability.ece < 0.2,
            "{reliability:?}"
        );
    }

    #[test]
    fn nothing_after_the_cut_is_looked_at() {
        let (short, long) = (two_tastes(120, 100), two_tastes(120, 140));
        let answers = |data: &Dataset| {
            let model = ChoiceModel::fit(data, 100 * DAY);
            let options: Vec<OptionGroups> = (0..4).map(|group| vec![group]).collect();
            let past = |place| Past::new(data.baskets(place), model.groups(), 100 * DAY);
            (0..20)
                .map(|place| model.answer(&Asked { past: past(place), options: options.clone() }))
                .collect::<Vec<_>>()
        };
        assert_eq!(answers(&short), answers(&long));
    }

    #[test]
    fn an_empty_shop_and_unknown_options_have_an_answer() {
        let model = ChoiceModel::fit(&Dataset::default(), 0);
        let asked = Asked { past: Past::default(), options: vec![vec![], vec![], vec![]] };
        assert_eq!((model.learned_from(), model.reliability().n), (0, 0));
        assert!(model.answer(&asked).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-9));
        assert!(model.answer_all(std::slice::from_ref(&asked))[0].iter().all(|p| p.is_finite()));
    }

    #[test]
    fn the_way_of_drawing_is_told_by_the_options() {
        assert!(share_by_popularity(&vec![[0.0, 1.0]; 500]) > 0.95);
        assert!(share_by_popularity(&vec![[1.0, 0.0]; 500]) < 0.05);
        assert!((share_by_popularity(&[]) - 0.5).abs() < 1e-9);
    }
}
