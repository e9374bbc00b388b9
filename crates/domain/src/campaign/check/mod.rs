//! Everything that can be wrong with a campaign as written.

mod money;
mod policy;
mod pools;
mod promises;
mod shape;

use super::Definition;
use serde::Serialize;

/// Named bounds of a definition. Compiled rules rely on them: indexes fit their types, sums do not overflow.
pub mod bounds {
    /// Characters of a name or category.
    pub const NAME_CHARS: usize = 200;
    /// Characters of a code.
    pub const CODE_CHARS: usize = 64;
    pub const PRIZES: usize = 10_000;
    pub const SKUS_PER_PRIZE: usize = 1_000;
    pub const TIERS: usize = 32;
    pub const POOLS: usize = 32;
    pub const SLOTS_PER_TIER: u32 = 64;
    pub const SLOTS: u32 = 100;
    /// Of one tier; the sum over all stays below 2^32.
    pub const WEIGHT: u64 = 1_000_000_000;
    /// Of one prize.
    pub const STOCK: u64 = 1_000_000_000;
    /// Amount of points at once.
    pub const POINTS: i64 = 1_000_000_000;
    /// Any amount of money in minor units; its product with [`STOCK`] is computed in 128 bits.
    pub const CENTS: i64 = 1_000_000_000_000_000;
    /// Thresholds of spend with odds of their own; a draw's path names the one it rolled by with one digit.
    pub const SPEND_STEPS: usize = 7;
    /// Lists of odds: pools, pools under thresholds, guarantees. A draw names its list in 8 bits.
    pub const ODDS: usize = 255;
    /// Draws that a guarantee waits for: the counters have 16 bits.
    pub const GUARANTEE: u32 = 60_000;
    /// Steps of one prize's release.
    pub const RELEASES: usize = 366;
    /// Chances of one sign-in.
    pub const CHANCES: u32 = 1_000;
    /// Rows of the sign-in calendar, and amounts of purchase points.
    pub const STEPS: usize = 64;
    /// Days that anything may be valid.
    pub const DAYS: u32 = 3_650;
    /// Seconds that an order may wait for its payment: 30 days.
    pub const UNPAID_SECONDS: u32 = 2_592_000;
    /// Days to claim an award.
    pub const CLAIM_DAYS: u32 = 3_650;
    /// CNY 50,000 in minor units: China's rules on promotions (SAMR order 32 of 2020, article 17) cap the prize of a
    /// draw there.
    pub const LEGAL_VALUE_CENTS: i64 = 5_000_000;
    /// Characters of a description or of claim terms.
    pub const TEXT_CHARS: usize = 10_000;
    /// A window longer than a year is asked about.
    pub const WINDOW_MS: i64 = 366 * 86_400_000;
    /// Draws that may be expected: far above what any campaign sees, far below where expectations lose digits.
    pub const DRAWS: u64 = 1_000_000_000_000;
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Severity {
    /// Blocks publishing.
    Error,
    /// Blocks publishing only where the campaign is strict.
    Warning,
}

/// One thing that is wrong, or looks so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// Stable snake_case word.
    pub code: &'static str,
    pub severity: Severity,
    /// A lowercase fragment that names the culprit.
    pub detail: String,
    /// Where, like `tiers[2].prizes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Definition {
    /// All that is wrong with it in itself. One with any [`Severity::Error`] cannot be compiled.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        shape::check(self, &mut findings);
        pools::check(self, &mut findings);
        money::check(self, &mut findings);
        promises::check(self, &mut findings);
        findings.0
    }
}

/// Findings so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, code: &'static str, field: impl Into<String>, detail: impl Into<String>) {
        self.add(code, Severity::Error, field.into(), detail.into());
    }

    fn warn(&mut self, code: &'static str, field: impl Into<String>, detail: impl Into<String>) {
        self.add(code, Severity::Warning, field.into(), detail.into());
    }

    fn add(&mut self, code: &'static str, severity: Severity, field: String, detail: String) {
        self.0.push(Finding { code, severity, detail, field: Some(field) });
    }
}
