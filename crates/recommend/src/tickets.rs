//! A small table inside a large one: lottery tickets. Frankle, Carbin (2019), "The Lottery Ticket Hypothesis: Finding
//! Sparse, Trainable Neural Networks", ICLR 2019; for the embeddings of a recommender, Wang et al. (2022).
//!
//! Iterative magnitude pruning with rewinding: train the BPR model, close the smallest weights, set the others back to
//! what they were after the first epochs, train again, and so on. One-shot pruning closes as many in a single step, a
//! random mask closes any; both are trained from the same rewound weights, so that only the choice of weights differs.
//! What is served is the sparse table, each weight a byte and a byte for its place.

use std::sync::Arc;

use domain::ids::mix;

use crate::baskets::Dataset;
use crate::catalogue::ItemId;
use crate::dense::Matrix;
use crate::models::bpr::{Bpr, Mask, Pairs, Params};
use crate::models::{Model, Subject};
use crate::scores::Scratch;

/// How tickets are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    pub bpr: Params,
    /// Times that weights are closed.
    pub rounds: usize,
    /// The share of open weights that stays open in a round, 0 to 1.
    pub keep: f64,
    /// Epochs after which weights are remembered to rewind to.
    pub rewind: usize,
}

impl Default for Search {
    fn default() -> Search {
        Search { bpr: Params::default(), rounds: 12, keep: 0.8, rewind: 2 }
    }
}

/// Rounds whose ticket is served: half of the weights, a byte each, which on Online Retail kept 99 % of the ndcg of the
/// whole table. After more rounds it breaks: the vectors are short, and most of their numbers are needed.
const SERVED_ROUNDS: usize = 3;

impl Search {
    /// For the ticket that is served.
    pub fn served() -> Search {
        Search { rounds: SERVED_ROUNDS, ..Search::default() }
    }
}

/// How the weights of a mask were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Iterative,
    OneShot,
    Random,
}

/// A trained table with the weights that may differ from zero.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub way: Way,
    /// The share of weights that are open, 0 to 1.
    pub open: f64,
    pub model: Bpr,
}

/// Training that starts from the same weights every time.
pub struct Finder {
    search: Search,
    pairs: Pairs,
    rewound: Bpr,
    dense: Bpr,
}

impl Finder {
    /// Trains the whole table.
    pub fn new(data: &Dataset, search: Search) -> Finder {
        let pairs = Pairs::new(data);
        let mut rewound = Bpr::start(&pairs, search.bpr);
        let rewind = search.rewind.min(search.bpr.epochs);
        rewound.train(&pairs, search.bpr, 0..rewind, None);
        let mut dense = rewound.clone();
        dense.train(&pairs, search.bpr, rewind..search.bpr.epochs, None);
        Finder { search, pairs, rewound, dense }
    }

    /// The whole table.
    pub fn dense(&self) -> &Bpr {
        &self.dense
    }

    /// One ticket per round, each from the one before.
    pub fn iterative(&self) -> impl Iterator<Item = Ticket> + '_ {
        let (mut last, mut open) = (self.dense.clone(), 1.0);
        (0..self.search.rounds).map(move |_| {
            open *= self.search.keep;
            last = self.retrain(&largest(&last, open));
            Ticket { way: Way::Iterative, open, model: last.clone() }
        })
    }

    /// As many weights at once, the largest of the whole table.
    pub fn one_shot(&self, open: f64) -> Ticket {
        Ticket { way: Way::OneShot, open, model: self.retrain(&largest(&self.dense, open)) }
    }

    /// As many weights, any.
    pub fn random(&self, open: f64) -> Ticket {
        let mut noise = self.dense.clone();
        let draw = |place: usize, salt: u64| (mix(self.search.bpr.seed ^ mix((place as u64) << 1 | salt)) >> 40) as f32;
        noise.shoppers.values_mut().iter_mut().enumerate().for_each(|(place, value)| *value = draw(place, 0) + 1.0);
        noise.items.values_mut().iter_mut().enumerate().for_each(|(place, value)| *value = draw(place, 1) + 1.0);
        close_padding(&mut noise);
        Ticket { way: Way::Random, open, model: self.retrain(&largest(&noise, open)) }
    }

    fn retrain(&self, mask: &Mask) -> Bpr {
        let Search { bpr, rewind, .. } = self.search;
        let mut model = self.rewound.clone();
        model.hold(mask);
        model.train(&self.pairs, bpr, rewind.min(bpr.epochs)..bpr.epochs, Some(mask));
        model
    }
}

fn close_padding(model: &mut Bpr) {
    for table in [&mut model.shoppers, &mut model.items] {
        let width = table.width();
        (0..table.len()).for_each(|row| table.row_mut(row)[width..].fill(0.0));
    }
}

/// Opens this share of the weights, the largest over both tables.
fn largest(model: &Bpr, open: f64) -> Mask {
    let size = |table: &Matrix| table.len() * table.width();
    let count = ((size(&model.shoppers) + size(&model.items)) as f64 * open).round() as usize;
    let all = model.shoppers.as_slice().iter().chain(model.items.as_slice());
    let mut sizes: Vec<f32> = all.map(|value| value.abs()).filter(|size| *size > 0.0).collect();
    let least = match count.min(sizes.len()) {
        0 => f32::INFINITY,
        count => *sizes.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a)).1,
    };
    let mask_of = |table: &Matrix| {
        let mut mask = table.clone();
        mask.values_mut().iter_mut().for_each(|value| *value = f32::from(u8::from(value.abs() >= least)));
        mask
    };
    Mask { shoppers: mask_of(&model.shoppers), items: mask_of(&model.items) }
}

