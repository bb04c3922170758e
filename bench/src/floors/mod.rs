//! Floors: the least that a server must do for a promise, each in a process of its own.
//!
//! `receiver` promises that the signature was good. `durable` promises besides that the body is on disk: that is
//! what Waxwing promises Meta, without anything that Waxwing then does with it.

pub(crate) mod alone;
pub(crate) mod bare_store;
mod durable;
mod process;
mod receiver;

use std::net::SocketAddr;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

pub(crate) use process::Floor;

/// Arguments of a floor's process.
#[derive(Debug, Args)]
pub(crate) struct FloorOptions {
    kind: Kind,
    /// Signs bodies
    #[arg(long)]
    secret: String,
    /// A path of a SQLite file, or postgres://…
    #[arg(long, default_value = "")]
    database: String,
}

/// Which floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Receiver,
    Durable,
}

/// Serves until standard input ends, so that no floor outlives its benchmark.
pub(crate) async fn serve(options: FloorOptions) -> Result<()> {
    let secret = options.secret.into_bytes();
    let router = match options.kind {
        Kind::Receiver => receiver::router(secret),
        Kind::Durable => durable::router(secret, &options.database).await?,
    };
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let mut ignored = Vec::new();
    let mut input = tokio::io::stdin();
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served?,
        _ = input.read_to_end(&mut ignored) => {}
    }
    // Standard input is read on a thread that cannot be ended otherwise.
    std::process::exit(0)
}
