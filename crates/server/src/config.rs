//! Settings: flags, then environment variables `WAXWING_*`, then a TOML file, then the defaults below. A name that
//! nobody knows is an error, wherever it stands.

mod environment;
mod flags;
mod lists;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use api::limits::CallRate;
use domain::addresses::Networks;
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use environment::Environment;
pub(crate) use flags::{CommonFlags, ListenFlags, ServeFlags};
use lists::{networks, secrets};

/// The file that is read without being named, when it is there.
const DEFAULT_FILE: &str = "waxwing.toml";
/// Characters of a token that somebody chose, at least.
const SHORTEST_TOKEN: usize = 16;

/// All settings of a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Address and port of the HTTP server; port 0 picks a free one.
    pub(crate) listen: String,
    /// Folder of the database file, the key file and media.
    pub(crate) data: PathBuf,
    /// `postgres://…` or `sqlite://…`; without it a SQLite file in `data`.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) database_url: Option<SecretString>,
    /// The key that seals secrets at rest; without it the key file in `data`.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) key: Option<SecretString>,
    /// Earlier keys, still able to open what they sealed.
    #[serde(default, deserialize_with = "secrets")]
    pub(crate) old_keys: Vec<SecretString>,
    /// Where Meta reaches this server from outside, e.g. `https://wa.example.com`.
    #[serde(default)]
    pub(crate) public_url: Option<String>,
    /// What is logged: a level, or directives such as `info,engine=debug`.
    pub(crate) log: String,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
    /// Calls to Meta in flight per number, at most.
    pub(crate) sends_in_flight: usize,
    /// CSV file with what Meta charges, for the estimates of broadcasts.
    #[serde(default)]
    pub(crate) rate_card: Option<PathBuf>,
    /// Largest list of contacts that can be imported, in bytes and in rows.
    pub(crate) import_max_bytes: u64,
    pub(crate) import_max_rows: u64,
    /// Calls per second that an API key may make, twice that at once after a rest; 0: no limit. Without it 200, and
    /// no limit in the demo.
    #[serde(default)]
    pub(crate) api_rate: Option<u32>,
    /// Networks that calls to a tenant's addresses may lead into besides the internet.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) allow_networks: Networks,
    /// Proxies of ours: what they write into `X-Forwarded-For` is believed.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) trusted_proxies: Networks,
    /// Where webhooks may come from; without any, from anywhere.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) webhook_networks: Networks,
    /// The certificate and those above it, as PEM; with `tls_key` the server speaks TLS itself.
    #[serde(default)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    #[serde(default)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address on which `/metrics` is served, and nothing else.
    #[serde(default)]
    pub(crate) metrics_listen: Option<String>,
    /// Bearer token for `/metrics` on the address of the API.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) metrics_token: Option<SecretString>,
    /// A node that holds more numbers than this tells of them as one in its metrics.
    pub(crate) metrics_numbers: usize,
    /// Collector of traces (OTLP over HTTP), e.g. `http://127.0.0.1:4318`.
    #[serde(default)]
    pub(crate) otlp_endpoint: Option<String>,
    /// Headers for the collector, each `name=value`.
    #[serde(default, deserialize_with = "secrets")]
    pub(crate) otlp_headers: Vec<SecretString>,
    /// Bearer token for `/api/v1/tenants`; without it these routes are not there.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) operator_token: Option<SecretString>,
    /// The mail server: `smtps://name:password@host:465`, or `smtp://host:587?tls=required`; without it no mail is sent.
    #[serde(default, deserialize_with = "secret")]
    pub(crate) smtp_url: Option<SecretString>,
    /// Who sends: `Waxwing <alerts@example.com>`.
    #[serde(default)]
    pub(crate) smtp_from: Option<String>,
    /// Name of this node, unique among those on one database; without it host and process.
    #[serde(default)]
    pub(crate) node: Option<String>,
    /// How long a stop waits for calls in flight, in seconds.
    pub(crate) shutdown_seconds: u64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Serialize)]
struct Defaults {
    listen: &'static str,
    data: &'static str,
    log: &'static str,
    log_format: LogFormat,
    sends_in_flight: usize,
    import_max_bytes: u64,
    import_max_rows: u64,
    metrics_numbers: usize,
    shutdown_seconds: u64,
}

const DEFAULTS: Defaults = Defaults {
    listen: "127.0.0.1:8080",
    data: "./waxwing-data",
    log: "info",
    log_format: LogFormat::Text,
    sends_in_flight: 256,
    import_max_bytes: 512 * 1024 * 1024,
    import_max_rows: 5_000_000,
    metrics_numbers: 50,
    shutdown_seconds: 25,
};

