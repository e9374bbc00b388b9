//! `cargo xtask demo`: from a fresh clone to draws over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use xtask::fixture::{self, KEY_VARIABLE};
use xtask::http::{Call, Client};
use xtask::process::{Server, Start, wait_for};

use crate::{cargo, retail, shop, web};

/// Every shopper has a personal strategy by then.
const STRATEGIES_WITHIN: Duration = Duration::from_secs(300);
/// The most behaviours in one request.
const EVENTS_PER_REQUEST: usize = 1_000;
/// Shoppers who draw at the start.
const FIRST_SHOPPERS: usize = 4;
const FIRST_DRAWS: u64 = 3;
/// Enough for the reader's own draws too.
const CHANCES: u32 = 30;

/// Who signs in to the console.
const OPERATOR: &str = "demo";

/// What the command line says.
pub struct Options {
    pub listen: SocketAddr,
    pub exit: bool,
    pub online_retail: Option<PathBuf>,
    pub shoppers: usize,
    pub seed: u64,
}

/// What is imported and played.
struct Play {
    format: &'static str,
    file: PathBuf,
    events: Option<PathBuf>,
    campaign: Value,
    /// Shoppers to show, with what is known of their taste.
    samples: Vec<(String, String)>,
}

/// Runs the demo.
///
/// # Errors
/// When a step fails; its message says which.
pub fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    println!("building koi (the first time takes some minutes) …");
    let koi = cargo::build(false)?;
    let pages = build_pages();
    let dir = cargo::target().join("demo");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(&dir)?;
    let play = match &options.online_retail {
        Some(file) => from_retail(file)?,
        None => from_seed(&dir.join("shop"), options)?,
    };
    let data = dir.join("data");
    println!("\nimporting {} …", play.file.display());
    let mut import = Command::new(&koi);
    let status = import.args(["import", play.format]).arg(&play.file).arg("--data").arg(&data).status()?;
    ensure!(status.success(), "koi import failed: {status}");

    let password = format!("koi-demo-{}", &random_hex()?[..12]);
    add_operator(&koi, &data, &password)?;
    let key = format!("koi_sk_demo_{}", random_hex()?);
    let mut start = Start::new(&koi, &data).env(KEY_VARIABLE, key.as_str());
    start.listen = Some(options.listen);
    let server = start.start().with_context(|| format!("koi cannot serve on {}", options.listen))?;
    println!("\nkoi serves on http://{} (log: {})", server.address, server.log.display());
    let mut shop = Shop { client: server.client(), key };
    if let Some(events) = &play.events {
        let sent = shop.send_events(events)?;
        println!("sent {sent} reviews, searches, views and sign-ins");
    }
    let written = dir.join("campaign.json");
    fs::write(&written, serde_json::to_vec_pretty(&play.campaign)?)?;
    println!("its campaign: {0} (try: koi rehearse --campaign {0} --shoppers 3000 --draws 30000)", written.display());
    let campaign = shop.publish(&play.campaign)?;
    println!("campaign {campaign} is live");
    shop.await_strategies(&campaign)?;
    let token = shop.first_draws(&campaign, &play.samples)?;
    println!("\nready after {:.0} s", started.elapsed().as_secs_f64());
    print_invitation(&server, &shop.key, &campaign, &play.samples[0].0, &token);
    print_pages(&server, &campaign, &token, &password, pages);
    if options.exit {
        let mut server = server;
        let status = server.stop()?;
        ensure!(status.success(), "koi did not stop cleanly: {status}");
        println!("\nstopped; the data stays in {}", data.display());
        return Ok(());
    }
    println!("\nserving; Ctrl-C ends it");
    serve_on(server)
}

/// The web pages, where Node is there; the rest of the demo does without. Gives whether they can be opened.
fn build_pages() -> bool {
    if let Some(why) = web::missing() {
        println!("the web pages are left out: {why}");
        return false;
    }
    println!("building the web pages …");
    match web::build() {
        Ok(()) => true,
        Err(error) => {
            println!("the web pages are left out: {error:#}");
            false
        }
    }
}

/// An operator for the console, made before the server holds the data.
fn add_operator(koi: &Path, data: &Path, password: &str) -> Result<()> {
    let mut command = Command::new(koi);
    command.args(["operators", "add", OPERATOR, "--role", "owner", "--data"]).arg(data);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("cannot start koi")?;
    child.stdin.take().context("a pipe")?.write_all(password.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "koi operators add failed: {status}");
    Ok(())
}

/// Where both pages are, to be opened in a browser.
fn print_pages(server: &Server, campaign: &str, token: &str, password: &str, pages: bool) {
    if !pages {
        println!("\nThe web pages are not built: install Node 20.19 or later, run `cargo xtask web`, and reload.");
    }
    let base = format!("http://{}", server.address);
    println!(
        "
Open:
  shopper  {base}/c/{campaign}#token={token}
  console  {base}/console/   login {OPERATOR}, password {password}"
    );
}

/// Prints the campaign that the demo would publish, and nothing else.
///
/// # Errors
/// When the Online Retail file cannot be read.
pub fn print_campaign(online_retail: Option<&Path>, shoppers: usize, seed: u64) -> Result<()> {
    let campaign = match online_retail {
        Some(file) => retail::campaign(file)?.0,
        None => shop::campaign(shoppers, seed)?,
    };
    println!("{}", serde_json::to_string_pretty(&campaign)?);
    Ok(())
}

