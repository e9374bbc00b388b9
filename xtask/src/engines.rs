//! `cargo xtask cluster up|down|status`, and the engines for `cargo xtask test`.

use anyhow::Result;
use clap::Subcommand;

use crate::cargo;
use xtask::cluster::{Cluster, Engine};

/// What to do with the engines.
#[derive(Subcommand)]
pub enum Task {
    /// Installs what is missing, starts what does not run, waits until all answer.
    Up,
    /// Stops what `up` started.
    Down,
    /// Shows what runs, and where.
    Status {
        #[arg(long)]
        json: bool,
    },
}

/// The engines of this build directory.
pub fn cluster() -> Cluster {
    Cluster::new(cargo::target().join("cluster"))
}

/// Engines for as long as something needs them; where some ran before, all go on running.
pub struct Running {
    cluster: Cluster,
    ran_before: bool,
}

impl Running {
    /// Starts those that do not run.
    ///
    /// # Errors
    /// What is missing, or what failed.
    pub fn start(engines: &[Engine]) -> Result<Self> {
        let cluster = cluster();
        let ran_before = cluster.status().iter().any(|status| status.pid.is_some());
        let running = Self { cluster, ran_before };
        running.cluster.up(engines, &mut |line| eprintln!("{line}"))?;
        Ok(running)
    }

    /// The environment variables that say where they are.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.cluster.variables()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ran_before
            && let Err(error) = self.cluster.down(&mut |line| eprintln!("{line}"))
        {
            eprintln!("the engines could not be stopped: {error:#}");
        }
    }
}

/// Runs one.
///
/// # Errors
/// What is missing, or what failed.
pub fn run(what: &Task) -> Result<()> {
    let cluster = cluster();
    let mut tell = |line: &str| println!("{line}");
    match what {
        Task::Up => cluster.up(&Engine::ALL, &mut tell),
        Task::Down => cluster.down(&mut tell),
        Task::Status { json: true } => {
            println!("{}", cluster.status_json());
            Ok(())
        }
        Task::Status { json: false } => {
            for status in cluster.status() {
                let state = match (status.pid, status.answers) {
                    (None, _) => "does not run".to_owned(),
                    (Some(pid), true) => format!("process {pid}, answers at {}", cluster.url(status.engine)?),
                    (Some(pid), false) => format!("process {pid}, does not answer"),
                };
                println!("{:<22}{state}", status.engine.to_string());
            }
            Ok(())
        }
    }
}
