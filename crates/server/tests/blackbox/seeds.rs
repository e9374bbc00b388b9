//! Nobody learns a campaign's seed before it ends; afterwards everybody can check every draw with it.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use xtask::fixture::{KEY, shoppers, tight_campaign};
use xtask::http::Call;

use super::harness::{Koi, draw, koi, print_counters, told, unique};

const SHOPPERS: usize = 12;
const DRAWS: usize = 10;

/// Everything that was given to anyone, with where it came from.
#[derive(Default)]
struct Given(Vec<(String, Vec<u8>)>);

impl Given {
    fn ask(&mut self, koi: &Koi, call: &Call<'_>) -> Value {
        let answer = koi.send(call);
        let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        self.0.push((format!("{call:?}"), [headers.as_bytes(), &answer.body].concat()));
        answer.json()
    }

    fn files(&mut self, under: &Path) {
        if under.is_dir() {
            for entry in fs::read_dir(under).expect("a directory").flatten() {
                self.files(&entry.path());
            }
        } else {
            self.0.push((under.display().to_string(), fs::read(under).expect("a file")));
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Where any spelling of the secret stands.
    fn holding(&self, secret: &[u8]) -> Vec<&str> {
        let spellings = spellings(secret);
        let holds = |bytes: &[u8]| spellings.iter().any(|spelling| find(bytes, spelling));
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(place, _)| place.as_str()).collect()
    }
}

/// The secret raw, in hex of both cases, and in base64 of both alphabets wherever it starts in a longer text.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex::encode(secret);
    let mut all = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for shift in 0..3 {
        let shifted = [&vec![0; shift], secret].concat();
        // The first and last characters also depend on the neighbours; those between do not.
        let (from, to) = (shift.div_ceil(3) * 4, shifted.len() / 3 * 4);
        for engine in [STANDARD, URL_SAFE] {
            all.push(engine.encode(&shifted).as_bytes()[from..to].to_vec());
        }
    }
    all
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn seeds() {
    let mut koi_server = Koi::start("seeds");
    let mut given = Given::default();
    let made = given.ask(&koi_server, &Call::post("/campaigns", &tight_campaign(200, 5)).token(KEY));
    let campaign = made["id"].as_str().expect("an id").to_owned();
    let act = |verb: &str| Call::post(format!("/campaigns/{campaign}/{verb}"), &json!({})).token(KEY);
    given.ask(&koi_server, &act("publish"));
    let people = shoppers(koi_server.server.address, &campaign, "seed", SHOPPERS, DRAWS as u32, 4).expect("shoppers");
    let mut receipts = Vec::new();
    for (name, token) in &people {
        for _ in 0..DRAWS {
            let next = given.ask(&koi_server, &Call::get(format!("/campaigns/{campaign}/me")).token(token));
            let drawn = given.ask(&koi_server, &draw(&campaign, token, &unique("seed")));
            assert_eq!(drawn["n"].as_u64().map(|n| n <= DRAWS as u64), Some(true), "{drawn}");
            receipts.push((next["next_seed_hash"].clone(), drawn));
        }
        for path in
            [format!("/campaigns/{campaign}/draws"), "/awards".into(), "/points".into(), "/points/entries".into()]
        {
            given.ask(&koi_server, &Call::get(path).token(token));
        }
        given.ask(&koi_server, &Call::get(format!("/shoppers/{name}/profile")).token(KEY));
    }
    for path in ["", "/report", "/flow"] {
        given.ask(&koi_server, &Call::get(format!("/campaigns/{campaign}{path}")).token(KEY));
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        given.ask(&koi_server, &Call::get(path));
    }
    for verb in ["pause", "resume", "publish"] {
        given.ask(&koi_server, &act(verb));
    }
    let backup = koi_server.dir.join("backup");
    let output = koi([Path::new("backup"), &backup, Path::new("--data"), &koi_server.data()]);
    assert!(output.status.success(), "koi backup: {}", told(&output));
    given.0.push(("what koi backup prints".into(), [output.stdout, output.stderr].concat()));
    given.files(&backup);
    koi_server.restart();
    given.files(&koi_server.server.log.clone());

    let before = koi_server.must(&Call::get(format!("/campaigns/{campaign}")).token(KEY));
    assert!(before["campaign_seed"].is_null(), "not before the end: {before}");
    koi_server.must(&act("end"));
    let after = koi_server.must(&Call::get(format!("/campaigns/{campaign}")).token(KEY));
    let seed = hex::decode(after["campaign_seed"].as_str().expect("revealed at the end")).expect("hex");
    assert_eq!(seed.len(), 32);
    assert_eq!(after["seed_hash"].as_str(), Some(hex::encode(Sha256::digest(&seed)).as_str()));
    assert_eq!(before["seed_hash"], after["seed_hash"], "it was published while the campaign was live");
    let holding = given.holding(&seed);
    let counters = json!({"answers_and_files": given.0.len(), "bytes": given.bytes(), "holding_the_seed": holding.len(),
                          "receipts": receipts.len()});
    print_counters("seeds", &counters);
    assert!(holding.is_empty(), "the seed was given away in {holding:#?}");
    // The seed of what is told late is secret for longer: as long as anything is granted.
    for path in ["", "/rules", "/report"] {
        given.ask(&koi_server, &Call::get(format!("/campaigns/{campaign}{path}")).token(KEY));
    }
    given.files(&koi_server.server.log.clone());
    koi_server.must(&act("archive"));
    let rules = koi_server.must(&Call::get(format!("/campaigns/{campaign}/rules")));
    let late = hex::decode(rules["late_seed"].as_str().expect("revealed when archived")).expect("hex");
    assert_eq!(rules["late_seed_hash"].as_str(), Some(hex::encode(Sha256::digest(&late)).as_str()));
    assert_eq!(given.holding(&late), Vec::<&str>::new(), "the late seed was given away");
    verify_receipts(&koi_server, &receipts);
}

/// Each receipt verifies by itself and matches the hash that was shown before its draw; an altered one does not.
fn verify_receipts(koi_server: &Koi, receipts: &[(Value, Value)]) {
    let file = koi_server.dir.join("receipt.json");
    let verify = |receipt: &Value| {
        let text = receipt.as_str().map_or_else(|| receipt.to_string(), str::to_owned);
        fs::write(&file, text).expect("a file");
        koi([Path::new("verify-receipt"), &file])
    };
    for (number, (hash_before, draw)) in receipts.iter().enumerate() {
        let receipt = &draw["receipt"];
        assert!(receipt.to_string().len() <= 600, "at most 600 bytes: {receipt}");
        let draw_seed = hex::decode(receipt["draw_seed"].as_str().expect("its own seed")).expect("hex");
        let hash = hex::encode(Sha256::digest(draw_seed));
        assert_eq!(hash_before.as_str(), Some(hash.as_str()), "me showed the hash of this draw's seed before it");
        if number % 10 == 0 {
            let output = verify(receipt);
            assert!(output.status.success(), "{receipt}: {}", told(&output));
        }
    }
    // Another seed may come to the same prize; then its hash is not the one that was shown before the draw.
    let mut refused = 0;
    for (hash_before, draw) in receipts.iter().take(20) {
        let mut altered = draw["receipt"].clone();
        let seed = altered["draw_seed"].as_str().expect("a receipt reveals its own seed").to_owned();
        let other = if seed.starts_with('0') { "1" } else { "0" };
        altered["draw_seed"] = json!(format!("{other}{}", &seed[1..]));
        let output = verify(&altered);
        let hash = hash_before.as_str().expect("a hash");
        let shown = String::from_utf8_lossy(&output.stdout).contains(hash);
        assert!(
            output.status.code() == Some(1) || !shown,
            "an altered receipt passes for the true one: {}",
            told(&output)
        );
        refused += usize::from(output.status.code() == Some(1));
    }
    assert!(refused > 0, "of twenty altered receipts none was refused");
    for nonsense in [json!("nonsense"), json!({}), json!([]), json!("")] {
        let output = verify(&nonsense);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{nonsense}: {}", told(&output));
    }
}

#[test]
fn every_spelling_is_found() {
    let secret: Vec<u8> = (0..32).map(|i| i * 7 + 3).collect();
    for before in 0..4 {
        let text = [&vec![b'x'; before], secret.as_slice(), b"tail"].concat();
        for spelt in [
            text.clone(),
            hex::encode(&text).into_bytes(),
            STANDARD.encode(&text).into_bytes(),
            URL_SAFE.encode(&text).into_bytes(),
        ] {
            let given = Given(vec![("here".into(), spelt)]);
            assert_eq!(given.holding(&secret), ["here"], "after {before} bytes");
        }
    }
    assert!(Given(vec![("here".into(), vec![7; 4_096])]).holding(&secret).is_empty());
}
