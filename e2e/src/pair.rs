//! `waxwing simulate` and one or more `waxwing serve`, which can be killed and started again.

use std::path::PathBuf;

use serde_json::json;

use crate::binary::{self, Process};
use crate::stack::tail;
use crate::{Api, Database, Simulator, eventually, free_address};

const TOKEN: &str = "EAAPAIRTOKEN";
const APP_SECRET: &str = "pair-app-secret";
const VERIFY_TOKEN: &str = "pair-verify-token";

/// One `waxwing serve`.
pub struct Node {
    pub url: String,
    name: String,
    listen: String,
    process: Option<Process>,
}

/// A simulator and its servers on one database.
pub struct Pair {
    pub sim: Simulator,
    pub nodes: Vec<Node>,
    pub tenant: i64,
    pub key: String,
    pub connection: i64,
    pub app_secret: &'static str,
    _simulator: Process,
    log: PathBuf,
    pub database: Database,
    extra: Vec<(&'static str, String)>,
}

impl Pair {
    /// Starts the simulator and `nodes` servers (more than one needs PostgreSQL), with a tenant, a key and a
    /// connection to the simulator.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start(database: Database, nodes: usize) -> Self {
        Self::start_with(database, nodes, &[])
    }

    /// As [`start`](Self::start), with more settings of the servers.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start_with(database: Database, nodes: usize, extra: &[(&'static str, &str)]) -> Self {
        Self::begin(database, nodes, 1, extra)
    }

    /// As [`start`](Self::start), with a seed for what the simulator does by chance.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start_seeded(database: Database, nodes: usize, seed: u64) -> Self {
        Self::begin(database, nodes, seed, &[])
    }

    fn begin(database: Database, nodes: usize, seed: u64, extra: &[(&'static str, &str)]) -> Self {
        let seed = seed.to_string();
        let log = database.folder.path().join("pair.log");
        let addresses: Vec<String> = (0..nodes).map(|_| free_address()).collect();
        let sim_address = free_address();
        let callback = format!("http://{}/webhooks/whatsapp", addresses[0]);
        let arguments = [
            "simulate",
            "--listen",
            &sim_address,
            "--callback",
            &callback,
            "--app-secret",
            APP_SECRET,
            "--verify-token",
            VERIFY_TOKEN,
            "--access-token",
            TOKEN,
            "--seed",
            &seed,
        ];
        let simulator = Process::start(&arguments, &[], &log);
        let sim = Simulator::new(&format!("http://{sim_address}"));
        let nodes = addresses
            .into_iter()
            .enumerate()
            .map(|(index, listen)| Node {
                url: format!("http://{listen}"),
                name: format!("node-{index}"),
                listen,
                process: None,
            })
            .collect();
        let mut pair = Self {
            sim,
            nodes,
            tenant: 0,
            key: String::new(),
            connection: 0,
            app_secret: APP_SECRET,
            _simulator: simulator,
            log,
            database,
            extra: extra.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        };
        for index in 0..pair.nodes.len() {
            pair.boot(index);
        }
        pair.set_up();
        pair
    }

    fn set_up(&mut self) {
        let tenant = self.command(&["tenant", "create", "--name", "Pair"]);
        self.tenant = tenant.parse().unwrap_or_else(|_| panic!("no id: {tenant}"));
        self.key = self.command(&["key", "create", "--tenant", &tenant, "--name", "test"]);
        let accounts = self.sim.call("GET", "/state", None)["accounts"].clone();
        self.connection = self.link("Simulator", &accounts["phones"][0]["id"]);
    }

    fn link(&self, name: &str, phone_number_id: &serde_json::Value) -> i64 {
        let accounts = self.sim.call("GET", "/state", None)["accounts"].clone();
        let connection = self
            .api(0)
            .post(
                "/connections",
                json!({
                    "name": name,
                    "phone_number_id": phone_number_id,
                    "waba_id": accounts["wabas"][0]["id"],
                    "app_id": accounts["apps"][0]["id"],
                    "access_token": TOKEN,
                    "app_secret": APP_SECRET,
                    "verify_token": VERIFY_TOKEN,
                    "graph_url": self.sim.url,
                }),
            )
            .expect(201);
        let connection = connection.get("connection").unwrap_or(&connection);
        connection["id"].as_i64().unwrap_or_else(|| panic!("no id in {connection:#}"))
    }

    /// Links a further number of the same account; `number` counts them from 1. Answers the connection's id.
    ///
    /// # Panics
    /// When it cannot be linked.
    pub fn another_number(&self, number: usize) -> i64 {
        let accounts = self.sim.call("GET", "/state", None)["accounts"].clone();
        let waba = accounts["wabas"][0]["id"].as_str().expect("an account").to_owned();
        let id = format!("10654035224{:04}", 3_000 + number);
        let phone = json!({ "id": id, "display_phone_number": format!("+1 555-078-{:04}", 3_900 + number) });
        self.sim.call("PATCH", &format!("/accounts/{waba}"), Some(json!({ "add_phone": phone })));
        self.link(&format!("Simulator {number}"), &json!(id))
    }

    /// Runs another command of the binary on the same data and answers what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn command(&self, arguments: &[&str]) -> String {
        self.try_command(arguments).unwrap_or_else(|told| panic!("{arguments:?}: {told}"))
    }

    /// As [`command`](Self::command).
    ///
    /// # Errors
    /// What a command that fails says.
    pub fn try_command(&self, arguments: &[&str]) -> Result<String, String> {
        let data = self.database.data();
        let arguments = [arguments, &["--data", &data]].concat();
        let output = binary::run(&arguments, &self.database.environment());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Starts a server (again) and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub fn boot(&mut self, node: usize) {
        let data = self.database.data();
        let listen = self.nodes[node].listen.clone();
        let arguments = ["serve", "--listen", &listen, "--data", &data];
        let mut environment = self.database.environment();
        let name = self.nodes[node].name.clone();
        environment.push(("WAXWING_NODE", &name));
        // The load of a test comes from one key.
        environment.push(("WAXWING_API_RATE", "0"));
        // Meta is simulated on this machine.
        environment.push(("WAXWING_ALLOW_NETWORKS", "127.0.0.0/8"));
        environment.extend(self.extra.iter().map(|(name, value)| (*name, value.as_str())));
        let process = Process::start(&arguments, &environment, &self.log);
        self.nodes[node].process = Some(process);
        let api = Api::new(&self.nodes[node].url, 0, "");
        let log = self.log.clone();
        let process = &mut self.nodes[node].process;
        eventually("the server is ready", || {
            let runs = process.as_mut().is_some_and(Process::runs);
            assert!(runs, "the server ended:\n{}", tail(&std::fs::read_to_string(&log).unwrap_or_default()));
            api.plain("/readyz").filter(|answer| answer.status == 200)
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self, node: usize) {
        if let Some(mut process) = self.nodes[node].process.take() {
            process.kill();
        }
    }

    /// SIGTERM; true when it ended well.
    pub fn terminate(&mut self, node: usize) -> bool {
        self.nodes[node].process.take().is_some_and(|mut process| process.terminate())
    }

    /// A client of one of the servers.
    pub fn api(&self, node: usize) -> Api {
        Api::new(&self.nodes[node].url, self.tenant, &self.key)
    }

    /// What all processes printed and logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the processes on {} said:\n{}", self.database.name(), tail(&self.log()));
            return;
        }
        assert!(!self.log().contains("panicked at"), "a task panicked:\n{}", tail(&self.log()));
    }
}
