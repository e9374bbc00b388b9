//! The slots of a strategy: within each tier the prizes that the shopper most probably wants.
//!
//! No prize fills two slots as long as its tier has others; of one category there are at most two where there is a
//! choice; prizes of equal score go by a hash of shopper and prize, so that shoppers of whom nothing is known see
//! different ones. What was just bought for the first time or returned is set back, and so is a prize whose stock is not
//! meant for this shopper ([`crate::supply`]). The odds are the tiers' own and don't change by any of this.

use domain::ids::mix;

use crate::baskets::Baskets;
use crate::fit::{Fitted, Reason, Who};
use crate::prizes::PrizeIndex;
use crate::scores::Scratch;

/// Prizes of one category in a strategy, where there is a choice.
const MAX_OF_CATEGORY: u16 = 2;

/// What the second best item of a prize adds to the best one, the third to the second, and so on. A prize with many
/// items is wanted somewhat more surely than one with a single item of the same score.
const ITEM_DECAY: f32 = 0.5;

/// Items whose scores count for a prize; beyond, the decay leaves nothing.
const COUNTED_ITEMS: usize = 4;

/// Slots of a tier from which on one may be for the long tail.
const MIN_SLOTS_TO_EXPLORE: usize = 3;

/// One filled slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The prize's place in the campaign.
    pub prize: u16,
    /// Why this prize; `None` where nothing speaks for it.
    pub reason: Option<Reason>,
}

/// What composing reuses between shoppers.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotScratch {
    scores: Vec<f32>,
    /// By prize: the item it is wanted most for.
    best: Vec<Option<u32>>,
    /// By prize: whether any other of its tier comes first.
    set_back: Vec<bool>,
    /// By prize: how many slots show it, and the last of them.
    shown: Vec<u16>,
    slot_of: Vec<usize>,
    of_category: Vec<u16>,
    visited: Vec<bool>,
    choice: Vec<u16>,
}

impl PrizeIndex {
    /// Fills the slots for one shopper into `out`, a tier's slots next to each other, tiers in the campaign's order.
    /// `seed` stands for the shopper: the same one gives the same slots.
    pub fn compose(&self, fitted: &Fitted, who: Who<'_>, seed: u64, scratch: &mut Scratch, out: &mut Vec<Slot>) {
        self.compose_in_order(fitted, who, seed, &[], scratch, out);
    }

    /// The same, with some prizes in the order in which an adviser says that the shopper wants them: they share the scores
    /// that they have anyway, so they come no earlier or later among the others than before.
    pub fn compose_in_order(
        &self,
        fitted: &Fitted,
        who: Who<'_>,
        seed: u64,
        order: &[u16],
        scratch: &mut Scratch,
        out: &mut Vec<Slot>,
    ) {
        fitted.score(who, scratch);
        let mut slots = std::mem::take(&mut scratch.slots);
        slots.scores.clear();
        slots.scores.extend((0..self.len()).map(|prize| self.score(prize, fitted, scratch)));
        reorder(&mut slots.scores, order);
        fitted.note_bought(who, scratch);
        let baskets = fitted.subject(who).baskets;
        slots.best.clear();
        slots.best.extend((0..self.len()).map(|prize| self.best_item(prize, fitted, scratch)));
        slots.set_back.clear();
        slots.set_back.extend(slots.best.iter().enumerate().map(|(prize, best)| {
            !self.policy.lasts(prize, seed) || best.is_some_and(|item| is_had(baskets, item, scratch))
        }));
        self.fill(seed, &mut slots);
        out.clear();
        out.extend(slots.choice.iter().map(|&prize| {
            let best = slots.best[usize::from(prize)];
            Slot { prize, reason: best.map(|item| fitted.reason(who, item, scratch)) }
        }));
        scratch.slots = slots;
    }

    /// Fills the slots at random, under the same rules. The same `seed` gives the same slots.
    pub fn random(&self, seed: u64, scratch: &mut Scratch, out: &mut Vec<Slot>) {
        let slots = &mut scratch.slots;
        slots.scores.clear();
        slots.scores.resize(self.len(), 0.0);
        slots.set_back.clear();
        slots.set_back.extend((0..self.len()).map(|prize| !self.policy.lasts(prize, seed)));
        self.fill(seed, slots);
        out.clear();
        out.extend(slots.choice.iter().map(|&prize| Slot { prize, reason: None }));
    }

