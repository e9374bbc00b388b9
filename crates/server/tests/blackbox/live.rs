//! Live messages: every result reaches its shopper's sockets once, in order, also after a cut and a restart; who does not
//! read costs nothing; who is somebody else hears nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{self, KEY, ample_campaign};
use xtask::http::Call;
use xtask::process::{anonymous_mb, wait_for};
use xtask::socket::Socket;

use super::cluster::{Cluster, Database};
use super::harness::{Koi, assert_problem, draw, print_counters, unique};

/// Sockets of the long test, and draws of each one's shopper.
const SOCKETS: usize = 1_000;
const DRAWS: usize = 4;
/// Readers that never read.
const MUTE: usize = 100;
/// What those may cost, in MiB: their buffers are bounded by far less.
const GROWTH_MB: f64 = 16.0;
/// How long a message may take on a loaded machine.
const ARRIVES: Duration = Duration::from_secs(30);

fn ticket(koi: &Koi, token: &str) -> String {
    let made = koi.must(&Call::post("/live/tickets", &json!({})).token(token));
    made["ticket"].as_str().expect("a ticket").to_owned()
}

fn open(koi: &Koi, token: &str, after: Option<&str>) -> Socket {
    let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
    let path = format!("/live?ticket={}{after}", ticket(koi, token));
    Socket::open(koi.server.address, &path).expect("a socket")
}

fn id_of(message: &Value) -> u64 {
    message["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("an id: {message}"))
}

/// Reads until a message of that type comes.
fn wait_type(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let message = socket.next(ARRIVES).expect("frames").unwrap_or_else(|| panic!("no {kind} came"));
        if message["type"] == kind {
            return message;
        }
    }
}

#[test]
fn a_ticket_opens_one_socket_and_each_message_is_whole() {
    let koi = Koi::start("live-ticket");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 5);
    let bob = koi.shopper(&campaign, "bob", 5);
    let used = ticket(&koi, &ada);
    let mut socket = Socket::open(koi.server.address, &format!("/live?ticket={used}")).expect("a socket");
    let mut other = open(&koi, &bob, None);
    let drawn = koi.must(&draw(&campaign, &ada, "one"));
    let message = wait_type(&mut socket, "draw.result");
    assert_eq!(message["data"], drawn, "the draw as it was answered");
    for field in ["id", "type", "at", "data"] {
        assert!(message.get(field).is_some(), "{field}: {message}");
    }
    koi.must(&Call::post("/shoppers/ada/points", &json!({"amount": 5, "business_key": "k", "reason": "r"})).token(KEY));
    let points = loop {
        let points = wait_type(&mut socket, "points.changed");
        if points["data"]["reason"] == "r" {
            break points;
        }
    };
    assert_eq!(points["data"]["amount"], 5);
    assert!(id_of(&points) > id_of(&message), "ids grow");
    // Bob hears nothing of it but big wins, in which Ada has no name.
    koi.must(&draw(&campaign, &bob, "two"));
    let heard = loop {
        let message = other.next(ARRIVES).expect("frames").expect("a message");
        assert!(!message.to_string().contains("ada"), "{message}");
        if message["type"] != "big_win" {
            break message;
        }
    };
    assert_ne!(heard["data"], drawn);
    assert!(other.drain().expect("frames").iter().all(|m| m["data"]["id"] != drawn["id"]));
    refusals(&koi, &ada, &used);
}

