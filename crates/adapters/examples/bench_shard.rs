//! Rows per second that projection writes into a database directly and through ShardingSphere-Proxy over two databases of
//! the same server: batches of draws of eight logs at once, both warmed up, measured in turns. Prints one JSON object.

use adapters::records::Store;
use adapters::vault::Vault;
use app::ports::{Position, Projection};
use app::rows::{DrawRow, Projected};
use domain::ids::{CampaignId, DrawId, IdMaker, ShopperId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "sharded/mod.rs"]
mod sharded;

use sharded::{Made, Result};

/// Logs that write at once, and draws of one batch of each.
const LOGS: u8 = 8;
const DRAWS: u64 = 2_000;
/// A cold proxy is ten times slower.
const WARM_UP: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;

/// The projection of one log, without end.
struct Log {
    store: Store,
    part: u8,
    ids: IdMaker,
    next: u64,
}

impl Log {
    async fn open(store: &Store, part: u8) -> Result<Self> {
        let store = store.of_log(part);
        store.fence(1).await?;
        Ok(Self { store, part, ids: IdMaker::default(), next: 0 })
    }

    fn batch(&mut self) -> Projected {
        let shopper = ShopperId(u64::from(self.part) << 16);
        let draws = (0..DRAWS).map(|n| {
            let id = DrawId(self.ids.make(1_800_000_000_000, self.part));
            let award = None;
            DrawRow { id, shopper, campaign: CampaignId(1), n, key: [7; 16], request: n, offset: self.next + n, award }
        });
        let draws: Vec<DrawRow> = draws.collect();
        self.next += DRAWS;
        let position = Position { next: self.next, epoch: 1, owner: 1 };
        Projected { draws, position, ..Projected::default() }
    }

    async fn run(mut self, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) -> Result<()> {
        while !stop.load(Ordering::Acquire) {
            let batch = self.batch();
            self.store.apply(batch).await?;
            // The draws and the position.
            written.fetch_add(DRAWS + 1, Ordering::AcqRel);
        }
        Ok(())
    }
}

/// Rows per second over some time, at the same logs that were warmed up.
struct Side {
    written: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    running: Vec<tokio::task::JoinHandle<Result<()>>>,
}

impl Side {
    async fn start(store: &Store, first: u64) -> Result<Self> {
        let (written, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut running = Vec::new();
        for part in 0..LOGS {
            let mut log = Log::open(store, part).await?;
            // Behind what an earlier run wrote.
            log.next = log.store.position().await?.next;
            (0..first).for_each(|_| _ = log.ids.make(1_800_000_000_000, part));
            running.push(tokio::spawn(log.run(stop.clone(), written.clone())));
        }
        Ok(Self { written, stop, running })
    }

    async fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::Release);
        for one in self.running {
            one.await??;
        }
        Ok(self.written.load(Ordering::Acquire))
    }
}

async fn measure(store: &Store, first: &mut u64, time: Duration) -> Result<f64> {
    let (started, side) = (Instant::now(), Side::start(store, *first).await?);
    tokio::time::sleep(time).await;
    let rows = side.end().await?;
    let elapsed = started.elapsed();
    // Whichever log was fastest, its next ids are new.
    *first += rows;
    Ok(rows as f64 / elapsed.as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let keys = std::env::temp_dir().join(format!("koi-bench-shard-{}", std::process::id()));
    std::fs::create_dir_all(&keys)?;
    let made = Made::new().await?;
    let straight = Store::connect(&made.direct, Vault::open(&keys)?).await?;
    let through = Store::connect(&made.sharded, Vault::open(&keys)?).await?;
    let (mut first, mut rates) = ([0, 0], [Vec::new(), Vec::new()]);
    for round in 0..=ROUNDS {
        for (side, store) in [&straight, &through].into_iter().enumerate() {
            let time = if round == 0 { WARM_UP } else { MEASURED };
            let rate = measure(store, &mut first[side], time).await?;
            eprintln!("{} {rate:.0} rows/s", ["direct", "proxy"][side]);
            if round > 0 {
                rates[side].push(rate);
            }
        }
    }
    let [direct, proxy] = rates.map(median);
    straight.close().await;
    through.close().await;
    made.drop().await?;
    std::fs::remove_dir_all(&keys)?;
    let result = serde_json::json!({
        "direct_rows_per_s": direct.round(),
        "proxy_rows_per_s": proxy.round(),
        "ratio": (proxy / direct * 1_000.0).round() / 1_000.0,
        "logs": LOGS,
        "rows_per_batch": DRAWS + 1,
        "databases": 2,
        "tables": 4,
    });
    println!("{result}");
    Ok(())
}
