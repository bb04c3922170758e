//! Flags of the command line. A flag that is not given is not serialised, so that weaker sources keep their say.
#![allow(rustdoc::bare_urls, reason = "what stands here is printed by --help")]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::LogFormat;

const EVERYWHERE: &str = "Options of every command";

/// Flags that every command knows.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct CommonFlags {
    /// Settings file [default: waxwing.toml, when it is there]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Folder of database, key file and media [env: WAXWING_DATA] [default: ./waxwing-data]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// postgres://… or sqlite://… [env: WAXWING_DATABASE_URL] [default: a SQLite file in the data folder]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// What is logged, e.g. warn or info,engine=debug [env: WAXWING_LOG] [default: info]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    /// How it is logged: text or json [env: WAXWING_LOG_FORMAT] [default: text]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_format: Option<LogFormat>,
}

/// Where a server listens.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct ListenFlags {
    /// Address and port; port 0 picks a free one [env: WAXWING_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
}

/// Flags of `serve`.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct ServeFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) listen: ListenFlags,
    /// Where Meta reaches this server, e.g. https://wa.example.com [env: WAXWING_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Calls to Meta in flight per number, at most [env: WAXWING_SENDS_IN_FLIGHT] [default: 256]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sends_in_flight: Option<usize>,
    /// CSV file with what Meta charges (market, currency, marketing, utility, authentication) [env: WAXWING_RATE_CARD]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_card: Option<PathBuf>,
    /// Calls per second that an API key may make; 0: no limit [env: WAXWING_API_RATE] [default: 200]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_rate: Option<u32>,
    /// Networks that calls to tenants' addresses may lead into, besides the internet [env: WAXWING_ALLOW_NETWORKS]
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_networks: Option<Vec<String>>,
    /// Proxies of yours, whose X-Forwarded-For is believed [env: WAXWING_TRUSTED_PROXIES]
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_proxies: Option<Vec<String>>,
    /// Where webhooks may come from [env: WAXWING_WEBHOOK_NETWORKS] [default: anywhere]
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_networks: Option<Vec<String>>,
    /// Certificate chain as PEM, to speak TLS without a proxy [env: WAXWING_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate as PEM [env: WAXWING_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address on which /metrics is served, and nothing else [env: WAXWING_METRICS_LISTEN] [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics_listen: Option<String>,
    /// Collector of traces (OTLP over HTTP), e.g. http://127.0.0.1:4318 [env: WAXWING_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Name of this node, unique among those on one database [env: WAXWING_NODE] [default: host and process]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// How long a stop waits for calls in flight [env: WAXWING_SHUTDOWN_SECONDS] [default: 25]
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shutdown_seconds: Option<u64>,
}