/// A table whose rows keep only their weights that differ from zero: a byte each and a byte for the column, with a scale
/// per row.
#[derive(Debug, Clone, PartialEq)]
struct SparseTable {
    starts: Vec<u32>,
    columns: Vec<u8>,
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl SparseTable {
    fn new(table: &Matrix) -> SparseTable {
        let mut sparse = SparseTable { starts: vec![0], columns: Vec::new(), values: Vec::new(), scales: Vec::new() };
        for row in 0..table.len() {
            let row = &table.row(row)[..table.width()];
            let scale = row.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
            for (column, value) in (0u8..=u8::MAX).zip(row) {
                let rounded = if scale > 0.0 { (value / scale).round() as i8 } else { 0 };
                if rounded != 0 {
                    sparse.columns.push(column);
                    sparse.values.push(rounded);
                }
            }
            sparse.starts.push(sparse.columns.len() as u32);
            sparse.scales.push(scale);
        }
        sparse
    }

    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let scale = self.scales[row];
        self.columns[range.clone()]
            .iter()
            .zip(&self.values[range])
            .map(move |(&column, &value)| (usize::from(column), f32::from(value) * scale))
    }

    fn len(&self) -> usize {
        self.scales.len()
    }

    fn bytes(&self) -> usize {
        self.columns.len() + self.values.len() + 4 * (self.starts.len() + self.scales.len())
    }
}

/// A ticket as it is served.
#[derive(Debug, Clone)]
pub struct Served {
    width: usize,
    shoppers: Arc<SparseTable>,
    items: Arc<SparseTable>,
}

/// Columns of a served table at most: a column's number is a byte.
pub const MAX_FACTORS: usize = 256;

impl Served {
    /// Looks for a ticket and keeps the last one.
    pub fn fit(data: &Dataset, search: Search) -> Served {
        let finder = Finder::new(data, search);
        let last = finder.iterative().last().map(|ticket| ticket.model);
        Served::new(last.as_ref().unwrap_or(&finder.dense))
    }

    /// The sparse form of a trained table; columns beyond [`MAX_FACTORS`] are left out.
    pub fn new(model: &Bpr) -> Served {
        let width = model.items.width().min(MAX_FACTORS);
        let sparse = |table| Arc::new(SparseTable::new(table));
        Served { width, shoppers: sparse(&model.shoppers), items: sparse(&model.items) }
    }

    /// What both tables take.
    pub fn bytes(&self) -> usize {
        self.shoppers.bytes() + self.items.bytes()
    }
}

impl Model for Served {
    fn name(&self) -> &'static str {
        "bpr-ticket"
    }

    /// As [`Bpr`] scores, from the sparse tables.
    fn score(&self, subject: Subject<'_>, scratch: &mut Scratch) {
        let mut vector = vec![0.0; self.width.max(1)];
        if subject.newer {
            let lines = subject.baskets.iter().map(<[ItemId]>::len).sum::<usize>().max(1) as f32;
            let items = subject.baskets.iter().flatten();
            items.for_each(|&item| self.items.row(item as usize).for_each(|(at, value)| vector[at] += value / lines));
        }
        if let Some(place) = subject.place {
            self.shoppers.row(place).for_each(|(at, value)| vector[at] += value);
        }
        if vector.iter().all(|value| *value == 0.0) {
            return;
        }
        for item in 0..self.items.len() {
            let score: f32 = self.items.row(item).map(|(at, value)| vector[at] * value).sum();
            scratch.items.add(item as ItemId, score.clamp(-60.0, 60.0).exp());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::tests::data;
    use crate::models::tests::best;

    fn shop() -> Dataset {
        let kitchen: [&[&str]; 4] = [&["ab", "ac"], &["abc"], &["bcd", "b"], &["ad", "c"]];
        let garden: [&[&str]; 4] = [&["xy", "xz"], &["xyz"], &["yzw", "y"], &["xw", "z"]];
        data(&[kitchen, garden].concat())
    }

    #[test]
    fn tickets_have_the_weights_that_were_asked_for() {
        let data = shop();
        let bpr = Params { factors: 8, epochs: 30, ..Params::default() };
        let search = Search { bpr, rounds: 3, keep: 0.5, rewind: 2 };
        let finder = Finder::new(&data, search);
        let weights = (8 + 8) * 8;
        let open = |model: &Bpr| {
            let all = model.shoppers.as_slice().iter().chain(model.items.as_slice());
            all.filter(|value| **value != 0.0).count()
        };
        assert_eq!(open(finder.dense()), weights);
        let tickets: Vec<Ticket> = finder.iterative().collect();
        assert_eq!(tickets.iter().map(|ticket| open(&ticket.model)).collect::<Vec<_>>(), [64, 32, 16]);
        for ticket in [finder.one_shot(0.25), finder.random(0.25)] {
            assert_eq!(open(&ticket.model), 32, "{:?}", ticket.way);
        }
        assert_ne!(finder.random(0.25).model, finder.one_shot(0.25).model);
    }

    #[test]
    fn the_served_table_is_small_and_ranks_as_the_trained_one() {
        let data = shop();
        let bpr = Params { factors: 8, epochs: 200, ..Params::default() };
        let dense = Bpr::fit(&data, bpr);
        let served = Served::new(&dense);
        for place in 0..data.len() {
            assert_eq!(best(&served, &data, Some(place), 3), best(&dense, &data, Some(place), 3));
        }
        let ticket = Served::fit(&data, Search { bpr, rounds: 4, keep: 0.6, rewind: 2 });
        assert!(ticket.bytes() < served.bytes());
        assert_eq!(best(&ticket, &data, None, 8), "abcxyzdw", "of whom nothing is known popularity decides");
    }
}
