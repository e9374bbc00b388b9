//! Shoppers with tokens of the shop's own: keys from a JWKS over HTTP and from a file.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;
use xtask::process::wait_for;

use super::harness::{Koi, assert_problem, scratch, start_in};

const ISSUER: &str = "https://shop.example";
const AUDIENCE: &str = "koi";

/// A key pair of the shop.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    secret: EncodingKey,
}

impl Key {
    fn ecdsa(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let secret = EncodingKey::from_ec_der(pair.expect("a key").as_ref());
        Self { id, algorithm: Algorithm::ES256, secret }
    }

    fn ed25519(id: &'static str) -> Self {
        // PKCS#8 of RFC 8410, section 7: a fixed head and 32 random bytes.
        let mut der = hex::decode("302e020100300506032b657004220420").expect("hex");
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).expect("randomness");
        der.extend_from_slice(&seed);
        Self { id, algorithm: Algorithm::EdDSA, secret: EncodingKey::from_ed_der(&der) }
    }

    fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.secret, self.algorithm).expect("a public key");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(self.id);
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.secret).expect("a token")
    }
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

fn claims(subject: &str) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": now_s() + 600, "iat": now_s()})
}

fn with(subject: &str, name: &str, value: Value) -> Value {
    let mut all = claims(subject);
    all[name] = value;
    all
}

/// A shop that publishes keys, and counts who asks.
struct Shop {
    url: String,
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
}

