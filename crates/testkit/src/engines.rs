//! Where the real engines are that tests run against.
//!
//! `cargo xtask test` starts them and says where they are by environment variables; after `cargo xtask cluster up` a plain
//! `cargo test` finds them too, by a file that the former writes. A test whose engine is not there fails: one that
//! was skipped would look like one that passed.

use std::path::PathBuf;

/// The variable that names Kafka, `kafka://HOST:PORT`.
pub const KAFKA: &str = "KOI_TEST_KAFKA";
/// The variable that names Kafka behind a relay, `LISTEN>TARGET`: Kafka's clients are told to come to the first, where a
/// test listens and passes on to the second.
pub const KAFKA_RELAYED: &str = "KOI_TEST_KAFKA_RELAYED";

/// The variable that names a database of the MySQL protocol, `mysql://USER:PASSWORD@HOST:PORT/DATABASE`.
pub const MYSQL: &str = "KOI_TEST_MYSQL";

/// The variable that names ShardingSphere-Proxy before two databases of [`MYSQL`]'s server, in the same form.
pub const PROXY: &str = "KOI_TEST_PROXY";

/// The value of one of the variables.
///
/// # Panics
/// Where the engine was not started, with the command that starts it.
pub fn find(variable: &str) -> String {
    let written = || {
        let text = std::fs::read_to_string(target().join("cluster/engines.env")).ok()?;
        text.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('=').map(str::to_owned))
    };
    match std::env::var(variable).ok().or_else(written) {
        Some(value) => value,
        None => panic!("{variable} is not set; `cargo xtask cluster up` starts the engines that this test needs"),
    }
}

/// Where the engines that tests share have their files, jars among them.
pub fn of_tests() -> PathBuf {
    target().join("cluster")
}

/// `host:port` of Kafka.
pub fn kafka() -> String {
    let url = find(KAFKA);
    url.trim_start_matches("kafka://").to_owned()
}

/// The variable that names the folder of llama.cpp's server and its tiny models.
pub const LLAMA: &str = "KOI_TEST_LLAMA";

/// The folder with `llama-server`, `oracle.gguf` and `random.gguf`.
///
/// # Panics
/// Where it was not built, with the command that builds it.
pub fn llama() -> PathBuf {
    let folder = std::env::var_os(LLAMA).map_or_else(llama_cache, PathBuf::from);
    let built = folder.join("llama-server").is_file() && folder.join("oracle.gguf").is_file();
    assert!(built, "there is no llama-server in {}; `cargo xtask test llm` builds it", folder.display());
    folder
}

/// Where `cargo xtask test` puts it: outside the project, for every clone of it.
fn llama_cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("koi/llama")
}

fn target() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(root).join("target"), PathBuf::from)
}