    /// A prize's score: of its items' scores the best, plus half the next, plus a quarter of the third, ...
    fn score(&self, prize: usize, fitted: &Fitted, scratch: &Scratch) -> f32 {
        let mut best = [0f32; COUNTED_ITEMS];
        for &(item, counts) in self.items(prize) {
            let mut score = fitted.score_of(item, scratch) * counts;
            for place in &mut best {
                if score > *place {
                    std::mem::swap(&mut score, place);
                }
            }
        }
        best.iter().rev().fold(0.0, |sum, score| sum * ITEM_DECAY + score)
    }

    fn best_item(&self, prize: usize, fitted: &Fitted, scratch: &Scratch) -> Option<u32> {
        let scored = self.items(prize).iter().map(|&(item, counts)| (item, fitted.score_of(item, scratch) * counts));
        scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(item, _)| item)
    }

    fn fill(&self, seed: u64, slots: &mut SlotScratch) {
        slots.shown.clear();
        slots.shown.resize(self.len(), 0);
        slots.slot_of.clear();
        slots.slot_of.resize(self.len(), 0);
        slots.of_category.clear();
        slots.of_category.resize(self.category_count, 0);
        slots.choice.clear();
        slots.choice.resize(self.slot_count, 0);
        for &tier in &self.fill_order {
            let first = self.tiers[tier].first;
            for slot in first..first + self.tiers[tier].slots {
                let for_tail = slot + 1 == first + self.tiers[tier].slots && self.explores(tier, seed);
                let tail = if for_tail { self.unseen(tier, seed, slots) } else { None };
                let prize = tail
                    .or_else(|| self.best_new(tier, seed, slots))
                    .or_else(|| self.make_room(tier, slots))
                    .unwrap_or_else(|| self.best_repeated(tier, seed, slots));
                self.show(slot, prize, slots);
            }
        }
        (0..self.tiers.len()).for_each(|tier| self.keep_to_budget(tier, slots));
    }

    fn explores(&self, tier: usize, seed: u64) -> bool {
        self.tiers[tier].slots >= MIN_SLOTS_TO_EXPLORE && self.policy.explores(tier, seed)
    }

    /// A prize that no slot shows, drawn evenly from those that are not set back.
    fn unseen(&self, tier: usize, seed: u64, slots: &SlotScratch) -> Option<u16> {
        let open = |prize: &u16| {
            let prize = usize::from(*prize);
            slots.shown[prize] == 0 && !slots.set_back[prize] && !self.is_crowded(prize, slots)
        };
        self.tiers[tier].candidates.iter().copied().filter(open).max_by_key(|&prize| tie(mix(seed), prize))
    }

    /// Swaps the costliest prizes of a tier for the best that are cheaper, until its slots cost no more than they may on
    /// average or nothing cheaper is left.
    fn keep_to_budget(&self, tier: usize, slots: &mut SlotScratch) {
        let Some(most) = self.policy.mean_cost_cents(tier) else { return };
        let range = self.tiers[tier].first..self.tiers[tier].first + self.tiers[tier].slots;
        let cost = |prize: u16| self.policy.cost_cents(usize::from(prize));
        for _ in range.clone() {
            let sum: i64 = range.clone().map(|slot| cost(slots.choice[slot])).fold(0, i64::saturating_add);
            let over = sum.saturating_sub(most.saturating_mul(range.len() as i64));
            let Some(slot) = range.clone().max_by_key(|&slot| cost(slots.choice[slot])) else { return };
            if over <= 0 {
                return;
            }
            let costliest = cost(slots.choice[slot]);
            // One that saves all that is over if there is one, else the cheapest.
            let cheaper = |prize: &u16| slots.shown[usize::from(*prize)] == 0 && cost(*prize) < costliest;
            let candidates = self.tiers[tier].candidates.iter().copied().filter(cheaper);
            let rate = |prize: u16| {
                let left_over = (over - (costliest - cost(prize))).max(0);
                (std::cmp::Reverse(left_over), !slots.set_back[usize::from(prize)])
            };
            let best = candidates.max_by(|&a, &b| {
                let by_score = slots.scores[usize::from(a)].total_cmp(&slots.scores[usize::from(b)]);
                rate(a).cmp(&rate(b)).then(by_score).then(b.cmp(&a))
            });
            let Some(instead) = best else { return };
            self.take_away(slots.choice[slot], slots);
            self.show(slot, instead, slots);
        }
    }

    fn is_crowded(&self, prize: usize, slots: &SlotScratch) -> bool {
        self.categories[prize].is_some_and(|category| slots.of_category[usize::from(category)] >= MAX_OF_CATEGORY)
    }

    fn show(&self, slot: usize, prize: u16, slots: &mut SlotScratch) {
        slots.choice[slot] = prize;
        slots.shown[usize::from(prize)] += 1;
        slots.slot_of[usize::from(prize)] = slot;
        if let Some(category) = self.categories[usize::from(prize)] {
            slots.of_category[usize::from(category)] += 1;
        }
    }

    fn take_away(&self, prize: u16, slots: &mut SlotScratch) {
        slots.shown[usize::from(prize)] -= 1;
        if let Some(category) = self.categories[usize::from(prize)] {
            slots.of_category[usize::from(category)] -= 1;
        }
    }

    /// The best candidate that no slot shows yet, one of a category that has room before any other.
    fn best_new(&self, tier: usize, seed: u64, slots: &SlotScratch) -> Option<u16> {
        let back = |prize: usize| u8::from(self.is_crowded(prize, slots)) + 2 * u8::from(slots.set_back[prize]);
        let new = self.tiers[tier].candidates.iter().copied().filter(|prize| slots.shown[usize::from(*prize)] == 0);
        best(new, seed, |prize| (back(prize), slots.scores[prize]))
    }

    /// The candidate that is shown least, of these the best: for a tier with fewer prizes than slots.
    fn best_repeated(&self, tier: usize, seed: u64, slots: &SlotScratch) -> u16 {
        let candidates = &self.tiers[tier].candidates;
        let least = candidates.iter().map(|prize| slots.shown[usize::from(*prize)]).min().unwrap_or(0);
        let fewest = candidates.iter().copied().filter(|prize| slots.shown[usize::from(*prize)] == least);
        best(fewest, seed, |prize| (u8::from(slots.set_back[prize]), slots.scores[prize]))
            .expect("invariant: a tier with slots has candidates")
    }

    /// A candidate of `tier`, all of whose prizes are shown, that a slot of another tier gives up for a new one, if
    /// need be by the same way (augmenting paths, Kuhn 1955).
    fn make_room(&self, tier: usize, slots: &mut SlotScratch) -> Option<u16> {
        slots.visited.clear();
        slots.visited.resize(self.len(), false);
        self.free_one(tier, slots)
    }

    fn free_one(&self, tier: usize, slots: &mut SlotScratch) -> Option<u16> {
        for &prize in &self.tiers[tier].candidates {
            let place = usize::from(prize);
            if std::mem::replace(&mut slots.visited[place], true) {
                continue;
            }
            if slots.shown[place] == 0 {
                return Some(prize);
            }
            let slot = slots.slot_of[place];
            let owner = self.tiers.iter().rposition(|other| other.first <= slot && other.slots > 0);
            if let Some(owner) = owner.filter(|owner| *owner != tier && slots.shown[place] == 1)
                && let Some(instead) = self.free_one(owner, slots)
            {
                self.take_away(prize, slots);
                self.show(slot, instead, slots);
                return Some(prize);
            }
        }
        None
    }
}

