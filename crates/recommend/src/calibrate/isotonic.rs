//! Isotonic regression by pool-adjacent-violators (Ayer et al. 1955).

/// Points kept at most; neighbours beyond it are joined.
const MAX_POINTS: usize = 64;

/// The rising line's points (stated, observed) for stated probabilities with whether they came true. Blocks
/// are smoothed by half a success and half a failure, so that none is certain.
pub fn fit(mut pairs: Vec<(f64, bool)>) -> Vec<(f64, f64)> {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let least = pairs.len().div_ceil(MAX_POINTS).max(1);
    let mut blocks: Vec<Block> = Vec::new();
    for chunk in pairs.chunks(least) {
        let stated: f64 = chunk.iter().map(|pair| pair.0).sum();
        let right = chunk.iter().filter(|pair| pair.1).count() as f64;
        blocks.push(Block { stated, right, n: chunk.len() as f64 });
        while let [.., before, last] = &blocks[..]
            && before.rate() >= last.rate()
        {
            let joined =
                Block { stated: before.stated + last.stated, right: before.right + last.right, n: before.n + last.n };
            blocks.truncate(blocks.len() - 2);
            blocks.push(joined);
        }
    }
    blocks.iter().map(|block| (block.stated / block.n, block.rate())).collect()
}

/// The line at a stated probability; beyond its ends the value of the end.
pub fn at(points: &[(f64, f64)], p: f64) -> f64 {
    let after = points.partition_point(|point| point.0 <= p);
    match (after.checked_sub(1).map(|before| points[before]), points.get(after)) {
        (Some((x0, y0)), Some(&(x1, y1))) if x1 > x0 => y0 + (y1 - y0) * (p - x0) / (x1 - x0),
        (Some((_, y)), _) => y,
        (None, Some(&(_, y))) => y,
        (None, None) => p,
    }
}

struct Block {
    stated: f64,
    right: f64,
    n: f64,
}

impl Block {
    fn rate(&self) -> f64 {
        (self.right + 0.5) / (self.n + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_never_falls() {
        let pairs = vec![(0.1, false), (0.2, true), (0.3, false), (0.4, false), (0.8, true), (0.9, true)];
        let points = fit(pairs);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{points:?}");
        let values: Vec<f64> = [0.0, 0.1, 0.25, 0.5, 0.85, 1.0].iter().map(|&p| at(&points, p)).collect();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{values:?}");
        assert_eq!(at(&[], 0.3), 0.3);
        let many = fit((0..10_000).map(|i| (f64::from(i) / 10_000.0, i % 3 == 0)).collect());
        assert!(many.len() <= MAX_POINTS);
    }
}
