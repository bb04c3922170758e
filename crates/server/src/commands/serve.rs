//! `waxwing serve`.

use anyhow::Result;
use clap::Args;

use crate::config::{CommonFlags, Config, ServeFlags};
use crate::folder::FolderLock;
use crate::node::{Node, Parts, database_name};
use crate::tls::Tls;
use crate::{http, shutdown, watch};

#[derive(Args)]
#[command(
    after_help = "Every flag is also a setting of the environment (WAXWING_…) and of the settings file.\n\n\
                  Examples:\n  waxwing serve --listen 127.0.0.1:8080 --data /var/lib/waxwing\n  \
                  WAXWING_DATABASE_URL=postgres://waxwing@db/waxwing waxwing serve --public-url https://wa.example.com"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
}

impl Serve {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::read(common, &self.flags)?;
        let begun = watch::begin(&config)?;
        let tls = Tls::of(&config)?;
        let stop = shutdown::on_signals();
        let _folder = FolderLock::take(&config)?;
        let listener = http::bind(&config.listen, "--listen").await?;
        let node = Node::open(&config, Parts::of(&config)).await?;
        let mut settings = config.api();
        let watch = begun.open(&config, &node, &mut settings).await?;
        let server = http::Server::start(listener, tls, node, settings, stop.clone())?;
        tracing::info!(url = server.url(), database = database_name(&config), "waxwing serves");
        stop.cancelled().await;
        server.stop(config.shutdown()).await;
        watch.end().await;
        Ok(())
    }
}