/// Gives the scores of the prizes in `order` to them anew, the largest first; equal ones differ by a hair, so that the
/// order shows.
fn reorder(scores: &mut [f32], order: &[u16]) {
    let places = || order.iter().map(|prize| usize::from(*prize)).filter(|place| *place < scores.len());
    let mut shared: Vec<f32> = places().map(|place| scores[place]).collect();
    shared.sort_by(|a, b| b.total_cmp(a));
    let hair = shared.first().copied().unwrap_or(0.0).max(f32::EPSILON) * 1e-5;
    let places: Vec<usize> = places().collect();
    for (nth, (place, score)) in places.into_iter().zip(&shared).enumerate() {
        scores[place] = score + hair * (shared.len() - nth) as f32;
    }
}

/// The prize of the largest score among those that are set back least; of equal ones the seed chooses.
fn best(prizes: impl Iterator<Item = u16>, seed: u64, rate: impl Fn(usize) -> (u8, f32)) -> Option<u16> {
    let mut best: Option<(u16, (u8, f32))> = None;
    for prize in prizes {
        let (back, score) = rate(usize::from(prize));
        let wins = best.is_none_or(|(other, (other_back, other_score))| {
            let by_score = score.total_cmp(&other_score);
            other_back.cmp(&back).then(by_score).then_with(|| tie(seed, prize).cmp(&tie(seed, other))).is_gt()
        });
        if wins {
            best = Some((prize, (back, score)));
        }
    }
    best.map(|(prize, _)| prize)
}

