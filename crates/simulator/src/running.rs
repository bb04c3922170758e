//! Starting and stopping a simulator, and looking into it from a test in the same process.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::SimConfig;
use crate::connection::{Connection, CuttableListener};
use crate::customers::{inbound, profile};
use crate::faults::Faults;
use crate::ledger::LedgerEntry;
use crate::sim::Sim;
use crate::webhooks::DeliveryRecord;
use crate::{control, graph_api, phone_page, statuses, webhooks};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client for webhooks could not be made.
    #[error("cannot make the webhook client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The simulator; see [`Simulator::start`].
pub struct Simulator {
    sim: Arc<Sim>,
    tasks: Vec<JoinHandle<()>>,
    /// Dropped, it ends serving: idle connections are closed, answers under way are finished.
    serving: Option<oneshot::Sender<()>>,
}

impl Simulator {
    /// Makes a simulator without a listener; its [`router`](Self::router) can be served by the caller. Needs a
    /// tokio runtime. Media URLs and cut connections work fully only with [`Simulator::start`].
    ///
    /// # Errors
    /// [`StartError::Client`].
    pub fn new(config: SimConfig) -> Result<Self, StartError> {
        let client = reqwest::Client::builder()
            .user_agent("facebookexternalua")
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(64)
            .no_proxy()
            .build()?;
        let (sim, feeds) = Sim::new(config, client.clone());
        let sim = Arc::new(sim);
        sim.seed_templates();
        let tasks = vec![
            tokio::spawn(statuses::run(feeds.timeline, Arc::downgrade(&sim))),
            tokio::spawn(webhooks::delivery::run(feeds.deliveries, Arc::downgrade(&sim), client)),
        ];
        Ok(Self { sim, tasks, serving: None })
    }

    /// All routes: the Graph API, the handles under `/_sim`, the phone page at `/sim`.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(control::routes())
            .merge(phone_page::routes())
            .fallback(graph_api::dispatch)
            .with_state(self.sim.clone())
    }

    /// Listens and serves until [`RunningSimulator::shutdown`] or until it is dropped.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: SimConfig) -> Result<RunningSimulator, StartError> {
        let address = config.listen;
        let failed = |source| StartError::Listen { address, source };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let mut simulator = Self::new(config)?;
        simulator.sim.set_url(format!("http://{local}"));
        let service = simulator.router().into_make_service_with_connect_info::<Connection>();
        let (serving, ended) = oneshot::channel::<()>();
        simulator.serving = Some(serving);
        tokio::spawn(async move {
            let end = async { drop(ended.await) };
            let server = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(end);
            if let Err(fault) = server.await {
                tracing::error!(%fault, "the simulator stopped serving");
            }
        });
        Ok(RunningSimulator { simulator, address: local })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A simulator that serves.
pub struct RunningSimulator {
    simulator: Simulator,
    address: SocketAddr,
}

impl RunningSimulator {
    /// Base URL, without a slash at its end: the Graph API is at `{url}/v25.0/…`.
    pub fn url(&self) -> String {
        self.sim().url()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops serving and everything under way.
    pub fn shutdown(self) {
        drop(self);
    }

    /// Ledger lines after `after`, in order.
    pub fn ledger(&self, after: u64) -> Vec<LedgerEntry> {
        let accounts = self.sim().accounts();
        self.sim().ledger().after(after, usize::MAX).map(|(seq, entry)| entry.show(seq, &accounts)).collect()
    }

    /// The delivery log after `after`, with bodies.
    pub fn webhook_log(&self, after: u64) -> Vec<DeliveryRecord> {
        self.sim().webhooks.log().after(after, usize::MAX, true)
    }

    /// Puts these faults in force, instead of those before.
    pub fn set_faults(&self, faults: Faults) {
        self.sim().faults.set(faults);
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.sim().faults.get().as_ref().clone()
    }

    /// Sets the callback of every app, without a handshake.
    pub fn set_callback_url(&self, url: &str) {
        let mut accounts = self.sim().accounts_mut();
        let ids: Vec<String> = accounts.apps().iter().map(|app| app.id.clone()).collect();
        for id in ids {
            if let Some(app) = accounts.app_mut(&id) {
                app.callback_url = Some(url.to_owned());
            }
        }
    }

    /// A customer writes a text to a number; returns the message id, or None for an unknown number or customer.
    pub fn customer_says(&self, phone_number_id: &str, customer: &str, text: &str) -> Option<String> {
        let message = serde_json::json!({"type": "text", "text": {"body": text}});
        inbound::from_outside(self.sim(), phone_number_id, customer, message).ok()
    }

    /// Sets how a customer behaves, in the form of `PUT /_sim/customers/{phone}`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with `how`.
    pub fn set_customer(&self, customer: &str, how: Value) -> Result<(), String> {
        let user = profile::named(&self.sim().customers, customer).ok_or("no such customer can exist")?;
        self.sim().customers.put(user, serde_json::from_value(how).map_err(|fault| fault.to_string())?);
        Ok(())
    }

    /// Puts a template in place, in the form of `POST /_sim/templates`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn put_template(&self, template: &Value) -> Result<(), String> {
        control::templates::put(self.sim(), template).map(|_| ())
    }

    /// Events that have not happened and webhooks that have not been delivered.
    pub fn pending(&self) -> u64 {
        let events = u64::try_from(self.sim().outbox.waiting()).unwrap_or(0);
        events + self.sim().webhooks.log().open
    }

    /// Forgets everything but the accounts.
    pub fn reset(&self) {
        self.sim().reset();
    }

    fn sim(&self) -> &Sim {
        &self.simulator.sim
    }
}
