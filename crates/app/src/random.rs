//! Randomness from the operating system, for what nobody may guess.

/// 32 random bytes.
///
/// # Panics
/// Where the operating system has no randomness to give: nothing fair can be done then.
pub fn bytes32() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("invariant: the operating system gives random bytes");
    bytes
}

/// A random word that is not 0.
pub fn word() -> u64 {
    let bytes = bytes32();
    u64::from_le_bytes(bytes[..8].try_into().expect("invariant: 8 of 32 bytes")) | 1
}