/// Whether a shopper has had enough of an item for now: returned it, or bought it for the first time in the last basket.
/// What is bought again and again is welcome at once.
fn is_had(baskets: Baskets<'_>, item: u32, scratch: &Scratch) -> bool {
    let times = scratch.own.get(item);
    let just_now = || baskets.iter().next_back().is_some_and(|last| last.binary_search(&item).is_ok());
    baskets.has_returned(item) || (times == 1.0 && baskets.len() > 1 && just_now())
}

fn tie(seed: u64, prize: u16) -> u64 {
    mix(seed ^ mix(u64::from(prize) + 1))
}

#[cfg(test)]
mod tests {
    use domain::ids::ShopperId;

    use super::*;
    use crate::fit::tests::small_shop;
    use crate::prizes::{Prize, Tier};
    use crate::supply::{Policy, Supply};

    /// Prizes named `sku` or `sku:category`; points and coupons have a sku that nobody bought.
    fn index(fitted: &Fitted, prizes: &[&str], tiers: &[(usize, &[u16])]) -> PrizeIndex {
        let skus: Vec<Vec<String>> =
            prizes.iter().map(|text| vec![text.split(':').next().unwrap_or("").to_owned()]).collect();
        let prizes: Vec<Prize<'_>> = prizes
            .iter()
            .zip(&skus)
            .map(|(text, skus)| Prize { name: "", category: text.split(':').nth(1).unwrap_or(""), skus })
            .collect();
        let tiers: Vec<Tier<'_>> = tiers.iter().map(|&(slots, candidates)| Tier { slots, candidates }).collect();
        PrizeIndex::new(fitted, &prizes, &tiers).expect("tiers have candidates")
    }

    fn composed(fitted: &Fitted, index: &PrizeIndex, shopper: u64) -> Vec<u16> {
        let mut out = Vec::new();
        index.compose(fitted, Who::Shopper(ShopperId(shopper)), shopper, &mut Scratch::default(), &mut out);
        out.iter().map(|slot| slot.prize).collect()
    }

    #[test]
    fn slots_go_to_what_the_shopper_wants_within_each_tier() {
        let fitted = small_shop();
        let all: &[u16] = &[0, 1, 2, 3, 4, 5];
        let check = |prizes: &[&str], tiers: &[(usize, &[u16])], shopper, expect: &[u16]| {
            let got = composed(&fitted, &index(&fitted, prizes, tiers), shopper);
            assert_eq!(got, expect, "{prizes:?} {tiers:?} for {shopper}");
        };
        let mixed = ["x", "a", "y", "b", "z", "c"];
        check(&mixed, &[(3, all)], 1, &[1, 3, 5]);
        check(&mixed, &[(3, all)], 4, &[0, 2, 4]);
        check(&mixed, &[(1, &[0, 3]), (1, &[1, 2])], 1, &[3, 1]);
        check(&mixed, &[(2, &[1]), (1, all)], 1, &[1, 1, 3]);
        // Two of a category at most, unless there is no other.
        check(&["a:k", "b:k", "c:k", "x:g"], &[(3, &[0, 1, 2, 3])], 1, &[0, 1, 3]);
        check(&["a:k", "b:k", "c:k"], &[(3, &[0, 1, 2])], 1, &[0, 1, 2]);
        check(&["a:", "b:", "c:", "x:"], &[(3, &[0, 1, 2, 3])], 1, &[0, 1, 2]);
        // Each tier alone would take a, then b; only one way serves all three.
        check(&["a", "b", "c"], &[(1, &[0, 1]), (1, &[0, 2]), (1, &[0, 1])], 1, &[0, 2, 1]);
        check(&["a", "b", "c"], &[(0, &[]), (1, &[0]), (2, &[0, 1, 2])], 1, &[0, 1, 2]);
    }

