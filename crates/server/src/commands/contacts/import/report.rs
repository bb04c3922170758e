//! What became of a list, for people.

use std::io;

use serde_json::Value;

use crate::bar::grouped;
use crate::commands::output::say;

/// Problems that are printed; all of them are in the file that --errors names.
const SHOWN: usize = 20;

/// Of an import.
pub(super) fn print_report(report: &Value) -> io::Result<()> {
    say!("{}", summary(report))?;
    print_consent(report)?;
    if let Some(failure) = report["failure"].as_str() {
        say!("failed: {failure}")?;
    }
    print_details(report)
}

fn summary(report: &Value) -> String {
    let number = |name: &str| grouped(report[name].as_u64().unwrap_or_default());
    format!(
        "{} rows: {} imported, {} updated, {} duplicates, {} errors",
        number("processed"),
        number("imported"),
        number("updated"),
        number("duplicates"),
        number("errors")
    )
}

/// What the list changed beside its rows, and what it could not.
fn print_consent(report: &Value) -> io::Result<()> {
    let number = |name: &str| report[name].as_u64().filter(|number| *number > 0);
    if let Some(out) = number("opted_out") {
        say!("opted out by the list: {}", grouped(out))?;
    }
    if let Some(refused) = number("consent_refused") {
        say!("had opted out before, and stay so whatever the list says: {}", grouped(refused))?;
    }
    Ok(())
}

fn print_rows(rows: &Value, what: &str) -> io::Result<()> {
    for row in rows.as_array().into_iter().flatten().take(SHOWN) {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        say!("row {}\t{}\t{}", row["row"], text("phone"), text(what))?;
    }
    Ok(())
}

fn print_details(report: &Value) -> io::Result<()> {
    print_rows(&report["notes"], "note")?;
    print_rows(&report["error_details"], "error")?;
    let all = ["duplicates", "errors"].iter().filter_map(|name| report[*name].as_u64()).sum::<u64>();
    if all > SHOWN as u64 {
        say!("… {} more; --errors FILE writes them all", grouped(all - SHOWN as u64))?;
    }
    Ok(())
}

/// Of a dry run.
pub(super) fn print_trial(trial: &Value) -> io::Result<()> {
    for column in trial["file"]["columns"].as_array().into_iter().flatten() {
        let text = |name: &str| column[name].as_str().unwrap_or_default().to_owned();
        say!("{} → {}", text("heading"), text("target"))?;
    }
    say!("Of the first {}", summary(trial))?;
    print_consent(trial)?;
    print_details(trial)
}
