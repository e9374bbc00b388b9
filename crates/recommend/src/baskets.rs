//! Everybody's baskets in one compact data set: shoppers, their baskets in order, the items of each.

use std::sync::Arc;

use domain::behaviour::{Action, Behaviour};
use domain::ids::ShopperId;

use crate::catalogue::{Catalogue, ItemId};
use crate::signals::Interest;

/// Lines of orders that a data set takes at most: 24 bytes each while it is built, 1.2 GB in all. Lines beyond are
/// counted in [`Builder::dropped`] and left out.
pub const MAX_LINES: usize = 50_000_000;

/// Baskets of one shopper that models look at, the latest ones: a shop's house account may have millions.
pub const MAX_BASKETS: usize = 1_024;

/// One line of an order, while the data set is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    shopper: ShopperId,
    order: u64,
    item: ItemId,
    /// Behind the item, so that of two equal lines the earlier one comes first.
    at_s: u32,
}

/// Collects behaviour in any order.
#[derive(Debug, Default)]
pub struct Builder {
    catalogue: Catalogue,
    lines: Vec<Line>,
    returns: Vec<(ShopperId, ItemId, u32)>,
    dropped: u64,
}

impl Builder {
    /// Takes one act of a shopper. Only purchases say what is wanted next, and returns what is not; lines with a negative
    /// price are corrections of an invoice, not wishes.
    pub fn add(&mut self, shopper: ShopperId, behaviour: &Behaviour) {
        let (order_id, items) = match &behaviour.action {
            Action::Purchase { order_id, items } => (order_id, items),
            Action::Return { items, .. } => {
                for item in items {
                    if let Some(item) = self.catalogue.item(&item.sku) {
                        self.add_return(shopper, behaviour.at_ms, item);
                    }
                }
                return;
            }
            _ => return,
        };
        let order = order_key(order_id);
        for item in items.iter().filter(|item| item.quantity > 0 && item.price_cents >= 0) {
            match self.catalogue.intern(&item.sku, &item.name, &item.category) {
                Some(id) => {
                    self.catalogue.saw_price(id, item.price_cents);
                    self.add_line(shopper, order, behaviour.at_ms, id);
                }
                None => self.dropped += 1,
            }
        }
    }

    /// Takes one line whose item is in the catalogue already; `order` as [`order_key`] makes it.
    pub fn add_line(&mut self, shopper: ShopperId, order: u64, at_ms: i64, item: ItemId) {
        if self.lines.len() >= MAX_LINES {
            self.dropped += 1;
            return;
        }
        self.lines.push(Line { shopper, order, item, at_s: seconds(at_ms) });
    }

    /// Takes one returned item that is in the catalogue already.
    pub fn add_return(&mut self, shopper: ShopperId, at_ms: i64, item: ItemId) {
        if self.returns.len() < MAX_LINES {
            self.returns.push((shopper, item, seconds(at_ms)));
        }
    }

    /// The catalogue so far, to intern items in.
    pub fn catalogue(&mut self) -> &mut Catalogue {
        &mut self.catalogue
    }

