//! From the first `POST /messages` until the simulator accepted the last message, as a share of what the bare HTTP
//! client reaches; then once more with the statuses coming back, until every message is `read`.
//!
//! And out of a full queue, as a broadcast leaves it: messages that are all due at the same time, from that time on.
//!
//! Waxwing never sends faster than the limit of a number; here it is far above what the machine can do.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::bare::Bare;
use crate::bodies::Sends;
use crate::clock;
use crate::load::{Load, Requests, drive};
use crate::options::{Options, Store};
use crate::report::{Rounds, Table, megabytes, whole};
use crate::world::{Look, TEMPLATE, World, phone, until};

/// Numbers, and messages per second of each.
const NUMBERS: usize = 8;
const PER_NUMBER: u32 = 10_000;
/// Messages of a round, for each second of a turn.
const PER_TURN_SECOND: f64 = 4_000.0;
/// Accepting what is to be sent later goes at least so fast, in messages per second.
const ACCEPTING: f64 = 2_000.0;
/// How long a round may take.
const LONGEST: Duration = Duration::from_secs(120);

pub(super) async fn run(store: Store, options: &Options) -> Result<()> {
    let world = World::start(store, NUMBERS, Some(PER_NUMBER)).await?;
    let body = json!({ "to": phone(0), "template_name": TEMPLATE, "template_params": ["Ada", "A-1001"] });
    let sent = world.api().post("/messages", body).await?;
    sent["wamid"].as_str().with_context(|| format!("not sent: {sent}"))?;
    let bare = Bare::like_last(&world).await?;
    world.simulate(json!({ "ledger_bodies": false })).await?;
    let count = (options.turn().as_secs_f64() * PER_TURN_SECOND) as usize;
    let bench = Bench { look: world.database().look().await?, connections: options.connections(), world };
    let mut sends = Sends::new(&bench.world);
    let (mut client, mut waxwing, mut circle) = (Rounds::default(), Rounds::default(), Rounds::default());
    let mut queue = Rounds::default();
    bench.send(&mut sends, count / 4).await?;
    for _ in 0..options.rounds {
        client.add_rate(bare.per_second(count).await?);
        let worked = bench.world.worked()?;
        waxwing.add_rate(bench.send(&mut sends, count).await?);
        waxwing.add_work(bench.world.worked()? - worked, count);
        bench.drain(&mut sends, count, &mut queue).await?;
        let worked = bench.world.worked()?;
        circle.add_rate(bench.send_and_read(&mut sends, count / 2).await?);
        circle.add_work(bench.world.worked()? - worked, count / 2);
    }
    show(&client, &waxwing, &queue, &circle);
    println!("  limit of all numbers: {} per second", whole((NUMBERS as f64) * f64::from(PER_NUMBER)));
    println!("  memory after the load: {}", megabytes(bench.world.resident()?));
    Ok(())
}

struct Bench {
    world: World,
    look: Look,
    connections: usize,
}

impl Bench {
    /// Messages per second until the simulator has them all.
    async fn send(&self, sends: &mut Sends, count: usize) -> Result<f64> {
        let before = self.world.accepted().await?;
        let requests = Rc::new(sends.next(count));
        let start = clock::now();
        self.post(&requests).await?;
        sends.posted(count);
        until(LONGEST, "the simulator has accepted everything", async || {
            Ok((self.world.accepted().await? >= before + count as u64).then_some(()))
        })
        .await?;
        let elapsed = start.elapsed();
        self.look.none("outbox").await?;
        Ok(count as f64 / elapsed.as_secs_f64())
    }

    /// Messages per second out of a full queue, from the time at which all are due.
    async fn drain(&self, sends: &mut Sends, count: usize, rounds: &mut Rounds) -> Result<()> {
        let before = self.world.accepted().await?;
        let wait = Duration::from_secs_f64((count as f64 / ACCEPTING).ceil() + 1.0);
        let (start, due) = (clock::now() + wait, clock::unix_seconds() + wait.as_secs());
        let requests = Rc::new(sends.at(count, due));
        self.post(&requests).await?;
        sends.posted(count);
        ensure!(clock::now() < start, "the queue was not full in time");
        let worked = self.world.worked()?;
        until(LONGEST, "the queue is sent", async || {
            Ok((self.world.accepted().await? >= before + count as u64).then_some(()))
        })
        .await?;
        rounds.add_rate(count as f64 / start.elapsed().as_secs_f64());
        self.look.none("outbox").await?;
        rounds.add_work(self.world.worked()? - worked, count);
        Ok(())
    }

    /// Messages per second until each is sent, delivered and read here.
    async fn send_and_read(&self, sends: &mut Sends, count: usize) -> Result<f64> {
        self.world.simulate(json!({ "statuses": true })).await?;
        let last = self.look.number("SELECT MAX(id) FROM messages").await?;
        let requests = Rc::new(sends.next(count));
        let start = clock::now();
        self.post(&requests).await?;
        sends.posted(count);
        self.look.none(&format!("messages WHERE id > {last} AND status <> 'read'")).await?;
        let elapsed = start.elapsed();
        self.world.simulate(json!({ "statuses": false })).await?;
        Ok(count as f64 / elapsed.as_secs_f64())
    }

    async fn post(&self, requests: &Rc<Requests>) -> Result<()> {
        let load = Load {
            address: self.world.address,
            connections: self.connections,
            turn: None,
            again: false,
            expected: 202,
        };
        drive(load, requests).await.map(drop)
    }
}

fn show(client: &Rounds, waxwing: &Rounds, queue: &Rounds, circle: &Rounds) {
    let mut table = Table::new(&["", "per second", "rounds", "µs each", "of the client"]);
    let contenders = [
        ("bare HTTP client", client, None),
        ("Waxwing, API to Meta", waxwing, Some(waxwing.of(client))),
        ("Waxwing, queue to Meta", queue, Some(queue.of(client))),
        ("Waxwing, until read", circle, Some(circle.of(client))),
    ];
    for (name, rounds, share) in contenders {
        let rates: Vec<String> = rounds.per_second.iter().map(|rate| whole(*rate)).collect();
        let share = share.map_or_else(String::new, |share| format!("{share:.2}"));
        table.row([name.to_owned(), whole(rounds.rate()), rates.join(", "), whole(rounds.work()), share]);
    }
    table.print("Sends end to end");
}
