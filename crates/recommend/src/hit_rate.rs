//! Whether personal slots show what shoppers really buy next, on a campaign made from the catalogue itself.
//!
//! The last basket of every shopper with at least three is held out; a model is fitted on the rest; a slot is a hit
//! when an item of its prize is in the held-out basket. Random slots of the same campaign are the comparison.

use domain::ids::mix;
use serde::Serialize;

use crate::baskets::{Baskets, Dataset, HeldOut};
use crate::catalogue::ItemId;
use crate::fit::{Fitted, Options, Who};
use crate::prizes::{Prize, PrizeIndex, Tier};
use crate::scores::Scratch;

/// Goods in the campaign, spread over the more popular quarter of the catalogue.
const PRIZES: usize = 90;

/// Slots of the cheap, the middle and the expensive third of the goods.
const SLOTS: [usize; 3] = [4, 3, 2];

/// Baskets that a shopper needs so that the last one is held out.
const MIN_BASKETS: usize = 3;

/// Pairs of shoppers without a common item that are compared.
const MAX_PAIRS: u64 = 10_000;

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HitRate {
    pub shoppers: usize,
    /// Shares of slots whose prize is in the next basket.
    pub hit_rate_personal: f64,
    pub hit_rate_random: f64,
    /// Pairs of shoppers who never bought a same item, and how many of them got the same prizes.
    pub disjoint_pairs: u64,
    pub disjoint_same: u64,
}

impl HitRate {
    /// How many times as often personal slots hit.
    pub fn lift(&self) -> f64 {
        self.hit_rate_personal / self.hit_rate_random
    }
}

/// A campaign of goods from the catalogue: every so many-th item of the more popular quarter, in three tiers by price.
/// `None` where the catalogue has too few items.
pub fn campaign(fitted: &Fitted) -> Option<PrizeIndex> {
    let ranked = fitted.data().by_rank();
    let quarter = &ranked[..(ranked.len() / 4).max(PRIZES).min(ranked.len())];
    let step = (quarter.len() / PRIZES).max(1);
    let mut goods: Vec<ItemId> = quarter.iter().copied().step_by(step).take(PRIZES).collect();
    goods.sort_by_key(|&item| fitted.catalogue().price_cents(item));
    let skus: Vec<[String; 1]> = goods.iter().map(|&item| [fitted.catalogue().sku(item).to_owned()]).collect();
    let prizes: Vec<Prize<'_>> = skus.iter().map(|skus| Prize { skus, ..Prize::default() }).collect();
    let places: Vec<u16> = (0..prizes.len() as u16).collect();
    let thirds: Vec<&[u16]> = places.chunks(places.len().div_ceil(SLOTS.len()).max(1)).collect();
    let tiers: Vec<Tier<'_>> =
        SLOTS.iter().zip(thirds).map(|(&slots, candidates)| Tier { slots, candidates }).collect();
    PrizeIndex::new(fitted, &prizes, &tiers).ok().filter(|_| tiers.len() == SLOTS.len())
}

/// Measures on all shoppers of `data` with enough baskets; `None` where there are none or too few items.
pub fn measure(data: &Dataset, options: Options) -> Option<HitRate> {
    let (train, held_out) = data.hold_out(MIN_BASKETS);
    let fitted = Fitted::fit(train, options);
    let index = campaign(&fitted)?;
    let mut scratch = Scratch::default();
    let (mut slots, mut hits, mut random_hits) = (Vec::new(), 0u64, 0u64);
    let mut chosen: Vec<Vec<u16>> = Vec::with_capacity(held_out.len());
    for held in &held_out {
        let shopper = fitted.data().shopper(held.shopper);
        index.compose(&fitted, Who::Shopper(shopper), shopper.0, &mut scratch, &mut slots);
        let mut prizes: Vec<u16> = slots.iter().map(|slot| slot.prize).collect();
        hits += hit_count(&index, &prizes, held);
        prizes.sort_unstable();
        chosen.push(prizes);
        index.random(mix(shopper.0), &mut scratch, &mut slots);
        random_hits += hit_count(&index, &slots.iter().map(|slot| slot.prize).collect::<Vec<_>>(), held);
    }
    let all = (held_out.len() * index.slot_count()) as f64;
    let (disjoint_pairs, disjoint_same) = compare_disjoint(fitted.data(), &held_out, &chosen);
    (all > 0.0).then(|| HitRate {
        shoppers: held_out.len(),
        hit_rate_personal: hits as f64 / all,
        hit_rate_random: random_hits as f64 / all,
        disjoint_pairs,
        disjoint_same,
    })
}

fn hit_count(index: &PrizeIndex, prizes: &[u16], held: &HeldOut) -> u64 {
    let bought =
        |prize: &&u16| index.items(usize::from(**prize)).iter().any(|(item, _)| held.items.binary_search(item).is_ok());
    prizes.iter().filter(bought).count() as u64
}

/// Each shopper against a few of the following ones.
fn compare_disjoint(data: &Dataset, held_out: &[HeldOut], chosen: &[Vec<u16>]) -> (u64, u64) {
    let (mut pairs, mut same) = (0, 0);
    for distance in 1..held_out.len() {
        for first in 0..held_out.len() - distance {
            if pairs >= MAX_PAIRS {
                return (pairs, same);
            }
            let of = |place: usize| data.baskets(held_out[place].shopper);
            if disjoint(of(first), of(first + distance)) {
                pairs += 1;
                same += u64::from(chosen[first] == chosen[first + distance]);
            }
        }
    }
    (pairs, same)
}

fn disjoint(a: Baskets<'_>, b: Baskets<'_>) -> bool {
    let (fewer, more) = if a.len() < b.len() { (a, b) } else { (b, a) };
    fewer.iter().flatten().all(|item| more.iter().all(|items| items.binary_search(item).is_err()))
}

#[cfg(test)]
mod tests {
    use domain::ids::ShopperId;

    use super::*;
    use crate::baskets::Builder;

    /// Shoppers of ten tastes, each of twelve items; a basket holds a few of the taste's.
    fn shop_of_tastes() -> Dataset {
        let mut builder = Builder::default();
        let mut state = 1u64;
        for shopper in 0..400u64 {
            for basket in 0..4u64 {
                for _ in 0..4 {
                    state = mix(state + 1);
                    let item = shopper % 10 * 12 + state % 12;
                    let id = builder.catalogue().intern(&format!("{item:03}"), "", "").expect("few items");
                    builder.catalogue().saw_price(id, 100 + (item * 37 % 100) as i64);
                    builder.add_line(ShopperId(shopper), basket, basket as i64 * 86_400_000, id);
                }
            }
        }
        builder.build()
    }

    #[test]
    fn personal_slots_hit_more_often_and_differ_by_taste() {
        let rate = measure(&shop_of_tastes(), Options::default()).expect("enough shoppers and items");
        assert_eq!(rate.shoppers, 400);
        assert!(rate.lift() > 3.0, "{rate:?}");
        assert!(rate.disjoint_pairs > 1_000 && rate.disjoint_same == 0, "{rate:?}");
    }

    #[test]
    fn too_small_a_shop_is_not_measured() {
        assert_eq!(measure(&Builder::default().build(), Options::default()), None);
    }
}
