//! Programs of the system that the tests need: installed where that may be done, else said what to type.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{is_root, on_path, run};

/// What is needed, where it comes from, and whether it is there.
pub(crate) struct Needed {
    /// For people, e.g. "PostgreSQL 14 or later (initdb and postgres)".
    pub(crate) what: &'static str,
    /// Debian's package.
    pub(crate) package: &'static str,
    pub(crate) installed: fn() -> bool,
}

impl Needed {
    /// Installs it where it is missing and may be installed; else says what to type.
    pub(crate) fn ensure(&self) -> Result<()> {
        if (self.installed)() {
            return Ok(());
        }
        let Self { what, package, .. } = self;
        let install = ["install", "--yes", "--no-install-recommends", *package];
        if !(is_root() && on_path("apt-get")) {
            bail!(
                "the tests need {what}.\nOn Debian or Ubuntu type:\n\n    sudo apt-get update && sudo apt-get {}\n\n\
                 elsewhere install it and put its folder on the PATH",
                install.join(" ")
            );
        }
        apt(&["update"])?;
        apt(&install)?;
        if !(self.installed)() {
            bail!("apt-get installed {package}, but there is still no {what}");
        }
        Ok(())
    }
}

fn apt(arguments: &[&str]) -> Result<()> {
    run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Checks the rules and the page of metrics.
pub(crate) const PROMTOOL: Needed =
    Needed { what: "promtool", package: "prometheus", installed: || on_path("promtool") };

/// The tests start servers of their own, so only the programs must be there.
pub(crate) const POSTGRES: Needed = Needed {
    what: "PostgreSQL 14 or later (initdb and postgres)",
    package: "postgresql",
    installed: has_postgres,
};

/// Debian keeps the programs off the path, in a folder per version.
fn has_postgres() -> bool {
    on_path("initdb")
        || Path::new("/usr/lib/postgresql").read_dir().is_ok_and(|mut versions| {
            versions.any(|v| v.is_ok_and(|v| v.path().join("bin/initdb").is_file()))
        })
}
