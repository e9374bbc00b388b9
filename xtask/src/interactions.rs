//! Shoppers and the items they took, for `koi evaluate top-n` and the benches: as many as asked for, the same for the same
//! seed.
//!
//! Items fall into groups, each with its own popular and rare ones; a shopper likes a few groups, one most, and sometimes
//! takes what everybody takes. That is enough structure for models to differ, and no more than the description says.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::shop::random::Random;

/// Groups of items.
const GROUPS: usize = 250;
/// Groups that a shopper likes.
const LIKED: usize = 4;
/// The part of what a shopper takes that comes from all items alike in popularity.
const COMMON: f64 = 0.15;
/// Items that a shopper takes at least.
const FEWEST: usize = 4;
/// How unevenly busy shoppers are: the standard deviation of the logarithm.
const SPREAD: f64 = 0.8;
/// Items of a shopper that are the test.
const TEST_ITEMS: usize = 2;
/// Most rows of one file.
const MAX_ROWS: usize = 20_000_000;

/// What to make.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 50_000)]
    pub shoppers: usize,
    #[arg(long, default_value_t = 50_000)]
    pub items: usize,
    /// Rows of the train file; two more per shopper are the test file.
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: usize,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Writes `train.csv` and `test.csv` (columns `shopper,item`, no pair twice) into `out`.
pub fn write(options: Options, out: &Path) -> Result<()> {
    let all = make(options)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let open = |name: &str| -> Result<BufWriter<File>> {
        let path = out.join(name);
        let mut file = BufWriter::new(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?);
        writeln!(file, "shopper,item")?;
        Ok(file)
    };
    let (mut train, mut test) = (open("train.csv")?, open("test.csv")?);
    for (shopper, items) in all.iter().enumerate() {
        let (of_test, of_train) = items.split_at(TEST_ITEMS);
        of_train.iter().try_for_each(|item| writeln!(train, "s{shopper},i{item}"))?;
        of_test.iter().try_for_each(|item| writeln!(test, "s{shopper},i{item}"))?;
    }
    train.flush()?;
    test.flush()?;
    Ok(())
}

/// Every shopper's items in the order they were drawn; the first two are the test.
fn make(options: Options) -> Result<Vec<Vec<usize>>> {
    let Options { shoppers, items, rows, seed } = options;
    ensure!((1..=MAX_ROWS).contains(&rows), "1 to {MAX_ROWS} rows, not {rows}");
    ensure!(shoppers > 0 && rows >= shoppers * FEWEST, "each shopper takes at least {FEWEST}: {rows} rows are too few");
    ensure!(items >= GROUPS && rows / shoppers < items / 4, "too few items for so many rows");
    let mut random = Random::new(seed);
    let lengths = lengths(shoppers, rows, items / 2, &mut random.fork());
    let per_group = items / GROUPS;
    let take = |length: &usize| {
        let mut random = random.fork();
        let liked: Vec<usize> = (0..LIKED).map(|_| random.below(GROUPS)).collect();
        let (mut seen, mut taken) = (BTreeSet::new(), Vec::with_capacity(length + TEST_ITEMS));
        while taken.len() < length + TEST_ITEMS {
            let item = if random.chance(COMMON) {
                // Spread over all groups, so that popular items are not all of one.
                random.popular(items) * 7_919 % items
            } else {
                let group = liked[random.popular(LIKED)];
                group * per_group + random.popular(per_group)
            };
            // A shopper of few groups may have taken nearly all of them.
            let item = if seen.contains(&item) && random.chance(0.2) { random.below(items) } else { item };
            if seen.insert(item) {
                taken.push(item);
            }
        }
        taken
    };
    Ok(lengths.iter().map(take).collect())
}

/// How many rows each shopper has, `rows` in all.
fn lengths(shoppers: usize, rows: usize, most: usize, random: &mut Random) -> Vec<usize> {
    let weights: Vec<f64> = (0..shoppers).map(|_| (random.normal() * SPREAD).exp()).collect();
    let all: f64 = weights.iter().sum();
    let spare = (rows - shoppers * FEWEST) as f64;
    let mut lengths: Vec<usize> =
        weights.iter().map(|weight| (FEWEST + (weight / all * spare) as usize).min(most)).collect();
    let mut missing = rows - lengths.iter().sum::<usize>();
    while missing > 0 {
        let shopper = random.below(shoppers);
        if lengths[shopper] < most {
            lengths[shopper] += 1;
            missing -= 1;
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_for_and_no_pair_twice() {
        let options = Options { shoppers: 300, items: 2_000, rows: 6_000, seed: 3 };
        let made = make(options).expect("possible");
        assert_eq!(made.iter().map(|items| items.len() - TEST_ITEMS).sum::<usize>(), 6_000);
        assert!(made.iter().all(|items| items.iter().collect::<BTreeSet<_>>().len() == items.len()));
        assert!(made.iter().flatten().all(|item| *item < 2_000));
        assert_eq!(made, make(options).expect("possible"), "the same for the same seed");
        assert_ne!(made, make(Options { seed: 4, ..options }).expect("possible"));
    }

    #[test]
    fn what_is_impossible_is_said() {
        for (shoppers, items, rows) in [(0, 2_000, 10), (10, 2_000, 30), (10, 100, 100), (10, 2_000, 9_000)] {
            assert!(make(Options { shoppers, items, rows, seed: 1 }).is_err(), "{shoppers} {items} {rows}");
        }
    }
}
