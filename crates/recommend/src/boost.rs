//! Gradient-boosted trees that tell yes from no. Friedman (2001), "Greedy Function Approximation: A Gradient Boosting
//! Machine", Annals of Statistics 29(5); second-order gains and leaf values as Chen, Guestrin (2016), "XGBoost", KDD;
//! histograms, growth by the best leaf and rows sampled per tree as Ke et al. (2017), "LightGBM", NeurIPS.
//!
//! A feature falls into at most 256 bins, so that a row costs a byte per feature and a split is found by one pass over
//! sums. Each feature's sums are added by one thread in the order of rows: the forest is the same on any number.

use domain::ids::mix;

use crate::parallel;

/// Rows that a forest learns from at most; with 32 features a million takes 32 MB of bins besides the caller's values.
pub const MAX_ROWS: usize = 4_000_000;

/// Values that a feature's bins are chosen from.
const BIN_SAMPLE: usize = 50_000;

/// Borders between a feature's bins at most: a bin's number fits into a byte.
const MAX_CUTS: usize = 255;

/// The logit of a label beyond which nothing is learned from it: keeps a class of one kind finite.
const MAX_LOGIT: f64 = 12.0;

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    pub trees: usize,
    /// What a tree's answer counts, 0 to 1.
    pub learning_rate: f32,
    /// Leaves of a tree at most.
    pub leaves: usize,
    /// Rows in a leaf at least.
    pub min_rows: usize,
    /// Added to the second derivatives of a leaf: pulls its answer towards 0.
    pub l2: f64,
    /// Shares of the rows and features that a tree sees, above 0 and at most 1.
    pub row_share: f64,
    pub feature_share: f64,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            trees: 150,
            learning_rate: 0.08,
            leaves: 31,
            min_rows: 50,
            l2: 5.0,
            row_share: 0.8,
            feature_share: 0.7,
            seed: 1,
        }
    }
}

/// Rows to learn from, all of one width.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    width: usize,
    values: Vec<f32>,
    labels: Vec<bool>,
    weights: Vec<f32>,
}

impl Rows {
    /// No rows yet, of `width` features each.
    pub fn new(width: usize) -> Rows {
        Rows { width, ..Rows::default() }
    }

    /// Adds a row; beyond [`MAX_ROWS`] rows are left out. `features` has the width of the others.
    pub fn push(&mut self, features: &[f32], label: bool, weight: f32) {
        assert_eq!(features.len(), self.width, "rows have one width");
        if self.len() < MAX_ROWS {
            self.values.extend_from_slice(features);
            self.labels.push(label);
            self.weights.push(weight);
        }
    }

    /// Adds all rows of `other`, which has the same width.
    pub fn append(&mut self, other: &Rows) {
        for row in 0..other.len() {
            let features = &other.values[row * other.width..(row + 1) * other.width];
            self.push(features, other.labels[row], other.weights[row]);
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// A tree's node: a question, or an answer where `left` is 0 (the root is nobody's child).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    feature: u16,
    bin: u8,
    /// A row goes left when its feature is at most this. In a leaf: the answer.
    value: f32,
    left: u32,
}

/// A grown forest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forest {
    /// The logit before any tree.
    start: f32,
    /// The trees' nodes one after another; the right child follows the left one.
    nodes: Vec<Node>,
    roots: Vec<u32>,
}

impl Forest {
    /// Grows a forest that minimises the weighted logistic loss. Without rows it answers 0 for everything.
    pub fn fit(rows: &Rows, params: Params, threads: usize) -> Forest {
        if rows.is_empty() {
            return Forest::default();
        }
        let table = Binned::new(rows, threads);
        let (yes, all) = rows.labels.iter().zip(&rows.weights).fold((0.0, 0.0), |(yes, all), (&label, &weight)| {
            (yes + if label { f64::from(weight) } else { 0.0 }, all + f64::from(weight))
        });
        let start = (yes / (all - yes)).ln().clamp(-MAX_LOGIT, MAX_LOGIT) as f32;
        let mut forest = Forest { start, ..Forest::default() };
        let mut logits = vec![start; rows.len()];
        let mut slopes = vec![[0f32; 2]; rows.len()];
        for tree in 0..params.trees {
            for (row, slope) in slopes.iter_mut().enumerate() {
                let chance = 1.0 / (1.0 + (-logits[row]).exp());
                let weight = rows.weights[row];
                *slope = [weight * (chance - f32::from(u8::from(rows.labels[row]))), weight * chance * (1.0 - chance)];
            }
            let root = forest.nodes.len();
            Grower::new(&table, &slopes, params, tree, threads).grow(&mut forest.nodes);
            forest.roots.push(root as u32);
            let added = parallel::chunks(
                rows.len(),
                threads,
                || (),
                |(), range| range.map(|row| table.answer(&forest.nodes, root, row)).collect::<Vec<f32>>(),
            );
            logits.iter_mut().zip(added.into_iter().flatten()).for_each(|(logit, answer)| *logit += answer);
        }
        forest
    }

