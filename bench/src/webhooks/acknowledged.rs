//! Webhooks answered 200, beside the floors. Waxwing projects at the same time, as it does in life.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use super::{Bench, WARM_UP, prepared};
use crate::floors::{Floor, Kind};
use crate::load::{Load, Measured, Requests, drive};
use crate::options::Store;
use crate::report::{HEADS, Rounds, Table, target};
use crate::world::APP_SECRET;

/// Of the durable floor's rate, on SQLite.
const SHARE: f64 = 0.6;
/// On SQLite, in milliseconds.
const P99: f64 = 50.0;

#[derive(Debug, Clone, Copy)]
enum Contender {
    Receiver,
    Durable,
    Statuses,
    Inbound,
}

const CONTENDERS: [Contender; 4] =
    [Contender::Receiver, Contender::Durable, Contender::Statuses, Contender::Inbound];

struct Floors {
    receiver: Floor,
    durable: Floor,
}

impl Bench {
    pub(super) async fn acknowledged(&mut self) -> Result<()> {
        let database = self.world.floor_database();
        let floors = Floors {
            receiver: Floor::start(Kind::Receiver, APP_SECRET, "")?,
            durable: Floor::start(Kind::Durable, APP_SECRET, &database.place())?,
        };
        let mut rounds: [Rounds; 4] = Default::default();
        for contender in CONTENDERS {
            self.turn(&floors, contender, WARM_UP).await?;
        }
        for round in 0..self.options.rounds as usize {
            for place in 0..CONTENDERS.len() {
                let turn = (round + place) % CONTENDERS.len();
                let worked = self.world.worked()?;
                let measured = self.turn(&floors, CONTENDERS[turn], self.options.turn()).await?;
                rounds[turn].add(&measured);
                if matches!(CONTENDERS[turn], Contender::Statuses | Contender::Inbound) {
                    rounds[turn].add_work(self.world.worked()? - worked, measured.answered);
                }
            }
        }
        self.show(&rounds);
        Ok(())
    }

    /// One contender's turn; ends when nothing of it is left to do.
    async fn turn(&mut self, floors: &Floors, contender: Contender, turn: Duration) -> Result<Measured> {
        let requests = Rc::new(match contender {
            Contender::Inbound => self.customers.next(prepared(turn)),
            _ => self.statuses.next(prepared(turn)),
        });
        let measured = match contender {
            Contender::Receiver => self.drive(&floors.receiver, &requests, turn).await?,
            Contender::Durable => self.drive(&floors.durable, &requests, turn).await?,
            Contender::Statuses | Contender::Inbound => drive(self.load(turn), &requests).await?,
        };
        match contender {
            Contender::Statuses => self.statuses.posted(measured.answered),
            Contender::Inbound => self.customers.posted(measured.answered),
            _ => return Ok(measured),
        }
        self.look.drained().await?;
        Ok(measured)
    }

    pub(super) fn load(&self, turn: Duration) -> Load {
        Load {
            address: self.world.address,
            connections: self.options.connections(),
            turn: Some(turn),
            again: false,
            expected: 200,
        }
    }

    async fn drive(&self, floor: &Floor, requests: &Rc<Requests>, turn: Duration) -> Result<Measured> {
        drive(Load { address: floor.address, again: true, ..self.load(turn) }, requests).await
    }

    fn show(&self, [receiver, durable, statuses, inbound]: &[Rounds; 4]) {
        let heads = [&HEADS[..], &["of HMAC", "of durable"]].concat();
        let mut table = Table::new(&heads);
        table.contender("axum + HMAC", receiver, []);
        table.contender("HMAC + grouped commit", durable, [durable.of(receiver)]);
        table.contender("Waxwing, statuses", statuses, [statuses.of(receiver), statuses.of(durable)]);
        table.contender("Waxwing, inbound messages", inbound, [inbound.of(receiver), inbound.of(durable)]);
        table.print("Webhooks acknowledged");
        if self.store == Store::Sqlite {
            let share = statuses.of(durable);
            target(
                "share of the durable floor",
                &format!("{share:.2}"),
                &format!("≥ {SHARE}"),
                share >= SHARE,
            );
            target(
                "p99",
                &format!("{:.1} ms", statuses.p99()),
                &format!("≤ {P99} ms"),
                statuses.p99() <= P99,
            );
        }
    }
}
