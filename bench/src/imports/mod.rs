//! `bench import`: a list of contacts through the API of the real server, beside the bare store, which writes the same
//! rows (contacts with their unique number, consent entries) without knowing what they are.

mod bare;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::clock;
use crate::options::Store;
use crate::report::{Rounds, Table, megabytes, target, whole};
use crate::world::World;

/// To reach, in rows per second.
const SQLITE: f64 = 25_000.0;
const POSTGRES: f64 = 30_000.0;
/// What memory may grow by while a list goes through, in bytes: the list itself is larger.
const GROWTH: u64 = 100_000_000;
/// Between two looks at server and import.
const LOOK: Duration = Duration::from_millis(100);

/// What is measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// On which store
    #[arg(long, value_enum, default_value = "both")]
    store: Stores,
    /// Rows of a list; each round has a list of its own
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=3_000_000))]
    rows: u32,
    /// Rounds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stores {
    Sqlite,
    Postgres,
    Both,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    for (store, wanted) in [(Store::Sqlite, Stores::Sqlite), (Store::Postgres, Stores::Postgres)] {
        if options.store == wanted || options.store == Stores::Both {
            on(store, options).await?;
        }
    }
    Ok(())
}

async fn on(store: Store, options: &Options) -> Result<()> {
    println!("\n=== import, {}, {} rows ===", store.name(), whole(options.rows.into()));
    let world = World::start(store, 1, None).await?;
    let database = world.floor_database();
    let floor = bare::Floor::open(&database.place()).await?;
    let (mut bare, mut fresh, mut again) = (Rounds::default(), Rounds::default(), Rounds::default());
    let mut peak = world.resident()?;
    let before = peak;
    for round in 0..options.rounds {
        let rows = people(round, options.rows);
        let started = clock::now();
        floor.write(&rows).await?;
        bare.add_rate(f64::from(options.rows) / started.elapsed().as_secs_f64());
        let list = csv(&rows);
        let (rate, report) = import(&world, &list, &mut peak).await?;
        ensure!(report["imported"] == options.rows, "not everybody was imported: {report:#}");
        fresh.add_rate(rate);
        // Of a list that comes again every number is found, and nothing is made.
        let (rate, report) = import(&world, &list, &mut peak).await?;
        ensure!(report["duplicates"] == options.rows, "not everybody was known: {report:#}");
        again.add_rate(rate);
    }
    let consents = world
        .database()
        .look()
        .await?
        .number("SELECT COUNT(*) FROM consent_records WHERE source = 'import'")
        .await?;
    let all = i64::from(options.rows) * i64::from(options.rounds);
    ensure!(consents == all, "{all} people gave consent, {consents} entries are there");
    let mut table = Table::new(&["", "rows per second", "of the bare store"]);
    for (name, rounds) in [("bare store", &bare), ("import", &fresh), ("the same list again", &again)] {
        table.row([name.to_owned(), whole(rounds.rate()), format!("{:.2}", rounds.of(&bare))]);
    }
    table.print("Rows, with validation, duplicates and consent");
    let wanted = if store == Store::Sqlite { SQLITE } else { POSTGRES };
    target("rows per second", &whole(fresh.rate()), &format!("≥ {}", whole(wanted)), fresh.rate() >= wanted);
    let growth = peak.saturating_sub(before);
    target("memory grew by", &megabytes(growth), &format!("≤ {}", megabytes(GROWTH)), growth <= GROWTH);
    println!("  memory: before {}, at most {}", megabytes(before), megabytes(peak));
    Ok(())
}

/// Number, name, city.
pub(super) struct Person {
    pub(super) phone: String,
    pub(super) name: String,
}

/// Numbers of North America, each once in all rounds.
fn people(round: u32, rows: u32) -> Vec<Person> {
    // Spread over the index, as real numbers are.
    let spread = |row: u64| (row * 7_919 + u64::from(round) * 104_729 * 31) % 8_000_000;
    (0..u64::from(rows))
        .map(|row| {
            let area = [202, 212, 305, 415, 512, 617, 702, 818, 919, 213][round as usize % 10];
            Person {
                phone: format!("+1{area}{:07}", 2_000_000 + spread(row)),
                name: format!("Person {round} {row}"),
            }
        })
        .collect()
}

fn csv(people: &[Person]) -> Vec<u8> {
    let mut text = String::from("phone,name,language,city,opted_in,consent_source\n");
    for person in people {
        text.push_str(&person.phone);
        text.push(',');
        text.push_str(&person.name);
        text.push_str(",en,Springfield,yes,web form\n");
    }
    text.into_bytes()
}

/// From the first byte to the last row.
async fn import(world: &World, list: &[u8], peak: &mut u64) -> Result<(f64, Value)> {
    let url = format!("http://{}{}", world.address, world.path("/contacts/import"));
    let form = Form::new().part("file", Part::bytes(list.to_vec()).file_name("list.csv"));
    let request = reqwest::Client::new()
        .post(url)
        .bearer_auth(&world.key)
        .header("prefer", "respond-async")
        .multipart(form);
    let started = clock::now();
    let answer = request.send().await?.error_for_status()?;
    let answer: Value = serde_json::from_str(&answer.text().await?)?;
    let mut report = answer["data"].clone();
    let path = format!("/contacts/import/{}", report["import_id"]);
    while report["state"] == "running" {
        tokio::time::sleep(LOOK).await;
        *peak = (*peak).max(world.resident()?);
        report = world.api().get(&path).await?;
    }
    let took = started.elapsed();
    ensure!(report["state"] == "completed", "the import failed: {report:#}");
    let rows = report["processed"].as_f64().context("a report without rows")?;
    Ok((rows / took.as_secs_f64(), report))
}
