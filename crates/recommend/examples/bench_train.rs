//! Times iALS on rows `sSHOPPER,iITEM` as `cargo xtask interactions` writes them, and leaves its vectors for whoever
//! measures them: `bench_train TRAIN OUT FACTORS ITERATIONS REGULARIZATION WEIGHT THREADS` writes `shoppers.f32` and
//! `items.f32` (rows of FACTORS little-endian numbers) into OUT and prints one JSON object.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use recommend::dense::Matrix;
use recommend::models::ials::{Ials, Params};
use recommend::vectors::Vectors;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, out, factors, iterations, regularization, weight, threads] = arguments.as_slice() else {
        return Err(io::Error::other("usage: bench_train TRAIN OUT FACTORS ITERATIONS REGULARIZATION WEIGHT THREADS"));
    };
    let number = |text: &String| text.parse::<usize>().map_err(io::Error::other);
    let real = |text: &String| text.parse::<f32>().map_err(io::Error::other);
    let params = Params {
        factors: number(factors)?,
        iterations: number(iterations)?,
        regularization: real(regularization)?,
        weight: real(weight)?,
        ..Params::default()
    };
    let threads = number(threads)?;
    let (weights, item_count) = read(train, params.weight)?;
    Ials::fit_weights(&weights, item_count, Params { iterations: 1, ..params }, threads);
    let started = Instant::now();
    let model = Ials::fit_weights(&weights, item_count, params, threads);
    let fit_s = started.elapsed().as_secs_f64();
    write(&format!("{out}/shoppers.f32"), model.shopper_vectors())?;
    write(&format!("{out}/items.f32"), model.item_vectors())?;
    println!("{{\"fit_s\": {fit_s:.4}, \"shoppers\": {}, \"items\": {item_count}}}", weights.len());
    Ok(())
}

/// Rows by shopper, which follow each other in the file.
fn read(path: &str, weight: f32) -> io::Result<(Vectors, usize)> {
    let text = fs::read_to_string(path)?;
    let bad = |line: &str| io::Error::other(format!("not sSHOPPER,iITEM: {line}"));
    let (mut weights, mut row, mut last, mut item_count) = (Vectors::new(), Vec::new(), None, 0);
    for line in text.lines().skip(1) {
        let (shopper, item) = line.split_once(",i").ok_or_else(|| bad(line))?;
        let item: u32 = item.parse().map_err(|_| bad(line))?;
        if last.is_some_and(|last| last != shopper) {
            push(&mut weights, &mut row);
        }
        last = Some(shopper);
        item_count = item_count.max(item as usize + 1);
        row.push((item, weight));
    }
    push(&mut weights, &mut row);
    Ok((weights, item_count))
}

fn push(weights: &mut Vectors, row: &mut Vec<(u32, f32)>) {
    row.sort_unstable_by_key(|(item, _)| *item);
    weights.push(row);
    row.clear();
}

fn write(path: &str, matrix: &Matrix) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for row in 0..matrix.len() {
        for value in &matrix.row(row)[..matrix.width()] {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    file.flush()
}