    /// The logit of yes for a row of the same width as those learned from.
    pub fn logit(&self, features: &[f32]) -> f32 {
        let mut sum = self.start;
        for &root in &self.roots {
            let mut node = &self.nodes[root as usize];
            while node.left != 0 {
                let right = features[usize::from(node.feature)] > node.value;
                node = &self.nodes[node.left as usize + usize::from(right)];
            }
            sum += node.value;
        }
        sum
    }

    /// How many trees.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

/// The rows' features as numbers of bins, one feature after the other.
struct Binned {
    rows: usize,
    /// By feature: the borders, ascending; bin b holds what is above border b-1 and at most border b.
    cuts: Vec<Vec<f32>>,
    bins: Vec<Vec<u8>>,
}

impl Binned {
    fn new(rows: &Rows, threads: usize) -> Binned {
        let width = rows.width;
        let made = parallel::chunks_of(
            1,
            width,
            threads,
            || (),
            |(), range| {
                let feature = range.start;
                let of_feature = || rows.values.iter().skip(feature).step_by(width).copied();
                let cuts = cuts(of_feature(), rows.len());
                let bins: Vec<u8> = of_feature().map(|value| cuts.partition_point(|&cut| cut < value) as u8).collect();
                (cuts, bins)
            },
        );
        let (cuts, bins) = made.into_iter().unzip();
        Binned { rows: rows.len(), cuts, bins }
    }

    fn answer(&self, nodes: &[Node], root: usize, row: usize) -> f32 {
        let mut node = &nodes[root];
        while node.left != 0 {
            let right = self.bins[usize::from(node.feature)][row] > node.bin;
            node = &nodes[node.left as usize + usize::from(right)];
        }
        node.value
    }
}

/// Borders of at most 256 bins that hold about equally many of the values.
fn cuts(values: impl Iterator<Item = f32>, count: usize) -> Vec<f32> {
    let mut sample: Vec<f32> = values.step_by(count.div_ceil(BIN_SAMPLE).max(1)).collect();
    sample.sort_unstable_by(f32::total_cmp);
    let mut distinct = sample.clone();
    distinct.dedup();
    if distinct.len() <= MAX_CUTS + 1 {
        return distinct.windows(2).map(|pair| pair[0].midpoint(pair[1])).collect();
    }
    let mut cuts: Vec<f32> = (1..=MAX_CUTS).map(|place| sample[place * (sample.len() - 1) / (MAX_CUTS + 1)]).collect();
    cuts.dedup();
    cuts
}

/// Sums of first and second derivatives by bin, one feature after the other, with the rows counted.
type Sums = Vec<Vec<[f64; 3]>>;

/// A leaf that may still be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    sums: Sums,
    split: Split,
}

#[derive(Debug, Clone, Copy, Default)]
struct Split {
    gain: f64,
    feature: usize,
    bin: usize,
}

struct Grower<'a> {
    table: &'a Binned,
    slopes: &'a [[f32; 2]],
    params: Params,
    threads: usize,
    tree: usize,
    /// The features this tree may ask for.
    features: Vec<usize>,
}