    #[test]
    fn an_advisers_order_decides_among_the_prizes_it_names() {
        let fitted = small_shop();
        let all: &[u16] = &[0, 1, 2, 3];
        let index = index(&fitted, &["a", "b", "c", "x"], &[(2, all)]);
        let slots = |order: &[u16], shopper: u64| {
            let mut out = Vec::new();
            let who = Who::Shopper(ShopperId(shopper));
            index.compose_in_order(&fitted, who, shopper, order, &mut Scratch::default(), &mut out);
            out.iter().map(|slot| slot.prize).collect::<Vec<_>>()
        };
        assert_eq!(slots(&[], 1), [0, 1]);
        assert_eq!(slots(&[2, 1, 0], 1), [2, 1], "what the shopper wants most is what the adviser says");
        assert_eq!(slots(&[3, 2, 1, 0], 99), [3, 2], "also where nothing else is known");
        assert_eq!(slots(&[77], 1), [0, 1], "a prize that is not there");
    }

    #[test]
    fn slots_say_why() {
        let fitted = small_shop();
        let index = index(&fitted, &["a", "points"], &[(2, &[0, 1])]);
        let mut out = Vec::new();
        index.compose(&fitted, Who::Shopper(ShopperId(1)), 1, &mut Scratch::default(), &mut out);
        let bought = Reason::Bought { times: 3, last_at_ms: 2 * 86_400_000 };
        assert_eq!(out, [Slot { prize: 0, reason: Some(bought) }, Slot { prize: 1, reason: None }]);
    }

    #[test]
    fn equal_prizes_differ_between_shoppers_and_stay_for_one() {
        let fitted = small_shop();
        let index = index(&fitted, &["p1", "p2", "p3", "p4", "p5", "p6"], &[(1, &[0, 1, 2, 3, 4, 5])]);
        let mut seen = [0; 6];
        for shopper in 1_000..1_600 {
            let first = composed(&fitted, &index, shopper);
            assert_eq!(first, composed(&fitted, &index, shopper));
            seen[usize::from(first[0])] += 1;
        }
        assert!(seen.iter().all(|count| (60..140).contains(count)), "evenly: {seen:?}");
    }

