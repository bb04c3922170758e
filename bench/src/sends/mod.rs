//! `bench sends`: how fast sends are accepted durably, and how fast they reach Meta.

mod accepted;
mod bare;
mod end_to_end;

use anyhow::Result;

pub(crate) use bare::Bare;

use crate::options::{Options, Store};

pub(crate) async fn run(options: &Options) -> Result<()> {
    for store in options.stores() {
        on(*store, options).await?;
    }
    Ok(())
}

async fn on(store: Store, options: &Options) -> Result<()> {
    println!("\n=== sends, {}, {} connections ===", store.name(), options.connections());
    accepted::run(store, options).await?;
    end_to_end::run(store, options).await
}
