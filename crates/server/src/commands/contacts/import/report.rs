//! What became of a list, for people.

use serde_json::Value;

use crate::bar::grouped;

/// Problems that are printed; all of them are in the file that --errors names.
const SHOWN: usize = 20;

/// Of an import.
pub(super) fn print_report(report: &Value) {
    println!("{}", summary(report));
    print_consent(report);
    if let Some(failure) = report["failure"].as_str() {
        println!("failed: {failure}");
    }
    print_details(report);
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
fn print_consent(report: &Value) {
    let number = |name: &str| report[name].as_u64().filter(|number| *number > 0);
    if let Some(out) = number("opted_out") {
        println!("opted out by the list: {}", grouped(out));
    }
    if let Some(refused) = number("consent_refused") {
        println!("had opted out before, and stay so whatever the list says: {}", grouped(refused));
    }
}

fn print_rows(rows: &Value, what: &str) {
    for row in rows.as_array().into_iter().flatten().take(SHOWN) {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        println!("row {}\t{}\t{}", row["row"], text("phone"), text(what));
    }
}

fn print_details(report: &Value) {
    print_rows(&report["notes"], "note");
    print_rows(&report["error_details"], "error");
    let all = ["duplicates", "errors"].iter().filter_map(|name| report[*name].as_u64()).sum::<u64>();
    if all > SHOWN as u64 {
        println!("… {} more; --errors FILE writes them all", grouped(all - SHOWN as u64));
    }
}

/// Of a dry run.
pub(super) fn print_trial(trial: &Value) {
    for column in trial["file"]["columns"].as_array().into_iter().flatten() {
        let text = |name: &str| column[name].as_str().unwrap_or_default().to_owned();
        println!("{} → {}", text("heading"), text("target"));
    }
    println!("Of the first {}", summary(trial));
    print_consent(trial);
    print_details(trial);
}