fn refusals(koi: &Koi, ada: &str, used: &str) {
    for (what, path, status, code) in [
        ("no ticket", "/live".to_owned(), 401, "ticket_invalid"),
        ("not a handshake", format!("/live?ticket={}", ticket(koi, ada)), 426, "upgrade_required"),
        ("no id", format!("/live?ticket={}&after=x", ticket(koi, ada)), 422, "invalid_query"),
        ("unknown", "/live?tocket=x".to_owned(), 422, "invalid_query"),
    ] {
        assert_problem(what, &koi.send(&Call::get(path)), status, code);
    }
    for bad in [used, "x", &"A".repeat(43)] {
        let error = Socket::open(koi.server.address, &format!("/live?ticket={bad}")).expect_err("refused");
        assert!(error.to_string().contains("401"), "{error}");
    }
    assert_problem("no credentials", &koi.send(&Call::post("/live/tickets", &json!({}))), 401, "unauthorized");
    assert_problem("a key", &koi.send(&Call::post("/live/tickets", &json!({})).token(KEY)), 403, "forbidden");
    let many: Vec<Socket> = (0..7).map(|_| open(koi, ada, None)).collect();
    let path = format!("/live?ticket={}", ticket(koi, ada));
    let error = Socket::open(koi.server.address, &path).expect_err("one too many of one shopper");
    assert!(error.to_string().contains("429"), "{error}");
    drop(many);
    // Where all are closed there is room again.
    wait_for(ARRIVES, "room", || Socket::open(koi.server.address, &format!("/live?ticket={}", ticket(koi, ada))).ok())
        .expect("room");
    let mut chatty = open(koi, ada, None);
    for _ in 0..64 {
        if chatty.say("hello").is_err() {
            break;
        }
    }
    let closed = wait_for(ARRIVES, "a close", || chatty.drain().map_or(Some(0), |_| chatty.closed()));
    assert!([0, 1008].contains(&closed.expect("closed")), "who talks is closed");
}

/// A cut, a restart, and a resume: nothing is lost, nothing comes twice, all of it from what is durable.
#[test]
fn what_was_missed_is_resumed_across_a_restart() {
    let mut koi = Koi::start("live-resume");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 300);
    let mut socket = open(&koi, &ada, None);
    let first = koi.must(&draw(&campaign, &ada, "first"));
    let seen = id_of(&wait_type(&mut socket, "draw.result"));
    drop(socket);
    let mut want = Vec::new();
    for n in 0..150 {
        want.push(koi.must(&draw(&campaign, &ada, &format!("away-{n}")))["id"].clone());
        if n == 60 {
            koi.restart();
        }
    }
    koi.restart();
    let mut socket = open(&koi, &ada, Some(&seen.to_string()));
    want.push(koi.must(&draw(&campaign, &ada, "back"))["id"].clone());
    let (mut got, mut last) = (Vec::new(), seen);
    while got.len() < want.len() {
        let message =
            socket.next(ARRIVES).expect("frames").unwrap_or_else(|| panic!("{} of {}", got.len(), want.len()));
        if message["type"] == "big_win" {
            continue;
        }
        assert!(id_of(&message) > last, "ids grow: {message}");
        last = id_of(&message);
        if message["type"] == "draw.result" {
            got.push(message["data"]["id"].clone());
        }
    }
    assert_eq!(got, want, "once each, in order");
    // From the start of what is kept, the first one is there too; from the present, nothing.
    let mut whole = open(&koi, &ada, Some("0"));
    let from_start = wait_type(&mut whole, "draw.result");
    assert_eq!(from_start["data"]["id"], first["id"]);
    let mut present = open(&koi, &ada, Some("9223372036854775807"));
    let after = koi.must(&draw(&campaign, &ada, "later"));
    assert_eq!(
        wait_type(&mut present, "draw.result")["data"]["id"],
        after["id"],
        "an id from the future is the present"
    );
}

/// One of a thousand: its socket and at which node that is, what its shopper was answered and what it heard.
struct Listening {
    token: String,
    at: usize,
    socket: Socket,
    answered: Vec<String>,
    heard: Vec<String>,
    last: u64,
    cuts: u64,
}

impl Listening {
    fn hear(&mut self) {
        for message in self.socket.drain().expect("frames") {
            if message["type"] == "big_win" {
                continue;
            }
            let id = id_of(&message);
            assert!(id > self.last, "ids grow");
            self.last = id;
            if message["type"] == "draw.result" {
                self.heard.push(message["data"]["id"].as_str().expect("an id").to_owned());
            }
        }
    }
}

/// Draws for some listeners at all nodes in turns, cuts some of their sockets in between, and hears all out.
fn draw_and_hear(nodes: &[&Koi], campaign: &str, some: &mut [Listening]) {
    let mut clients: Vec<_> = nodes.iter().map(|koi| koi.client()).collect();
    for round in 0..DRAWS {
        for (at, one) in some.iter_mut().enumerate() {
            let key = unique("live");
            let answer =
                clients[(at + round) % nodes.len()].send(&draw(campaign, &one.token, &key)).expect("an answer");
            assert_eq!(answer.status, 201, "{}", answer.text());
            one.answered.push(answer.json()["id"].as_str().expect("an id").to_owned());
            if (at + round) % 7 == 0 {
                // Cut as it is, whatever was on its way, and opened again behind what was heard.
                one.hear();
                one.socket = open(nodes[one.at], &one.token, Some(&one.last.to_string()));
                one.cuts += 1;
            }
        }
    }
    wait_for(Duration::from_secs(120), "all results", || {
        some.iter_mut().for_each(Listening::hear);
        some.iter().all(|one| one.heard.len() >= one.answered.len()).then_some(())
    })
    .expect("every result arrives");
}

