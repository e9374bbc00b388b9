//! Work over a range of numbers on a few threads, with results that do not depend on how many.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many numbers a thread takes at once: small enough to even out shoppers of very different sizes.
const CHUNK: usize = 128;

/// Threads more than this would only wait for memory.
pub const MAX_THREADS: usize = 64;

/// Calls `work` for consecutive chunks that together cover `0..n`; the results are in the order of the chunks.
/// `state` makes what each thread reuses between its chunks.
pub fn chunks<S, T: Send>(
    n: usize,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, Range<usize>) -> T + Sync,
) -> Vec<T> {
    chunks_of(CHUNK, n, threads, state, work)
}

/// [`chunks`] of `size` numbers each.
pub fn chunks_of<S, T: Send>(
    size: usize,
    n: usize,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, Range<usize>) -> T + Sync,
) -> Vec<T> {
    let chunk_count = n.div_ceil(size);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut own = state();
        let mut done = Vec::new();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunk_count {
                return done;
            }
            done.push((chunk, work(&mut own, chunk * size..((chunk + 1) * size).min(n))));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads.clamp(1, MAX_THREADS).min(chunk_count.max(1))).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(chunk, _)| *chunk);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Calls `work` for consecutive pieces of `size` values each, with the number of the piece's first value.
pub fn pieces<S>(
    values: &mut [f32],
    size: usize,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut [f32]) + Sync,
) {
    let size = size.max(1);
    let piece_count = values.len().div_ceil(size);
    let rest = Mutex::new(values.chunks_mut(size).enumerate());
    let run = || {
        let mut own = state();
        loop {
            let next = rest.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((piece, values)) = next else { return };
            work(&mut own, piece * size, values);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, MAX_THREADS).min(piece_count.max(1)) {
            scope.spawn(run);
        }
        run();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_the_range_in_order_on_any_number_of_threads() {
        for n in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 1_000] {
            for threads in [0, 1, 2, 5] {
                let all: Vec<usize> =
                    chunks(n, threads, || (), |(), range| range.collect::<Vec<_>>()).into_iter().flatten().collect();
                assert_eq!(all, (0..n).collect::<Vec<_>>(), "n {n}, threads {threads}");
            }
        }
    }
}