    /// How many lines found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The data set. A basket is one order of one shopper; it holds each item once and happened when its first line
    /// did; baskets are in the order of time, then of the order's number.
    pub fn build(mut self) -> Dataset {
        self.lines.sort_unstable();
        self.lines.dedup_by_key(|line| (line.shopper, line.order, line.item));
        let mut baskets: Vec<Basket> = Vec::new();
        for (place, line) in self.lines.iter().enumerate() {
            match baskets.last_mut() {
                Some(last) if (last.shopper, last.order) == (line.shopper, line.order) => {
                    last.at_s = last.at_s.min(line.at_s);
                    last.end = place + 1;
                }
                _ => baskets.push(Basket {
                    shopper: line.shopper,
                    at_s: line.at_s,
                    order: line.order,
                    start: place,
                    end: place + 1,
                }),
            }
        }
        baskets.sort_unstable();
        let mut data = Dataset::empty(Arc::new(self.catalogue));
        for of_shopper in baskets.chunk_by(|a, b| a.shopper == b.shopper) {
            data.start_shopper(of_shopper[0].shopper);
            for basket in &of_shopper[of_shopper.len().saturating_sub(MAX_BASKETS)..] {
                let items = self.lines[basket.start..basket.end].iter().map(|line| line.item);
                data.push_basket(basket.at_s, items);
            }
        }
        data.finish();
        self.returns.sort_unstable();
        data.keep_returns(&self.returns);
        data
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Basket {
    shopper: ShopperId,
    at_s: u32,
    order: u64,
    start: usize,
    end: usize,
}

/// Unix seconds of Unix milliseconds. What lies before 1970 or after 2106 is taken for the first or the last second:
/// only the order of one shopper's baskets hangs on it.
fn seconds(at_ms: i64) -> u32 {
    at_ms.div_euclid(1_000).clamp(0, i64::from(u32::MAX)) as u32
}

/// A number for an order's id that keeps the order of ids that are numbers; the others come after them, by hash
/// (FNV-1a, 63 bits).
pub fn order_key(order_id: &str) -> u64 {
    match order_id.parse::<u64>() {
        Ok(number) if number < 1 << 63 => number,
        _ => {
            let hash = order_id.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            domain::ids::mix(hash) | 1 << 63
        }
    }
}

/// The baskets of one shopper, oldest first: offsets of the baskets in `items`, one more than there are baskets.
#[derive(Debug, Clone, Copy)]
pub struct Baskets<'a> {
    starts: &'a [u32],
    at_s: &'a [u32],
    items: &'a [ItemId],
    returned: &'a [ItemId],
}

impl<'a> Baskets<'a> {
    /// A shopper of whom nothing is known.
    pub const NONE: Baskets<'static> = Baskets { starts: &[], at_s: &[], items: &[], returned: &[] };

    /// How many baskets.
    pub fn len(&self) -> usize {
        self.at_s.len()
    }

    /// Whether nothing was bought.
    pub fn is_empty(&self) -> bool {
        self.at_s.is_empty()
    }

    /// Basket `place`, its items in ascending order.
    pub fn items(&self, place: usize) -> &'a [ItemId] {
        &self.items[self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    /// When a basket was bought, Unix milliseconds to the second.
    pub fn at_ms(&self, place: usize) -> i64 {
        i64::from(self.at_s[place]) * 1_000
    }

    /// When the first basket was bought, Unix milliseconds to the second.
    pub fn first_at_ms(&self) -> Option<i64> {
        (!self.is_empty()).then(|| self.at_ms(0))
    }

    /// All baskets, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [ItemId]> + '_ {
        (0..self.len()).map(|place| self.items(place))
    }

    /// Whether an item was returned and not bought again since.
    pub fn has_returned(&self, item: ItemId) -> bool {
        self.returned.binary_search(&item).is_ok()
    }

    /// In how many baskets an item is, and when it was bought last (Unix milliseconds).
    pub fn bought(&self, item: ItemId) -> Option<(u32, i64)> {
        let (mut times, mut last) = (0, 0);
        for place in 0..self.len() {
            if self.items(place).binary_search(&item).is_ok() {
                times += 1;
                last = self.at_ms(place);
            }
        }
        (times > 0).then_some((times, last))
    }
}

/// The baskets of a shopper outside a data set: one who came after it was made, or has bought since.
#[derive(Debug, Clone, Default)]
pub struct History {
    data: Dataset,
    /// What the shopper's other acts point at.
    interests: Vec<Interest>,
}

impl History {
    /// The purchases among `behaviours`, in any order, of items that `catalogue` knows; the rest says nothing.
    pub fn new<'a>(catalogue: &Catalogue, behaviours: impl IntoIterator<Item = &'a Behaviour>) -> History {
        let mut builder = Builder::default();
        for behaviour in behaviours {
            let (order_id, items) = match &behaviour.action {
                Action::Purchase { order_id, items } => (order_id, items),
                Action::Return { items, .. } => {
                    for item in items.iter().filter_map(|item| catalogue.item(&item.sku)) {
                        builder.add_return(ShopperId(0), behaviour.at_ms, item);
                    }
                    continue;
                }
                _ => continue,
            };
            let order = order_key(order_id);
            for item in items.iter().filter(|item| item.quantity > 0 && item.price_cents >= 0) {
                if let Some(id) = catalogue.item(&item.sku) {
                    builder.add_line(ShopperId(0), order, behaviour.at_ms, id);
                }
            }
        }
        History { data: builder.build(), interests: Vec::new() }
    }

