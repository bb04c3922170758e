//! Disk, files, port.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use domain::{Clock, MovableClock, SignedDuration};
use tokio::net::TcpListener;

use super::Finding;
use crate::config::Config;
use crate::folder::FolderLock;
use crate::keys::{key_file, make_folder, readable_by_others};
use crate::tls::Tls;

/// Below this much a database is about to stop; below the second, somebody should look.
const TOO_LITTLE_MB: u64 = 100;
const LITTLE_MB: u64 = 1_024;
/// A certificate that ends within this should have been renewed.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![writable(&config.data), space(&config.data), key(config)];
    findings.extend(database_file(config));
    findings.extend(certificate(config));
    if config.node.is_some() && config.database_url.is_none() {
        findings.push(Finding::warning(
            "node",
            "has a name, but the database is a SQLite file",
            "Several nodes need PostgreSQL: set WAXWING_DATABASE_URL.",
        ));
    }
    findings
}

/// Whether a server can listen where it is to listen, or does so already.
pub(super) async fn door(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "port";
    let address = &config.listen;
    let finding = match TcpListener::bind(address).await {
        Ok(_) => Finding::good(WHAT, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && FolderLock::take(config).is_err() => {
            Finding::good(WHAT, format!("{address} is in use, by the server at work on this folder"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::warning(
            WHAT,
            format!("{address} is in use"),
            "Fine when it is this server that runs there; else stop the other program or set WAXWING_LISTEN.",
        ),
        Err(error) => Finding::failed(
            WHAT,
            format!("nothing can listen on {address}: {error}"),
            "Set WAXWING_LISTEN to an address of this machine; ports below 1024 need CAP_NET_BIND_SERVICE.",
        ),
    };
    vec![finding]
}

/// Phone numbers and messages are in it.
fn database_file(config: &Config) -> Option<Finding> {
    let path = config.data.join("waxwing.db");
    if config.database_url.is_some() || !path.exists() {
        return None;
    }
    let open = readable_by_others(&path) && readable_by_others(&config.data);
    Some(if open {
        let advice = format!("Type: chmod 700 {}", config.data.display());
        Finding::warning("database file", format!("others may read {}", path.display()), advice)
    } else {
        Finding::good("database file", "for its owner alone")
    })
}

fn certificate(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "certificate";
    const RENEW: &str = "Renew it; a running server takes the new files up by itself.";
    let tls = match Tls::of(config) {
        Ok(None) => return Vec::new(),
        Ok(Some(tls)) => tls,
        Err(error) => {
            let advice = "Let tls_cert name the chain and tls_key its private key, both as PEM.";
            return vec![Finding::failed(WHAT, format!("{error:#}"), advice)];
        }
    };
    let now = MovableClock::default().now();
    let mut findings = vec![match tls.ends_at() {
        None => Finding::good(WHAT, "fits its key"),
        Some(end) if end <= now => Finding::failed(WHAT, format!("it ended at {end}"), RENEW),
        Some(end) if end <= now + SOON => Finding::warning(WHAT, format!("it ends at {end}"), RENEW),
        Some(end) => Finding::good(WHAT, format!("good until {end}")),
    }];
    if let Some(key) = config.tls_key.as_deref().filter(|key| readable_by_others(key)) {
        let advice = format!("Type: chmod 600 {}", key.display());
        findings.push(Finding::warning(
            "certificate's key",
            format!("others may read {}", key.display()),
            advice,
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
