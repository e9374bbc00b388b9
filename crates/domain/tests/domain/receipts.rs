//! Receipts hold, and tampering with any part is found.

use crate::fixture::{CAMPAIGN, SHOPPER, SHOWN, Shelves, campaign_seed, rules, snapshot, spring, strategy};
use domain::campaign::Rules;
use domain::draw::{Decision, Unit, decide};
use domain::fairness::{DrawSeed, Evidence, Receipt, client_seed_ok, hex};

/// The receipt of draw `n`, as bytes.
fn receipt(rules: &Rules, n: u32, client_seed: &str, gone: &[&str]) -> Vec<u8> {
    let strategy = strategy(rules, SHOWN);
    let seed = campaign_seed(9).draw_seed(CAMPAIGN, SHOPPER, n);
    let named: Vec<(&str, Unit)> = gone.iter().map(|code| (*code, Unit::SoldOut)).collect();
    let shelf = Shelves::of(rules, &named);
    let Decision::Drawn(outcome) = decide(rules, &strategy, &snapshot(n - 1), &mut seed.roll(client_seed), &shelf)
    else {
        panic!("draw {n} is refused");
    };
    let mut out = Vec::new();
    let evidence =
        Evidence { rules, strategy: &strategy, shopper: SHOPPER, n, seed: &seed, client_seed, outcome: &outcome };
    evidence.write_json(&mut out);
    out
}

#[test]
fn receipts_hold_and_stay_short() {
    let rules = rules(spring());
    let goods = ["cup", "mug", "pen", "bag", "hat", "kettle", "lamp"];
    let longest = "x".repeat(64);
    for n in 1..400 {
        for (client_seed, gone) in [("", &[][..]), ("锦鲤 \"quoted\\\" ", &[]), (&longest, &goods[..])] {
            let json = receipt(&rules, n, client_seed, gone);
            let text = String::from_utf8_lossy(&json);
            assert!(json.len() <= 600, "{} bytes: {text}", json.len());
            let read = Receipt::parse(&json).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(
                serde_json::to_value(&read).unwrap(),
                serde_json::from_slice::<serde_json::Value>(&json).unwrap()
            );
            let seen = read.verify_with_seed(&campaign_seed(9)).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(read.verify_with_rules(&rules), Ok(seen.clone()));
            assert_eq!(seen.seed_hash, hex(&campaign_seed(9).draw_seed(CAMPAIGN, SHOPPER, n).hash()));
        }
    }
}

#[test]
fn a_receipt_looks_like_this() {
    let rules = rules(spring());
    let seed = hex(campaign_seed(9).draw_seed(CAMPAIGN, SHOPPER, 2).reveal());
    let hash = hex(&rules.hash);
    let got = String::from_utf8(receipt(&rules, 2, "koi", &[])).unwrap();
    let head = format!(
        r#"{{"v":1,"campaign":"7000000000001","rules":3,"rules_hash":"{hash}","shopper":"7000000000002","n":2,"draw_seed":"{seed}","client_seed":"koi","pool":"start","tiers":[["small",6000,0,4],["points",3000,6,3]],"slot":"#
    );
    assert!(got.starts_with(&head), "{got}\n{head}");
}

#[test]
fn the_roll_is_frozen() {
    // Worked out by hand with another HMAC (Python's hmac and hashlib): a change here would break every old receipt.
    let seed = campaign_seed(9).draw_seed(CAMPAIGN, SHOPPER, 2);
    assert_eq!(hex(seed.reveal()), FROZEN_SEED);
    let mut roll = seed.roll("koi");
    let words: Vec<u32> = (0..10).map(|_| roll.below(1 << 31)).collect();
    assert_eq!(words, FROZEN_WORDS);
    roll.rewind();
    assert_eq!(roll.below(1 << 31), FROZEN_WORDS[0]);
}

const FROZEN_SEED: &str = "6978ac37ddede8a22409d609d2b79835d186ca098f5cc8c23a01aa3b7b52ed03";
const FROZEN_WORDS: [u32; 10] =
    [1577070467, 668687323, 90203679, 388613320, 1788320052, 1799757604, 1711659424, 1209187330, 1551183181, 433129957];

