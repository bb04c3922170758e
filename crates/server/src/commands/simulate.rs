//! `waxwing simulate`: the simulator alone, for whoever tests another client of the Cloud API.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use domain::{Entropy, SystemEntropy};
use simulator::{AccountConfig, SimConfig, Simulator};

use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::{logging, shutdown};

#[derive(Args)]
#[command(
    after_help = "The Graph API is at http://ADDRESS/v25.0/…, the handles of the simulator at http://ADDRESS/_sim/…, a phone \
                  at http://ADDRESS/sim.\n\nExample:\n  waxwing simulate --callback http://127.0.0.1:3000/webhook"
)]
pub(crate) struct Simulate {
    /// Address and port; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where webhooks go, without a handshake
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Signs webhooks
    #[arg(long, value_name = "SECRET")]
    app_secret: Option<String>,
    /// Sent with the handshake
    #[arg(long, value_name = "TOKEN")]
    verify_token: Option<String>,
    /// The access token that clients must send
    #[arg(long, value_name = "TOKEN")]
    access_token: Option<String>,
    /// Makes randomness repeatable
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A JSON array of templates, each as POST /_sim/templates takes it
    #[arg(long, value_name = "FILE")]
    templates: Option<std::path::PathBuf>,
}

impl Simulate {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        logging::start(&Config::for_command(common)?)?;
        let stop = shutdown::on_signals();
        let account = self.account();
        let simulator = Simulator::start(self.config(account.clone())?).await?;
        say!("Graph API        {}/v25.0", simulator.url())?;
        say!("Phone            {}/sim", simulator.url())?;
        say!("Phone number id  {}", account.phones.first().map_or("", |phone| &phone.id))?;
        say!("WABA id          {}", account.waba_id)?;
        say!("Access token     {}", account.token)?;
        say!("App secret       {}", account.app_secret)?;
        say!("Verify token     {}", account.verify_token)?;
        stop.cancelled().await;
        simulator.shutdown();
        Ok(())
    }

    fn account(&self) -> AccountConfig {
        let mut account = AccountConfig { callback_url: self.callback.clone(), ..AccountConfig::default() };
        let given = [
            (&self.app_secret, &mut account.app_secret),
            (&self.verify_token, &mut account.verify_token),
            (&self.access_token, &mut account.token),
        ];
        for (flag, setting) in given {
            if let Some(value) = flag {
                setting.clone_from(value);
            }
        }
        account
    }

    fn config(&self, account: AccountConfig) -> Result<SimConfig> {
        let templates = match &self.templates {
            None => Vec::new(),
            Some(path) => {
                let text =
                    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
                serde_json::from_slice(&text)
                    .with_context(|| format!("{} is no JSON array", path.display()))?
            }
        };
        let seed = self.seed.unwrap_or_else(fresh_seed);
        Ok(SimConfig {
            listen: self.listen,
            seed,
            accounts: vec![account],
            templates,
            ..SimConfig::default()
        })
    }
}

/// Another one each time: message ids of two runs must not be the same.
pub(super) fn fresh_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    SystemEntropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
