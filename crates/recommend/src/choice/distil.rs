//! Learning from a teacher: a language model that was asked about a sample.
//!
//! Its answers are distilled into weights over the features that the choice model has anyway (knowledge distillation with
//! soft labels; Hinton, Vinyals, Dean 2015): from then on they cost nothing. How much the distilled weights, and how
//! much a direct answer, count beside the local model is chosen on half of the shoppers; what that is worth is measured
//! on the other half, and what does not beat the local model there counts nothing.

use super::logit::{Choice, Logit, softmax};
use super::model::{Asked, ChoiceModel, WINDOW_MS, WINDOWS_AT_LEAST};
use super::past::{GroupId, Groups, Pasts};
use super::train::{Drawn, N, examples};
use crate::baskets::Dataset;
use crate::calibrate::{Case, FLOOR};
use domain::ids::mix;
use serde::{Deserialize, Serialize};

/// Strata of a sample: thirds by how much a shopper bought, by thirds of how unsure the local model is.
const THIRDS: usize = 3;

/// Weights that are tried beside the local model's 1.
const WEIGHTS: [f64; 10] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0];

/// The inverse variance of the distilled weights' prior.
const PENALTY: f64 = 10.0;

/// Labels of one half below which nothing is concluded.
pub const MIN_LABELS: usize = 30;

/// Standard errors by which advice must beat the local model to count.
const SIGNIFICANT: f64 = 2.0;

/// One question about the latest window, whose answer is known.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The shopper's place in the data.
    pub shopper: usize,
    pub asked: Asked,
    pub answer: usize,
    /// What the local model says, without the window.
    pub local: Vec<f64>,
    features: Vec<[f64; N]>,
}

impl Examined {
    /// How unsure the local model is (Shannon 1948), in nats.
    pub fn entropy(&self) -> f64 {
        -self.local.iter().map(|p| p * p.max(FLOOR).ln()).sum::<f64>()
    }

    /// Weights are chosen on one half of shoppers and measured on the other.
    fn measures(&self) -> bool {
        mix(self.shopper as u64 + 1) & 1 == 0
    }
}

/// Questions about the latest window and the model that was fitted before it.
#[derive(Debug, Clone)]
pub struct Exam {
    pub questions: Vec<Examined>,
    names: Vec<String>,
}

impl Exam {
    /// Questions about what was bought in the last window before `until_ms`; none where the history is too short.
    pub fn new(data: &Dataset, until_ms: i64) -> Exam {
        let first = (0..data.len()).filter_map(|place| data.baskets(place).first_at_ms()).min();
        let span = first.map_or(0, |first| until_ms.saturating_sub(first));
        let window = WINDOW_MS.min(span / WINDOWS_AT_LEAST);
        if window <= 0 {
            return Exam { questions: Vec::new(), names: Vec::new() };
        }
        let from_ms = until_ms - window;
        let model = ChoiceModel::fit(data, from_ms);
        if model.groups().len() < 2 {
            return Exam { questions: Vec::new(), names: Vec::new() };
        }
        let pasts = Pasts::new(data, model.groups(), from_ms);
        let asked = examples(data, model.groups(), from_ms, until_ms, 1);
        let evenly = asked.into_iter().filter(|example| example.drawn == Drawn::Evenly);
        let questions = evenly.enumerate().map(|(number, example)| {
            // The answer comes first; whoever is asked must not be able to tell by that.
            let n = example.groups.len();
            let turned = mix(number as u64 + 1) as usize % n;
            let order: Vec<usize> = (0..n).map(|place| (place + turned) % n).collect();
            let past = pasts.of[example.shopper].clone();
            let asked = Asked { past, options: order.iter().map(|&place| vec![example.groups[place]]).collect() };
            Examined {
                shopper: example.shopper,
                local: model.answer(&asked),
                answer: order.iter().position(|&place| place == example.choice.chosen).unwrap_or(0),
                features: order.iter().map(|&place| example.choice.options[place]).collect(),
                asked,
            }
        });
        Exam { questions: questions.collect(), names: names(data, model.groups()) }
    }

