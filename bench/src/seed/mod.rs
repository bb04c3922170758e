//! `bench seed`: a store as a large business has it after half a year, made by the database itself in set-based
//! statements: nobody waits for millions of requests.
//!
//! The tenant, its key, its number and its template are made by the server as always; only rows that there are many of
//! are written past it. Ids count on where the seed ends, so that a server runs on it as on any other store.

mod broadcasts;
mod fill;
mod messages;
mod people;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::report::whole;
use crate::world::{Database, World};

/// What is wanted.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeedOptions {
    /// Contacts; six of ten have a conversation
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1_000..=20_000_000))]
    pub(crate) contacts: i64,
    /// Messages, inbound and outbound
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(i64).range(1_000..=100_000_000))]
    pub(crate) messages: i64,
    /// Broadcasts; the first one holds a tenth of all messages
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(i64).range(2..=10_000))]
    pub(crate) broadcasts: i64,
}

/// A seed and where it goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) seed: SeedOptions,
    /// The data folder: keys, and the SQLite file without --database
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// An empty PostgreSQL database
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Who may look at what was seeded.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) tenant: String,
    pub(crate) key: String,
}

/// The file in the data folder that says so.
const ACCESS: &str = "seed.json";

impl Access {
    /// Of a store that was seeded before.
    pub(crate) fn kept(data: &std::path::Path) -> Result<Self> {
        let file = data.join(ACCESS);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} is missing: was it seeded?", file.display()))?;
        let kept: Value = serde_json::from_str(&text)?;
        let member = |name: &str| kept[name].as_str().map(str::to_owned).context("the file is damaged");
        Ok(Self { tenant: member("tenant")?, key: member("key")? })
    }

    fn keep(&self, data: &std::path::Path) -> Result<()> {
        let text = json!({ "tenant": self.tenant, "key": self.key }).to_string();
        std::fs::write(data.join(ACCESS), text).context("the data folder cannot be written")
    }
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.data)?;
    let database = Database::lasting(options.data.clone(), options.database.clone());
    let (_, access) = sow(database, &options.seed).await?;
    let rest = if options.database.is_some() { " --database-url URL" } else { "" };
    println!("\n  tenant {}, key {}", access.tenant, access.key);
    println!("  to look at it: waxwing serve --data {}{rest}", options.data.display());
    Ok(())
}

/// Fills a new store.
pub(crate) async fn sow(database: Database, options: &SeedOptions) -> Result<(Database, Access)> {
    println!(
        "=== seed, {}: {} contacts, {} messages, {} broadcasts ===",
        database.store().name(),
        whole(options.contacts as f64),
        whole(options.messages as f64),
        whole(options.broadcasts as f64)
    );
    let tenant = database.command(&["tenant", "create", "--name", "Seed"])?;
    let key = database.command(&["key", "create", "--tenant", &tenant, "--name", "seed"])?;
    let access = Access { tenant, key };
    access.keep(std::path::Path::new(&database.data()))?;
    let mut world = World::on(tempfile::tempdir()?, database, &access.tenant, access.key.clone()).await?;
    world.found().await?;
    let connection = *world.connections.first().context("no connection was made")?;
    let database = world.end();
    let look = database.look().await?;
    let there = look.number("SELECT COUNT(*) FROM messages").await?;
    ensure!(there == 0, "{there} messages are there already: seed an empty store");
    fill::all(&look, options, access.tenant.parse()?, connection).await?;
    drop(look);
    Ok((database, access))
}
