//! The ledger's records: every fact, defined once.
//!
//! One command makes one record: all its facts, its keys, and the exact bytes of its answer. The binary form is one
//! version byte and then the fields in order (postcard: varints, no field names); the answer stands last, so that the
//! HTTP body can be a slice of the batch it was written into.

use crate::award::AwardState;
use crate::chances::{EarlyReturn, Rebate};
use crate::draw::BlacklistMode;
use crate::ids::{AwardId, CampaignId, CodeUseId, DrawId, EntryId, ItemId, OrderId, ShopperId};
use crate::order::{OrderEvent, OrderKind};
use crate::points::Entry;
use crate::tally::Watch;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The version this build writes. A reader refuses what it does not know: a ledger is never guessed at.
pub const VERSION: u8 = 1;
/// The newest version this build reads. A new one is read by one release and written by the next: a node that writes it
/// waits until every node of its cluster reads it.
pub const READS: u8 = VERSION;

/// The partition of records that every partition reads (an owner's marker, a campaign act), embedded.
pub const ALL_PARTITIONS: u8 = 255;

/// The first 16 bytes of SHA-256 over (kind, campaign, origin, key): unique within one shopper.
pub type KeyHash = [u8; 16];

/// What makes a command happen once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    pub hash: KeyHash,
    /// The first 8 bytes of SHA-256 over the request's content: the same key with other content is refused.
    pub request: u64,
    /// The HTTP status of the first answer.
    pub status: u16,
}

/// Chances granted by an order: a new one, or one that waited for its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub order: OrderId,
    pub campaign: CampaignId,
    pub kind: OrderKind,
    pub chances: u32,
    /// The order in whose lot they lie: itself, unless there were too many lots.
    pub lot: OrderId,
    /// Exclusive.
    pub expires_at_ms: Option<i64>,
    /// What the shop gave for a reason, or its own order's id.
    pub reason: String,
    /// Points that came along, or, below zero, that it cost.
    pub points: i64,
    /// Days in a row, this one included, where it is a sign-in.
    pub streak: u32,
    /// What a return takes back by, where it is a purchase's.
    pub rebate: Option<Rebate>,
}

/// An order that waits for its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    pub order: OrderId,
    pub campaign: CampaignId,
    pub chances: u32,
    pub price_cents: i64,
    /// From then on it is closed.
    pub pay_by_ms: i64,
}

/// An order that moves otherwise than by a grant or a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub order: OrderId,
    pub campaign: CampaignId,
    pub event: OrderEvent,
    /// Chances that expire or are taken back.
    pub chances: u64,
    /// What a purchase comes to after the return, minor units.
    pub cents: i64,
}

/// Money that came for an order which no longer took it: the shop owes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundDue {
    pub id: EntryId,
    pub order: OrderId,
    pub campaign: CampaignId,
    pub amount_cents: i64,
    /// The shop's own id of the payment.
    pub payment: String,
    pub reason: String,
}

/// An item of the exchange shop that points bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchanged {
    pub order: OrderId,
    pub item: ItemId,
    /// The item's version that set the price.
    pub version: u32,
    pub quantity: u32,
    /// What it cost in all.
    pub points: i64,
    /// One for each unit of a prize.
    pub awards: SmallVec<[(AwardId, AwardState); 1]>,
    /// What was set aside until its one award is handed over.
    pub hold: Option<EntryId>,
}

/// An exchange that waited for its award came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEnded {
    pub order: OrderId,
    pub item: ItemId,
    pub award: AwardId,
    /// Handed over, or else given back: its unit can be bought again.
    pub given: bool,
}

/// One decided draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    pub draw: DrawId,
    pub campaign: CampaignId,
    /// The version of the rules that decided it.
    pub rules: u32,
    /// 1, 2, 3 … per shopper and campaign.
    pub n: u64,
    /// The local day it counts for, days since 1970-01-01 in the campaign's time zone.
    pub day: i32,
    pub pool: u8,
    pub slot: Option<u8>,
    /// The tier that was rolled.
    pub tier: Option<u8>,
    /// The prize that was won, by its place in the rules; none is "thanks".
    pub prize: Option<u16>,
    /// Points won, where the prize is points.
    pub points: u32,
    pub cost_cents: i64,
    pub award: Option<(AwardId, AwardState)>,
    /// The order whose chance it spends, and whether that was the last of its lot.
    pub order: OrderId,
    pub last: bool,
    /// The tier that the prize came from; none for points and thanks given instead.
    pub from: Option<u8>,
    /// The award waits until a person has looked at it.
    pub held: bool,
}

