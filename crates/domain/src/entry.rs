//! Entry draws: shoppers collect tickets, and one later drawing picks winners and alternates among all tickets.
//!
//! The tickets are frozen when the campaign has ended on every partition; from then on nothing about the drawing can be
//! chosen any more: it follows from the seed, committed to before the first ticket, and from the list itself.
//!
//! ```text
//! list      = for each holder in the order of ids: shopper_id " " tickets "\n"
//! list_hash = SHA-256(campaign_id "\n" list)
//! seed      = HMAC(campaign_seed, "entry|" campaign_id "|" hex(list_hash))
//! rank k    = the holder of ticket number below(tickets that are left), holders in the order of ids;
//!             then all tickets of that holder leave                                   k = 0, 1 ...
//! ```
//! The numbers are read from the roll of `seed` in the order of ranks. The first `winners` ranks win; whoever does not claim
//! in time makes way for the first alternate who has not been called yet.

use crate::campaign::{EntryDef, Prize, PrizeIx};
use crate::fairness::{CampaignSeed, DrawSeed, hex};
use crate::ids::{CampaignId, ShopperId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Named bounds.
pub mod bounds {
    /// Winners and alternates of one drawing.
    pub const PLACES: u32 = 10_000;
    /// Tickets of one drawing: a number below it is one word of the roll.
    pub const TICKETS: u64 = u32::MAX as u64;
    /// Shoppers of one list: with it a proof stays below 40 MB.
    pub const HOLDERS: u64 = 1_000_000;
}

/// What makes a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TicketsBy {
    /// Each draw of the campaign.
    Draws,
    /// Each chance that an order granted, drawn with or not.
    Chances,
}

/// The entry drawing of published rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub tickets: TicketsBy,
    pub prize: PrizeIx,
    pub winners: u32,
    pub alternates: u32,
}

impl Entry {
    /// As written; nothing where no prize has its code.
    pub fn of(written: &EntryDef, prizes: &[Prize]) -> Option<Self> {
        let EntryDef { tickets, winners, alternates, .. } = *written;
        let prize = prizes.iter().position(|prize| *prize.code == written.prize)?;
        Some(Entry { tickets, prize: PrizeIx(u16::try_from(prize).ok()?), winners, alternates })
    }
}

/// A shopper and how many tickets they hold, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder(pub ShopperId, pub u32);

/// Why there is no drawing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the list is not in ascending order of shoppers, each once and with a ticket at least")]
    Unordered,
    #[error("more than {} tickets", bounds::TICKETS)]
    TooManyTickets,
    #[error("more than {} winners and alternates", bounds::PLACES)]
    TooManyPlaces,
    #[error("the list's hash is {recomputed}, not {claimed}")]
    ListHash { claimed: String, recomputed: String },
    #[error("{field} is not 32 bytes in hex")]
    BadHex { field: &'static str },
    #[error("the seed is not the one that was committed to")]
    Commitment,
    #[error("rank {rank} is {recomputed:?}, not {claimed:?}")]
    Place { rank: usize, claimed: Option<ShopperId>, recomputed: Option<ShopperId> },
    #[error("not an entry drawing: {0}")]
    NotADrawing(String),
}

/// The hash of a frozen list.
pub fn list_hash(campaign: CampaignId, list: &[Holder]) -> [u8; 32] {
    let mut text = Sha256::new();
    text.update(format!("{campaign}\n"));
    for Holder(shopper, tickets) in list {
        text.update(format!("{shopper} {tickets}\n"));
    }
    text.finalize().into()
}

/// The seed of a drawing over a frozen list.
pub fn seed(campaign_seed: &CampaignSeed, campaign: CampaignId, list_hash: &[u8; 32]) -> DrawSeed {
    campaign_seed.labelled(&format!("entry|{campaign}|{}", hex(list_hash)))
}

/// Picks `places` holders, each at most once, in the order of ranks; fewer where there are not so many.
///
/// # Errors
/// A list that is not in order, or beyond the bounds.
pub fn drawing(seed: &DrawSeed, list: &[Holder], places: u32) -> Result<Vec<ShopperId>, EntryError> {
    if places > bounds::PLACES {
        return Err(EntryError::TooManyPlaces);
    }
    if !list.is_sorted_by(|a, b| a.0 < b.0) || list.iter().any(|holder| holder.1 == 0) {
        return Err(EntryError::Unordered);
    }
    let total: u64 = list.iter().map(|holder| u64::from(holder.1)).sum();
    if total > bounds::TICKETS {
        return Err(EntryError::TooManyTickets);
    }
    let mut left = Tickets::new(list);
    let mut roll = seed.roll("");
    let mut picked = Vec::with_capacity(list.len().min(places as usize));
    while picked.len() < places as usize && left.total > 0 {
        let holder = left.holder_of(roll.below(left.total));
        left.leave(holder, list[holder].1);
        picked.push(list[holder].0);
    }
    Ok(picked)
}

/// Running sums that change in logarithmic time (Fenwick 1994).
struct Tickets {
    sums: Vec<u32>,
    total: u32,
}

