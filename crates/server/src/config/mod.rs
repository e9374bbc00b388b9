//! The configuration: `koi.toml`, then environment variables `KOI__SECTION__KEY`, then the command line. An unknown key
//! is an error that names it, wherever it stands: a typing error must not silently mean the default.

use crate::auth::JwtConfig;
use adapters::cluster::{Engines, LedgerKind};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// What environment variables that are read as configuration start with.
const ENV_PREFIX: &str = "KOI__";

/// How a variable is named.
const VARIABLE_FORM: &str = "a variable is KOI__SECTION__KEY, like KOI__SERVER__LISTEN";

/// The default configuration with its comments: what `koi config default` prints.
pub const DEFAULT_TEXT: &str = include_str!("default.toml");

/// All that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub log: Log,
    pub operators: Operators,
    pub shoppers: Shoppers,
    pub flows: Flows,
    pub embedded: adapters::embedded::Options,
    pub ledger: adapters::cluster::LedgerOptions,
    pub records: adapters::cluster::RecordsOptions,
    pub cluster: adapters::cluster::ClusterOptions,
    pub topics: adapters::kafka::TopicsOptions,
    pub hints: adapters::hints::Options,
    pub fulfilment: app::fulfil::Options,
    pub campaigns: Campaigns,
    pub limits: crate::http::Limits,
    pub telemetry: Telemetry,
    pub llm: adapters::llm::Options,
    pub advice: adapters::advice::Analyst,
}

/// `[campaigns]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Campaigns {
    /// What one operator or key wrote another one publishes.
    pub second_person: bool,
    /// How long before it takes effect a change that is not in the shopper's favour is announced at least.
    pub notice_minutes: u32,
}

impl Default for Campaigns {
    fn default() -> Self {
        Campaigns { second_person: false, notice_minutes: 60 }
    }
}

impl Campaigns {
    /// As the use cases take it.
    pub fn policy(self) -> app::koi::CampaignPolicy {
        app::koi::CampaignPolicy {
            second_person: self.second_person,
            notice_ms: i64::from(self.notice_minutes) * 60_000,
        }
    }
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data: PathBuf,
    /// Connections at once, at least 1; more wait in the kernel's queue.
    pub connections_max: u32,
}

/// `[operators]`: how people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operators {
    pub session_idle_minutes: u32,
    pub session_hours: u32,
    pub sessions_max: u32,
    /// For how long a password that was given opens dangerous acts.
    pub fresh_minutes: u32,
    pub secure_cookies: bool,
    pub forwarded_for: bool,
    pub tries_account: u32,
    pub tries_address: u32,
    pub tries_minutes: u32,
}

impl Default for Operators {
    fn default() -> Self {
        Operators {
            session_idle_minutes: 30,
            session_hours: 12,
            sessions_max: 5,
            fresh_minutes: 10,
            secure_cookies: false,
            forwarded_for: false,
            tries_account: 10,
            tries_address: 50,
            tries_minutes: 15,
        }
    }
}

impl Operators {
    /// As the use cases take it.
    pub fn policy(&self) -> app::desk::Policy {
        let minutes = |count: u32| std::time::Duration::from_secs(u64::from(count) * 60);
        app::desk::Policy {
            idle: minutes(self.session_idle_minutes),
            absolute: minutes(self.session_hours.saturating_mul(60)),
            sessions_max: self.sessions_max,
            fresh: minutes(self.fresh_minutes),
            tries_account: self.tries_account,
            tries_address: self.tries_address,
            window: minutes(self.tries_minutes),
        }
    }

    fn is_whole(&self) -> bool {
        let all = [
            self.session_idle_minutes,
            self.session_hours,
            self.sessions_max,
            self.fresh_minutes,
            self.tries_account,
            self.tries_address,
            self.tries_minutes,
        ];
        all.into_iter().all(|value| (1..=100_000).contains(&value))
    }
}

/// `[shoppers]`: which pages may call for them, and who vouches for them besides our own tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shoppers {
    /// Origins whose pages may call for a shopper: shops that embed the draw.
    pub embed_origins: Vec<String>,
    pub jwt: JwtConfig,
}

/// `[flows]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flows {
    /// The folder whose files are campaigns' flows; empty watches nothing.
    pub folder: PathBuf,
    /// Milliseconds between two looks at it, 100 to 60,000.
    pub every_ms: u32,
}

