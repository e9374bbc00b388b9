//! HMAC-SHA256 (RFC 2104) under keys of 32 bytes, straight on the compression function.
//!
//! Two of these are most of a draw's time. The general crate's block buffers would add a third to it, and it hands out
//! bytes where a roll wants words.

use sha2::compress256;
use sha2::digest::generic_array::GenericArray;

const BLOCK: usize = 64;

/// The first state of SHA-256 (FIPS 180-4, 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A key, already hashed into both states: reusing it saves two of a short message's four blocks.
#[derive(Clone)]
pub(super) struct Key {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Key {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = START;
            compress(&mut state, block);
            state
        };
        Key { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The code of `message` as 8 big-endian words.
    pub(super) fn words(&self, message: &[u8]) -> [u32; 8] {
        let inner = finish(self.inner, message);
        finish(self.outer, &bytes(inner))
    }
}

/// The words as the 32 bytes that other programs show.
pub(super) fn bytes(words: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (four, word) in bytes.chunks_exact_mut(4).zip(words) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// Hashes `message` on from a state that one block (the padded key) went into, padding included.
fn finish(mut state: [u32; 8], message: &[u8]) -> [u32; 8] {
    let bits = ((BLOCK + message.len()) as u64) * 8;
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    for block in blocks {
        compress(&mut state, *block);
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    if rest.len() >= BLOCK - 8 {
        compress(&mut state, last);
        last = [0; BLOCK];
    }
    last[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    compress(&mut state, last);
    state
}

fn compress(state: &mut [u32; 8], block: [u8; BLOCK]) {
    compress256(state, std::slice::from_ref(&GenericArray::from(block)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, Mac};

    #[test]
    fn it_is_the_hmac_of_the_general_crate() {
        let message: Vec<u8> = (0..300u16).map(|i| (i * 7) as u8).collect();
        for len in 0..message.len() {
            let key: [u8; 32] = std::array::from_fn(|i| (i * len) as u8);
            let mut theirs = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("any key");
            theirs.update(&message[..len]);
            let theirs: [u8; 32] = theirs.finalize().into_bytes().into();
            assert_eq!(bytes(Key::new(&key).words(&message[..len])), theirs, "{len} bytes");
        }
    }
}