#[test]
fn a_thousand_sockets_hear_every_result_and_mute_ones_cost_nothing() {
    let koi = Koi::start("live-thousand");
    let campaign = koi.publish(&ample_campaign());
    let shoppers = fixture::shoppers(koi.server.address, &campaign, "fan", SOCKETS, 10, 8).expect("shoppers");
    let mute = fixture::shoppers(koi.server.address, &campaign, "mute", MUTE, 500, 8).expect("shoppers");
    let (lost, twice, cuts) = listen_and_draw(&[&koi], &campaign, shoppers);
    // The same draws without and with sockets that nobody reads: 40,000 results kept in memory would be 30 MiB and more.
    let alone = growth(
        &koi,
        &campaign,
        &fixture::shoppers(koi.server.address, &campaign, "deaf", MUTE, 500, 8).expect("shoppers"),
    );
    let _silent: Vec<Socket> = mute.iter().map(|(_, token)| open(&koi, token, None)).collect();
    let growth = growth(&koi, &campaign, &mute) - alone.max(0.0);
    assert!(growth < GROWTH_MB, "{MUTE} readers that never read cost {growth} MiB");
    let counters = json!({"sockets": SOCKETS, "results": SOCKETS * DRAWS, "cuts": cuts, "lost": lost, "twice": twice,
                          "mute": MUTE, "mute_growth_mb": (growth * 10.0).round() / 10.0});
    print_counters("live", &counters);
}

/// Opens a socket for each shopper, at all nodes in turns, and draws; gives what was lost, came twice, and was cut.
fn listen_and_draw(nodes: &[&Koi], campaign: &str, shoppers: Vec<(String, String)>) -> (usize, usize, u64) {
    let each = shoppers.len().div_ceil(8);
    let listening = |(i, (_, token)): (usize, (String, String))| {
        let at = i % nodes.len();
        // Behind 0: what came before the socket was opened counts too.
        let socket = open(nodes[at], &token, Some("0"));
        Listening { token, at, socket, answered: Vec::new(), heard: Vec::new(), last: 0, cuts: 0 }
    };
    let mut all: Vec<Listening> = shoppers.into_iter().enumerate().map(listening).collect();
    thread::scope(|scope| {
        for some in all.chunks_mut(each) {
            scope.spawn(move || draw_and_hear(nodes, campaign, some));
        }
    });
    let (mut lost, mut twice, mut cuts) = (0, 0, 0);
    for one in &all {
        assert_eq!(one.heard, one.answered, "once each, in order");
        let distinct: BTreeSet<&String> = one.heard.iter().collect();
        lost += one.answered.iter().filter(|id| !distinct.contains(id)).count();
        twice += one.heard.len() - distinct.len();
        cuts += one.cuts;
    }
    (lost, twice, cuts)
}

/// Whichever node holds the socket and whichever owns the shopper. The long form has as many sockets as on one node.
#[test]
fn sockets_of_two_nodes_hear_every_result() {
    let sockets = if std::env::var_os("KOI_ROUNDS").is_some() { SOCKETS } else { SOCKETS / 10 };
    let database = Database::new();
    let cluster = Cluster::new(Some(database.url()));
    let (one, two) = (cluster.node("live-one"), cluster.node("live-two"));
    let nodes = [&one, &two];
    let campaign = one.publish(&ample_campaign());
    let shoppers = fixture::shoppers(one.server.address, &campaign, "far", sockets, 10, 8).expect("shoppers");
    let (lost, twice, cuts) = listen_and_draw(&nodes, &campaign, shoppers);
    big_wins_reach_both(&nodes);
    let mute = fixture::shoppers(one.server.address, &campaign, "far-mute", MUTE, 500, 8).expect("shoppers");
    let silent: Vec<Socket> = mute.iter().enumerate().map(|(i, (_, token))| open(nodes[i % 2], token, None)).collect();
    let before: f64 = nodes.iter().map(|koi| anonymous_mb(koi.server.pid())).sum();
    let far = if sockets == SOCKETS { growth(&one, &campaign, &mute) } else { 0.0 };
    let both = nodes.iter().map(|koi| anonymous_mb(koi.server.pid())).sum::<f64>() - before;
    drop(silent);
    let counters = json!({"sockets": sockets, "nodes": 2, "results": sockets * DRAWS, "cuts": cuts, "lost": lost, "twice": twice,
                          "mute": MUTE, "one_growth_mb": far.round(), "both_growth_mb": both.round()});
    print_counters("live_two_nodes", &counters);
}