impl Default for Flows {
    fn default() -> Self {
        Flows { folder: PathBuf::new(), every_ms: 500 }
    }
}

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The collector's OTLP over HTTP, like `http://127.0.0.1:4318`; empty: no traces.
    pub otlp_url: String,
    /// The share of requests that are traced where the caller does not say, 0 to 1.
    pub sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { otlp_url: String::new(), sample: 0.01 }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// A level, or levels by module as `tracing` reads them.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Default for Server {
    fn default() -> Self {
        Server { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), data: default_data(), connections_max: 4_096 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Pretty, level: "info".to_owned() }
    }
}

/// The process' environment. What is no Unicode comes with replacement characters: such a value is refused where it is
/// read, and `std::env::vars` would panic.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// Where everything is kept if nobody says otherwise.
pub fn default_data() -> PathBuf {
    PathBuf::from("koi-data")
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}", path = .path.display())]
    File { path: PathBuf, message: String },
    #[error("{name}: {message}")]
    Variable { name: String, message: String },
    #[error("log.level is {level:?}: {message}; use error, warn, info, debug or trace")]
    Level { level: String, message: String },
    #[error("server.connections_max is 1 to 1000000")]
    Connections,
    #[error("operators: every number is 1 to 100000")]
    Operators,
    #[error("embedded: {0}")]
    Embedded(&'static str),
    #[error("shoppers.embed_origins: {0:?} is no origin; one looks like \"https://shop.example\"")]
    Origin(String),
    #[error("shoppers.jwt: {0}")]
    Jwt(&'static str),
    #[error("flows.every_ms is 100 to 60000")]
    Flows,
    #[error("ledger: {0}")]
    Ledger(&'static str),
    #[error("topics: {0}")]
    Topics(&'static str),
    #[error("records.url is for nodes of a cluster; set ledger.kind to \"kafka\" too, or leave it empty")]
    Records,
    #[error("telemetry.otlp_url is \"\" or http(s)://host:port, telemetry.sample is 0 to 1")]
    Telemetry,
    #[error(transparent)]
    Hints(#[from] adapters::hints::BadOptions),
    #[error("llm: {0}")]
    Llm(String),
}

impl Config {
    /// Reads the file, where one is named, and then the variables `KOI__SECTION__KEY` among `env`.
    ///
    /// # Errors
    /// A file that cannot be read; a key that is unknown or of another type, with its line; a value out of range.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
        let mut table = toml::Table::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
            let wrong = |e: toml::de::Error| ConfigError::File { path: path.to_owned(), message: with_line(&text, &e) };
            // Read once as it stands: only so do errors know their lines.
            toml::from_str::<Config>(&text).map_err(wrong)?;
            table = toml::from_str(&text).map_err(wrong)?;
        }
        let mut variables: Vec<_> = env.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        variables.sort();
        for (name, value) in &variables {
            table = with_variable(&table, name, value)?;
        }
        let config: Config = table.try_into().expect("invariant: every source was checked when it was added");
        config.checked()
    }

    /// Reads one text, without the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let wrong = |e| ConfigError::File { path: PathBuf::from("config"), message: with_line(text, &e) };
        toml::from_str::<Config>(text).map_err(wrong)?.checked()
    }

    fn checked(self) -> Result<Config, ConfigError> {
        if let Err(error) = EnvFilter::try_new(&self.log.level) {
            return Err(ConfigError::Level { level: self.log.level, message: error.to_string() });
        }
        if !(1..=1_000_000).contains(&self.server.connections_max) {
            return Err(ConfigError::Connections);
        }
        if let Some(wrong) = self.embedded.wrong() {
            return Err(ConfigError::Embedded(wrong));
        }
        if !self.operators.is_whole() {
            return Err(ConfigError::Operators);
        }
        if let Err(wrong) = crate::http::cors::Origins::new(&self.shoppers.embed_origins) {
            return Err(ConfigError::Origin(wrong));
        }
        if let Some(wrong) = self.shoppers.jwt.wrong() {
            return Err(ConfigError::Jwt(wrong));
        }
        if !(100..=60_000).contains(&self.flows.every_ms) {
            return Err(ConfigError::Flows);
        }
        if let Some(wrong) = self.ledger.wrong() {
            return Err(ConfigError::Ledger(wrong));
        }
        if self.ledger.kind == LedgerKind::Sqlite && !self.records.url.is_empty() {
            return Err(ConfigError::Records);
        }
        if let Some(wrong) = self.topics.wrong() {
            return Err(ConfigError::Topics(wrong));
        }
        self.hints.engine()?;
        let url = &self.telemetry.otlp_url;
        let named = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
        if !named || !(0.0..=1.0).contains(&self.telemetry.sample) {
            return Err(ConfigError::Telemetry);
        }
        if let Some(wrong) = self.llm.wrong() {
            return Err(ConfigError::Llm(wrong));
        }
        Ok(self)
    }

    /// The engines of a cluster's node.
    pub fn engines(&self) -> Engines {
        Engines {
            ledger: self.ledger.clone(),
            records: self.records.clone(),
            cluster: self.cluster.clone(),
            topics: self.topics.clone(),
            hints: self.hints.clone(),
            bounds: self.embedded,
        }
    }
}

/// The table with one variable set, checked at once so that the error can name it.
fn with_variable(table: &toml::Table, name: &str, value: &str) -> Result<toml::Table, ConfigError> {
    let wrong = |message: String| ConfigError::Variable { name: name.to_owned(), message };
    let path = name[ENV_PREFIX.len()..].to_ascii_lowercase();
    let names: Vec<&str> = path.split("__").collect();
    let [sections @ .., key] = names.as_slice() else { return Err(wrong(VARIABLE_FORM.to_owned())) };
    if sections.is_empty() {
        return Err(wrong(VARIABLE_FORM.to_owned()));
    }
    // A value that reads as TOML (a number, true) is tried as that, then as plain text.
    let typed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok().and_then(|mut t| t.remove("v"));
    let plain = toml::Value::String(value.to_owned());
    let mut first_error = None;
    for value in typed.into_iter().chain([plain]) {
        let mut tried = table.clone();
        let mut place = &mut tried;
        for section in sections {
            let below = place.entry(*section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            place = below.as_table_mut().ok_or_else(|| wrong(VARIABLE_FORM.to_owned()))?;
        }
        place.insert((*key).to_owned(), value);
        match tried.clone().try_into::<Config>() {
            Ok(_) => return Ok(tried),
            Err(error) => first_error.get_or_insert(error.message().to_owned()),
        };
    }
    Err(wrong(first_error.unwrap_or_default()))
}

/// "line 3, column 1: unknown field `x`, …"
fn with_line(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = String::from_utf8_lossy(&text.as_bytes()[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!("line {line}, column {column}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn the_default_text_is_the_default() {
        assert_eq!(Config::parse(DEFAULT_TEXT).unwrap(), Config::default());
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn the_default_text_names_every_key() {
        let text: toml::Table = toml::from_str(DEFAULT_TEXT).unwrap();
        let all = toml::Table::try_from(Config::default()).unwrap();
        for (section, keys) in &all {
            let said = text.get(section).and_then(toml::Value::as_table).unwrap_or_else(|| panic!("[{section}]"));
            for key in keys.as_table().unwrap().keys() {
                assert!(said.contains_key(key), "[{section}] {key} is not in the default text");
            }
        }
    }

    #[test]
    fn mistakes_in_a_file_are_named_with_their_line() {
        for (text, want) in [
            ("[server]\nlisten = \"127.0.0.1:1\"\ncolour = 1", &["line 3, column 1:", "colour"][..]),
            ("[server]\nconnections_max = \"锦\" \"鲤\"", &["line 2, column 23:"]),
            ("[embedded]\nbatch_max = 0", &["embedded", "at least 1"]),
            ("[sever]\n", &["line 1", "sever"]),
            ("\n[log]\nformat = \"xml\"", &["line 3", "xml"]),
            ("[server]\nconnections_max = \"many\"", &["line 2"]),
            ("[server]\nlisten = \"nowhere\"", &["line 2"]),
            ("[server\n", &["line 1"]),
            ("[server]\nconnections_max = 0", &["connections_max"]),
            ("[log]\nlevel = \"koi=loud\"", &["log.level", "loud"]),
            ("[operators]\nsessions_max = 0", &["operators"]),
            ("[shoppers]\nembed_origins = [\"https://shop/\"]", &["embed_origins", "https://shop/"]),
            ("[hints]\nurl = \"memcached://a\"", &["hints.url", "redis-cluster://"]),
            ("[telemetry]\nsample = 1.5", &["telemetry.sample"]),
            ("[telemetry]\notlp_url = \"collector:4318\"", &["telemetry.otlp_url"]),
            ("[hints]\nwait_ms = 0", &["hints.wait_ms", "1000"]),
            ("[shoppers.jwt]\nissuer = \"https://shop\"", &["shoppers.jwt", "audience"]),
            ("[shoppers.jwt]\nalgorithm = \"none\"", &["line 2", "algorithm"]),
            ("[ledger]\nkind = \"paper\"", &["line 2", "paper"]),
            ("[ledger]\nkind = \"kafka\"\nbrokers = \"\"", &["ledger", "brokers"]),
            ("[ledger]\ntopic = \"a topic\"", &["ledger", "topic"]),
            ("[ledger]\nmin_insync = 4", &["ledger", "min_insync"]),
            ("[records]\nurl = \"mysql://koi@db/koi\"", &["records.url", "kafka"]),
            ("[llm.endpoints.one]\nmodel = \"m\"", &["llm", "one", "url"]),
            ("[llm]\nconcurrency = 0", &["llm", "concurrency"]),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(want.iter().all(|w| error.contains(w)), "{text:?}: {error}");
        }
    }

    #[test]
    fn variables_override_and_are_named_when_wrong() {
        let good = env(&[
            ("KOI__SERVER__LISTEN", "127.0.0.1:9"),
            ("KOI__SERVER__CONNECTIONS_MAX", "7"),
            ("KOI__LOG__FORMAT", "json"),
            ("KOI_BOOTSTRAP_KEY", "koi_sk_not_config"),
            ("HOME", "/root"),
        ]);
        let config = Config::load(None, good).unwrap();
        assert_eq!(config.server.listen.port(), 9);
        assert_eq!((config.server.connections_max, config.log.format), (7, LogFormat::Json));
        let nested = env(&[
            ("KOI__SHOPPERS__JWT__ISSUER", "https://shop"),
            ("KOI__SHOPPERS__JWT__AUDIENCE", "koi"),
            ("KOI__SHOPPERS__JWT__JWKS_FILE", "jwks.json"),
        ]);
        assert_eq!(Config::load(None, nested).unwrap().shoppers.jwt.audience, "koi");
        let model = env(&[
            ("KOI__LLM__ENDPOINTS__NEAR__URL", "http://127.0.0.1:1/v1"),
            ("KOI__LLM__ENDPOINTS__NEAR__MODEL", "m"),
            ("KOI__LLM__ENDPOINTS__NEAR__KEY", "sk-secret"),
        ]);
        let config = Config::load(None, model).unwrap();
        assert!(config.llm.endpoints.contains_key("near") && !format!("{config:?}").contains("sk-secret"));
        for (name, value) in [
            ("KOI__SERVER__COLOUR", "red"),
            ("KOI__COLOUR__RED", "1"),
            ("KOI__SERVER", "x"),
            ("KOI__SERVER__CONNECTIONS_MAX", "many"),
            ("KOI__LOG__FORMAT", "xml"),
        ] {
            let error = Config::load(None, env(&[(name, value)])).unwrap_err().to_string();
            assert!(error.starts_with(name), "{name}={value}: {error}");
        }
        // Of a number that is meant as text, the text is taken.
        let data = Config::load(None, env(&[("KOI__SERVER__DATA", "2026")])).unwrap().server.data;
        assert_eq!(data, PathBuf::from("2026"));
    }

    #[test]
    fn files_are_read_and_missing_ones_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("koi.toml");
        std::fs::write(&path, "[server]\nconnections_max = 5\n").unwrap();
        let config = Config::load(Some(&path), env(&[("KOI__LOG__LEVEL", "debug")])).unwrap();
        assert_eq!((config.server.connections_max, config.log.level.as_str()), (5, "debug"));
        let missing = Config::load(Some(&dir.path().join("none.toml")), env(&[])).unwrap_err().to_string();
        assert!(missing.contains("none.toml"), "{missing}");
    }
}
