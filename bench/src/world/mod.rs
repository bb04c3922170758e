//! The world of a benchmark: `waxwing serve` on a store of its own, `waxwing simulate` on the other side, a tenant
//! with connections, an approved template and contacts with consent.

mod account;
mod address;
mod api;
mod copies;
mod database;
mod process;
mod until;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use account::{CONTACTS, TEMPLATE, phone};
use address::free_address;
use api::Api;
pub(crate) use copies::Copies;
pub(crate) use database::{Database, Look};
use process::Process;
pub(crate) use until::until;

use crate::options::Store;

/// What the app of the simulator signs with.
pub(crate) const APP_SECRET: &str = "bench-app-secret";
const ACCESS_TOKEN: &str = "EAABENCHTOKEN";
const VERIFY_TOKEN: &str = "bench-verify-token";

/// What a server does at its start and never again is over after this time.
const SETTLING: Duration = Duration::from_secs(1);
/// The allocator gives back what is free after some seconds, in steps; after this time nothing moves any more.
const QUIET: Duration = Duration::from_secs(30);

/// Server and simulator; both end with this value, and nothing of them stays.
pub(crate) struct World {
    // Dropped in this order: processes before what they use.
    server: Process,
    simulator: Process,
    pub(crate) address: SocketAddr,
    pub(crate) simulator_address: SocketAddr,
    pub(crate) tenant: i64,
    pub(crate) key: String,
    /// Our ids; the first is the default one.
    pub(crate) connections: Vec<i64>,
    /// Meta's ids of their numbers.
    pub(crate) numbers: Vec<String>,
    pub(crate) waba: String,
    database: Database,
    folder: TempDir,
}

impl World {
    /// Memory of a server with a tenant that nobody has asked anything of for a while, in bytes.
    pub(crate) async fn at_rest(store: Store) -> Result<u64> {
        let folder = tempfile::tempdir()?;
        let database = Database::new(store, folder.path());
        database.command(&["tenant", "create", "--name", "Bench"])?;
        let address = free_address()?;
        let mut server = start_server(&folder, &database, address)?;
        tokio::time::sleep(QUIET).await;
        let resident = server.resident()?;
        // It was there all the time.
        server.answers(&format!("http://{address}/readyz")).await?;
        Ok(resident)
    }

    /// A world with so many numbers, each limited to `per_second` (`None`: as Meta limits it).
    pub(crate) async fn start(store: Store, numbers: usize, per_second: Option<u32>) -> Result<Self> {
        let mut world = Self::empty(store).await?;
        let prepared = world.prepare(numbers, per_second).await;
        prepared.with_context(|| format!("the server said:\n{}", world.server.last_words()))?;
        Ok(world)
    }

    /// A tenant and its key, and nothing else.
    async fn empty(store: Store) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = Database::new(store, folder.path());
        let tenant = database.command(&["tenant", "create", "--name", "Bench"])?;
        let key = database.command(&["key", "create", "--tenant", &tenant, "--name", "bench"])?;
        Self::on(folder, database, &tenant, key).await
    }

    /// Server and simulator on a database that has this tenant; nothing else is made. Logs go to `folder`.
    pub(crate) async fn on(folder: TempDir, database: Database, tenant: &str, key: String) -> Result<Self> {
        let (address, simulator_address) = (free_address()?, free_address()?);
        let simulator = start_simulator(&folder, address, simulator_address)?;
        let server = start_server(&folder, &database, address)?;
        let mut world = Self {
            server,
            simulator,
            address,
            simulator_address,
            tenant: tenant.parse().with_context(|| format!("no tenant's id: {tenant}"))?,
            key,
            connections: Vec::new(),
            numbers: Vec::new(),
            waba: String::new(),
            database,
            folder,
        };
        world.simulator.answers(&format!("http://{simulator_address}/_sim/state")).await?;
        world.server.answers(&format!("http://{address}/readyz")).await?;
        tokio::time::sleep(SETTLING).await;
        Ok(world)
    }

    /// Ends both processes; the database stays.
    pub(crate) fn end(self) -> Database {
        self.database
    }

    /// The tenant's part of the API.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.base(), &self.key)
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}{}", self.address, self.path(""))
    }

    /// A path of the tenant's API.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/tenant/{}/whatsapp{rest}", self.tenant)
    }

    /// What the simulator takes as access token.
    pub(crate) fn access_token() -> &'static str {
        ACCESS_TOKEN
    }

    /// The simulator's handles.
    pub(crate) fn sim(&self) -> Api {
        Api::new(format!("http://{}/_sim", self.simulator_address), "")
    }

    /// A fresh database for a floor, on the same engine and disk.
    pub(crate) fn floor_database(&self) -> Database {
        Database::of_floor(self.database.store(), self.folder.path())
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Memory of the server now, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.server.resident()
    }

    /// The most memory of the server so far, in bytes.
    pub(crate) fn peak(&self) -> Result<u64> {
        self.server.peak()
    }

    /// Processor time of the server so far.
    pub(crate) fn worked(&self) -> Result<Duration> {
        self.server.worked()
    }

    /// Messages that the simulator accepted so far.
    pub(crate) async fn accepted(&self) -> Result<u64> {
        let state = self.sim().get("/state").await?;
        state["accepted"].as_u64().context("the simulator does not say how many messages it accepted")
    }

    /// Changes what the simulator does.
    pub(crate) async fn simulate(&self, faults: Value) -> Result<()> {
        self.sim().patch("/faults", faults).await.map(drop)
    }

    /// A number and the template, as a tenant has them; no contacts.
    pub(crate) async fn found(&mut self) -> Result<()> {
        self.link_numbers(1, None).await?;
        self.put_template().await
    }

    async fn prepare(&mut self, numbers: usize, per_second: Option<u32>) -> Result<()> {
        // What is measured is Waxwing, not a limit of Meta.
        let unlimited = json!({
            "throughput_per_second": 0, "pair_limit": false, "tier": "TIER_UNLIMITED",
            "management_calls_per_hour": 0, "statuses": false,
        });
        self.simulate(unlimited).await?;
        self.link_numbers(numbers, per_second).await?;
        self.put_template().await?;
        self.create_contacts().await
    }
}

fn start_simulator(folder: &TempDir, server: SocketAddr, own: SocketAddr) -> Result<Process> {
    let callback = format!("http://{server}/webhooks/whatsapp");
    let own = own.to_string();
    let arguments = [
        "simulate",
        "--listen",
        &own,
        "--callback",
        &callback,
        "--app-secret",
        APP_SECRET,
        "--verify-token",
        VERIFY_TOKEN,
        "--access-token",
        ACCESS_TOKEN,
    ];
    Process::start(&arguments, &[], &folder.path().join("simulator.log"))
}

fn start_server(folder: &TempDir, database: &Database, own: SocketAddr) -> Result<Process> {
    let own = own.to_string();
    // Meta is simulated on this machine.
    let mut arguments = vec!["serve", "--listen", &own, "--api-rate", "0", "--allow-networks", "127.0.0.0/8"];
    let data = database.data();
    arguments.extend(["--data", &data]);
    Process::start(&arguments, &database.environment(), &folder.path().join("server.log"))
}
