//! `cargo xtask schemathesis`: asks a running demo what the OpenAPI document promises, with what a tool makes up out of
//! it. No answer may be a 500, and none may be undocumented.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{built, run, target_folder};

/// The tool, from PyPI.
const PACKAGE: &str = "schemathesis==4.32.5";
/// What is held against the document.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Options of the run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Repeats an earlier run; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only operations whose path holds this.
    #[arg(long)]
    path: Option<String>,
}

/// Starts a demo of its own, and ends it.
pub(crate) fn ask(options: &Options) -> Result<()> {
    let tool = installed()?;
    let binary = built("waxwing")?;
    let data = target_folder().join("schemathesis/data");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    std::fs::create_dir_all(&data)?;
    let demo = Demo::start(&binary, &data)?;
    let handles = demo.handles(&data.join("demo.env"))?;
    let handle = |name: &str| handles.get(name).with_context(|| format!("demo.env does not name {name}"));
    let settings = data.join("schemathesis.toml");
    // Of another tenant there is nothing to learn but that it is not there.
    std::fs::write(&settings, format!("[parameters]\n\"path.tenant_id\" = {}\n", handle("WAXWING_TENANT")?))?;
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(settings).arg("run");
    command
        .arg(format!("{}/api/openapi.json", handle("WAXWING_URL")?))
        .args(["--header", &format!("Authorization: Bearer {}", handle("WAXWING_API_KEY")?)])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args(["--max-time", &options.seconds.to_string(), "--workers", "1", "--max-examples", "25"])
        .args(["--request-timeout", "40", "--no-color", "--warnings", "off"])
        // Streams do not end by themselves, and nothing is learned with a key that was revoked.
        .args(["--exclude-path-regex", "/events$", "--exclude-operation-id", "revoke_api_key"])
        .current_dir(&data);
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(path) = &options.path {
        command.args(["--include-path-regex", path]);
    }
    run(&mut command)
}

/// The tool in a folder of its own below target/.
fn installed() -> Result<PathBuf> {
    let folder = target_folder().join("schemathesis/venv");
    let tool = folder.join("bin").join("schemathesis");
    let marker = folder.join(PACKAGE);
    if marker.exists() {
        return Ok(tool);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("Python 3 with venv is needed: apt-get install --yes python3-venv")?;
    run(Command::new(folder.join("bin/pip")).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]))?;
    std::fs::write(marker, "")?;
    Ok(tool)
}

/// A demo that ends with its owner.
struct Demo(Child);

impl Demo {
    fn start(binary: &Path, data: &Path) -> Result<Self> {
        let log = std::fs::File::create(data.join("demo.log"))?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAXWING_")) {
            command.env_remove(name);
        }
        command
            .args(["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Self(command.spawn().context("the demo cannot be started")?))
    }

    /// What `demo.env` says, once it is written.
    fn handles(&self, file: &Path) -> Result<HashMap<String, String>> {
        for _ in 0..600 {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.contains("SIM_ACCESS_TOKEN") {
                let pair = |line: &str| {
                    let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
                    Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
                };
                return Ok(text.lines().filter_map(pair).collect());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the demo did not start within a minute; see {}", file.with_file_name("demo.log").display())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