impl Config {
    /// Whether the database is a file in the data folder or elsewhere on this machine, and not a PostgreSQL.
    pub(crate) fn is_embedded(&self) -> bool {
        self.database_url.as_ref().is_none_or(|url| !url.expose_secret().starts_with("postgres"))
    }

    /// Reads every source. `flags` are those of the command, the strongest.
    pub(crate) fn read(common: &CommonFlags, flags: &impl Serialize) -> Result<Self> {
        Self::from_sources(common, flags, Environment::of_process())
    }

    /// For a command without flags of its own.
    pub(crate) fn for_command(common: &CommonFlags) -> Result<Self> {
        Self::read(common, &ServeFlags::default())
    }

    /// Whether a setting opens `/metrics`.
    pub(crate) fn counts(&self) -> bool {
        self.metrics_listen.is_some() || self.metrics_token.is_some()
    }

    /// How long a stop waits.
    pub(crate) fn shutdown(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.shutdown_seconds)
    }

    /// Settings of the HTTP side.
    pub(crate) fn api(&self) -> api::Settings {
        let call_rate = match self.api_rate {
            None => Some(CallRate::default()),
            Some(calls) => NonZeroU32::new(calls)
                .map(|per_second| CallRate { per_second, burst: per_second.saturating_add(calls) }),
        };
        api::Settings {
            call_rate,
            trusted_proxies: self.trusted_proxies.clone(),
            webhook_networks: self.webhook_networks.clone(),
            operator: self.operator_token.clone().map(api::OperatorToken::new),
            secure_cookies: self.tls_cert.is_some()
                || self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")),
            ..api::Settings::default()
        }
    }

    fn from_sources(common: &CommonFlags, flags: &impl Serialize, environment: Environment) -> Result<Self> {
        let config: Self = Figment::from(Serialized::defaults(DEFAULTS))
            .merge(Toml::string(&file(common.config.as_deref())?))
            .merge(environment)
            .merge(Serialized::defaults(common))
            .merge(Serialized::defaults(flags))
            .extract_lossy()
            .map_err(named)?;
        config.checked()
    }

    fn checked(self) -> Result<Self> {
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            bail!("public_url: \"{url}\" does not start with https:// (or, for tests, http://)");
        }
        if self.sends_in_flight == 0 {
            bail!("sends_in_flight: at least 1, else nothing is ever sent");
        }
        for (name, token) in
            [("metrics_token", &self.metrics_token), ("operator_token", &self.operator_token)]
        {
            if token.as_ref().is_some_and(|token| token.expose_secret().len() < SHORTEST_TOKEN) {
                bail!("{name}: at least {SHORTEST_TOKEN} characters, else it can be guessed");
            }
        }
        if self.smtp_url.is_some() != self.smtp_from.is_some() {
            bail!("smtp_url and smtp_from: one needs the other");
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            bail!("tls_cert and tls_key: one needs the other");
        }
        Ok(self)
    }
}

/// The text of the settings file; nothing when none is named and the default one is not there.
fn file(named: Option<&Path>) -> Result<String> {
    match named {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("the settings file {} cannot be read", path.display())),
        None if Path::new(DEFAULT_FILE).exists() => {
            std::fs::read_to_string(DEFAULT_FILE).with_context(|| format!("{DEFAULT_FILE} cannot be read"))
        }
        None => Ok(String::new()),
    }
}

