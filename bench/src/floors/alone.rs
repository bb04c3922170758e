//! `bench floors`: the floors without Waxwing, to know a machine and its disk.

use std::rc::Rc;

use anyhow::Result;
use graph::signature::{HEADER, sign};

use super::{Floor, Kind};
use crate::load::{Load, Requests, drive};
use crate::options::Options;
use crate::report::{HEADS, Rounds, Table};
use crate::world::{APP_SECRET, Database};

/// Of a webhook with one status.
const BODY_BYTES: usize = 700;
/// Different bodies; they are posted again and again.
const BODIES: usize = 10_000;

pub(crate) async fn run(options: &Options) -> Result<()> {
    let requests = Rc::new(requests());
    for store in options.stores() {
        let folder = tempfile::tempdir()?;
        let database = Database::of_floor(*store, folder.path());
        let floors = [
            Floor::start(Kind::Receiver, APP_SECRET, "")?,
            Floor::start(Kind::Durable, APP_SECRET, &database.place())?,
        ];
        let mut rounds: [Rounds; 2] = Default::default();
        for _ in 0..options.rounds {
            for (floor, rounds) in floors.iter().zip(&mut rounds) {
                let load = Load {
                    address: floor.address,
                    connections: options.connections(),
                    turn: Some(options.turn()),
                    again: true,
                    expected: 200,
                };
                rounds.add(&drive(load, &requests).await?);
            }
        }
        let [receiver, durable] = rounds;
        let mut table = Table::new(&[&HEADS[..], &["of HMAC"]].concat());
        table.contender("axum + HMAC", &receiver, []);
        table.contender("HMAC + grouped commit", &durable, [durable.of(&receiver)]);
        table.print(&format!("Floors, {}, {} connections", store.name(), options.connections()));
    }
    Ok(())
}

fn requests() -> Requests {
    let mut requests = Requests::with_capacity(BODIES, BODY_BYTES + 300);
    for number in 0..BODIES {
        let filling = "x".repeat(BODY_BYTES - 20);
        let body = format!(r#"{{"n":"{number:06}","x":"{filling}"}}"#);
        let signature = sign(APP_SECRET.as_bytes(), body.as_bytes());
        requests.post("/webhooks/whatsapp", &[(HEADER, &signature)], body.as_bytes());
    }
    requests
}
