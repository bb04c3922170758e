//! Webhooks acknowledged and projected: from the first request until the inbox is empty again.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use super::{Bench, prepared};
use crate::clock;
use crate::load::drive;
use crate::options::Store;
use crate::report::{Rounds, Table, median, target, whole};

/// Sustained: so many turns long.
pub(super) const TURNS: u32 = 2;

#[derive(Default)]
struct Figures {
    rate: Rounds,
    /// Bodies that waited when the load ended.
    behind: Vec<f64>,
}

impl Bench {
    pub(super) async fn projected(&mut self) -> Result<()> {
        let (mut statuses, mut inbound) = (Figures::default(), Figures::default());
        for _ in 0..self.options.rounds {
            self.sustain(&mut statuses, true).await?;
            self.sustain(&mut inbound, false).await?;
        }
        let mut table = Table::new(&["", "per second", "rounds", "behind at the end", "µs each"]);
        for (name, figures) in [("Waxwing, statuses", &statuses), ("Waxwing, inbound messages", &inbound)] {
            let rates: Vec<String> = figures.rate.per_second.iter().map(|rate| whole(*rate)).collect();
            table.row([
                name.to_owned(),
                whole(figures.rate.rate()),
                rates.join(", "),
                whole(median(&figures.behind)),
                whole(figures.rate.work()),
            ]);
        }
        table.print("Webhooks acknowledged and projected");
        let wanted = match self.store {
            Store::Sqlite => 6_000.0,
            Store::Postgres => 3_300.0,
        };
        let rate = statuses.rate.rate();
        target("statuses per second", &whole(rate), &format!("≥ {}", whole(wanted)), rate >= wanted);
        Ok(())
    }

    async fn sustain(&mut self, figures: &mut Figures, of_statuses: bool) -> Result<()> {
        let turn: Duration = self.options.turn() * TURNS;
        let next = prepared(turn);
        let requests =
            Rc::new(if of_statuses { self.statuses.next(next) } else { self.customers.next(next) });
        let (start, worked) = (clock::now(), self.world.worked()?);
        let measured = drive(self.load(turn), &requests).await?;
        let behind = self.look.number("SELECT COUNT(*) FROM inbox_queue").await?;
        self.look.drained().await?;
        let (elapsed, count) = (start.elapsed(), measured.answered as f64);
        if of_statuses {
            self.statuses.posted(measured.answered);
        } else {
            self.customers.posted(measured.answered);
        }
        figures.rate.add_rate(count / elapsed.as_secs_f64());
        figures.behind.push(behind as f64);
        figures.rate.add_work(self.world.worked()? - worked, measured.answered);
        Ok(())
    }
}
