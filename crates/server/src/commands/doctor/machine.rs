//! Disk and key file.

use std::path::Path;
use std::process::Command;

use super::Finding;
use crate::config::Config;
use crate::keys::{key_file, make_folder, readable_by_others};

/// Below this much a database is about to stop; below the second, somebody should look.
const TOO_LITTLE_MB: u64 = 100;
const LITTLE_MB: u64 = 1_024;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![writable(&config.data), space(&config.data), key(config)];
    if config.node.is_some() && config.database_url.is_none() {
        findings.push(Finding::warning(
            "node",
            "has a name, but the database is a SQLite file",
            "Several nodes need PostgreSQL: set WAXWING_DATABASE_URL.",
        ));
    }
    findings
}

fn writable(data: &Path) -> Finding {
    let probe = data.join(format!(".doctor-{}", std::process::id()));
    let tried = make_folder(data)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::good("data folder", format!("{} can be written to", data.display())),
        Err(error) => Finding::failed(
            "data folder",
            format!("{}: {error}", data.display()),
            "Make it belong to the user that runs the server, or name another one with --data.",
        ),
    }
}

fn space(data: &Path) -> Finding {
    const WHAT: &str = "disk";
    let advice = "Make room, or move the data folder to another disk (--data).";
    match free_megabytes(data) {
        None => Finding::warning(WHAT, "its free space could not be found out", "Look with `df -h`."),
        Some(free) if free < TOO_LITTLE_MB => Finding::failed(WHAT, format!("{free} MB are free"), advice),
        Some(free) if free < LITTLE_MB => Finding::warning(WHAT, format!("{free} MB are free"), advice),
        Some(free) => Finding::good(WHAT, format!("{free} MB are free")),
    }
}

/// From `df`, which every Unix has; the standard library does not tell.
fn free_megabytes(folder: &Path) -> Option<u64> {
    let output =
        Command::new("df").arg("-Pk").arg(folder).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes / 1_024)
}

fn key(config: &Config) -> Finding {
    const WHAT: &str = "sealing key";
    let path = key_file(&config.data);
    if config.key.is_some() {
        return Finding::good(WHAT, "from the setting `key`");
    }
    if !path.exists() {
        return Finding::good(WHAT, format!("{} is made at the first start", path.display()));
    }
    if readable_by_others(&path) {
        return Finding::failed(
            WHAT,
            format!("others may read {}", path.display()),
            format!(
                "Type: chmod 600 {}, then think about `waxwing key rotate-secrets --new`.",
                path.display()
            ),
        );
    }
    Finding::good(WHAT, format!("{}, for its owner alone", path.display()))
}
