//! A row's position within its order, over the whole file.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Most orders whose positions are remembered: what a hash table of 2^22 places holds, 71 MB.
///
/// Rows of orders first seen beyond it are numbered by their line in the file instead. That is just as unique, and the
/// same when the file is read again or goes on where it was cut; only a file whose lines have moved would import those
/// rows a second time. No row is lost.
pub const MAX_ORDERS: usize = 3_670_016;

/// Numbers the rows of every order from 0, also where an order is not in one piece.
#[derive(Debug)]
pub struct Ordinals {
    /// Next ordinal by the order's hash. Two orders of one hash (one chance in 10^6 at `MAX_ORDERS`) are numbered as
    /// one: still unique, still the same on each reading.
    next: HashMap<u64, u32>,
    max_orders: usize,
    current: String,
    current_hash: u64,
    current_next: Numbering,
}

#[derive(Debug, Clone, Copy)]
enum Numbering {
    Within(u32),
    ByLine,
}

impl Ordinals {
    pub fn new(max_orders: usize) -> Ordinals {
        let hash = hash_of("");
        Ordinals {
            next: HashMap::new(),
            max_orders,
            current: String::new(),
            current_hash: hash,
            current_next: Numbering::Within(0),
        }
    }

    /// The ordinal of the row on `line`, which belongs to `order`, or, where a spoilt row does not say, to the order
    /// of the row before it.
    pub fn of(&mut self, order: Option<&str>, line: u32) -> u32 {
        if let Some(order) = order.filter(|order| *order != self.current) {
            self.turn_to(order);
        }
        match &mut self.current_next {
            Numbering::ByLine => line,
            Numbering::Within(next) => {
                *next += 1;
                *next - 1
            }
        }
    }

    fn turn_to(&mut self, order: &str) {
        if let Numbering::Within(next) = self.current_next {
            self.next.insert(self.current_hash, next);
        }
        self.current.clear();
        self.current.push_str(order);
        self.current_hash = hash_of(order);
        self.current_next = match self.next.get(&self.current_hash) {
            Some(next) => Numbering::Within(*next),
            None if self.next.len() < self.max_orders => Numbering::Within(0),
            None => Numbering::ByLine,
        };
    }
}

fn hash_of(order: &str) -> u64 {
    // Only this run compares these hashes, so the standard hasher may change between compilers.
    let mut hasher = DefaultHasher::new();
    order.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_within_their_order() {
        let check = |max_orders, rows: &[(Option<&str>, u32)]| {
            let mut ordinals = Ordinals::new(max_orders);
            for (line, (order, expect)) in rows.iter().enumerate() {
                assert_eq!(ordinals.of(*order, line as u32 + 100), *expect, "row {line} of {rows:?}");
            }
        };
        check(9, &[(Some("a"), 0), (Some("a"), 1), (Some("b"), 0), (Some("a"), 2), (Some("b"), 1)]);
        check(9, &[(Some("a"), 0), (None, 1), (Some("a"), 2), (Some("b"), 0)]);
        check(9, &[(None, 0), (Some("a"), 0), (Some(""), 1)]);
        // Room for the nameless order and one more; what comes later goes by its line.
        check(2, &[(Some("a"), 0), (Some("b"), 101), (Some("a"), 1), (Some("b"), 103), (Some("c"), 104), (None, 105)]);
    }
}
