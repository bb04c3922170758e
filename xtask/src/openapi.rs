//! docs/openapi.json: written from the code, and held against it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{built, output, root};

const FILE: &str = "docs/openapi.json";

/// Writes the file anew.
pub(crate) fn write() -> Result<()> {
    let fresh = generate()?;
    let path = root().join(FILE);
    if std::fs::read(&path).is_ok_and(|kept| kept == fresh) {
        println!("{FILE} is up to date");
        return Ok(());
    }
    std::fs::write(&path, fresh).with_context(|| format!("could not write {}", path.display()))?;
    println!("wrote {FILE}");
    Ok(())
}

/// Fails when the file is not what the code says.
pub(crate) fn check() -> Result<()> {
    let fresh = generate()?;
    let kept = std::fs::read(root().join(FILE)).with_context(|| format!("{FILE} cannot be read"))?;
    if kept != fresh {
        bail!("{FILE} is stale: run `cargo xtask openapi` and commit it");
    }
    Ok(())
}

fn generate() -> Result<Vec<u8>> {
    output(Command::new(built("waxwing")?).arg("openapi"))
}
