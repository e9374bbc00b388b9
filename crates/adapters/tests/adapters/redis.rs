//! Hints on real Redis servers against the suites of their ports: one server, three masters of a cluster, and servers that
//! are emptied, full, locked, killed and set back to an older state. Each test has servers of its own.

use adapters::hints::{Options, Redis, Tuning};
use app::ports::{Hints, Mark, TicketFor};
use domain::ids::{CampaignId, ShopperId};
use redis::FromRedisValue;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::builders::NOON_MS;
use testkit::clock::FakeClock;
use testkit::conformance::hints::{self, done};

const ADA: ShopperId = ShopperId(7);
const MARK: Mark = Mark::Qualified { campaign: CampaignId(1) };
const SOON: Duration = Duration::from_secs(20);

/// A server that ends with the test.
struct Server {
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let child = spawn(&dir, port, &arguments);
        let server = Self { dir, port, arguments, child };
        server.answers().await;
        server
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    async fn tell<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| _ = command.arg(*word));
        command.query_async(&mut connection).await
    }

    async fn answers(&self) {
        until("Redis answers", async || {
            match self.tell::<String>(&["PING"]).await {
                Ok(_) => true,
                // A server with a password answers too.
                Err(error) => !error.is_io_error() && !error.is_connection_refusal(),
            }
        })
        .await;
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn start_again(&mut self) {
        self.child = spawn(&self.dir, self.port, &self.arguments);
        self.answers().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    // The bus of a cluster takes the port 10,000 above.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

fn spawn(dir: &TempDir, port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(dir.path()).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("redis-server is needed; `cargo xtask cluster up` installs it")
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let by = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < by, "{what}: not within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A node, with time enough on a loaded machine.
async fn node(url: &str, clock: &Arc<FakeClock>) -> Redis {
    sized(url, clock, Options::default().shoppers).await
}

/// A node with a layout for so many shoppers: for few there is one bucket.
async fn sized(url: &str, clock: &Arc<FakeClock>, shoppers: u64) -> Redis {
    let options = Options { url: url.to_owned(), wait_ms: 1_000, shoppers, ..Options::default() };
    Redis::start(options.engine().unwrap(), &options, Tuning::default(), clock.clone()).await.unwrap()
}

fn noon() -> Arc<FakeClock> {
    Arc::new(FakeClock::at(NOON_MS))
}

async fn passes_all(url: &str, lose: impl AsyncFn()) {
    let clock = noon();
    let (one, two) = (node(url, &clock).await, node(url, &clock).await);
    hints::a_loss_makes_nothing_false(&one, &lose).await;
    lose().await;
    hints::a_loss_makes_nothing_false(&sized(url, &clock, 1).await, &lose).await;
    lose().await;
    let fresh = node(url, &clock).await;
    hints::hold_for_their_time(&fresh, &mut |time: Duration| clock.advance(time.as_millis() as i64)).await;
    lose().await;
    hints::nobody_is_taken_for_another(&one, 1_500).await;
    lose().await;
    hints::nodes_share_them(&one, &two).await;
    hints::hot_ones_are_the_newest(&one).await;
}

#[tokio::test]
async fn hints_on_one_server_keep_their_promises() {
    let server = Server::start(&[]).await;
    passes_all(&server.url(), async || {
        server.tell::<()>(&["FLUSHALL"]).await.unwrap();
        server.tell::<()>(&["FUNCTION", "FLUSH"]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn hints_on_three_masters_keep_their_promises() {
    let arguments = ["--cluster-enabled", "yes"];
    let servers = [Server::start(&arguments).await, Server::start(&arguments).await, Server::start(&arguments).await];
    for (server, (from, to)) in servers.iter().zip([(0, 5_460), (5_461, 10_922), (10_923, 16_383)]) {
        server.tell::<()>(&["CLUSTER", "ADDSLOTSRANGE", &format!("{from}"), &format!("{to}")]).await.unwrap();
        let port = servers[0].port.to_string();
        if server.port != servers[0].port {
            server.tell::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port]).await.unwrap();
        }
    }
    for server in &servers {
        until("the cluster is whole", async || {
            let info: String = server.tell(&["CLUSTER", "INFO"]).await.unwrap();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
        .await;
    }
    let nodes: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
    let url = format!("redis-cluster://{}", nodes.join(","));
    let lose = async || {
        for server in &servers {
            server.tell::<()>(&["FLUSHALL"]).await.unwrap();
            server.tell::<()>(&["FUNCTION", "FLUSH"]).await.unwrap();
        }
    };
    passes_all(&url, &lose).await;
    lose().await;
    // Enough shoppers for several directories, which lie where their hash tags say.
    hints::nobody_is_taken_for_another(&node(&url, &noon()).await, 1_500).await;
    for server in &servers {
        let keys: u64 = server.tell(&["DBSIZE"]).await.unwrap();
        assert!(keys > 0, "every master holds some");
    }
}

#[tokio::test]
async fn without_a_server_nothing_is_refused_and_it_is_used_once_it_is_there() {
    let port = free_port();
    let clock = noon();
    let away = node(&format!("redis://127.0.0.1:{port}"), &clock).await;
    hints::away_it_refuses_nothing(&away).await;
    let dir = tempfile::tempdir().unwrap();
    let child = spawn(&dir, port, &[]);
    let mut server = Server { dir, port, arguments: Vec::new(), child };
    until("it is used", async || {
        done(away.mark(MARK, ADA)).await;
        away.is_marked(MARK, ADA).await
    })
    .await;
    server.kill();
    // Once it is given up, tickets are this node's own again.
    until("it is given up", async || away.put_ticket([9; 32], TicketFor::Shopper(ADA)).await.is_ok()).await;
    hints::away_it_refuses_nothing(&away).await;
    server.start_again().await;
    until("it is used again, with its functions", async || {
        done(away.mark(MARK, ADA)).await;
        away.is_marked(MARK, ADA).await
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_costs_three_bounds_and_no_more() {
    let server = Server::start(&[]).await;
    let options = Options { url: server.url(), wait_ms: 100, ..Options::default() };
    let node = Redis::start(options.engine().unwrap(), &options, Tuning::default(), noon()).await.unwrap();
    until("it is used", async || {
        done(node.mark(MARK, ADA)).await;
        node.is_marked(MARK, ADA).await
    })
    .await;
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    let started = Instant::now();
    for shopper in 0..200 {
        assert!(node.begin_drawing(ShopperId(1_000 + shopper)).await, "nobody is refused");
    }
    let took = started.elapsed();
    assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
    assert!(took < Duration::from_secs(5), "two hundred bounds of 100 ms would be twenty seconds: {took:?}");
    until("it is used again", async || {
        done(node.mark(MARK, ADA)).await;
        node.is_marked(MARK, ADA).await
    })
    .await;
}

#[tokio::test]
async fn a_full_server_and_a_wrong_password_refuse_nothing() {
    let clock = noon();
    let full = Server::start(&["--maxmemory", "1kb", "--maxmemory-policy", "noeviction"]).await;
    hints::away_it_refuses_nothing(&node(&full.url(), &clock).await).await;
    let locked = Server::start(&["--requirepass", "secret"]).await;
    hints::away_it_refuses_nothing(&node(&format!("redis://:wrong@127.0.0.1:{}", locked.port), &clock).await).await;
    let right = node(&format!("redis://:secret@127.0.0.1:{}", locked.port), &clock).await;
    until("with the right one it is used", async || {
        done(right.mark(MARK, ADA)).await;
        right.is_marked(MARK, ADA).await
    })
    .await;
}

#[tokio::test]
async fn an_older_state_and_a_lost_directory_say_nothing_false() {
    let mut server = Server::start(&[]).await;
    let (clock, bob) = (noon(), ShopperId(8));
    let node = sized(&server.url(), &clock, 1_000).await;
    done(node.mark(MARK, ADA)).await;
    server.tell::<()>(&["SAVE"]).await.unwrap();
    done(node.mark(MARK, bob)).await;
    server.kill();
    server.start_again().await;
    // As it was when only Ada was known; whoever comes now is given the place that Bob had.
    let others: Vec<ShopperId> = (100..200).map(ShopperId).collect();
    until("it is used again", async || {
        done(node.mark(Mark::Qualified { campaign: CampaignId(2) }, others[0])).await;
        node.is_marked(Mark::Qualified { campaign: CampaignId(2) }, others[0]).await
    })
    .await;
    assert!(node.is_marked(MARK, ADA).await, "what was saved is still true");
    assert!(!node.is_marked(MARK, bob).await);
    // Evicted directories take the meaning of all places with them.
    let directories: Vec<String> = server.tell(&["KEYS", "*:d"]).await.unwrap();
    let words: Vec<&str> = std::iter::once("DEL").chain(directories.iter().map(String::as_str)).collect();
    server.tell::<()>(&words).await.unwrap();
    for shopper in others.iter().chain([&ADA, &bob]) {
        done(node.mark(Mark::Qualified { campaign: CampaignId(3) }, *shopper)).await;
        assert!(!node.is_marked(MARK, *shopper).await, "{shopper}");
        assert!(node.begin_drawing(*shopper).await, "{shopper}");
    }
}
