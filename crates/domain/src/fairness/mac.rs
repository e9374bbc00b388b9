//! HMAC-SHA256 (RFC 2104) under keys of 32 bytes, as the words that a roll wants.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A key, already hashed into the state: cloning it saves two of a short message's four blocks.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Key(Hmac::new_from_slice(key).expect("invariant: HMAC takes a key of any length"))
    }

    /// The code of `message` as 8 big-endian words.
    pub(super) fn words(&self, message: &[u8]) -> [u32; 8] {
        let mut mac = self.0.clone();
        mac.update(message);
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        let mut words = [0; 8];
        for (word, four) in words.iter_mut().zip(code.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*four);
        }
        words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_that_everyone_has() {
        // Computed by Python's hmac module.
        let code = hex::encode(bytes(Key::new(&[7; 32]).words(b"koi")));
        assert_eq!(code, PYTHON);
    }

    const PYTHON: &str = "5e535681bcac2681b03bca2730e35af3f4aba6c77ad194af09aa0b652f39c121";
}