impl Drawn {
    /// A draw that came to nothing, for whoever fills in the rest.
    pub fn thanks(draw: DrawId, campaign: CampaignId, n: u64, day: i32) -> Self {
        Drawn {
            draw,
            campaign,
            rules: 1,
            n,
            day,
            pool: 0,
            slot: None,
            tier: None,
            prize: None,
            points: 0,
            cost_cents: 0,
            award: None,
            order: OrderId(0),
            last: false,
            from: None,
            held: false,
        }
    }
}

/// The prize of an entry drawing, for the holder of one of its ranks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryWon {
    pub campaign: CampaignId,
    /// The version of the rules that the prize's place belongs to.
    pub rules: u32,
    pub prize: u16,
    pub rank: u32,
    pub award: AwardId,
    pub state: AwardState,
    pub cost_cents: i64,
}

/// What a record says happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A process became the owner: R2's marker.
    Owner {
        epoch: u32,
        name: u64,
    },
    /// A campaign act: from here on `version` of the campaign's row counts.
    Campaign {
        campaign: CampaignId,
        version: u32,
    },
    Registered {
        external_id: String,
        registered_at_ms: i64,
    },
    Granted(Box<Granted>),
    Drawn(Box<Drawn>),
    Points(Entry),
    SignedIn {
        campaign: CampaignId,
        day: i32,
    },
    AwardMoved {
        award: AwardId,
        state: AwardState,
    },
    Blacklisted {
        campaign: Option<CampaignId>,
        mode: BlacklistMode,
        until_ms: Option<i64>,
        reason: String,
    },
    Unblacklisted {
        campaign: Option<CampaignId>,
    },
    /// A behaviour, sealed under a key of its shopper's own; one of the record's keys makes it unique.
    Behaved {
        key: KeyHash,
        at_ms: i64,
        #[serde(with = "serde_bytes")]
        sealed: Vec<u8>,
    },
    /// An instant-win moment was won by the draw that stands before it.
    MomentWon {
        campaign: CampaignId,
        prize: u16,
    },
    Billed(Billed),
    OrderMoved(Moved),
    RefundDue(Box<RefundDue>),
    /// Points set aside went where they were meant to.
    HoldSettled {
        hold: EntryId,
    },
    /// Came into a campaign by another shopper's word, who is rewarded in a record of their own.
    Referred {
        campaign: CampaignId,
        by: ShopperId,
    },
    /// Until when an award that this record granted must be claimed: what its shopper was promised.
    AwardClaimBy {
        award: AwardId,
        at_ms: i64,
    },
    /// What a purchase inside a campaign's window came to, or with a minus a return.
    Spent {
        campaign: CampaignId,
        cents: i64,
    },
    /// What the shop holds against a shopper; replaces what it held before.
    Watched(Box<Watch>),
    /// The use of a redeem code, counted before this record (R7), gave the order that stands before it.
    Redeemed {
        used: CodeUseId,
        order: OrderId,
    },
    /// An act on an item of the exchange shop: from here on `version` of its row counts.
    Item {
        item: ItemId,
        version: u32,
    },
    Exchanged(Box<Exchanged>),
    ExchangeEnded(ExchangeEnded),
    EntryWon(Box<EntryWon>),
    /// The shopper was erased: nothing continues this account, and what is kept of it is deleted. Its id is never used
    /// again, so an external id that returns starts with another one.
    Erased,
    /// A person looked at an award that the risk rule held back.
    AwardReviewed {
        award: AwardId,
        approved: bool,
    },
    /// Units of a stock that several logs share went back from this one: so many in all, up to this record. The good is a
    /// prize's place or one of the numbers above those; an item's id stands for a campaign's.
    Returned {
        campaign: CampaignId,
        good: u32,
        units: u64,
    },
    /// Goods came back of a purchase that was not told yet: kept until it is.
    CameBackEarly {
        campaign: CampaignId,
        early: EarlyReturn,
    },
    /// The purchase was told: what had come back of it was taken off by the facts before.
    EarlyReturnsMet {
        campaign: CampaignId,
        source: u64,
    },
}

