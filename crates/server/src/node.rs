//! One process's share of the house: the parts chosen by the settings, put together.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use domain::{Clock, Entropy, MovableClock, SystemEntropy};
use engine::broadcasts::rates::RateCard;
use engine::{Deps, Engine, Settings};
use gateway_meta::MetaClient;
use notifier::{HttpPoster, SmtpMailer};
use ports::StoreError;
use ports::gateway::MetaGateway;
use ports::mail::{Mailer, NoMail};
use secrecy::ExposeSecret;
use store::{SqlStore, StoreConfig};

use crate::config::Config;
use crate::folder::ONLY_NODE;
use crate::keys::{SealingKeys, make_folder};
use crate::metrics::CountedGateway;

/// Where this node notes the ends of the audit trails, in the data folder.
pub(crate) const AUDIT_HEADS: &str = "audit-heads.json";

/// Parts that a command may choose itself.
pub(crate) struct Parts {
    /// The demo moves it; nobody else does.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where Meta reaches this process.
    pub(crate) public_url: Option<String>,
}

/// The store, opened, and the use cases over it.
pub(crate) struct Node {
    pub(crate) store: SqlStore,
    pub(crate) engine: Engine,
}

impl Parts {
    /// The system's clock, and the address that the settings name.
    pub(crate) fn of(config: &Config) -> Self {
        Self { clock: Arc::new(MovableClock::default()), public_url: config.public_url.clone() }
    }
}

impl Node {
    /// Opens the store, brings its tables up to date, and builds the use cases. Nothing runs yet.
    pub(crate) async fn open(config: &Config, parts: Parts) -> Result<Self> {
        let store = open_current_store(config).await?;
        Self::over(store, config, parts).await
    }

    /// Builds the use cases over a store whose tables are as they should be.
    pub(crate) async fn over(store: SqlStore, config: &Config, parts: Parts) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let settings = Settings {
            node: config.node.clone().unwrap_or_else(|| node_name(config, entropy.as_ref())),
            media_dir: config.data.join("media"),
            imports_dir: config.data.join("imports"),
            import_max_bytes: config.import_max_bytes,
            import_max_rows: config.import_max_rows,
            public_url: parts.public_url,
            audit_heads: Some(config.data.join(AUDIT_HEADS)),
            sends_in_flight: config.sends_in_flight,
            rate_card: config.rate_card.as_deref().map(rate_card).transpose()?,
        };
        for folder in [&settings.media_dir, &settings.imports_dir] {
            make_folder(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        }
        let engine = Engine::new(Deps {
            store: Arc::new(store.clone()),
            gateway: gateway(config)?,
            clock: parts.clock,
            entropy,
            mailer: mailer(config)?,
            poster: Arc::new(
                HttpPoster::new(config.allow_networks.clone())
                    .context("the client for alerts cannot be built")?,
            ),
            settings: Arc::new(settings),
        })
        .await
        .map_err(|error| explained(error, config))?;
        Ok(Self { store, engine })
    }
}

/// What carries letters.
fn mailer(config: &Config) -> Result<Arc<dyn Mailer>> {
    match (&config.smtp_url, &config.smtp_from) {
        (Some(url), Some(from)) => Ok(Arc::new(SmtpMailer::new(url.expose_secret(), from)?)),
        _ => Ok(Arc::new(NoMail)),
    }
}

/// Opens the store that the settings name and brings its tables up to date.
pub(crate) async fn open_current_store(config: &Config) -> Result<SqlStore> {
    let store = open_store(config).await?;
    store
        .migrate()
        .await
        .map_err(|error| explained(error, config))
        .context("the tables cannot be brought up to date")?;
    Ok(store)
}

/// Opens the store that the settings name; its tables stay as they are.
pub(crate) async fn open_store(config: &Config) -> Result<SqlStore> {
    make_folder(&config.data)
        .with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
    let keys = SealingKeys::load(config, &SystemEntropy)?;
    let mut store = StoreConfig::new(database_url(config), keys.current);
    store.keys.extend(keys.old);
    SqlStore::connect(store).await.map_err(|error| explained(error, config))
}

/// The way to Meta, its calls counted when somebody looks at the counts.
fn gateway(config: &Config) -> Result<Arc<dyn MetaGateway>> {
    let client =
        MetaClient::new(config.allow_networks.clone()).context("the client for Meta cannot be built")?;
    Ok(if config.counts() { Arc::new(CountedGateway(client)) } else { Arc::new(client) })
}

fn database_url(config: &Config) -> String {
    match &config.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => config.data.join("waxwing.db").display().to_string(),
    }
}

/// The database in words, without its password.
pub(crate) fn database_name(config: &Config) -> String {
    match config.database_url.as_ref().map(|url| url.expose_secret()) {
        Some(url) if url.starts_with("postgres") => {
            let host = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
            format!(
                "PostgreSQL at {}",
                host.split('?').next().unwrap_or(host).trim_start_matches("postgres://")
            )
        }
        _ => format!("SQLite in {}", database_url(config).trim_start_matches("sqlite:")),
    }
}

/// What to do about a store that cannot be used.
fn explained(error: StoreError, config: &Config) -> anyhow::Error {
    let hint = match (&error, &config.database_url) {
        (StoreError::Internal(_), _) => "`waxwing doctor` may tell more",
        (_, Some(_)) => "is it running, and is WAXWING_DATABASE_URL (or database_url) right?",
        (_, None) => "is the data folder on a local disk that can be written to?",
    };
    anyhow::Error::new(error).context(format!("{} cannot be used; {hint}", database_name(config)))
}

/// Of several: host, process and chance, which tells two containers with the same process id apart too.
fn node_name(config: &Config, entropy: &dyn Entropy) -> String {
    if config.is_embedded() {
        return ONLY_NODE.to_owned();
    }
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "node".to_owned(), |name| name.trim().to_owned());
    let mut chance = [0_u8; 4];
    entropy.fill(&mut chance);
    format!("{host}-{}-{:08x}", std::process::id(), u32::from_le_bytes(chance))
}

/// Reads what Meta charges.
fn rate_card(file: &Path) -> Result<Arc<RateCard>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("rate_card: the file {} cannot be read", file.display()))?;
    RateCard::parse(&text).map(Arc::new).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("rate_card: {}: {}", file.display(), faults.join("; "))
    })
}
