//! Projecting: changes of one tenant, in their order, in one commit.
//!
//! Messages and statuses, which are nearly all of the traffic, are applied as sets. Anything else (an identity, a
//! template, the account) ends the set before it and is applied by itself.

use domain::{TenantId, Timestamp};
use ports::operator::Wake;
use ports::webhooks::{Change, Inbound, Projected, Projection, SetAside, StatusReport};

use super::{account, aside, inbound, inbox, preferences, statuses, templates};
use crate::db::{Fault, SqlStore, Tx};
use crate::ids::{self, Kind};
use crate::people::change_identity;

/// A transaction under way, and what it did so far.
pub(super) struct Projecting<'a> {
    pub(super) tx: &'a Tx,
    pub(super) tenant: TenantId,
    pub(super) now: Timestamp,
    pub(super) done: Projected,
}

/// Applies all, or nothing.
pub(super) async fn project(store: &SqlStore, projection: &Projection) -> Result<Projected, Fault> {
    let tx = store.begin().await?;
    let mut projecting =
        Projecting { tx: &tx, tenant: projection.tenant_id, now: projection.at, done: Projected::default() };
    projecting.apply(&projection.changes).await?;
    account::note_webhooks(&projecting, store.heard(), &projection.changes).await?;
    inbox::done(&tx, projection.tenant_id, &projection.done).await?;
    let done = projecting.done;
    tx.commit().await?;
    let lanes = done.wake.iter().map(|connection| Wake::Lane(*connection));
    store
        .wakes_hub()
        .tell(lanes.chain(done.restrained.iter().map(|connection| Wake::Restrained(*connection))));
    Ok(done)
}

/// Neighbours that are applied together.
#[derive(Default)]
struct Run<'a> {
    inbound: Vec<&'a Inbound>,
    statuses: Vec<&'a StatusReport>,
    aside: Vec<&'a SetAside>,
}

impl Projecting<'_> {
    async fn apply(&mut self, changes: &[Change]) -> Result<(), Fault> {
        let mut run = Run::default();
        for change in changes {
            match change {
                Change::Inbound(message) => run.inbound.push(message),
                Change::Status(status) => run.statuses.push(status),
                Change::Aside(item) => run.aside.push(item),
                rare => {
                    self.apply_run(std::mem::take(&mut run)).await?;
                    self.apply_rare(rare).await?;
                }
            }
        }
        self.apply_run(run).await
    }

    async fn apply_run(&mut self, run: Run<'_>) -> Result<(), Fault> {
        inbound::apply(self, &run.inbound).await?;
        statuses::apply(self, &run.statuses).await?;
        let [mut item_ids] = ids::take(self.tx, [(Kind::InboxItem, run.aside.len())]).await?;
        aside::keep(self.tx, self.tenant, &run.aside, &mut item_ids).await
    }

    async fn apply_rare(&mut self, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Template(event) => templates::apply(self, event).await,
            Change::Preference(preference) => preferences::apply(self, preference).await,
            Change::Identity(change) => {
                change_identity(self.tx, self.tenant, &change.old, &change.new, self.now).await
            }
            Change::Connection(event) => account::apply(self, event).await,
            Change::Inbound(_) | Change::Status(_) | Change::Aside(_) => Ok(()),
        }
    }
}