    #[test]
    fn a_random_strategy_keeps_the_rules() {
        let fitted = small_shop();
        let index = index(&fitted, &["a:k", "b:k", "c:k", "x:g", "y:g"], &[(1, &[0, 1]), (3, &[0, 1, 2, 3, 4])]);
        let (mut scratch, mut out, mut seen) = (Scratch::default(), Vec::new(), [0; 5]);
        for seed in 0..500 {
            index.random(seed, &mut scratch, &mut out);
            let mut prizes: Vec<u16> = out.iter().map(|slot| slot.prize).collect();
            assert!(prizes[0] < 2, "within the tier");
            prizes.sort_unstable();
            prizes.iter().for_each(|prize| seen[usize::from(*prize)] += 1);
            prizes.dedup();
            assert_eq!(prizes.len(), 4, "no prize twice");
            assert!(prizes.iter().filter(|prize| **prize < 3).count() <= 2, "two of a category");
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }

    #[test]
    fn no_assignment_that_exists_is_missed() {
        // Every pair of candidates for three tiers of one slot over four prizes, against a search of all choices.
        let fitted = small_shop();
        let pairs: Vec<[u16; 2]> = (0..4).flat_map(|a| (a + 1..4).map(move |b| [a, b])).collect();
        for x in &pairs {
            for y in &pairs {
                for z in &pairs {
                    let index = index(&fitted, &["a", "b", "c", "x"], &[(1, x), (1, y), (1, z)]);
                    let mut got = composed(&fitted, &index, 1);
                    let possible = x.iter().any(|p| y.iter().any(|q| z.iter().any(|r| p != q && q != r && p != r)));
                    got.sort_unstable();
                    got.dedup();
                    assert_eq!(got.len() == 3, possible, "{x:?} {y:?} {z:?}");
                }
            }
        }
    }
    #[test]
    fn what_was_just_bought_or_returned_is_set_back() {
        let old: &[&str] = &["ab", "c"];
        let other: &[&str] = &["abc", "abc"];
        let data = crate::baskets::tests::data(&[old, other, other]);
        let fitted = Fitted::fit(data, crate::fit::Options::default());
        let index = index(&fitted, &["a", "b", "c"], &[(2, &[0, 1, 2])]);
        // c was bought for the first time just now; the others' c is bought again and again.
        let mut shown = composed(&fitted, &index, 1);
        shown.sort_unstable();
        assert_eq!(shown, [0, 1]);
        let mut acts =
            vec![crate::baskets::tests::purchase("1", 0, "ab"), crate::baskets::tests::purchase("2", 1, "bc")];
        acts.push(domain::behaviour::Behaviour {
            id: "r".to_owned(),
            at_ms: 2 * 86_400_000,
            action: match crate::baskets::tests::purchase("1", 2, "a").action {
                domain::behaviour::Action::Purchase { order_id, items } => {
                    domain::behaviour::Action::Return { order_id, items }
                }
                other => other,
            },
        });
        let history = crate::baskets::History::new(fitted.catalogue(), &acts);
        let mut out = Vec::new();
        index.compose(&fitted, Who::Newer(ShopperId(9), &history), 9, &mut Scratch::default(), &mut out);
        assert_eq!(out[0].prize, 1, "a was returned, c is just bought, b is a habit");
    }

    #[test]
    fn a_policy_is_kept_to() {
        let fitted = small_shop();
        let all: &[u16] = &[0, 1, 2, 3, 4, 5];
        let free = index(&fitted, &["a", "b", "c", "x", "y", "z"], &[(3, all)]);
        let check = |policy: Policy, expect: &[u16]| {
            let index = free.clone().with_policy(policy.clone());
            assert_eq!(composed(&fitted, &index, 1), expect, "{policy:?}");
        };
        let none = Supply { left: Some(0), ..Supply::default() };
        let costs = |cents: [i64; 6]| cents.map(|cost_cents| Supply { cost_cents, ..Supply::default() }).to_vec();
        check(Policy::default(), &[0, 1, 2]);
        let out_of_stock = free.clone().with_policy(Policy { supply: vec![none], ..Policy::default() });
        assert_eq!(composed(&fitted, &out_of_stock, 1)[..2], [1, 2]);
        let capped =
            |cents, mean| Policy { supply: costs(cents), mean_cost_cents: vec![Some(mean)], ..Policy::default() };
        check(capped([10, 10, 10, 1, 1, 1], 10), &[0, 1, 2]);
        let cheap = free.clone().with_policy(capped([90, 10, 10, 1, 1, 1], 10));
        let got = composed(&fitted, &cheap, 1);
        assert!(!got.contains(&0) && got.contains(&1) && got.contains(&2), "the costly one gives way: {got:?}");
        check(capped([90; 6], 10), &[0, 1, 2]);
    }

    #[test]
    fn the_long_tail_is_shown_to_a_share() {
        let fitted = small_shop();
        let all: &[u16] = &[0, 1, 2, 3, 4, 5];
        let index = index(&fitted, &["a", "b", "c", "x", "y", "z"], &[(3, all)]);
        let index = index.with_policy(Policy { explore_share: 0.25, ..Policy::default() });
        let mut last = [0; 6];
        let mut out = Vec::new();
        for seed in 0..2_000 {
            index.compose(&fitted, Who::Shopper(ShopperId(1)), seed, &mut Scratch::default(), &mut out);
            assert_eq!([out[0].prize, out[1].prize], [0, 1], "the best stay");
            last[usize::from(out[2].prize)] += 1;
        }
        assert!(last[3..].iter().all(|count| (60..250).contains(count)), "each of the tail: {last:?}");
        assert!(last[2] > 1_400, "the others see what they want: {last:?}");
    }
}
