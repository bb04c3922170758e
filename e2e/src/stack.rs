//! `waxwing demo` as a test's world.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::binary::Process;
use crate::{Api, Database, Simulator, eventually};

/// A running demo.
pub struct Stack {
    pub api: Api,
    pub sim: Simulator,
    /// What `demo.env` says.
    pub env: HashMap<String, String>,
    process: Process,
    log: PathBuf,
    database: Database,
}

impl Stack {
    /// Starts `waxwing demo --empty` on this database and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(database: Database) -> Self {
        Self::start_with(database, &[])
    }

    /// The same with more settings in its environment.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(database: Database, settings: &[(&str, &str)]) -> Self {
        let log = database.folder.path().join("demo.log");
        let data = database.data();
        let arguments =
            ["demo", "--empty", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data", &data];
        let environment = [database.environment(), settings.to_vec()].concat();
        let mut process = Process::start(&arguments, &environment, &log);
        let file = database.folder.path().join("data/demo.env");
        let env = eventually("demo.env is written", || {
            assert!(process.runs(), "the demo ended: {}", std::fs::read_to_string(&log).unwrap_or_default());
            let env = read_env(&file);
            env.contains_key("SIM_ACCESS_TOKEN").then_some(env)
        });
        let tenant = env["WAXWING_TENANT"].parse().expect("the tenant's id");
        let api = Api::new(&env["WAXWING_URL"], tenant, &env["WAXWING_API_KEY"]);
        let sim = Simulator::new(&env["SIM_URL"]);
        Self { api, sim, env, process, log, database }
    }

    /// The connection of the demo.
    pub fn connection(&self) -> i64 {
        self.env["WAXWING_CONNECTION"].parse().expect("the connection's id")
    }

    /// Puts a template at Meta's side in this state, and syncs it here; answers our row.
    ///
    /// # Panics
    /// When it does not arrive.
    #[track_caller]
    pub fn template(&self, name: &str, status: &str, components: Value) -> Value {
        self.template_of("UTILITY", name, status, components)
    }

    /// As [`template`](Self::template), in another category.
    #[track_caller]
    pub fn template_of(&self, category: &str, name: &str, status: &str, components: Value) -> Value {
        self.sim.template(json!({
            "name": name, "language": "en_US", "category": category, "status": status, "components": components,
        }));
        self.synced(name)
    }

    /// Syncs and answers the row of this template.
    #[track_caller]
    pub fn synced(&self, name: &str) -> Value {
        self.api.post("/templates/sync", json!({})).expect(200);
        let list = self.api.get(&format!("/templates?search={name}")).expect(200);
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .find(|row| row["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not in {list:#}"))
    }

    /// A template without parameters that may be sent.
    #[track_caller]
    pub fn hello(&self) -> Value {
        self.template("hello", "APPROVED", json!([{ "type": "BODY", "text": "Hello from us." }]))
    }

    /// The most memory that the demo ever had, in bytes.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn peak_memory(&self) -> u64 {
        self.process.peak_memory()
    }

    /// What the demo printed and logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the demo on {} said:\n{}", self.database.name(), tail(&self.log()));
            return;
        }
        assert!(self.process.runs(), "the demo ended by itself:\n{}", tail(&self.log()));
        assert!(!self.log().contains("panicked at"), "a task panicked:\n{}", tail(&self.log()));
    }
}

pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

pub(crate) fn read_env(file: &std::path::Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| {
        let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
        Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
    });
    pairs.collect()
}
