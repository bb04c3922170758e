//! `cargo xtask arch`: holds the crates against the grid of ARCHITECTURE.md.

mod arrows;
mod files;
mod plan;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::command::{cargo, output, root};

/// Prints a line per fault and fails when there is one.
pub(crate) fn run() -> Result<()> {
    let metadata: Metadata =
        serde_json::from_slice(&output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?)?;
    let mut faults = arrows::faults(&metadata.packages);
    faults.extend(files::faults(&root()));
    for fault in &faults {
        eprintln!("arch: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} fault(s) against the grid", faults.len());
    }
    println!("{} crates stand on their floors", metadata.packages.len());
    Ok(())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A crate of this workspace.
#[derive(Debug, Clone, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

/// What it names in its manifest.
#[derive(Debug, Clone, Deserialize)]
struct Dependency {
    name: String,
    /// `None`: ordinary; else `dev` or `build`.
    kind: Option<String>,
    /// Set when it is one of this workspace.
    path: Option<String>,
}
