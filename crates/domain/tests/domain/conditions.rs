//! Pool conditions: what they mean, what is wrong with them, and that printing loses nothing.

use domain::flow::pool_condition::{Condition, Operator};
use proptest::prelude::*;

#[test]
fn conditions_hold_where_they_say() {
    #[track_caller]
    fn check(text: &str, holds: &[u32], not: &[u32]) {
        let condition = Condition::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        holds.iter().for_each(|n| assert!(condition.by_n(*n) == Some(true), "{text} at {n}"));
        not.iter().for_each(|n| assert!(condition.by_n(*n) == Some(false), "{text} at {n}"));
    }
    check("n >= 20", &[20, 21, u32::MAX], &[0, 1, 19]);
    check("n<=3", &[0, 3], &[4]);
    check("n == 50", &[50], &[49, 51]);
    check("n != 50", &[49, 51], &[50]);
    check("n < 10 and n > 3", &[4, 9], &[3, 10]);
    check("n == 1 or n > 5 and n < 8", &[1, 6, 7], &[2, 5, 8]);
    check("(n == 1 or n > 5) and n < 8", &[1, 6], &[2, 8]);
    check("n == 1 // the first\n or /* or the */ n == 7", &[1, 7], &[2]);
}

#[test]
fn bad_conditions_say_where_and_why() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(Condition::parse(text).map_err(|e| e.to_string()), Err(want.to_owned()), "{text}");
    }
    check(
        "",
        "line 1, column 1: expected `n` or `(`, found the end; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check(
        "m > 3",
        "line 1, column 1: expected `n` or `(`, found `m`; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check(
        "n = 3",
        "line 1, column 3: expected a comparison, found `=`; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check(
        "n > x",
        "line 1, column 5: expected a whole number, found `x`; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check("n > -1", "line 1, column 5: unexpected character `-`");
    check(
        "n 3",
        "line 1, column 3: expected a comparison, found `3`; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check("n > 4294967296", "line 1, column 5: the number is too large; the largest is 4294967295");
    check("n > 3 n < 5", "line 1, column 7: the condition is over, but `n` follows; join comparisons by `and` or `or`");
    check(
        "n > 3 and",
        "line 1, column 10: expected `n` or `(`, found the end; a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")",
    );
    check("(n > 3", "line 1, column 7: expected `)`, found the end; close what was opened");
    check("n > 3\n  or /* never", "line 2, column 6: the comment never ends; close it with `*/`");
    check(&"(".repeat(100), "line 1, column 65: nested deeper than 64");
}

fn condition() -> impl Strategy<Value = Condition> {
    let compare =
        (0..Operator::ALL.len(), any::<u32>()).prop_map(|(i, than)| Condition::Compare(Operator::ALL[i], than));
    compare.prop_recursive(6, 64, 4, |inner| {
        let parts = prop::collection::vec(inner, 2..5);
        prop_oneof![parts.clone().prop_map(Condition::And), parts.prop_map(Condition::Or)]
    })
}

proptest! {
    #[test]
    fn conditions_survive_printing(condition in condition()) {
        prop_assert_eq!(Condition::parse(&condition.to_string()), Ok(condition));
    }

    #[test]
    fn no_text_panics(text in "[n<>=!&|() 0-9andor/*;,\n锦]{0,60}") {
        let _ = Condition::parse(&text);
    }
}
