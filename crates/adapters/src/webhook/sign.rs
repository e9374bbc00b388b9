//! Signatures by the Standard Webhooks convention: HMAC-SHA256 over `id.timestamp.body`, base64, one per secret.

use app::ports::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header `webhook-signature`: `v1,…` for every secret, the newest first.
pub(super) fn signatures(secrets: &[Secret], id: &str, at_s: i64, body: &[u8]) -> String {
    let sign = |secret: &Secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("invariant: HMAC takes a key of any length");
        mac.update(format!("{id}.{at_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the convention's own libraries.
    #[test]
    fn signatures_are_those_of_the_convention() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let (id, at_s, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(std::slice::from_ref(&secret), id, at_s, body), want);
        let two = signatures(&[Secret(vec![1; 32]), secret], id, at_s, body);
        assert_eq!(two.split(' ').count(), 2, "{two}");
        assert!(two.ends_with(want), "{two}");
    }
}