    /// What a group is called.
    pub fn name(&self, group: GroupId) -> &str {
        self.names.get(group as usize).map_or("", String::as_str)
    }

    /// So many questions, as many from each stratum as there are, evenly.
    pub fn sample(&self, count: usize) -> Vec<usize> {
        let third = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let cut = |part: usize| sorted.get(sorted.len() * part / THIRDS).copied().unwrap_or(f64::INFINITY);
            let cuts = [cut(1), cut(2)];
            values.iter().map(|value| cuts.iter().filter(|cut| value >= *cut).count()).collect::<Vec<usize>>()
        };
        let activity = third(&self.questions.iter().map(|q| q.asked.past.total).collect::<Vec<_>>());
        let unsure = third(&self.questions.iter().map(Examined::entropy).collect::<Vec<_>>());
        let mut strata: Vec<Vec<usize>> = vec![Vec::new(); THIRDS * THIRDS];
        for (place, (activity, unsure)) in activity.iter().zip(&unsure).enumerate() {
            strata[activity * THIRDS + unsure].push(place);
        }
        strata.iter_mut().for_each(|stratum| stratum.sort_by_key(|place| mix(*place as u64 ^ 0x5eed)));
        let mut sample = Vec::new();
        for round in 0..self.questions.len() {
            sample.extend(strata.iter().filter_map(|stratum| stratum.get(round)));
            if sample.len() >= count {
                break;
            }
        }
        sample.truncate(count);
        sample
    }

    /// The other questions, those first of which the local model is least certain.
    pub fn least_certain(&self, asked: &[usize]) -> Vec<usize> {
        let mut open: Vec<usize> = (0..self.questions.len()).filter(|place| !asked.contains(place)).collect();
        open.sort_by(|&a, &b| {
            let [a_h, b_h] = [a, b].map(|place| self.questions[place].entropy());
            b_h.total_cmp(&a_h).then(a.cmp(&b))
        });
        open
    }
}

/// What was learned from a teacher, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Teacher {
    /// Of the features; of another number of them where another build wrote it, and then nothing is taken from it.
    weights: Vec<f64>,
    /// What the distilled weights count beside the local model.
    pub weight: f64,
    /// What a direct answer counts beside the local model.
    pub advice_weight: f64,
    /// Labels that it was learned from.
    pub labels: usize,
}

impl Teacher {
    /// The distilled weights, where they count.
    pub(super) fn logit(&self) -> Option<(f64, Logit<N>)> {
        let weights: [f64; N] = self.weights.clone().try_into().ok()?;
        (self.weight > 0.0 && weights.iter().all(|w| w.is_finite())).then_some((self.weight, Logit { weights }))
    }
}

/// Mean log loss with and without something, on the same questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Worth {
    pub questions: usize,
    pub log_loss_without: f64,
    pub log_loss_with: f64,
    /// Of the difference.
    pub standard_error: f64,
}

impl Worth {
    fn of(pairs: &[(f64, f64)]) -> Worth {
        let n = pairs.len().max(1) as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let gain = mean(&|(without, with)| without - with);
        let variance = mean(&|(without, with)| (without - with - gain).powi(2));
        Worth {
            questions: pairs.len(),
            log_loss_without: mean(&|pair| pair.0),
            log_loss_with: mean(&|pair| pair.1),
            standard_error: (variance / n).sqrt(),
        }
    }

    /// Whether it is better beyond chance.
    pub fn earns(&self) -> bool {
        self.questions >= MIN_LABELS
            && self.log_loss_without - self.log_loss_with > SIGNIFICANT * self.standard_error.max(1e-9)
    }
}

/// Two opinions as one: the second counts `weight` beside the first's 1 (logarithmic pooling; Genest and Zidek 1986).
pub fn pooled(local: &[f64], advice: &[f64], weight: f64) -> Vec<f64> {
    let logs = local.iter().zip(advice).map(|(l, a)| l.max(FLOOR).ln() + weight * a.max(FLOOR).ln());
    softmax(&logs.collect::<Vec<_>>())
}