#[test]
fn tampering_is_found() {
    let rules = rules(spring());
    let honest = Receipt::parse(&receipt(&rules, 2, "koi", &[])).unwrap();
    let points =
        (1..).map(|n| Receipt::parse(&receipt(&rules, n, "koi", &[])).unwrap()).find(|r| r.prize == "pts").unwrap();
    let check = |of: &Receipt, change: &dyn Fn(&mut Receipt), want: &str| {
        let mut forged = of.clone();
        change(&mut forged);
        let got = forged
            .verify()
            .and_then(|_| forged.verify_with_seed(&campaign_seed(9)))
            .and_then(|_| forged.verify_with_rules(&rules));
        let got = got.expect_err(want).to_string();
        assert!(got.contains(want), "{got}\nwanted: {want}");
    };
    check(&honest, &|r| r.slot += 1, "the receipt says slot");
    check(&honest, &|r| r.slot = u32::MAX, "but the seeds hit slot");
    check(&honest, &|r| r.prize = "lamp".to_owned(), "no rule replaced it");
    check(&honest, &|r| r.client_seed.push('x'), "");
    check(&honest, &|r| r.n += 1, "the draw's seed is not the one");
    check(&honest, &|r| r.shopper.0 += 1, "the draw's seed is not the one");
    check(&honest, &|r| r.draw_seed = "ab".repeat(32), "");
    check(&honest, &|r| r.draw_seed.truncate(10), "draw_seed is not 32 bytes in hex");
    check(&honest, &|r| r.draw_seed = "é".repeat(32), "draw_seed is not 32 bytes in hex");
    check(&honest, &|r| r.rules_hash = "ab".repeat(32), "campaign, version or hash is not that of the published rules");
    check(&honest, &|r| r.rules += 1, "is not that of the published rules");
    check(&honest, &|r| r.pool = "all".to_owned(), "the receipt's pool is not that");
    check(&honest, &|r| r.tiers[1].1 += 1, "");
    check(&honest, &|r| r.tiers.clear(), "the pool's weights are no odds");
    check(&honest, &|r| r.tiers.iter_mut().for_each(|t| t.3 = 0), "the pool's weights are no odds");
    check(&honest, &|r| r.tiers.iter_mut().for_each(|t| t.2 = u32::MAX), "the pool's weights are no odds");
    check(&honest, &|r| r.tiers.push(("x".to_owned(), u32::MAX, 0, 1)), "the pool's weights are no odds");
    check(&points, &|r| r.points.as_mut().unwrap().0 += 1, "points, but the seeds give");
    check(&points, &|r| r.points = Some((7, 7, 7)), "points range is not that of the published rules");
    check(&points, &|r| r.points = Some((7, 8, 7)), "the receipt's points range 8 to 7 is empty");
    check(&points, &|r| r.points = Some((7, 0, u32::MAX)), "points range 0 to 4294967295");
    check(&points, &|r| r.points = None, "points range is not that");
}

#[test]
fn what_is_no_receipt_is_refused() {
    for (text, want) in [
        ("", "not a receipt: EOF"),
        ("[]", "not a receipt: invalid"),
        ("{}", "not a receipt: missing field `v`"),
        ("{\"v\":1,\"colour\":1}", "not a receipt: unknown field `colour`"),
    ] {
        let got = Receipt::parse(text.as_bytes()).expect_err(text).to_string();
        assert!(got.starts_with(want), "{got}");
    }
    let rules = rules(spring());
    let newer = String::from_utf8(receipt(&rules, 1, "", &[])).unwrap().replace("\"v\":1", "\"v\":2");
    assert_eq!(
        Receipt::parse(newer.as_bytes()).unwrap_err().to_string(),
        "receipt of form 2: this program reads form 1"
    );
}

#[test]
fn secrets_are_not_printed() {
    let campaign = campaign_seed(9);
    let seed = campaign.draw_seed(CAMPAIGN, SHOPPER, 1);
    for text in [format!("{campaign:?}"), format!("{seed:?}"), format!("{:?}", seed.roll("x"))] {
        assert!(text.ends_with("(secret)"), "{text}");
    }
}

#[test]
fn client_seeds_are_bounded() {
    for (text, ok) in [
        ("", true),
        ("lucky 锦鲤", true),
        (&*"x".repeat(64), true),
        (&*"x".repeat(65), false),
        ("a\nb", false),
        ("\u{7f}", false),
    ] {
        assert_eq!(client_seed_ok(text), ok, "{text:?}");
    }
}

#[test]
fn numbers_below_a_bound_are_uniform() {
    let mut roll = DrawSeed::new([3; 32]).roll("uniform");
    // A quarter of all words is thrown away below this bound.
    let bound = (1u32 << 31) + (1 << 30);
    let low = (0..30_000).filter(|_| roll.below(bound) < bound / 2).count();
    assert!((14_500..15_500).contains(&low), "{low} of 30000 in the lower half");
    assert_eq!((roll.below(0), roll.below(1)), (0, 0));
}
