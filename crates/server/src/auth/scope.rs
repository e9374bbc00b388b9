//! What an API key may do.

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Shoppers, their tokens, profiles, recommendations and blacklist entries.
    Shoppers,
    /// Behaviour.
    Events,
    /// Campaigns, grants and reports.
    Campaigns,
    /// Points of shoppers.
    Points,
    /// API keys; holds every other scope.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 5] = [Scope::Shoppers, Scope::Events, Scope::Campaigns, Scope::Points, Scope::Admin];

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Shoppers => "shoppers",
            Scope::Events => "events",
            Scope::Campaigns => "campaigns",
            Scope::Points => "points",
            Scope::Admin => "admin",
        }
    }
}

/// A word that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scope is called {0:?}; known are shoppers, events, campaigns, points, admin")]
pub struct UnknownScope(pub String);

/// Some scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// Every scope there is.
    pub const EVERY: ScopeSet = ScopeSet(u8::MAX);

    /// The set that stored or received words name.
    ///
    /// # Errors
    /// The first word that names no scope.
    pub fn parse(words: &[String]) -> Result<ScopeSet, UnknownScope> {
        words.iter().try_fold(ScopeSet::default(), |set, word| {
            let scope = Scope::ALL.into_iter().find(|s| s.word() == word).ok_or_else(|| UnknownScope(word.clone()))?;
            Ok(ScopeSet(set.0 | 1 << scope as u8))
        })
    }

    /// Whether `wanted` is allowed: held itself, or through `admin`.
    pub fn allows(self, wanted: Scope) -> bool {
        self.0 & (1 << wanted as u8 | 1 << Scope::Admin as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_allow_what_they_name() {
        for (words, wanted, allowed) in [
            (&["shoppers"][..], Scope::Shoppers, true),
            (&["shoppers"], Scope::Events, false),
            (&["shoppers", "events"], Scope::Events, true),
            (&["shoppers"], Scope::Admin, false),
            (&["admin"], Scope::Points, true),
            (&[], Scope::Points, false),
        ] {
            let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
            assert_eq!(ScopeSet::parse(&words).unwrap().allows(wanted), allowed, "{words:?} and {wanted:?}");
        }
        assert_eq!(ScopeSet::parse(&["root".to_owned()]), Err(UnknownScope("root".to_owned())));
        assert!(Scope::ALL.into_iter().all(|s| ScopeSet::EVERY.allows(s)));
    }
}