    /// The same baskets with the numbers of another catalogue; items that it does not know are left out.
    pub fn translated(baskets: Baskets<'_>, from: &Catalogue, to: &Catalogue) -> History {
        let mut builder = Builder::default();
        for basket in 0..baskets.len() {
            for id in baskets.items(basket).iter().filter_map(|&item| to.item(from.sku(item))) {
                builder.add_line(ShopperId(0), basket as u64, baskets.at_ms(basket), id);
            }
        }
        History { data: builder.build(), interests: Vec::new() }
    }

    /// The baskets, oldest first.
    pub fn baskets(&self) -> Baskets<'_> {
        if self.data.is_empty() { Baskets::NONE } else { self.data.baskets(0) }
    }

    /// The same baskets, with what the shopper's other acts point at.
    pub fn with_interests(self, interests: Vec<Interest>) -> History {
        History { interests, ..self }
    }

    /// What the shopper's other acts point at.
    pub fn interests(&self) -> &[Interest] {
        &self.interests
    }
}

/// Shoppers, their baskets in order and the items of each, in flat arrays: 4 bytes per line and 8 per basket.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    catalogue: Arc<Catalogue>,
    /// Ascending, so that a shopper is found by halving.
    shoppers: Vec<ShopperId>,
    /// The first basket of each shopper, and the end.
    basket_starts: Vec<u32>,
    at_s: Vec<u32>,
    /// The first line of each basket, and the end.
    item_starts: Vec<u32>,
    items: Vec<ItemId>,
    /// How many baskets hold each item.
    popularity: Vec<u32>,
    /// Items by popularity, then sku; and the place of each item in that order.
    by_rank: Vec<ItemId>,
    rank: Vec<u32>,
    /// By shopper's place: the items that were returned and not bought again since, ascending; and the end.
    returned_starts: Vec<u32>,
    returned: Vec<ItemId>,
}

impl Dataset {
    fn empty(catalogue: Arc<Catalogue>) -> Dataset {
        Dataset { catalogue, item_starts: vec![0], ..Dataset::default() }
    }

    fn start_shopper(&mut self, shopper: ShopperId) {
        self.shoppers.push(shopper);
        self.basket_starts.push(self.at_s.len() as u32);
    }

    fn push_basket(&mut self, at_s: u32, items: impl Iterator<Item = ItemId>) {
        self.at_s.push(at_s);
        self.items.extend(items);
        self.item_starts.push(self.items.len() as u32);
    }

    fn finish(&mut self) {
        self.basket_starts.push(self.at_s.len() as u32);
        self.popularity = vec![0; self.catalogue.len()];
        for &item in &self.items {
            if let Some(count) = self.popularity.get_mut(item as usize) {
                *count += 1;
            }
        }
        self.by_rank = (0..self.catalogue.len() as ItemId).collect();
        self.by_rank.sort_unstable_by(|&a, &b| {
            let by_count = self.popularity[b as usize].cmp(&self.popularity[a as usize]);
            by_count.then_with(|| self.catalogue.sku(a).cmp(self.catalogue.sku(b)))
        });
        self.rank = vec![0; self.by_rank.len()];
        for (place, &item) in self.by_rank.iter().enumerate() {
            self.rank[item as usize] = place as u32;
        }
    }

    /// Notes what was returned; `returns` is sorted.
    fn keep_returns(&mut self, returns: &[(ShopperId, ItemId, u32)]) {
        self.returned_starts = vec![0];
        let mut at = 0;
        for place in 0..self.len() {
            let shopper = self.shoppers[place];
            at += returns[at..].partition_point(|(of, _, _)| *of < shopper);
            let of_shopper = &returns[at..at + returns[at..].partition_point(|(of, _, _)| *of <= shopper)];
            for of_item in of_shopper.chunk_by(|a, b| a.1 == b.1) {
                // Sorted: the last one of an item is its latest.
                let (_, item, at_s) = of_item[of_item.len() - 1];
                let bought = self.baskets(place).bought(item);
                if bought.is_none_or(|(_, last_ms)| last_ms <= i64::from(at_s) * 1_000) {
                    self.returned.push(item);
                }
            }
            self.returned_starts.push(self.returned.len() as u32);
        }
    }

