//! `bench broadcast`: how fast an audience is frozen, how fast a broadcast reaches Meta, in how much memory, and whether
//! it keeps and uses the limit of a number.

mod audience;
mod pace;
mod run;

use anyhow::Result;
use clap::Args;

use crate::options::Store;
use crate::report::{Table, megabytes, target, whole};
use crate::sends::Bare;
use crate::world::World;
use run::Broadcast;

/// To reach.
const EXPANDED_PER_SECOND: f64 = 50_000.0;
const MEMORY: u64 = 200_000_000;

/// Numbers, and messages per second of each: more than this machine sends.
const NUMBERS: usize = 16;
const PER_NUMBER: u32 = 1_000;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// On which store
    #[arg(long, value_enum, default_value = "both")]
    store: Stores,
    /// Contacts, all of them recipients
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    recipients: u64,
    /// Leaves the pace of single numbers out
    #[arg(long)]
    no_pace: bool,
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
            println!(
                "\n=== broadcast, {}, {} recipients ===",
                store.name(),
                whole(options.recipients as f64)
            );
            rates(store, options.recipients).await?;
            if !options.no_pace {
                pace::run(store).await?;
            }
        }
    }
    Ok(())
}

async fn rates(store: Store, recipients: u64) -> Result<()> {
    let world = World::start(store, NUMBERS, Some(PER_NUMBER)).await?;
    let bare = bare(&world).await?;
    world.simulate(serde_json::json!({ "ledger_bodies": false })).await?;
    let all = world.fill_contacts(recipients).await?;
    let before = world.resident()?;

    // One number that sends next to nothing, so that freezing has the machine for itself.
    world.limit(world.connections[0], 1).await?;
    let frozen = Broadcast::make(&world, &world.connections[..1]).await?;
    let expanded = all as f64 / frozen.freeze(&world, all).await?.as_secs_f64();
    frozen.cancel(&world).await?;
    world.limit(world.connections[0], PER_NUMBER).await?;

    let client = bare.per_second(20_000).await?;
    let sending = Broadcast::make(&world, &world.connections).await?;
    let worked = world.worked()?;
    let sent = sending.run(&world, all).await?;
    let each = (world.worked()? - worked).as_secs_f64() * 1e6 / all as f64;
    let rate = all as f64 / sent.as_secs_f64();
    let peak = world.peak()?;

    let mut table = Table::new(&["", "per second", "µs each", "of the client"]);
    table.row(["bare HTTP client".into(), whole(client), "–".into(), "–".into()]);
    table.row(["recipients frozen".into(), whole(expanded), "–".into(), "–".into()]);
    table.row([
        "broadcast, from send to the last".into(),
        whole(rate),
        whole(each),
        format!("{:.2}", rate / client),
    ]);
    table.print("Broadcast");
    let wanted = if store == Store::Sqlite { 5_000.0 } else { 2_500.0 };
    target("sent per second", &whole(rate), &format!("≥ {}", whole(wanted)), rate >= wanted);
    target(
        "frozen per second",
        &whole(expanded),
        &format!("≥ {}", whole(EXPANDED_PER_SECOND)),
        expanded >= EXPANDED_PER_SECOND,
    );
    target(
        "most memory",
        &format!("{} (before: {})", megabytes(peak), megabytes(before)),
        &format!("≤ {}", megabytes(MEMORY)),
        peak <= MEMORY,
    );
    Ok(())
}

/// The bare client, with the body of a message that was sent.
async fn bare(world: &World) -> Result<Bare> {
    let body = serde_json::json!({ "to": crate::world::phone(0), "template_name": crate::world::TEMPLATE,
        "template_params": ["Ada", "A-1001"] });
    world.api().post("/messages", body).await?;
    Bare::like_last(world).await
}