fn serve_on(mut server: Server) -> Result<()> {
    loop {
        if let Some(status) = server.exited() {
            ensure!(status.success(), "koi exited: {status}; see {}", server.log.display());
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn from_seed(out: &Path, options: &Options) -> Result<Play> {
    let made = shop::generate(out, options.shoppers, options.seed)?;
    println!(
        "made a shop: {} shoppers, {} products, {} lines bought, {} of them returned, {} other events",
        made.shoppers, made.products, made.lines, made.return_lines, made.event_count
    );
    let samples = made
        .samples
        .iter()
        .map(|sample| (sample.id.clone(), format!("likes {}; {} orders", sample.likes.join(", "), sample.orders)));
    Ok(Play {
        format: "purchases",
        file: made.purchases.clone(),
        events: Some(made.events.clone()),
        samples: samples.collect(),
        campaign: made.campaign,
    })
}

fn from_retail(file: &Path) -> Result<Play> {
    let (campaign, samples) = retail::campaign(file)?;
    Ok(Play { format: "online-retail", file: file.to_owned(), events: None, campaign, samples })
}

/// The shop's server: a key and a connection.
struct Shop {
    client: Client,
    key: String,
}

impl Shop {
    fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        fixture::must(&mut self.client, &Call::post(path, body).token(&self.key))
    }

    fn get(&mut self, path: &str) -> Result<Value> {
        fixture::must(&mut self.client, &Call::get(path).token(&self.key))
    }

    fn send_events(&mut self, file: &Path) -> Result<usize> {
        let lines = BufReader::new(fs::File::open(file)?).lines();
        let events: Vec<Value> = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<_>>()?;
        for batch in events.chunks(EVENTS_PER_REQUEST) {
            let answer = self.post("/events", &json!(batch))?;
            ensure!(answer["rejected"] == json!([]), "events were rejected: {}", answer["rejected"]);
        }
        Ok(events.len())
    }

    fn publish(&mut self, body: &Value) -> Result<String> {
        let made = self.post("/campaigns", body)?;
        let id = made["id"].as_str().context("a campaign without an id")?.to_owned();
        let published = self.post(&format!("/campaigns/{id}/publish"), &json!({}))?;
        ensure!(published["state"] == "live", "the campaign is not live: {published}");
        Ok(id)
    }

    fn await_strategies(&mut self, campaign: &str) -> Result<()> {
        let from = Instant::now();
        let report = format!("/campaigns/{campaign}/report");
        let generation = wait_for(STRATEGIES_WITHIN, "a personal strategy for every shopper", || {
            std::thread::sleep(Duration::from_millis(100));
            let generation = self.get(&report).ok()?["generation"].clone();
            let done = generation["total"].as_u64().is_some_and(|total| total > 0)
                && generation["total"] == generation["done"];
            done.then_some(generation)
        })?;
        println!("personal strategies for {} shoppers in {:.1} s", generation["done"], from.elapsed().as_secs_f64());
        Ok(())
    }

    /// Draws for some shoppers and prints what each saw and won; gives the first one's token.
    fn first_draws(&mut self, campaign: &str, samples: &[(String, String)]) -> Result<String> {
        let mut first = None;
        for (number, (name, taste)) in samples.iter().take(FIRST_SHOPPERS).enumerate() {
            let token = self.post(&format!("/shoppers/{name}/tokens"), &json!({"ttl_seconds": 86_400}))?;
            let token = token["token"].as_str().context("no token")?.to_owned();
            let grant = json!({"shopper": name, "chances": CHANCES, "business_key": "demo", "reason": "demo"});
            self.post(&format!("/campaigns/{campaign}/grants"), &grant)?;
            let path = format!("/campaigns/{campaign}/me");
            let me = fixture::must(&mut self.client, &Call::get(path).token(&token))?;
            println!("\n{name} {taste}");
            let slots = me["strategy"]["slots"].as_array().context("slots")?;
            let prizes: Vec<&str> = slots.iter().filter_map(|slot| slot["prize"]["name"].as_str()).collect();
            println!("  sees ({}): {}", me["strategy"]["source"].as_str().unwrap_or("?"), prizes.join(" | "));
            for draw in 0..FIRST_DRAWS {
                let key = format!("demo-{number}-{draw}");
                let call = Call::post(format!("/campaigns/{campaign}/draws"), &json!({})).token(&token).key(&key);
                let drawn = fixture::must(&mut self.client, &call)?;
                println!("  draw {}: {}", drawn["n"], drawn["prize"]["name"].as_str().unwrap_or("?"));
            }
            first.get_or_insert(token);
        }
        first.context("no shopper to draw for")
    }
}

fn print_invitation(server: &Server, key: &str, campaign: &str, shopper: &str, token: &str) {
    let base = format!("http://{}", server.address);
    println!("
  API      {base}/api/v1
  docs     {base}/docs
  metrics  {base}/metrics
  API key  {key}
  campaign {campaign}
  shopper  {shopper}, token {token}

Try:
  curl -s {base}/api/v1/campaigns/{campaign}/me -H 'Authorization: Bearer {token}'
  curl -s -X POST {base}/api/v1/campaigns/{campaign}/draws -H 'Authorization: Bearer {token}' -H \"Idempotency-Key: try-$RANDOM\" -H 'Content-Type: application/json' -d '{{}}'
  curl -s {base}/api/v1/campaigns/{campaign}/report -H 'Authorization: Bearer {key}'");
}

/// 32 hexadecimal digits that nobody can guess.
fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    match fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)) {
        Ok(()) => Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        Err(error) => bail!("no randomness for a key: {error}"),
    }
}