/// One record of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The valid marker under which it was written; another one's records are void.
    pub epoch: u32,
    pub owner: u64,
    pub part: u8,
    /// Unix milliseconds, never below the record before.
    pub at_ms: i64,
    /// Zero where a record concerns no shopper.
    pub shopper: ShopperId,
    /// What makes it happen once: the caller's key first, then internal ones; all name this record's answer.
    pub keys: SmallVec<[Keyed; 1]>,
    pub facts: SmallVec<[Fact; 2]>,
    #[serde(borrow, with = "serde_bytes")]
    pub answer: &'a [u8],
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("record version {0} is newer than this build reads (up to {VERSION}); run a newer koi")]
    Newer(u8),
    #[error("the record is damaged: its bytes do not decode")]
    Damaged,
}

impl Record<'_> {
    /// Appends the binary form to `out`. The answer's bytes are the last ones written.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        let taken = std::mem::take(out);
        *out = postcard::to_extend(self, taken).expect("invariant: writing to a Vec cannot fail and no field refuses");
    }
}

/// Reads one record.
///
/// # Errors
/// `Newer` for a version this build does not know, `Damaged` for anything else that does not decode to its last byte.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, BadRecord> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => match postcard::take_from_bytes(rest) {
            Ok((record, [])) => Ok(record),
            _ => Err(BadRecord::Damaged),
        },
        Some((&version, _)) if version > VERSION => Err(BadRecord::Newer(version)),
        _ => Err(BadRecord::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Cause, Contra};

    fn sample() -> Record<'static> {
        let drawn = Drawn {
            draw: DrawId(7),
            campaign: CampaignId(9),
            rules: 3,
            n: 12,
            day: 20_000,
            pool: 0,
            slot: Some(4),
            tier: Some(1),
            prize: Some(2),
            points: 30,
            cost_cents: 0,
            award: Some((AwardId(8), AwardState::Granted)),
            order: OrderId(4),
            last: true,
            from: Some(1),
            held: false,
        };
        let entry = Entry {
            id: EntryId(10),
            amount: 30,
            balance: 60,
            contra: Contra::Issued,
            expires_at_ms: None,
            cause: Cause::Award { award: AwardId(8) },
            rolled: None,
        };
        Record {
            epoch: 2,
            owner: 99,
            part: 5,
            at_ms: 1_800_000_000_000,
            shopper: ShopperId(6),
            keys: [Keyed { hash: [1; 16], request: 2, status: 201 }].into_iter().collect(),
            facts: [Fact::Drawn(Box::new(drawn)), Fact::Points(entry)].into_iter().collect(),
            answer: b"{\"id\":\"7\"}",
        }
    }

    #[test]
    fn a_record_survives_its_bytes_and_ends_with_its_answer() {
        let mut bytes = b"before".to_vec();
        sample().encode(&mut bytes);
        assert!(bytes.ends_with(b"{\"id\":\"7\"}"), "the answer is the tail of the record");
        assert_eq!(decode(&bytes[6..]), Ok(sample()));
    }

    #[test]
    fn damage_is_said_and_never_guessed_at() {
        let mut good = Vec::new();
        sample().encode(&mut good);
        let mut newer = good.clone();
        newer[0] = VERSION + 1;
        let mut longer = good.clone();
        longer.push(0);
        for (bytes, want) in [
            (&newer[..], BadRecord::Newer(VERSION + 1)),
            (&good[..good.len() - 1], BadRecord::Damaged),
            (&longer[..], BadRecord::Damaged),
            (&[][..], BadRecord::Damaged),
        ] {
            assert_eq!(decode(bytes).expect_err("must be refused"), want);
        }
    }
}
