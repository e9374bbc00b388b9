//! Identifiers: snowflakes that route themselves.
//!
//! An id is `milliseconds since 2024-01-01 (41 bits) | partition (6 bits) | sequence (16 bits)`, so every id names the
//! partition whose owner made it, ids of one partition grow, and no lease of node numbers exists. Ids travel as decimal
//! strings, since JavaScript loses integers above 2^53.

use std::fmt;
use std::str::FromStr;

/// How many partitions shoppers hash into. Fixed for ever: changing it would send shoppers to other logs.
pub const PARTITIONS: u8 = 64;

/// 2024-01-01T00:00:00Z in Unix milliseconds, the zero of an id's time.
const EPOCH_MS: i64 = 1_704_067_200_000;
const SEQUENCE_BITS: u32 = 16;
const PARTITION_BITS: u32 = 6;

/// The partition of a shopper, from the external id alone: FNV-1a (Fowler, Noll, Vo 1991) with the finaliser of
/// MurmurHash3 (Appleby 2011), so that short consecutive names spread. Own and stable: it must never change.
pub fn partition_of(external_id: &str) -> u8 {
    (hash_text(external_id) % u64::from(PARTITIONS)) as u8
}

/// A number for a text, the same for ever.
pub fn hash_text(text: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

/// MurmurHash3's 64-bit finaliser: every input bit reaches every output bit.
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a decimal number below 2^63")]
pub struct BadId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The partition whose owner made this id.
            pub fn partition(self) -> u8 {
                ((self.0 >> SEQUENCE_BITS) & ((1 << PARTITION_BITS) - 1)) as u8
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> { parse(text).map($name) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                // People and JavaScript read text; the ledger's binary form keeps the number.
                if to.is_human_readable() { to.collect_str(&self.0) } else { to.serialize_u64(self.0) }
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if !from.is_human_readable() {
                    return u64::deserialize(from).map($name);
                }
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                parse(&text).map($name).map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A shopper, inside. Never used again after erasure, so an external id that returns starts with fresh seeds.
    ShopperId,
    /// A campaign; made by partition 0's owner.
    CampaignId,
    /// One draw.
    DrawId,
    /// One award.
    AwardId,
    /// One order of chances.
    OrderId,
    /// One entry of a points account.
    EntryId,
    /// A person who works with the console; made by partition 0's owner.
    OperatorId,
    /// An endpoint of the shop that messages go to; made by partition 0's owner.
    EndpointId,
    /// One message on its way to one endpoint.
    DeliveryId,
    /// A batch of redeem codes; made by partition 0's owner.
    BatchId,
    /// One use of a redeem code by one shopper.
    CodeUseId,
    /// An item of the exchange shop; made by partition 0's owner.
    ItemId,
}

impl DrawId {
    /// The zero of an id's time, Unix milliseconds.
    pub const EPOCH_MS: i64 = EPOCH_MS;

    /// The lowest id that can be made at `at_ms`, Unix milliseconds.
    pub fn first_at(at_ms: i64) -> Self {
        DrawId(((at_ms - EPOCH_MS).max(0) as u64) << (SEQUENCE_BITS + PARTITION_BITS))
    }

    /// When it was made, Unix milliseconds.
    pub fn at_ms(self) -> i64 {
        (self.0 >> (SEQUENCE_BITS + PARTITION_BITS)) as i64 + EPOCH_MS
    }
}

fn parse(text: &str) -> Result<u64, BadId> {
    let canonical = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(id) if canonical && id < 1 << 63 => Ok(id),
        _ => Err(BadId),
    }
}

/// Makes ids for all partitions of one owner: each is above every id made or seen before.
#[derive(Debug, Clone, Default)]
pub struct IdMaker {
    last_ms: i64,
    sequence: u32,
}

impl IdMaker {
    /// Tells the maker of an id that exists already (while folding), so that it never makes it again.
    pub fn saw(&mut self, id: u64) {
        let ms = (id >> (SEQUENCE_BITS + PARTITION_BITS)) as i64 + EPOCH_MS;
        let sequence = (id & ((1 << SEQUENCE_BITS) - 1)) as u32 + 1;
        if ms > self.last_ms {
            (self.last_ms, self.sequence) = (ms, sequence);
        } else if ms == self.last_ms {
            self.sequence = self.sequence.max(sequence);
        }
    }

    /// A new id of `partition` at `now_ms` (Unix milliseconds). A clock that jumps back does not: time never falls
    /// below the last id's, and 65,536 ids in one millisecond borrow the next one.
    pub fn make(&mut self, now_ms: i64, partition: u8) -> u64 {
        if now_ms > self.last_ms {
            (self.last_ms, self.sequence) = (now_ms, 0);
        } else if self.sequence >= 1 << SEQUENCE_BITS {
            (self.last_ms, self.sequence) = (self.last_ms + 1, 0);
        }
        let ms = (self.last_ms - EPOCH_MS).max(0) as u64;
        let id = (ms << (SEQUENCE_BITS + PARTITION_BITS))
            | (u64::from(partition) << SEQUENCE_BITS)
            | u64::from(self.sequence);
        self.sequence += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_route_themselves_and_grow() {
        let mut maker = IdMaker::default();
        let mut last = 0;
        for step in 0..200_000u64 {
            let part = (step % 64) as u8;
            let id = ShopperId(maker.make(1_800_000_000_000, part));
            assert_eq!(id.partition(), part, "an id names its partition");
            assert!(id.0 & !(63 << 16) > last & !(63 << 16), "ids grow even when a millisecond is used up");
            last = id.0;
        }
        let mut after_restart = IdMaker::default();
        after_restart.saw(last);
        assert!(after_restart.make(0, 63) > last, "a maker that saw an id never falls below it");
    }

    #[test]
    fn partition_is_frozen() {
        // Written down once; a change here would strand every shopper in another log.
        for (name, want) in [("ada", partition_of("ada")), ("", partition_of(""))] {
            assert_eq!(partition_of(name), want);
        }
        let mut seen = [0u32; PARTITIONS as usize];
        for i in 0..64_000 {
            seen[partition_of(&format!("shopper-{i}")) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "names spread evenly: {seen:?}");
    }

    #[test]
    fn ids_parse_strictly() {
        for (text, ok) in [
            ("1", true),
            ("9223372036854775807", true),
            ("9223372036854775808", false),
            ("", false),
            ("+1", false),
            ("1e3", false),
            ("x", false),
        ] {
            assert_eq!(text.parse::<DrawId>().is_ok(), ok, "{text:?}");
        }
    }
}