impl Shop {
    fn new(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let shop = Self { url, keys: Arc::default(), asked: Arc::default() };
        shop.publish(keys);
        let (keys, asked) = (shop.keys.clone(), shop.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                asked.fetch_add(1, Ordering::SeqCst);
                let body = keys.lock().expect("keys").to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        shop
    }

    fn publish(&self, keys: &[&Key]) {
        let public: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        *self.keys.lock().expect("keys") = json!({"keys": public});
    }
}

fn start(name: &str, more: &[(&str, &str)]) -> Koi {
    let dir = scratch(name);
    let start = start_in(&dir.join("data"))
        .env("KOI__SHOPPERS__JWT__ISSUER", ISSUER)
        .env("KOI__SHOPPERS__JWT__AUDIENCE", AUDIENCE);
    let start = more.iter().fold(start, |start, (name, value)| start.env(name, *value));
    let server = start.start().expect("koi starts");
    Koi { server, dir }
}

#[test]
fn jwt_of_the_shop_names_a_shopper() {
    let (ec, ed, stranger) = (Key::ecdsa("ec-1"), Key::ed25519("ed-1"), Key::ecdsa("ec-1"));
    let shop = Shop::new(&[&ec, &ed]);
    let koi = start("jwt-url", &[("KOI__SHOPPERS__JWT__JWKS_URL", &shop.url)]);
    let campaign = koi.publish(&tight_campaign(50, 1));
    koi.shopper(&campaign, "ada", 3);
    let me = |token: &str| koi.send(&Call::get(format!("/campaigns/{campaign}/me")).token(token));
    for key in [&ec, &ed] {
        let answer = me(&key.sign(&claims("ada")));
        assert_eq!(answer.status, 200, "{}: {}", key.id, answer.text());
        assert_eq!(answer.json()["chances"]["granted"], 3, "it is ada: {}", answer.text());
    }
    let token = ec.sign(&claims("ada"));
    let draws = format!("/campaigns/{campaign}/draws");
    let drawn = koi.send(&Call::post(draws.as_str(), &json!({})).token(&token).key("k"));
    assert_eq!(drawn.status, 201, "{}", drawn.text());
    assert_problem("no operator", &koi.send(&Call::get("/campaigns").token(&token)), 403, "forbidden");

    let good = ec.sign(&claims("ada"));
    let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    parts[1] = URL_SAFE_NO_PAD.encode(claims("bob").to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let body = URL_SAFE_NO_PAD.encode(claims("ada").to_string());
    let public = ec.public();
    let confused = |secret: &[u8]| {
        let header = Header { kid: Some("ec-1".into()), ..Header::new(Algorithm::HS256) };
        encode(&header, &claims("ada"), &EncodingKey::from_secret(secret)).expect("a token")
    };
    let mislabelled = Header { kid: Some("ed-1".into()), ..Header::new(Algorithm::ES256) };
    let late = now_s() - 3_600;
    for (what, token, code) in [
        ("changed", parts.join("."), "unauthorized"),
        ("another's key of the same name", stranger.sign(&claims("ada")), "unauthorized"),
        ("no signature", format!("{none}.{body}."), "unauthorized"),
        ("an HMAC by the public key", confused(public["x"].as_str().unwrap().as_bytes()), "unauthorized"),
        ("an HMAC by nothing", confused(b""), "unauthorized"),
        ("a key of another kind", encode(&mislabelled, &claims("ada"), &ec.secret).unwrap(), "unauthorized"),
        ("another issuer", ec.sign(&with("ada", "iss", json!("https://evil"))), "unauthorized"),
        ("another audience", ec.sign(&with("ada", "aud", json!("other"))), "unauthorized"),
        ("no audience", ec.sign(&with("ada", "aud", Value::Null)), "unauthorized"),
        ("no end", ec.sign(&with("ada", "exp", Value::Null)), "unauthorized"),
        ("over", ec.sign(&with("ada", "exp", json!(late))), "token_expired"),
        ("not yet", ec.sign(&with("ada", "nbf", json!(now_s() + 3_600))), "unauthorized"),
        ("no subject", ec.sign(&with("ada", "sub", Value::Null)), "unauthorized"),
        ("a subject that is no text", ec.sign(&with("ada", "sub", json!(7))), "unauthorized"),
        ("a subject too long", ec.sign(&claims(&"x".repeat(200))), "unauthorized"),
        ("garbage", "a.b.c".to_owned(), "unauthorized"),
        ("dots", "..".to_owned(), "unauthorized"),
    ] {
        assert_problem(what, &me(&token), 401, code);
        assert_problem(what, &koi.send(&Call::get("/campaigns").token(&token)), 401, code);
    }
    let skewed = ec.sign(&with("ada", "exp", json!(now_s() - 10)));
    assert_eq!(me(&skewed).status, 200, "the clocks may differ a little");
    assert_problem("never told of", &me(&ec.sign(&claims("nobody"))), 403, "shopper_unknown");
    assert_eq!(koi.send(&Call::post("/shoppers/nobody/tokens", &json!({})).token(KEY)).status, 404, "nor made");
    assert_eq!(shop.asked.load(Ordering::SeqCst), 1, "the keys were fetched once");
}

#[test]
fn jwt_keys_rotate_and_outages_are_survived() {
    let (old, new) = (Key::ecdsa("old"), Key::ed25519("new"));
    let shop = Shop::new(&[&old]);
    let koi = start(
        "jwt-rotate",
        &[("KOI__SHOPPERS__JWT__JWKS_URL", &shop.url), ("KOI__SHOPPERS__JWT__UNKNOWN", "register")],
    );
    let points = |token: &str| koi.send(&Call::get("/points").token(token));
    assert_eq!(points(&old.sign(&claims("ada"))).status, 200, "registered as the config says");
    assert_eq!(koi.send(&Call::post("/shoppers/ada/tokens", &json!({})).token(KEY)).status, 201);
    // Unknown keys are asked for, but not at every request.
    for _ in 0..20 {
        assert_problem("an unknown key", &points(&new.sign(&claims("ada"))), 401, "unauthorized");
    }
    assert!(shop.asked.load(Ordering::SeqCst) <= 2, "{:?} fetches", shop.asked);
    shop.publish(&[&old, &new]);
    let token = new.sign(&claims("ada"));
    let taken = || (points(&token).status == 200).then_some(());
    wait_for(Duration::from_secs(30), "the new key", taken).expect("it is fetched when the pause is over");
    assert!(shop.asked.load(Ordering::SeqCst) <= 3, "{:?} fetches", shop.asked);
    *shop.keys.lock().expect("keys") = json!("nonsense");
    assert_eq!(points(&old.sign(&claims("bob"))).status, 200, "the keys of before are still believed");
}

#[test]
fn jwt_keys_come_from_a_file_too() {
    let key = Key::ed25519("file");
    let dir = scratch("jwt-file-keys");
    let file = dir.join("jwks.json");
    std::fs::write(&file, json!({"keys": [key.public(), {"kty": "oct", "k": "c2VjcmV0", "kid": "h"}]}).to_string())
        .expect("written");
    let file = file.to_string_lossy().into_owned();
    let koi = start(
        "jwt-file",
        &[("KOI__SHOPPERS__JWT__JWKS_FILE", &file), ("KOI__SHOPPERS__JWT__SUBJECT_CLAIM", "shopper")],
    );
    koi.must(&Call::put("/shoppers/ada", &json!({})).token(KEY));
    let ada = key.sign(&with("someone else", "shopper", json!("ada")));
    assert_eq!(koi.send(&Call::get("/points").token(&ada)).status, 200);
    let secret = EncodingKey::from_secret(b"secret");
    let header = Header { kid: Some("h".into()), ..Header::new(Algorithm::HS256) };
    let hmac = encode(&header, &with("ada", "shopper", json!("ada")), &secret).expect("a token");
    assert_problem("a shared secret", &koi.send(&Call::get("/points").token(&hmac)), 401, "unauthorized");
    let koi = start("jwt-lost", &[("KOI__SHOPPERS__JWT__JWKS_FILE", "/nowhere/jwks.json")]);
    assert_problem("no keys at all", &koi.send(&Call::get("/points").token(&ada)), 503, "unavailable");
}

#[test]
fn jwt_is_off_without_an_issuer() {
    let koi = Koi::start("jwt-off");
    let key = Key::ed25519("x");
    assert_problem("off", &koi.send(&Call::get("/points").token(&key.sign(&claims("ada")))), 401, "unauthorized");
}
