//! `bench webhooks`: how fast webhooks are acknowledged, and how fast statuses are acknowledged and projected.

mod acknowledged;
mod projected;

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bodies::{Customers, Statuses};
use crate::options::{Options, Store};
use crate::report::{megabytes, target};
use crate::world::{Look, World};

/// More than is ever posted in a second; so many bodies are prepared before a turn.
const PREPARED_PER_SECOND: usize = 20_000;
/// A turn that is not counted, at first: caches fill, tables get their pages.
const WARM_UP: Duration = Duration::from_millis(500);
/// To reach when idle, in bytes.
const IDLE: u64 = 30_000_000;

pub(crate) async fn run(options: &Options) -> Result<()> {
    for store in options.stores() {
        on(*store, options).await?;
    }
    Ok(())
}

/// What a run on one store works with.
struct Bench {
    options: Options,
    store: Store,
    world: World,
    look: Look,
    statuses: Statuses,
    customers: Customers,
}

async fn on(store: Store, options: &Options) -> Result<()> {
    println!("\n=== webhooks, {}, {} connections ===", store.name(), options.connections());
    let idle = World::at_rest(store).await?;
    let world = World::start(store, 1, None).await?;
    let turns = options.turn() * (options.rounds * (1 + projected::TURNS)) + WARM_UP;
    let copies = world.sent_messages(prepared(turns) / 3).await?;
    let look = world.database().look().await?;
    let (statuses, customers) = (Statuses::new(&world, copies), Customers::new(&world));
    let mut bench = Bench { options: options.clone(), store, world, look, statuses, customers };
    bench.acknowledged().await?;
    bench.projected().await?;
    bench.check().await?;
    println!("\nMemory of the server");
    target("idle", &megabytes(idle), &format!("≤ {}", megabytes(IDLE)), idle <= IDLE);
    println!("  after the load: {}", megabytes(bench.world.resident()?));
    Ok(())
}

impl Bench {
    /// What was acknowledged was also done: else the figures mean nothing.
    async fn check(&self) -> Result<()> {
        let read = self.look.number("SELECT COUNT(*) FROM messages WHERE status = 'read'").await?;
        let inbound = self.look.number("SELECT COUNT(*) FROM messages WHERE direction = 'inbound'").await?;
        let expected = (self.statuses.read(), self.customers.all());
        let found = (usize::try_from(read)?, usize::try_from(inbound)?);
        ensure!(found == expected, "read and inbound messages are {found:?}, posted were {expected:?}");
        Ok(())
    }
}

fn prepared(turn: Duration) -> usize {
    (turn.as_secs_f64() * PREPARED_PER_SECOND as f64) as usize
}
