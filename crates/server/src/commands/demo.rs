//! `waxwing demo`: server and simulator in one process with one movable clock, and a tenant to play with.

mod account;
mod contacts;
mod conversations;
mod greeting;
mod handles;
mod templates;
mod tenant;
mod until;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use domain::addresses::Networks;
use domain::{Clock, MovableClock};
use simulator::{AccountConfig, RunningSimulator, SimClock, SimConfig, Simulator};

use crate::config::{CommonFlags, Config, ListenFlags};
use crate::folder::FolderLock;
use crate::node::{Node, Parts};
use crate::{http, shutdown, watch};

use super::simulate::fresh_seed;
use handles::Handles;

#[derive(Args)]
#[command(
    after_help = "A second start on the same data folder goes on with what is there.\n\nExamples:\n  waxwing demo\n  \
                  waxwing demo --listen 127.0.0.1:0 --sim-listen 127.0.0.1:0 --data /tmp/waxwing-demo --empty"
)]
pub(crate) struct Demo {
    #[command(flatten)]
    listen: ListenFlags,
    /// Address and port of the simulator of Meta; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    sim_listen: SocketAddr,
    /// Seeds a tenant, a key and a connection, and nothing else
    #[arg(long)]
    empty: bool,
}

/// What the seeding works with.
struct Stage<'a> {
    node: &'a Node,
    simulator: &'a RunningSimulator,
    account: &'a AccountConfig,
    clock: &'a dyn Clock,
}

impl Demo {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let mut config = Config::read(common, &self.listen)?;
        config.api_rate.get_or_insert(0);
        // Its Meta is this machine.
        config.allow_networks = config.allow_networks.and(&Networks::loopback());
        let begun = watch::begin(&config)?;
        let stop = shutdown::on_signals();
        let _folder = FolderLock::take(&config)?;
        handles::remove(&config.data)?;
        let clock = Arc::new(MovableClock::default());
        let listener = http::bind(&config.listen, "--listen").await?;
        let url = http::url_of(&listener)?;

        let parts = Parts { clock: clock.clone(), public_url: Some(url.clone()) };
        let node = Node::open(&config, parts).await?;
        let mut settings = config.api();
        let watch = begun.open(&config, &node, &mut settings).await?;
        let server = http::Server::start(listener, None, node, settings, stop.clone())?;
        let account = account::of(&url);
        let simulator = self.simulator(&account, clock.clone()).await?;
        let stage =
            Stage { node: &server.node, simulator: &simulator, account: &account, clock: clock.as_ref() };

        let seeded = tokio::select! {
            seeded = self.seed(&stage, &config, &url) => Some(seeded?),
            () = stop.cancelled() => None,
        };
        if let Some(handles) = seeded {
            handles.write(&config.data)?;
            greeting::print(&handles, &config.data, self.empty)?;
            stop.cancelled().await;
        }
        handles::remove(&config.data)?;
        server.stop(config.shutdown()).await;
        watch.end().await;
        simulator.shutdown();
        Ok(())
    }

    async fn simulator(&self, account: &AccountConfig, clock: Arc<MovableClock>) -> Result<RunningSimulator> {
        let moved = clock.clone();
        let config = SimConfig {
            listen: self.sim_listen,
            clock: SimClock::new(move || clock.now(), move |by| moved.advance(by)),
            seed: fresh_seed(),
            accounts: vec![account.clone()],
            templates: if self.empty { Vec::new() } else { templates::all() },
            ..SimConfig::default()
        };
        Simulator::start(config)
            .await
            .context("the simulator cannot be started; choose another address with --sim-listen")
    }

    /// Everything here may be done again: what is there already is left as it is.
    async fn seed(&self, stage: &Stage<'_>, config: &Config, url: &str) -> Result<Handles> {
        let (tenant, fresh) = tenant::find_or_make(stage).await?;
        let connection = account::connect(stage, tenant).await.context("the connection to the simulator")?;
        let api_key = tenant::key(stage, tenant, &config.data).await?;
        if !self.empty {
            stage
                .node
                .engine
                .templates
                .sync(tenant, Some(connection))
                .await
                .context("reading the templates")?;
        }
        if !self.empty && fresh {
            contacts::seed(stage, tenant).await.context("making the contacts")?;
            conversations::open(stage, tenant).await.context("opening the conversations")?;
            conversations::reject(stage, tenant).await.context("finding numbers that are not on WhatsApp")?;
        } else if !fresh {
            conversations::resume(stage, tenant).await.context("taking the conversations up again")?;
        }
        Ok(Handles {
            url: url.to_owned(),
            tenant,
            api_key,
            connection,
            app_secret: stage.account.app_secret.clone(),
            verify_token: stage.account.verify_token.clone(),
            sim_url: stage.simulator.url(),
            phone_number_id: stage.account.phones.first().map(|phone| phone.id.clone()).unwrap_or_default(),
            waba_id: stage.account.waba_id.clone(),
            access_token: stage.account.token.clone(),
        })
    }
}