fn loss(probabilities: Vec<f64>, answer: usize) -> f64 {
    Case { probabilities, answer }.log_loss()
}

/// What the labels of a sample teach, and what it is worth on shoppers that no weight was chosen on: the distilled
/// weights, and the answers themselves.
pub fn distil(exam: &Exam, labels: &[(usize, Vec<f64>)]) -> (Teacher, Worth, Worth) {
    let fits = |(place, label): &&(usize, Vec<f64>)| {
        exam.questions.get(*place).is_some_and(|question| question.local.len() == label.len())
    };
    let labelled: Vec<(&Examined, &Vec<f64>)> =
        labels.iter().filter(fits).map(|(place, label)| (&exam.questions[*place], label)).collect();
    let (measured, chosen): (Vec<_>, Vec<_>) = labelled.iter().copied().partition(|(question, _)| question.measures());
    let soft = |of: &[(&Examined, &Vec<f64>)]| {
        let choices = of.iter().map(|(question, label)| {
            (Choice { options: question.features.clone(), chosen: question.answer }, (*label).clone())
        });
        Logit::fit_soft(&choices.collect::<Vec<_>>(), PENALTY)
    };
    // Judged by weights that have not seen the half that judges; served are those of all labels.
    let student = soft(&chosen);
    let taught = |question: &Examined, weight: f64| {
        let opinion = softmax(&question.features.iter().map(|f| student.utility(f)).collect::<Vec<_>>());
        loss(pooled(&question.local, &opinion, weight), question.answer)
    };
    let advised =
        |question: &Examined, label: &[f64], weight: f64| loss(pooled(&question.local, label, weight), question.answer);
    let best = |of: &dyn Fn(f64) -> f64| {
        WEIGHTS.into_iter().min_by(|a, b| of(*a).total_cmp(&of(*b)).then(a.total_cmp(b))).unwrap_or(0.0)
    };
    let enough = chosen.len() >= MIN_LABELS;
    let weight = if enough { best(&|w| chosen.iter().map(|&(q, _)| taught(q, w)).sum()) } else { 0.0 };
    let advice_weight = if enough { best(&|w| chosen.iter().map(|&(q, l)| advised(q, l, w)).sum()) } else { 0.0 };
    let of = |with: &dyn Fn(&Examined, &Vec<f64>) -> f64| {
        let pairs: Vec<(f64, f64)> =
            measured.iter().map(|&(q, label)| (loss(q.local.clone(), q.answer), with(q, label))).collect();
        Worth::of(&pairs)
    };
    let by_student = of(&|q, _| taught(q, weight));
    let by_advice = of(&|q, label| advised(q, label, advice_weight));
    let all = soft(&labelled);
    let teacher = Teacher {
        weights: all.weights.to_vec(),
        weight: if by_student.earns() { weight } else { 0.0 },
        advice_weight: if by_advice.earns() { advice_weight } else { 0.0 },
        labels: labelled.len(),
    };
    (teacher, by_student, by_advice)
}

/// What direct answers to the least certain questions are worth at a weight that was chosen before.
pub fn worth_of_answers(exam: &Exam, answers: &[(usize, Vec<f64>)], advice_weight: f64) -> Worth {
    let pairs = answers.iter().filter_map(|(place, label)| {
        let question = exam.questions.get(*place).filter(|q| q.local.len() == label.len())?;
        let with = pooled(&question.local, label, advice_weight);
        Some((loss(question.local.clone(), question.answer), loss(with, question.answer)))
    });
    Worth::of(&pairs.collect::<Vec<_>>())
}

