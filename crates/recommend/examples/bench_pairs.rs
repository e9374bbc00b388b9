//! What trigger-triggered pairs in the last places of a list do to it, on Online Retail: `bench_pairs LINES` prints one
//! JSON object.

use std::io;

use recommend::evaluate::measure::{Again, Case, Measured, measure};
use recommend::models::{Kind, Model, Pairs, WithPairs, pairs, with_pairs};

mod retail;

const THREADS: usize = 2;
/// Baskets that a shopper needs so that the last one is the test.
const MIN_BASKETS: usize = 3;

fn main() -> io::Result<()> {
    let lines = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: bench_pairs LINES"))?;
    let (train, held_out) = retail::read(&lines)?.hold_out(MIN_BASKETS);
    let cases: Vec<Case> = held_out.into_iter().map(Case::held_out).collect();
    let params = with_pairs::Params::default();
    let measured = |model: &dyn Model| measure(model, &train, &cases, &[params.k], Again::Yes, THREADS);
    let model = Kind::Combined.fit(&train, THREADS);
    let off = measured(&*model);
    let pairs = Pairs::fit(&train, pairs::Params::default(), THREADS);
    let count = pairs.len();
    let on = measured(&WithPairs::new(model, pairs, &train, params));
    let change = on.at[0].ndcg / off.at[0].ndcg - 1.0;
    println!(
        "{{\"k\": {}, \"places\": {}, \"pairs\": {count}, \"shoppers\": {}, \"off\": {}, \"on\": {}, \"ndcg_change\": {change:.4}}}",
        params.k,
        params.places,
        cases.len(),
        figures(&off),
        figures(&on),
    );
    Ok(())
}

fn figures(measured: &Measured) -> String {
    let (at, catalogued) = (measured.at[0], measured.catalogued);
    format!(
        "{{\"recall\": {:.4}, \"ndcg\": {:.4}, \"coverage\": {:.4}, \"gini\": {:.4}, \"novelty\": {:.3}}}",
        at.recall, at.ndcg, catalogued.coverage, catalogued.gini, catalogued.novelty
    )
}
