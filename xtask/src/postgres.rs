//! PostgreSQL for the tests: they start servers of their own, so only the programs must be there.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{is_root, on_path, run};

const INSTALL: &str = "apt-get install --yes --no-install-recommends postgresql";

/// Installs PostgreSQL where it is missing and may be installed; else says what to type.
pub(crate) fn ensure() -> Result<()> {
    if installed() {
        return Ok(());
    }
    if !(is_root() && on_path("apt-get")) {
        bail!(
            "the tests need PostgreSQL 14 or later (initdb and postgres).\n\
             On Debian or Ubuntu type:\n\n    sudo apt-get update && sudo {INSTALL}\n\n\
             elsewhere install it and put the folder of `initdb` on the PATH"
        );
    }
    apt("update")?;
    apt("install")?;
    if !installed() {
        bail!(
            "apt-get installed postgresql, but there is still no initdb on the PATH or under /usr/lib/postgresql"
        );
    }
    Ok(())
}

fn apt(what: &str) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    match what {
        "update" => run(command.arg("update")),
        _ => run(command.args(INSTALL.split_whitespace().skip(1))),
    }
}

/// Debian keeps the programs off the path, in a folder per version.
fn installed() -> bool {
    on_path("initdb")
        || Path::new("/usr/lib/postgresql").read_dir().is_ok_and(|mut versions| {
            versions.any(|v| v.is_ok_and(|v| v.path().join("bin/initdb").is_file()))
        })
}