/// The groups' names: their category, else the item's own.
fn names(data: &Dataset, groups: &Groups) -> Vec<String> {
    let catalogue = data.catalogue();
    let mut names: Vec<String> = vec![String::new(); groups.len()];
    for item in 0..catalogue.len() as u32 {
        let group = groups.of(item) as usize;
        let is_category = group < catalogue.category_count();
        names[group] = if is_category { catalogue.category_name(item) } else { catalogue.name(item) }.to_owned();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::tests::{DAY, two_tastes};

    fn exam() -> Exam {
        Exam::new(&two_tastes(300, 120), 120 * DAY)
    }

    #[test]
    fn an_exam_hides_the_answer_and_a_sample_has_every_stratum() {
        let exam = exam();
        assert!(exam.questions.len() > 200, "{}", exam.questions.len());
        let places: Vec<usize> = (0..4).map(|p| exam.questions.iter().filter(|q| q.answer == p).count()).collect();
        assert!(places.iter().all(|count| *count > exam.questions.len() / 8), "{places:?}");
        for count in [0, 1, 90, 100_000] {
            let mut sample = exam.sample(count);
            assert_eq!(sample.len(), count.min(exam.questions.len()));
            sample.sort_unstable();
            sample.dedup();
            assert_eq!(sample.len(), count.min(exam.questions.len()), "each once");
        }
        let sample = exam.sample(50);
        let rest = exam.least_certain(&sample);
        assert_eq!(rest.len() + 50, exam.questions.len());
        assert!(rest.windows(2).all(|w| exam.questions[w[0]].entropy() >= exam.questions[w[1]].entropy() - 1e-12));
        assert!(Exam::new(&Dataset::default(), 0).questions.is_empty());
    }

    #[test]
    fn advice_counts_only_where_it_beats_the_local_model() {
        let mut exam = exam();
        // A local model that knows nothing: one that is right about everything leaves nothing to earn.
        for question in &mut exam.questions {
            let even = 1.0 / question.local.len() as f64;
            question.local.fill(even);
        }
        let sample = exam.sample(400);
        let label = |sure: f64, wrong: bool| -> Vec<(usize, Vec<f64>)> {
            let of = |&place: &usize| {
                let q = &exam.questions[place];
                let n = q.local.len();
                let liked = if wrong { (q.answer + 1) % n } else { q.answer };
                (place, (0..n).map(|p| if p == liked { sure } else { (1.0 - sure) / (n - 1) as f64 }).collect())
            };
            sample.iter().map(of).collect()
        };
        let (right, _, answers) = distil(&exam, &label(0.9, false));
        assert!(right.advice_weight > 0.0 && answers.earns(), "{answers:?}");
        let (wrong, _, answers) = distil(&exam, &label(0.9, true));
        assert_eq!((wrong.advice_weight, answers.earns()), (0.0, false), "{answers:?}");
        let (nothing, student, answers) = distil(&exam, &label(0.25, false));
        assert_eq!((nothing.weight, nothing.advice_weight), (0.0, 0.0), "{student:?} {answers:?}");
        let (few, ..) = distil(&exam, &label(0.9, false)[..10]);
        assert_eq!((few.weight, few.advice_weight, few.labels), (0.0, 0.0, 10), "too few to conclude anything");
        assert_eq!(distil(&exam, &[]).0.labels, 0);
        assert_eq!(distil(&exam, &[(usize::MAX, vec![1.0]), (0, vec![1.0])]).0.labels, 0, "labels of nothing");
    }

    #[test]
    fn a_teacher_is_kept_as_json_and_one_of_another_build_is_not_believed() {
        let (teacher, ..) = distil(&exam(), &[]);
        let kept: Teacher = serde_json::from_str(&serde_json::to_string(&teacher).expect("JSON")).expect("a teacher");
        assert_eq!(kept, teacher);
        let other = Teacher { weights: vec![1.0; 3], weight: 1.0, advice_weight: 0.0, labels: 9 };
        assert!(other.logit().is_none());
        let whole = Teacher { weights: vec![0.5; N], ..other };
        assert!(whole.logit().is_some());
        assert_eq!(pooled(&[0.5, 0.5], &[0.9, 0.1], 0.0), [0.5, 0.5]);
        assert!((pooled(&[0.5, 0.5], &[0.9, 0.1], 1.0)[0] - 0.9).abs() < 1e-9);
    }
}
