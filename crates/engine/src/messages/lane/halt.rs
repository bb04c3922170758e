//! Halting: Meta takes nothing from the connection any more.

use std::sync::atomic::Ordering;

use domain::connections::ConnectionState;
use ports::messages::Failure;
use secrecy::ExposeSecret;

use super::Lane;
use crate::connections::{Breakdown, break_down};
use crate::directory::Entry;

impl Lane {
    /// Meta does not take anything from this connection any more: it breaks, its queue stays, and one alert is
    /// raised, however many calls end like this one.
    pub(super) async fn halt(&self, entry: &Entry, why: &Failure) {
        self.halting.store(true, Ordering::SeqCst);
        {
            // One after the other: whoever comes later sees what the first one did, and what was repaired since.
            let _first = self.halts.lock().await;
            if self.still_stands(entry).await {
                let breakdown = Breakdown::of_failure(&entry.connection, why);
                if let Err(error) = break_down(&self.shared.deps, &entry.connection, &breakdown).await {
                    tracing::error!(%error, connection.id = %self.connection, "could not note a broken connection");
                }
                self.look_again().await;
            }
        }
        self.halting.store(false, Ordering::SeqCst);
    }

    /// Whether the connection is still as it was when the call was made. What Meta answers to a call made before a
    /// repair must not break what was repaired: the next call tells.
    async fn still_stands(&self, entry: &Entry) -> bool {
        self.look_again().await;
        let listing = self.shared.directory.listing();
        listing.of_tenant(self.tenant, self.connection).is_some_and(|now| {
            now.connection.state == ConnectionState::Active
                && now.connection.updated_at <= entry.connection.updated_at
                && now.secrets.access_token.expose_secret() == entry.secrets.access_token.expose_secret()
        })
    }

    async fn look_again(&self) {
        if let Err(error) = self.shared.directory.refresh().await {
            tracing::warn!(%error, "could not read the connections");
        }
    }
}
