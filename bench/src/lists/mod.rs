//! `bench lists`: every list view on a large store, through the API of the real server, its first page and one deep in it.

mod views;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::clock;
use crate::options::Store;
use crate::report::{Table, target, whole};
use crate::seed::{Access, SeedOptions, sow};
use crate::world::{Database, World};

/// The 99th percentile of each view must not be above this.
const LIMIT_MS: f64 = 50.0;

/// What is measured, and on what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    seed: SeedOptions,
    /// On which store; a fresh one is seeded, and thrown away
    #[arg(long, value_enum, default_value = "both", conflicts_with = "data")]
    store: Stores,
    /// The data folder of a store that was seeded before
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its PostgreSQL database
    #[arg(long, value_name = "URL", requires = "data")]
    database: Option<String>,
    /// Calls of each view
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..))]
    calls: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stores {
    Sqlite,
    Postgres,
    Both,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    if let Some(data) = &options.data {
        let database = Database::lasting(data.clone(), options.database.clone());
        return on(database, &Access::kept(data)?, options).await;
    }
    for (store, wanted) in [(Store::Sqlite, Stores::Sqlite), (Store::Postgres, Stores::Postgres)] {
        if options.store == wanted || options.store == Stores::Both {
            let folder = tempfile::tempdir()?;
            let database = Database::new(store, folder.path());
            std::fs::create_dir_all(database.data())?;
            let (database, access) = sow(database, &options.seed).await?;
            on(database, &access, options).await?;
        }
    }
    Ok(())
}

async fn on(database: Database, access: &Access, options: &Options) -> Result<()> {
    println!("\n=== lists, {}, {} calls each ===", database.store().name(), options.calls);
    let world = World::on(tempfile::tempdir()?, database, &access.tenant, access.key.clone()).await?;
    let client = Caller { client: reqwest::Client::new(), base: world.base(), key: access.key.clone() };
    let mut table = Table::new(&["", "total", "first ms", "p50 ms", "p99 ms", ""]);
    let mut missed = Vec::new();
    for view in views::all(&client).await? {
        let measured = match client.measure(&view.path, options.calls).await {
            Ok(measured) => measured,
            Err(error) => {
                println!("  {}: {error:#}", view.name);
                missed.push(view.name);
                continue;
            }
        };
        let is_good = measured.p99 <= LIMIT_MS;
        if !is_good {
            missed.push(view.name.clone());
        }
        table.row([
            view.name,
            measured.total,
            format!("{:.1}", measured.first),
            format!("{:.1}", measured.p50),
            format!("{:.1}", measured.p99),
            if is_good { String::new() } else { "MISSED".into() },
        ]);
    }
    table.print("List views");
    let figure = if missed.is_empty() { "all".to_owned() } else { format!("not {}", missed.join(", ")) };
    target("p99 of every view", &figure, &format!("≤ {LIMIT_MS} ms"), missed.is_empty());
    Ok(())
}

/// A client that asks one thing after the other.
pub(super) struct Caller {
    client: reqwest::Client,
    base: String,
    key: String,
}

struct Measured {
    total: String,
    /// Of the very first call.
    first: f64,
    p50: f64,
    p99: f64,
}

impl Caller {
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.timed(path).await?.0)
    }

    async fn timed(&self, path: &str) -> Result<(Value, Duration)> {
        let url = format!("{}{path}", self.base);
        let begun = clock::now();
        let answer = self.client.get(&url).bearer_auth(&self.key).send().await.context("no answer")?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let elapsed = begun.elapsed();
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        }
        let mut value: Value = serde_json::from_slice(&bytes)?;
        Ok((value.get_mut("data").map(Value::take).unwrap_or(value), elapsed))
    }

    async fn measure(&self, path: &str, calls: u32) -> Result<Measured> {
        let (mut times, mut total, mut rows) = (Vec::new(), Value::Null, 0);
        for _ in 0..calls {
            let (page, elapsed) = self.timed(path).await?;
            times.push(elapsed.as_secs_f64() * 1_000.0);
            rows = page["items"].as_array().map_or(0, Vec::len);
            total = page["total"].clone();
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() as f64 * share).ceil() as usize - 1).min(times.len() - 1)];
        let total = total.as_f64().map_or_else(|| format!("{rows} rows"), whole);
        Ok(Measured { total, first, p50: at(0.5), p99: at(0.99) })
    }
}
