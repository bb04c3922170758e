//! A single number at its limit: never more in any sliding second, and nearly all of it used.

use anyhow::{Context, Result};
use serde_json::Value;

use super::run::Broadcast;
use crate::options::Store;
use crate::report::{Table, target};
use crate::world::World;

/// Limits of Meta: a standard number, and one with high throughput.
const LIMITS: [u32; 2] = [80, 1_000];
/// How long each is looked at.
const SECONDS: u64 = 12;
/// A burst begins at four fifths of the rate, for two seconds (`domain/src/pacing/pacer.rs`): told apart.
const BEGINNING: i64 = 2_200_000;
/// Of the limit.
const USED: f64 = 0.98;
/// A gap that the pacer makes good is shorter than this; a longer one is a loss, and worth finding its cause.
const GAP: i64 = 10_000;

pub(super) async fn run(store: Store) -> Result<()> {
    let mut table = Table::new(&[
        "limit",
        "sent",
        "most in a second",
        "used",
        "with its beginning",
        "lost in gaps",
        "longest gap",
    ]);
    let mut shares = Vec::new();
    for limit in LIMITS {
        let world = World::start(store, 1, Some(limit)).await?;
        let all = world.fill_contacts(u64::from(limit) * SECONDS).await?;
        // Meta refuses what is too much, so that the ledger cannot lie; it takes a little more than we believe.
        world.simulate(serde_json::json!({ "throughput_per_second": 0, "ledger_bodies": false })).await?;
        let broadcast = Broadcast::make(&world, &world.connections).await?;
        broadcast.run(&world, all).await?;
        let entries = world.sim().get("/ledger?after=0").await?;
        let mut times = entries
            .as_array()
            .context("the simulator has no ledger")?
            .iter()
            .map(micros)
            .collect::<Result<Vec<i64>>>()?;
        times.sort_unstable();
        let most = most_within(&times, 1_000_000);
        let begun = times.partition_point(|at| at - times[0] < BEGINNING);
        let [used, whole] = [&times[begun..], &times].map(|part| used_of(part, limit));
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let gaps = gaps(&times[begun..], limit);
        let millis = |micros: i64| format!("{:.0} ms", micros as f64 / 1e3);
        table.row([
            limit.to_string(),
            all.to_string(),
            most.to_string(),
            percent(used),
            percent(whole),
            format!("{} in {}", millis(gaps.iter().sum()), gaps.len()),
            millis(gaps.iter().max().copied().unwrap_or(0)),
        ]);
        shares.push((limit, most, used));
    }
    table.print("Pace of one number");
    for (limit, most, used) in shares {
        target(
            &format!("at {limit} per second: most in any second"),
            &most.to_string(),
            &format!("≤ {limit}"),
            most <= limit as usize,
        );
        let figure = format!("{:.1} %", used * 100.0);
        target(&format!("at {limit} per second: used"), &figure, "≥ 98 %", used >= USED);
    }
    Ok(())
}

/// The share of the limit.
fn used_of(times: &[i64], limit: u32) -> f64 {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0.0 };
    (times.len() - 1) as f64 * 1e6 / (last - first).max(1) as f64 / f64::from(limit)
}

/// By how much messages came later than [`GAP`] after those before them and after their turn.
fn gaps(times: &[i64], limit: u32) -> Vec<i64> {
    let turn = 1_000_000 / i64::from(limit.max(1));
    times.windows(2).map(|pair| pair[1] - pair[0] - turn).filter(|late| *late > GAP).collect()
}

fn micros(entry: &Value) -> Result<i64> {
    let at: jiff::Timestamp = entry["at"].as_str().context("an entry without time")?.parse()?;
    Ok(at.as_microsecond())
}

/// The most in any window of so many microseconds.
fn most_within(times: &[i64], window: i64) -> usize {
    let (mut first, mut most) = (0, 0);
    for (last, at) in times.iter().enumerate() {
        while at - times[first] >= window {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_at_its_end() {
        assert_eq!(most_within(&[0, 400, 999, 1_000, 1_400], 1_000), 3);
        assert_eq!(most_within(&[], 1_000), 0);
    }

    #[test]
    fn a_gap_is_what_comes_later_than_the_pacer_makes_good() {
        assert_eq!(gaps(&[0, 1_000, 2_000, 33_000, 33_010, 44_000], 1_000), [30_000]);
    }
}
