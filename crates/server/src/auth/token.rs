//! Shopper tokens: `kst_` and base64url of 33 bytes: version | shopper id | expiry (Unix seconds) | MAC.
//!
//! A fixed layout rather than parsed claims: a draw verifies one without an allocation or a lock. Stateless, so a token
//! is valid across restarts and cannot be taken back before it expires; that is why they are short-lived.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ShopperId;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What every token starts with.
pub const PREFIX: &str = "kst_";

const VERSION: u8 = 1;
const SIGNED_LEN: usize = 1 + 8 + 8;
/// HMAC-SHA256 truncated to 128 bits, the least that RFC 2104 section 5 advises for it.
const MAC_LEN: usize = 16;
const LEN: usize = SIGNED_LEN + MAC_LEN;
/// 33 bytes are 44 characters exactly, without padding.
const TEXT_LEN: usize = LEN.div_ceil(3) * 4;
/// Keeps this use of the secret apart from any other.
const PURPOSE: &[u8] = b"koi shopper token";

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is no token of this server")]
    Bad,
    #[error("the token has expired; ask the shop for a new one")]
    Expired,
}

/// Makes and verifies tokens under one durable secret.
#[derive(Clone)]
pub struct Tokens {
    /// The key's state is cached: verifying starts from a copy of it.
    keyed: Hmac<Sha256>,
}

impl Tokens {
    /// Tokens under `secret`, which must outlive restarts.
    pub fn new(secret: &[u8; 32]) -> Self {
        let mut derive = keyed(secret);
        derive.update(PURPOSE);
        Tokens { keyed: keyed(&derive.finalize().into_bytes().into()) }
    }

    /// A token for `shopper`, valid until `expires_s` (Unix seconds, exclusive).
    pub fn issue(&self, shopper: ShopperId, expires_s: u64) -> String {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&shopper.0.to_be_bytes());
        bytes[9..SIGNED_LEN].copy_from_slice(&expires_s.to_be_bytes());
        let mut mac = self.keyed.clone();
        mac.update(&bytes[..SIGNED_LEN]);
        bytes[SIGNED_LEN..].copy_from_slice(&mac.finalize().into_bytes()[..MAC_LEN]);
        let mut text = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// Whose token it is. The MAC is compared in constant time, and before the expiry is looked at.
    ///
    /// # Errors
    /// `Bad` for anything this server did not issue, `Expired` for what it issued too long ago.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<ShopperId, TokenError> {
        let text = token.strip_prefix(PREFIX).filter(|t| t.len() == TEXT_LEN).ok_or(TokenError::Bad)?;
        let mut bytes = [0; LEN];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(LEN) || bytes[0] != VERSION {
            return Err(TokenError::Bad);
        }
        let mut mac = self.keyed.clone();
        mac.update(&bytes[..SIGNED_LEN]);
        mac.verify_truncated_left(&bytes[SIGNED_LEN..]).map_err(|_| TokenError::Bad)?;
        let (shopper, expires_s) = (be_u64(&bytes[1..9]), be_u64(&bytes[9..SIGNED_LEN]));
        if now_s >= expires_s { Err(TokenError::Expired) } else { Ok(ShopperId(shopper)) }
    }
}

fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("invariant: HMAC takes a key of any length")
}

fn be_u64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_shopper_until_it_expires() {
        let tokens = Tokens::new(&[7; 32]);
        let token = tokens.issue(ShopperId(123_456_789_012_345_678), 1_000);
        assert_eq!(token.len(), PREFIX.len() + TEXT_LEN);
        for (now_s, want) in [
            (0, Ok(ShopperId(123_456_789_012_345_678))),
            (999, Ok(ShopperId(123_456_789_012_345_678))),
            (1_000, Err(TokenError::Expired)),
            (u64::MAX, Err(TokenError::Expired)),
        ] {
            assert_eq!(tokens.verify(&token, now_s), want, "at {now_s}");
            assert_eq!(Tokens::new(&[7; 32]).verify(&token, now_s), want, "after a restart");
        }
        assert_eq!(Tokens::new(&[8; 32]).verify(&token, 0), Err(TokenError::Bad), "another secret");
    }

    #[test]
    fn anything_else_is_bad() {
        let tokens = Tokens::new(&[7; 32]);
        let good = tokens.issue(ShopperId(5), 1_000);
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(tokens.verify(&changed, 0), Err(TokenError::Bad), "changed at {at}: {changed}");
        }
        for text in ["", "kst_", "kst_é", &good[4..], &good[..good.len() - 1], &format!("{good}A"), &format!("{good}=")]
        {
            assert_eq!(tokens.verify(text, 0), Err(TokenError::Bad), "{text:?}");
        }
    }
}