    /// The items by number and name.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// How many shoppers.
    pub fn len(&self) -> usize {
        self.shoppers.len()
    }

    /// Whether nobody bought anything.
    pub fn is_empty(&self) -> bool {
        self.shoppers.is_empty()
    }

    /// How many baskets of all shoppers.
    pub fn basket_count(&self) -> usize {
        self.at_s.len()
    }

    /// The shopper at a place.
    pub fn shopper(&self, place: usize) -> ShopperId {
        self.shoppers[place]
    }

    /// The place of a shopper, if anything was bought.
    pub fn place(&self, shopper: ShopperId) -> Option<usize> {
        self.shoppers.binary_search(&shopper).ok()
    }

    /// The baskets of the shopper at a place.
    pub fn baskets(&self, place: usize) -> Baskets<'_> {
        let (start, end) = (self.basket_starts[place] as usize, self.basket_starts[place + 1] as usize);
        let returned = match self.returned_starts.get(place..place + 2) {
            Some(range) => &self.returned[range[0] as usize..range[1] as usize],
            None => &[],
        };
        Baskets { starts: &self.item_starts[start..=end], at_s: &self.at_s[start..end], items: &self.items, returned }
    }

    /// In how many baskets each item is.
    pub fn popularity(&self) -> &[u32] {
        &self.popularity
    }

    /// All items, the most popular first, equal ones by sku.
    pub fn by_rank(&self) -> &[ItemId] {
        &self.by_rank
    }

    /// The place of each item in [`Dataset::by_rank`].
    pub fn rank(&self) -> &[u32] {
        &self.rank
    }

    /// A data set of at most `count` of the shoppers, spread evenly over all.
    pub fn sampled(&self, count: usize) -> Dataset {
        let mut sample = Dataset::empty(Arc::clone(&self.catalogue));
        for place in (0..self.len()).step_by(self.len().div_ceil(count.max(1)).max(1)) {
            let baskets = self.baskets(place);
            sample.start_shopper(self.shoppers[place]);
            for basket in 0..baskets.len() {
                sample.push_basket(baskets.at_s[basket], baskets.items(basket).iter().copied());
            }
        }
        sample.finish();
        sample
    }

    /// A data set without the last basket of the shoppers at these places, which ascend.
    pub fn without_last(&self, places: &[usize]) -> Dataset {
        let mut rest = Dataset::empty(Arc::clone(&self.catalogue));
        for place in 0..self.len() {
            let baskets = self.baskets(place);
            let keep = baskets.len() - usize::from(places.binary_search(&place).is_ok());
            rest.start_shopper(self.shoppers[place]);
            for basket in 0..keep {
                rest.push_basket(baskets.at_s[basket], baskets.items(basket).iter().copied());
            }
        }
        rest.finish();
        rest
    }

    /// A data set without the last basket of each shopper who has at least `at_least` baskets, and those baskets.
    /// `at_least` below 2 is taken for 2: nobody is left without a history.
    pub fn hold_out(&self, at_least: usize) -> (Dataset, Vec<HeldOut>) {
        let mut train = Dataset::empty(Arc::clone(&self.catalogue));
        let mut held_out = Vec::new();
        for place in 0..self.len() {
            let baskets = self.baskets(place);
            let keep = if baskets.len() >= at_least.max(2) { baskets.len() - 1 } else { baskets.len() };
            train.start_shopper(self.shoppers[place]);
            for basket in 0..keep {
                train.push_basket(baskets.at_s[basket], baskets.items(basket).iter().copied());
            }
            if keep < baskets.len() {
                held_out.push(HeldOut { shopper: place, items: baskets.items(keep).to_vec() });
            }
        }
        train.finish();
        (train, held_out)
    }
}

/// A basket that a model must not see: what a shopper really bought next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// The shopper's place in the data set.
    pub shopper: usize,
    /// Ascending.
    pub items: Vec<ItemId>,
}

#[cfg(test)]
pub(crate) mod tests;