impl<'a> Grower<'a> {
    fn new(table: &'a Binned, slopes: &'a [[f32; 2]], params: Params, tree: usize, threads: usize) -> Grower<'a> {
        let width = table.cuts.len();
        let mut features: Vec<usize> = (0..width).collect();
        features.sort_by_key(|&feature| draw(params.seed, tree, feature, 1));
        features.truncate(((width as f64 * params.feature_share).ceil() as usize).max(1));
        features.sort_unstable();
        Grower { table, slopes, params, threads, tree, features }
    }

    /// Appends the tree's nodes.
    fn grow(&self, nodes: &mut Vec<Node>) {
        let share = (self.params.row_share.clamp(0.0, 1.0) * u32::MAX as f64) as u64;
        let sampled = |row: &u32| draw(self.params.seed, self.tree, *row as usize, 0) >> 32 <= share;
        let rows: Vec<u32> = (0..self.table.rows as u32).filter(sampled).collect();
        let root = nodes.len();
        nodes.push(self.leaf(&rows));
        let mut open = Vec::new();
        self.open(root, rows, None, &mut open);
        let mut leaves = 1;
        while leaves < self.params.leaves
            && let Some(best) = (0..open.len()).max_by(|&a, &b| {
                let by_gain = open[a].split.gain.total_cmp(&open[b].split.gain);
                by_gain.then(open[b].node.cmp(&open[a].node))
            })
        {
            let leaf = open.swap_remove(best);
            self.split(leaf, nodes, &mut open);
            leaves += 1;
        }
    }

    fn split(&self, leaf: Open, nodes: &mut Vec<Node>, open: &mut Vec<Open>) {
        let Split { feature, bin, .. } = leaf.split;
        let bins = &self.table.bins[feature];
        let (left, right): (Vec<u32>, Vec<u32>) =
            leaf.rows.into_iter().partition(|&row| usize::from(bins[row as usize]) <= bin);
        let child = nodes.len();
        nodes[leaf.node] =
            Node { feature: feature as u16, bin: bin as u8, value: self.table.cuts[feature][bin], left: child as u32 };
        nodes.push(self.leaf(&left));
        nodes.push(self.leaf(&right));
        // The smaller side is summed, the other one is what it leaves of the whole.
        let ((small, at_small), (large, at_large)) = if left.len() <= right.len() {
            ((left, child), (right, child + 1))
        } else {
            ((right, child + 1), (left, child))
        };
        let sums = self.sums(&small);
        let mut rest = leaf.sums;
        for (rest, small) in rest.iter_mut().zip(&sums) {
            for (rest, small) in rest.iter_mut().zip(small) {
                (0..3).for_each(|part| rest[part] -= small[part]);
            }
        }
        self.open(at_small, small, Some(sums), open);
        self.open(at_large, large, Some(rest), open);
    }

    /// Keeps a leaf for splitting if there is a split that gains.
    fn open(&self, node: usize, rows: Vec<u32>, sums: Option<Sums>, open: &mut Vec<Open>) {
        if rows.len() < 2 * self.params.min_rows.max(1) {
            return;
        }
        let sums = sums.unwrap_or_else(|| self.sums(&rows));
        let split = self.best_split(&sums);
        if split.gain > 0.0 {
            open.push(Open { node, rows, sums, split });
        }
    }

    fn sums(&self, rows: &[u32]) -> Sums {
        // Few rows are summed before a second thread has started.
        let threads = if rows.len() < 4_096 { 1 } else { self.threads };
        parallel::chunks_of(
            1,
            self.features.len(),
            threads,
            || (),
            |(), range| {
                let feature = self.features[range.start];
                let bins = &self.table.bins[feature];
                let mut sums = vec![[0.0; 3]; self.table.cuts[feature].len() + 1];
                for &row in rows {
                    let [first, second] = self.slopes[row as usize];
                    let sum = &mut sums[usize::from(bins[row as usize])];
                    sum[0] += f64::from(first);
                    sum[1] += f64::from(second);
                    sum[2] += 1.0;
                }
                sums
            },
        )
    }

    fn best_split(&self, sums: &Sums) -> Split {
        let strength = |first: f64, second: f64| first * first / (second + self.params.l2);
        let min_rows = self.params.min_rows as f64;
        let mut best = Split::default();
        for (sums, &feature) in sums.iter().zip(&self.features) {
            let all = sums.iter().fold([0.0; 3], |all, bin| [0, 1, 2].map(|part| all[part] + bin[part]));
            let whole = strength(all[0], all[1]);
            let mut left = [0.0; 3];
            for (bin, of_bin) in sums.iter().enumerate().take(sums.len() - 1) {
                (0..3).for_each(|part| left[part] += of_bin[part]);
                if left[2] < min_rows || all[2] - left[2] < min_rows {
                    continue;
                }
                let gain = strength(left[0], left[1]) + strength(all[0] - left[0], all[1] - left[1]) - whole;
                if gain > best.gain {
                    best = Split { gain, feature, bin };
                }
            }
        }
        best
    }

    fn leaf(&self, rows: &[u32]) -> Node {
        let (first, second) = rows.iter().fold((0.0, 0.0), |(first, second), &row| {
            let [of_first, of_second] = self.slopes[row as usize];
            (first + f64::from(of_first), second + f64::from(of_second))
        });
        let value = -first / (second + self.params.l2) * f64::from(self.params.learning_rate);
        Node { feature: 0, bin: 0, value: if value.is_finite() { value as f32 } else { 0.0 }, left: 0 }
    }
}

