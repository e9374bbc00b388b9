//! Sealing: what only the holder of a key may read. XChaCha20-Poly1305 (Arciszewski 2020) with a random nonce before it.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// A key of its own, so that forgetting it forgets what it sealed.
pub type Key = [u8; 32];

const NONCE: usize = 24;

/// Seals bytes: 24 of nonce, then the text and its 16 of proof.
pub fn seal(key: &Key, plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&crate::random::bytes32()[..NONCE]);
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(XNonce::from_slice(&nonce), plain);
    [&nonce[..], &sealed.expect("invariant: sealing bytes in memory cannot fail")].concat()
}

/// Opens what was sealed; nothing where it was changed or sealed under another key.
pub fn open(key: &Key, bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
    XChaCha20Poly1305::new(key.into()).decrypt(XNonce::from_slice(nonce), sealed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens() {
        let sealed = seal(&[1; 32], b"what she searched for");
        assert!(!sealed.windows(8).any(|w| w == b"searched"), "sealed bytes do not show what they hold");
        assert_eq!(open(&[1; 32], &sealed).as_deref(), Some(&b"what she searched for"[..]));
        let mut changed = sealed.clone();
        changed[30] ^= 1;
        for (key, bytes) in [([2; 32], &sealed[..]), ([1; 32], &changed[..]), ([1; 32], &sealed[..20]), ([1; 32], &[])]
        {
            assert_eq!(open(&key, bytes), None);
        }
    }
}