/// Says which setting is wrong and where it stands, never its value.
fn named(error: figment::Error) -> anyhow::Error {
    let source = error.metadata.as_ref().map_or_else(String::new, |metadata| match metadata.name.as_ref() {
        "TOML source string" => " (settings file)".into(),
        name => format!(" ({name})"),
    });
    let path = error.path.join(".");
    match &error.kind {
        figment::error::Kind::UnknownField(name, known) => {
            anyhow::anyhow!("there is no setting \"{name}\"{source}; there are {}", known.join(", "))
        }
        figment::error::Kind::InvalidType(_, wanted) | figment::error::Kind::InvalidValue(_, wanted) => {
            anyhow::anyhow!("{path}: expected {wanted}{source}")
        }
        other if path.is_empty() => anyhow::anyhow!("settings: {other}{source}"),
        other => anyhow::anyhow!("{path}: {other}{source}"),
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(file: &str, environment: &[(&str, &str)], flags: &ServeFlags) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, file).unwrap();
        let common = CommonFlags { config: Some(path), ..CommonFlags::default() };
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_sources(&common, flags, Environment::of(pairs))
    }

    #[test]
    fn without_any_source_the_defaults_hold() {
        let config = read("", &[], &ServeFlags::default()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert_eq!(config.data, Path::new("./waxwing-data"));
        assert!(config.database_url.is_none());
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn a_flag_is_stronger_than_the_environment_and_that_than_the_file() {
        let file = "listen = \"file:1\"\nlog = \"file\"\nlog_format = \"json\"";
        let environment = [("WAXWING_LISTEN", "env:2"), ("WAXWING_LOG", "debug")];
        let mut flags = ServeFlags::default();
        flags.listen.listen = Some("flag:3".into());
        let config = read(file, &environment, &flags).unwrap();
        assert_eq!(config.listen, "flag:3");
        assert_eq!(config.log, "debug");
        assert_eq!(config.log_format, LogFormat::Json);
    }

    #[test]
    fn an_unknown_setting_is_an_error_in_the_file_and_in_the_environment() {
        let error = read("listne = \"x:1\"", &[], &ServeFlags::default()).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no setting \"listne\" (settings file); there are listen, "),
            "{error}"
        );
        let error = read("", &[("WAXWING_LISTNE", "x:1")], &ServeFlags::default()).unwrap_err().to_string();
        assert!(error.starts_with("there is no setting \"listne\" (environment"), "{error}");
    }

    #[test]
    fn the_handles_of_the_demo_are_no_settings() {
        read("", &[("WAXWING_API_KEY", "wx"), ("WAXWING_TENANT", "1")], &ServeFlags::default()).unwrap();
    }

    #[test]
    fn a_key_of_digits_stays_a_text_and_is_never_printed() {
        let digits = "12345678901234567890123456789012345678901234567890123456789012e4";
        let config = read("", &[("WAXWING_KEY", digits)], &ServeFlags::default()).unwrap();
        assert_eq!(config.key.as_ref().unwrap().expose_secret(), digits);
        assert!(!format!("{config:?}").contains("12345"));
    }

    #[test]
    fn old_keys_are_a_list_or_one_text_with_commas() {
        let of = |file: &str, environment: &[(&str, &str)]| {
            let config = read(file, environment, &ServeFlags::default()).unwrap();
            config.old_keys.iter().map(|key| key.expose_secret().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("old_keys = [\"a\", \"b\"]", &[]), ["a", "b"]);
        assert_eq!(of("", &[("WAXWING_OLD_KEYS", "a,b,")]), ["a", "b"]);
    }

    #[test]
    fn networks_are_a_list_or_one_text_with_commas_and_a_wrong_one_is_named() {
        let of = |file: &str, environment: &[(&str, &str)]| read(file, environment, &ServeFlags::default());
        let listed = of("allow_networks = [\"10.0.0.0/8\", \"::1\"]", &[]).unwrap();
        let told = of("", &[("WAXWING_ALLOW_NETWORKS", "10.0.0.0/8, ::1")]).unwrap();
        assert_eq!(listed.allow_networks, told.allow_networks);
        assert!(told.allow_networks.contain("10.1.2.3".parse().unwrap()));
        let error = of("", &[("WAXWING_TRUSTED_PROXIES", "10.0.0.0/40")]).unwrap_err().to_string();
        assert!(error.starts_with("trusted_proxies: \"10.0.0.0/40\" is no network"), "{error}");
    }

    #[test]
    fn a_certificate_without_its_key_is_an_error() {
        let error = read("tls_cert = \"a.pem\"", &[], &ServeFlags::default()).unwrap_err();
        assert_eq!(error.to_string(), "tls_cert and tls_key: one needs the other");
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_the_setting_and_its_source() {
        let error = read("", &[("WAXWING_SENDS_IN_FLIGHT", "many")], &ServeFlags::default()).unwrap_err();
        assert_eq!(error.to_string(), "sends_in_flight: expected usize (environment variables)");
        let error = read("sends_in_flight = 0", &[], &ServeFlags::default()).unwrap_err();
        assert_eq!(error.to_string(), "sends_in_flight: at least 1, else nothing is ever sent");
    }

    #[test]
    fn the_call_rate_is_200_unless_told_and_0_is_no_limit() {
        let rate = |value: &str| {
            let config = read("", &[("WAXWING_API_RATE", value)], &ServeFlags::default()).unwrap();
            config.api().call_rate.map(|rate| (rate.per_second.get(), rate.burst.get()))
        };
        assert_eq!(rate(""), Some((200, 400)));
        assert_eq!(rate("50"), Some((50, 100)));
        assert_eq!(rate("0"), None);
    }

    #[test]
    fn a_named_file_must_be_there() {
        let common = CommonFlags { config: Some("/nowhere/waxwing.toml".into()), ..CommonFlags::default() };
        let error = Config::from_sources(&common, &ServeFlags::default(), Environment::of([])).unwrap_err();
        assert!(error.to_string().contains("/nowhere/waxwing.toml"));
    }
}