fn draw(seed: u64, tree: usize, place: usize, salt: u64) -> u64 {
    mix(seed ^ mix((tree as u64) << 33 | (place as u64) << 1 | salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yes where exactly one of two features is above a half; a third one says nothing.
    fn exclusive_or(count: u64) -> Rows {
        let mut rows = Rows::new(3);
        for row in 0..count {
            let unit = |salt| (mix(row * 3 + salt) >> 40) as f32 / (1u64 << 24) as f32;
            let features = [unit(0), unit(1), unit(2)];
            rows.push(&features, (features[0] > 0.5) != (features[1] > 0.5), 1.0);
        }
        rows
    }

    #[test]
    fn learns_what_no_single_feature_tells() {
        let params = Params { trees: 60, leaves: 8, learning_rate: 0.3, feature_share: 1.0, ..Params::default() };
        let forest = Forest::fit(&exclusive_or(4_000), params, 2);
        for (features, yes) in
            [([0.1, 0.9, 0.5], true), ([0.9, 0.2, 0.1], true), ([0.2, 0.1, 0.9], false), ([0.8, 0.8, 0.3], false)]
        {
            assert_eq!(forest.logit(&features) > 0.0, yes, "{features:?}: {}", forest.logit(&features));
        }
        assert_eq!(forest.len(), 60);
    }

    #[test]
    fn is_the_same_on_any_number_of_threads() {
        let rows = exclusive_or(9_000);
        let params = Params { trees: 5, ..Params::default() };
        assert_eq!(Forest::fit(&rows, params, 1), Forest::fit(&rows, params, 3));
    }

    #[test]
    fn weights_count_and_odd_rows_do_no_harm() {
        let check = |rows: &[(f32, bool, f32)], at: f32, want: std::ops::Range<f32>| {
            let mut table = Rows::new(1);
            rows.iter().for_each(|&(value, label, weight)| table.push(&[value], label, weight));
            let params = Params { trees: 20, min_rows: 1, l2: 0.1, row_share: 1.0, ..Params::default() };
            let got = Forest::fit(&table, params, 1).logit(&[at]);
            assert!(want.contains(&got), "{rows:?} at {at}: {got}");
        };
        check(&[], 1.0, 0.0..0.1);
        check(&[(1.0, true, 1.0)], 1.0, 11.0..13.0);
        check(&[(1.0, false, 1.0)], 1.0, -13.0..-11.0);
        check(&[(1.0, true, 1.0), (1.0, false, 3.0)], 1.0, -1.2..-1.0);
        check(&[(0.0, false, 1.0), (1.0, true, 1.0)], 1.0, 0.5..9.0);
        check(&[(f32::NAN, false, 1.0), (1.0, true, 1.0)], 1.0, 0.0..9.0);
        check(&[(f32::INFINITY, false, 1.0), (1.0, true, 1.0)], 1.0, 0.0..9.0);
    }
}
