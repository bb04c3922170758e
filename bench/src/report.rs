//! Tables.

use std::time::Duration;

use crate::load::Measured;

/// What a contender did in each round.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pub(crate) per_second: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Processor time of the server, in microseconds per request.
    work: Vec<f64>,
}

impl Rounds {
    pub(crate) fn add(&mut self, measured: &Measured) {
        self.per_second.push(measured.per_second());
        self.p50.push(measured.percentile(0.50));
        self.p99.push(measured.percentile(0.99));
    }

    /// A rate without latencies.
    pub(crate) fn add_rate(&mut self, per_second: f64) {
        self.per_second.push(per_second);
    }

    /// What the server worked for so many requests.
    pub(crate) fn add_work(&mut self, worked: Duration, count: usize) {
        self.work.push(worked.as_secs_f64() * 1e6 / count as f64);
    }

    /// Microseconds per request.
    pub(crate) fn work(&self) -> f64 {
        median(&self.work)
    }

    pub(crate) fn p99(&self) -> f64 {
        median(&self.p99)
    }

    pub(crate) fn rate(&self) -> f64 {
        median(&self.per_second)
    }

    /// The median of the ratios of the rounds: what slows a round slows both.
    pub(crate) fn of(&self, floor: &Self) -> f64 {
        let ratios: Vec<f64> =
            self.per_second.iter().zip(&floor.per_second).map(|(own, of)| own / of).collect();
        median(&ratios)
    }
}

/// NaN of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// Columns that stand under each other.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|head| (*head).to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// A contender: rate with its lowest and highest round, latencies, ratios.
    pub(crate) fn contender(&mut self, name: &str, rounds: &Rounds, ratios: impl IntoIterator<Item = f64>) {
        let low = rounds.per_second.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rounds.per_second.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let latency =
            |values: &[f64]| if values.is_empty() { "–".into() } else { format!("{:.1}", median(values)) };
        let cells = [
            name.to_owned(),
            whole(rounds.rate()),
            format!("{}–{}", whole(low), whole(high)),
            latency(&rounds.p50),
            latency(&rounds.p99),
            whole(rounds.work()),
        ];
        self.row(cells.into_iter().chain(ratios.into_iter().map(|ratio| format!("{ratio:.2}"))));
    }

    pub(crate) fn print(&self, title: &str) {
        println!("\n{title}");
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(
                    |(column, (cell, width))| {
                        if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                    },
                )
                .collect();
            println!("  {}", line.join("   ").trim_end());
        }
    }
}

/// The heads that fit [`Table::contender`], before the ratios.
pub(crate) const HEADS: [&str; 6] = ["", "per second", "rounds", "p50 ms", "p99 ms", "µs each"];

/// 12345.6 as `12 346`.
pub(crate) fn whole(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// Bytes as `12.3 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1_000_000.0)
}

/// A line for a figure with something to reach.
pub(crate) fn target(what: &str, figure: &str, wanted: &str, is_reached: bool) {
    println!("  {} {what}: {figure} (to reach: {wanted})", if is_reached { "reached" } else { "MISSED " });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(whole(1_234_567.4), "1 234 567");
        assert_eq!(whole(12.0), "12");
    }
}