/// Whoever owns the winner, sockets of both nodes hear of it.
fn big_wins_reach_both(nodes: &[&Koi; 2]) {
    let mut body = ample_campaign();
    for tier in body["tiers"].as_array_mut().expect("tiers") {
        tier["weight"] = if tier["code"] == "big" { json!(1_000_000) } else { json!(1) };
    }
    let campaign = nodes[0].publish(&body);
    let listens = ["listens-0", "listens-1"].map(|name| nodes[0].shopper(&campaign, name, 0));
    let mut sockets = [open(nodes[0], &listens[0], None), open(nodes[1], &listens[1], None)];
    // So many that some are owned by each node.
    for last in 'a'..='l' {
        let winner = nodes[0].shopper(&campaign, &format!("winner-{last}"), 200);
        let masked = json!(format!("w***{last}"));
        // Few a second are told: what was left out is won again.
        wait_for(ARRIVES, "a big win at both nodes", || {
            nodes[0].must(&draw(&campaign, &winner, &unique("wins")));
            sockets.iter_mut().all(|socket| hears_of(socket, &masked)).then_some(())
        })
        .expect("heard");
    }
}

/// Whether a win of this shopper comes soon.
fn hears_of(socket: &mut Socket, masked: &Value) -> bool {
    while let Some(message) = socket.next(Duration::from_secs(1)).expect("frames") {
        if message["type"] == "big_win" && message["data"]["shopper"] == *masked {
            return true;
        }
    }
    false
}

/// By how many MiB the server grows while shoppers draw 400 times each.
fn growth(koi: &Koi, campaign: &str, shoppers: &[(String, String)]) -> f64 {
    let pid = koi.server.pid();
    let before = anonymous_mb(pid);
    thread::scope(|scope| {
        for some in shoppers.chunks(MUTE / 4) {
            scope.spawn(move || {
                let mut client = koi.client();
                for round in 0..40 {
                    for (name, token) in some {
                        let key = format!("mute-{name}-{round}");
                        let call = Call::post(format!("/campaigns/{campaign}/draws"), &json!({"count": 10}));
                        let answer = client.send(&call.token(token).key(&key)).expect("an answer");
                        assert_eq!(answer.status, 201, "{}", answer.text());
                    }
                }
            });
        }
    });
    anonymous_mb(pid) - before
}

#[test]
fn operators_see_a_campaigns_figures_every_second() {
    let koi = Koi::start("live-figures");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 5);
    let path = format!("/campaigns/{campaign}/live/tickets");
    let made = koi.must(&Call::post(path.clone(), &json!({})).token(KEY));
    let ticket = made["ticket"].as_str().expect("a ticket");
    let mut socket = Socket::open(koi.server.address, &format!("/live?ticket={ticket}")).expect("a socket");
    koi.must(&draw(&campaign, &ada, "one"));
    let figures = loop {
        let message = wait_type(&mut socket, "campaign.figures");
        if message["data"]["draws"] == 1 {
            break message["data"].clone();
        }
    };
    let won: BTreeMap<&str, u64> = figures["prizes"]
        .as_array()
        .expect("prizes")
        .iter()
        .map(|p| (p["code"].as_str().expect("a code"), p["won"].as_u64().expect("a count")))
        .collect();
    assert_eq!(won.values().sum::<u64>(), figures["wins"].as_u64().expect("wins"), "{figures}");
    assert_problem("a shopper", &koi.send(&Call::post(path, &json!({})).token(&ada)), 403, "forbidden");
}
