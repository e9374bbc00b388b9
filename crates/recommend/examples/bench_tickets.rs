//! Lottery tickets on Online Retail: how much of the BPR model's table is needed. `bench_tickets LINES` prints one JSON
//! object, and a table on standard error.

use std::io;

use recommend::baskets::Dataset;
use recommend::evaluate::measure::{Again, Case, measure};
use recommend::models::{Model, bpr};
use recommend::tickets::{Finder, Search, Served};

mod retail;

/// The length of the lists.
const K: usize = 20;
const THREADS: usize = 2;
/// Baskets that a shopper needs so that the last one is the test.
const MIN_BASKETS: usize = 3;
/// The part of the whole table's ndcg that a ticket must keep.
const ENOUGH: f64 = 0.99;

fn main() -> io::Result<()> {
    let lines = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: bench_tickets LINES"))?;
    let (train, held_out) = retail::read(&lines)?.hold_out(MIN_BASKETS);
    let cases: Vec<Case> = held_out.into_iter().map(Case::held_out).collect();
    let search = Search { bpr: bpr::Params { factors: 64, ..bpr::Params::default() }, ..Search::default() };
    let finder = Finder::new(&train, search);
    let ndcg = |model: &dyn Model| ndcg(model, &train, &cases);
    let weights = (train.len() + train.catalogue().len()) * search.bpr.factors;
    let dense = ndcg(finder.dense());
    let served = Served::new(finder.dense());
    eprintln!(
        "{weights} weights, {} bytes; ndcg@{K} {dense:.4}; quantised {} bytes, {:.4}",
        weights * 4,
        served.bytes(),
        ndcg(&served)
    );
    eprintln!(
        "{:>5} {:>7} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "round", "open", "iterative", "one-shot", "random", "served", "bytes"
    );
    let (mut rows, mut smallest) = (Vec::new(), None);
    for (round, ticket) in finder.iterative().enumerate() {
        let open = ticket.open;
        let served = Served::new(&ticket.model);
        let figures =
            [ndcg(&ticket.model), ndcg(&finder.one_shot(open).model), ndcg(&finder.random(open).model), ndcg(&served)];
        let [iterative, one_shot, random, of_served] = figures;
        let round = round + 1;
        eprintln!(
            "{round:>5} {open:>7.4} {iterative:>10.4} {one_shot:>10.4} {random:>10.4} {of_served:>10.4} {:>10}",
            served.bytes()
        );
        if of_served >= ENOUGH * dense {
            smallest = Some(open);
        }
        rows.push(format!(
            "{{\"round\": {round}, \"open\": {open:.4}, \"iterative\": {iterative:.4}, \"one_shot\": {one_shot:.4}, \
             \"random\": {random:.4}, \"served\": {of_served:.4}, \"served_bytes\": {}}}",
            served.bytes()
        ));
    }
    println!(
        "{{\"weights\": {weights}, \"dense_bytes\": {}, \"dense_ndcg\": {dense:.4}, \"smallest_open_at_99\": {}, \
         \"shoppers\": {}, \"rounds\": [{}]}}",
        weights * 4,
        smallest.map_or("null".to_owned(), |open| format!("{open:.4}")),
        cases.len(),
        rows.join(", ")
    );
    Ok(())
}

fn ndcg(model: &dyn Model, train: &Dataset, cases: &[Case]) -> f64 {
    measure(model, train, cases, &[K], Again::Yes, THREADS).at[0].ndcg
}