impl Tickets {
    fn new(list: &[Holder]) -> Self {
        let mut sums = vec![0u32; list.len() + 1];
        for (i, holder) in list.iter().enumerate() {
            let at = i + 1;
            sums[at] += holder.1;
            let parent = at + (at & at.wrapping_neg());
            if parent < sums.len() {
                sums[parent] += sums[at];
            }
        }
        // The caller bounds the sum of all to 32 bits.
        let total = list.iter().map(|holder| holder.1).sum();
        Tickets { sums, total }
    }

    /// Who holds ticket `number` of those that are left, counted in the order of the list.
    fn holder_of(&self, mut number: u32) -> usize {
        let mut at = 0;
        let mut step = (self.sums.len() - 1).checked_ilog2().map_or(0, |high| 1usize << high);
        while step > 0 {
            if let Some(sum) = self.sums.get(at + step).filter(|sum| **sum <= number) {
                number -= sum;
                at += step;
            }
            step /= 2;
        }
        at
    }

    fn leave(&mut self, holder: usize, tickets: u32) {
        self.total -= tickets;
        let mut at = holder + 1;
        while at < self.sums.len() {
            self.sums[at] -= tickets;
            at += at & at.wrapping_neg();
        }
    }
}

/// A drawing with all that is needed to recompute it. Made public when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    /// Form of the drawing, 1.
    pub v: u32,
    pub campaign: CampaignId,
    /// SHA-256 of the campaign's seed, hex: published with the rules.
    pub seed_hash: String,
    /// Hex.
    pub campaign_seed: String,
    /// Hex.
    pub list_hash: String,
    /// Every holder in the order of ids: shopper and tickets.
    pub list: Vec<Holder>,
    /// How many of the ranks win; the others are alternates in that order.
    pub winners: u32,
    /// The holders by rank.
    pub ranks: Vec<ShopperId>,
    /// How many ranks were to be picked.
    pub places: u32,
}

impl Drawing {
    /// Draws over a frozen list.
    ///
    /// # Errors
    /// As [`drawing`].
    pub fn make(
        campaign_seed: &CampaignSeed,
        campaign: CampaignId,
        list: Vec<Holder>,
        winners: u32,
        alternates: u32,
    ) -> Result<Self, EntryError> {
        let hash = list_hash(campaign, &list);
        let places = winners.saturating_add(alternates);
        let ranks = drawing(&seed(campaign_seed, campaign, &hash), &list, places)?;
        Ok(Drawing {
            v: 1,
            campaign,
            seed_hash: hex(&campaign_seed.commitment()),
            campaign_seed: hex(campaign_seed.reveal()),
            list_hash: hex(&hash),
            list,
            winners,
            ranks,
            places,
        })
    }

    /// Reads a drawing as JSON.
    ///
    /// # Errors
    /// `NotADrawing` with what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| EntryError::NotADrawing(error.to_string()))?;
        if read.v == 1 { Ok(read) } else { Err(EntryError::NotADrawing(format!("form {} is not known", read.v))) }
    }

    /// Recomputes everything from the seed and the list.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self) -> Result<(), EntryError> {
        let bytes =
            |field, text: &str| -> Result<[u8; 32], EntryError> { unhex(text).ok_or(EntryError::BadHex { field }) };
        let campaign_seed = CampaignSeed::new(bytes("campaign_seed", &self.campaign_seed)?);
        if campaign_seed.commitment() != bytes("seed_hash", &self.seed_hash)? {
            return Err(EntryError::Commitment);
        }
        let hash = list_hash(self.campaign, &self.list);
        if hash != bytes("list_hash", &self.list_hash)? {
            return Err(EntryError::ListHash { claimed: self.list_hash.clone(), recomputed: hex(&hash) });
        }
        let ranks = drawing(&seed(&campaign_seed, self.campaign, &hash), &self.list, self.places)?;
        for rank in 0..ranks.len().max(self.ranks.len()) {
            let (claimed, recomputed) = (self.ranks.get(rank).copied(), ranks.get(rank).copied());
            if claimed != recomputed {
                return Err(EntryError::Place { rank, claimed, recomputed });
            }
        }
        Ok(())
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    let all: Option<Vec<u8>> = pairs.collect();
    all.filter(|_| text.len() == 64)?.try_into().ok()
}

