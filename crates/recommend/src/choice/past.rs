//! What shoppers bought of each group of products before a moment. A group is a category; an item without one is a
//! group of its own.

use crate::baskets::{Baskets, Dataset};
use crate::catalogue::{Catalogue, ItemId};

/// A group's place: below the number of categories it is a category, beyond it an item without one.
pub type GroupId = u32;

/// Days after which a purchase counts half, for what is recent and for what is lately wanted.
const HALF_LIVES_DAYS: [f64; 2] = [14.0, 60.0];

pub(crate) const DAY_MS: f64 = 86_400_000.0;

/// The groups of a catalogue.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    of_item: Vec<GroupId>,
    count: usize,
}

impl Groups {
    /// Every item's group.
    pub fn new(catalogue: &Catalogue) -> Groups {
        let mut count = catalogue.category_count();
        let mut own = || {
            count += 1;
            (count - 1) as GroupId
        };
        let of_item =
            (0..catalogue.len() as ItemId).map(|item| catalogue.category_of(item).unwrap_or_else(&mut own)).collect();
        Groups { of_item, count }
    }

    /// The group of an item.
    pub fn of(&self, item: ItemId) -> GroupId {
        self.of_item[item as usize]
    }

    /// How many groups.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing to choose among.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What one shopper bought of one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bought {
    pub group: GroupId,
    /// Lines: an item once per basket.
    pub times: f64,
    /// The same with each line halved every 14 days, and every 60.
    pub lately: f64,
    pub recent: f64,
    /// Days from the last line to the moment.
    pub days_ago: f64,
}

/// What one shopper bought before a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    pub total: f64,
    pub recent: f64,
    /// In ascending order of the group.
    pub groups: Vec<Bought>,
}

impl Past {
    /// What `baskets` hold strictly before `before_ms`.
    pub fn new(baskets: Baskets<'_>, groups: &Groups, before_ms: i64) -> Past {
        let mut lines: Vec<(GroupId, f64)> = Vec::new();
        for place in 0..baskets.len() {
            let at_ms = baskets.at_ms(place);
            if at_ms >= before_ms {
                break;
            }
            let days_ago = (before_ms - at_ms) as f64 / DAY_MS;
            lines.extend(baskets.items(place).iter().map(|&item| (groups.of(item), days_ago)));
        }
        Past::of_lines(lines)
    }

    /// Of lines of a group with how many days ago each was bought.
    pub fn of_lines(mut lines: Vec<(GroupId, f64)>) -> Past {
        lines.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut past = Past::default();
        for of_group in lines.chunk_by(|a, b| a.0 == b.0) {
            let decayed = |half_life: f64| of_group.iter().map(|line| 0.5f64.powf(line.1 / half_life)).sum::<f64>();
            let [lately, recent] = HALF_LIVES_DAYS.map(decayed);
            let times = of_group.len() as f64;
            past.total += times;
            past.recent += recent;
            past.groups.push(Bought { group: of_group[0].0, times, lately, recent, days_ago: of_group[0].1 });
        }
        past
    }

    /// What was bought of a group.
    pub fn of(&self, group: GroupId) -> Option<&Bought> {
        self.groups.binary_search_by_key(&group, |bought| bought.group).ok().map(|place| &self.groups[place])
    }

    /// Whether nothing was bought.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Everybody's past at one moment.
#[derive(Debug, Clone)]
pub struct Pasts {
    pub before_ms: i64,
    /// By the shopper's place in the data set.
    pub of: Vec<Past>,
}

impl Pasts {
    pub fn new(data: &Dataset, groups: &Groups, before_ms: i64) -> Pasts {
        let of = (0..data.len()).map(|place| Past::new(data.baskets(place), groups, before_ms)).collect();
        Pasts { before_ms, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baskets::tests::data;

    #[test]
    fn only_what_lies_strictly_before_counts() {
        let shop = data(&[&["ab", "a", "ac"]]);
        let groups = Groups::new(shop.catalogue());
        let item = |sku| groups.of(shop.catalogue().item(sku).expect("bought"));
        for (days, a, b, c) in [(0, None, None, None), (1, Some(1.0), Some(1.0), None), (2, Some(2.0), Some(1.0), None)]
        {
            let past = Past::new(shop.baskets(0), &groups, days * 86_400_000);
            let times = |sku| past.of(item(sku)).map(|bought| bought.times);
            assert_eq!((times("a"), times("b"), times("c")), (a, b, c), "before day {days}");
            assert_eq!(past.total, a.unwrap_or(0.0) + b.unwrap_or(0.0));
        }
    }
}
