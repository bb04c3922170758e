//! `POST /messages` answered 202 without waiting for Meta: the message is durable then. The number is limited as
//! Meta limits it, so the queue grows, as it does when a business has much to say at once.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bodies::Sends;
use crate::floors::{Floor, Kind};
use crate::load::{Load, drive};
use crate::options::{Options, Store};
use crate::report::{HEADS, Rounds, Table, megabytes, target, whole};
use crate::world::{APP_SECRET, World};

/// On SQLite.
const PER_SECOND: f64 = 5_000.0;
/// More than is ever posted in a second; so many bodies are prepared before a turn.
const PREPARED_PER_SECOND: f64 = 20_000.0;
/// A turn that is not counted, at first.
const WARM_UP: Duration = Duration::from_millis(500);

pub(super) async fn run(store: Store, options: &Options) -> Result<()> {
    let world = World::start(store, 1, None).await?;
    let database = world.floor_database();
    let floor = Floor::start(Kind::Durable, APP_SECRET, &database.place())?;
    let (mut durable, mut waxwing) = (Rounds::default(), Rounds::default());
    let mut sends = Sends::new(&world);
    for round in 0..=options.rounds {
        let turn = if round == 0 { WARM_UP } else { options.turn() };
        let requests = Rc::new(sends.next((turn.as_secs_f64() * PREPARED_PER_SECOND) as usize));
        let ours = Load {
            address: world.address,
            connections: options.connections(),
            turn: Some(turn),
            again: false,
            expected: 202,
        };
        let floors = Load { address: floor.address, again: true, expected: 200, ..ours };
        let below = drive(floors, &requests).await?;
        let worked = world.worked()?;
        let own = drive(ours, &requests).await?;
        let worked = world.worked()? - worked;
        sends.posted(own.answered);
        if round > 0 {
            durable.add(&below);
            waxwing.add(&own);
            waxwing.add_work(worked, own.answered);
        }
    }
    let kept = world.database().look().await?.number("SELECT COUNT(*) FROM messages").await?;
    ensure!(
        usize::try_from(kept)? == sends.all(),
        "{} sends were accepted, {kept} messages are there",
        sends.all()
    );
    let mut table = Table::new(&[&HEADS[..], &["of durable"]].concat());
    table.contender("HMAC + grouped commit", &durable, []);
    table.contender("Waxwing, accepted durably", &waxwing, [waxwing.of(&durable)]);
    table.print("Sends accepted");
    if store == Store::Sqlite {
        let rate = waxwing.rate();
        target("accepted per second", &whole(rate), &format!("≥ {}", whole(PER_SECOND)), rate >= PER_SECOND);
    }
    println!("  memory after the load: {}", megabytes(world.resident()?));
    Ok(())
}