/// Who holds the prizes of a drawing: the first `winners` ranks, and for each one who made way the next alternate.
/// `out` says whether a rank made way. Returns, for each prize, the rank that it is with now; `None` where nobody is left.
pub fn holders(ranks: usize, winners: usize, out: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
    let mut alternates = winners..ranks;
    (0..winners)
        .map(|prize| {
            let mut rank = Some(prize).filter(|rank| *rank < ranks);
            while let Some(held) = rank
                && out(held)
            {
                rank = alternates.next();
            }
            rank
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMPAIGN: CampaignId = CampaignId(9);

    fn list(tickets: &[u32]) -> Vec<Holder> {
        tickets.iter().zip(1..).map(|(tickets, id)| Holder(ShopperId(id), *tickets)).collect()
    }

    fn make(seed: u8, tickets: &[u32], winners: u32, alternates: u32) -> Drawing {
        Drawing::make(&CampaignSeed::new([seed; 32]), CAMPAIGN, list(tickets), winners, alternates).unwrap()
    }

    #[test]
    fn everyone_is_picked_once_and_the_same_again() {
        for (tickets, winners, alternates, want) in
            [(&[1, 5, 2, 9][..], 2, 1, 3), (&[1, 5], 2, 5, 2), (&[], 3, 3, 0), (&[7], 1, 0, 1)]
        {
            let drawing = make(3, tickets, winners, alternates);
            assert_eq!(drawing.ranks.len(), want, "{tickets:?}");
            let mut once = drawing.ranks.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), want, "{tickets:?}: nobody twice");
            assert_eq!(make(3, tickets, winners, alternates), drawing, "reproducible");
            assert_eq!(drawing.verify(), Ok(()), "{tickets:?}");
            let text = serde_json::to_vec(&drawing).unwrap();
            assert_eq!(Drawing::parse(&text).unwrap().verify(), Ok(()));
        }
    }

    #[test]
    fn whoever_holds_more_tickets_wins_more_often() {
        let mut first = [0u32; 4];
        for seed in 0..=255u8 {
            for campaign in 0..16u64 {
                let seed = CampaignSeed::new([seed; 32]);
                let drawing = Drawing::make(&seed, CampaignId(campaign), list(&[1, 2, 3, 4]), 1, 0).unwrap();
                first[drawing.ranks[0].0 as usize - 1] += 1;
            }
        }
        // 4,096 drawings; 5 sigma of the widest share is 160.
        for (won, share) in first.iter().zip([0.1, 0.2, 0.3, 0.4]) {
            assert!((f64::from(*won) - 4_096.0 * share).abs() < 160.0, "{first:?}");
        }
    }

    #[test]
    fn sums_find_every_ticket() {
        for tickets in [&[1][..], &[3, 1], &[1, 2, 3, 4, 5], &[5, 1, 1, 9, 2, 2, 7, 1]] {
            let list = list(tickets);
            let mut left = Tickets::new(&list);
            let mut out = vec![false; list.len()];
            for leaving in (0..list.len()).rev() {
                let owners: Vec<usize> = (0..list.len())
                    .filter(|i| !out[*i])
                    .flat_map(|i| std::iter::repeat_n(i, list[i].1 as usize))
                    .collect();
                assert_eq!(left.total as usize, owners.len());
                for (number, owner) in owners.iter().enumerate() {
                    assert_eq!(left.holder_of(number as u32), *owner, "ticket {number} of {tickets:?} without {out:?}");
                }
                left.leave(leaving, list[leaving].1);
                out[leaving] = true;
            }
        }
    }

    #[test]
    fn whatever_was_changed_is_found() {
        let good = make(1, &[4, 4, 4, 4], 2, 1);
        let edit = |change: fn(&mut Drawing)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.verify().unwrap_err().to_string()
        };
        assert!(edit(|d| d.ranks.swap(0, 1)).starts_with("rank 0"));
        assert!(edit(|d| _ = d.ranks.pop()).starts_with("rank 2"));
        assert!(edit(|d| d.list[0].1 = 5).starts_with("the list's hash"));
        assert!(edit(|d| d.list.swap(0, 1)).starts_with("the list's hash"));
        assert!(edit(|d| d.campaign_seed = "00".repeat(32)).starts_with("the seed is not"));
        assert!(edit(|d| d.campaign_seed = "x".into()).contains("hex"));
        let seed = DrawSeed::new([1; 32]);
        for (list, want) in [
            (vec![Holder(ShopperId(2), 1), Holder(ShopperId(1), 1)], EntryError::Unordered),
            (vec![Holder(ShopperId(1), 0)], EntryError::Unordered),
            (vec![Holder(ShopperId(1), u32::MAX), Holder(ShopperId(2), 1)], EntryError::TooManyTickets),
        ] {
            assert_eq!(drawing(&seed, &list, 1), Err(want));
        }
        assert_eq!(drawing(&seed, &[], bounds::PLACES + 1), Err(EntryError::TooManyPlaces));
    }

    #[test]
    fn alternates_follow_whoever_makes_way() {
        for (ranks, winners, out, want) in [
            (4, 2, &[][..], vec![Some(0), Some(1)]),
            (4, 2, &[1], vec![Some(0), Some(2)]),
            (4, 2, &[0, 1], vec![Some(2), Some(3)]),
            (4, 2, &[0, 2], vec![Some(3), Some(1)]),
            (4, 2, &[0, 1, 2], vec![Some(3), None]),
            (1, 2, &[], vec![Some(0), None]),
            (0, 1, &[], vec![None]),
        ] {
            assert_eq!(holders(ranks, winners, |rank| out.contains(&rank)), want, "{ranks} ranks without {out:?}");
        }
    }
}
