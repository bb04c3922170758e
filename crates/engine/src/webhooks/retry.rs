//! Driving items again that were set aside: after a repair, or after an update that knows them.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::audit::{Action, NewEntry};
use domain::consent::ConsentWords;
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use graph::webhook::{Item, parse};
use ports::StoreResult;
use ports::webhooks::{AsideItem, AsideReason, Change, Projection};
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Webhooks;
use super::changes::Reader;

/// Most items in one call.
const LARGEST_BATCH: u32 = 1_000;

/// How often items are looked at that wait for another try.
const ROUND: Duration = Duration::from_secs(15);
/// Tries that are made by themselves.
const TRIES: u32 = 6;

/// After 1, 4, 16, 64 … minutes.
fn is_due(item: &AsideItem, now: Timestamp) -> bool {
    let tried = u32::try_from(item.attempts).unwrap_or(1).max(1);
    let wait = SignedDuration::from_mins(4i64.pow((tried - 1).min(TRIES)));
    tried <= TRIES && now.duration_since(item.at) >= wait
}

/// What came of driving items again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Redriven {
    pub applied: u64,
    /// Failed once more, or still not known.
    pub left: u64,
}

impl Webhooks {
    /// Drives the unresolved items of this reason again, at most 1,000; each on its own. Applying an item twice
    /// changes nothing.
    pub async fn retry(&self, tenant: TenantId, reason: AsideReason) -> StoreResult<Redriven> {
        let items = self.deps.store.unresolved_aside(tenant, reason, LARGEST_BATCH).await?;
        let told = serde_json::json!({ "reason": reason.as_str(), "items": items.len() });
        let entry = NewEntry::new(Action::WebhooksRetried, "webhooks").after(told);
        crate::audit::note(&self.deps, tenant, entry).await?;
        self.drive_all(tenant, items).await
    }

    async fn drive_all(
        &self,
        tenant: TenantId,
        items: Vec<(AsideItem, Option<ConnectionId>)>,
    ) -> StoreResult<Redriven> {
        let settings = self.settings_of(tenant).await?;
        let words = ConsentWords::new(&settings.opt_out_words, &settings.opt_in_words);
        let listing = self.directory.listing();
        let mut redriven = Redriven::default();
        for (item, connection) in items {
            let now = self.deps.clock.now();
            let reader = Reader { tenant, settings: &settings, words: &words, listing: &listing, now };
            let outcome = self.drive(&reader, &item, connection).await;
            let (applied, why) = match &outcome {
                Ok(()) => (true, ""),
                Err(why) => (false, why.as_str()),
            };
            self.deps.store.settle_aside(tenant, item.id, applied, why, now).await?;
            if applied {
                redriven.applied += 1;
            } else {
                redriven.left += 1;
            }
        }
        Ok(redriven)
    }

    /// Drives what failed again by itself, less and less often: most of it failed for a reason that passes. What was
    /// not known stays for whoever updates this server.
    pub(super) async fn drive_again(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
            let listing = self.directory.listing();
            let tenants: BTreeSet<TenantId> = listing.all().map(|entry| entry.connection.tenant_id).collect();
            for tenant in tenants {
                if let Err(error) = self.drive_due(tenant).await {
                    tracing::warn!(%error, tenant.id = %tenant, "could not drive items again");
                }
            }
        }
    }

    async fn drive_due(&self, tenant: TenantId) -> StoreResult<()> {
        let items = self.deps.store.unresolved_aside(tenant, AsideReason::Poison, LARGEST_BATCH).await?;
        let now = self.deps.clock.now();
        let due: Vec<_> = items.into_iter().filter(|(item, _)| is_due(item, now)).collect();
        if !due.is_empty() {
            self.drive_all(tenant, due).await?;
        }
        Ok(())
    }

    async fn drive(
        &self,
        reader: &Reader<'_>,
        item: &AsideItem,
        connection: Option<ConnectionId>,
    ) -> Result<(), String> {
        let body = self.body_around(item, connection).to_string();
        let envelope = parse(body.as_bytes()).map_err(|error| error.to_string())?;
        let changes: Vec<Change> =
            envelope.items.iter().flat_map(|one| reader.changes(item.inbox_id, connection, one)).collect();
        let known = |change: &Change| !matches!(change, Change::Aside(_));
        if changes.is_empty() || !changes.iter().all(known) {
            return Err("still not known".into());
        }
        let projection = Projection { tenant_id: reader.tenant, done: Vec::new(), changes, at: reader.now };
        let projected = self.deps.store.project(projection).await.map_err(|error| error.to_string())?;
        self.pass_on(reader.tenant, projected).await;
        Ok(())
    }

    /// The item inside a body of its own, as Meta would have posted it alone.
    fn body_around(&self, item: &AsideItem, connection: Option<ConnectionId>) -> Value {
        if let (Some(waba), Some(change)) = (item.raw.get("waba_id"), item.raw.get("change")) {
            return json!({ "object": "whatsapp_business_account", "entry": [{ "id": waba, "changes": [change] }] });
        }
        let listing = self.directory.listing();
        let entry = connection.and_then(|id| listing.entry(id));
        let waba = entry.map(|entry| entry.connection.waba_id.clone());
        let metadata =
            json!({ "phone_number_id": entry.map(|entry| entry.connection.phone_number_id.clone()) });
        let change = match list_of(&item.pointer) {
            Some(list) => json!({
                "field": item.field,
                "value": { "messaging_product": "whatsapp", "metadata": metadata, (list): [item.raw] },
            }),
            // The item is the whole change, or its value.
            None if item.raw.get("value").is_some() => item.raw.clone(),
            None => json!({ "field": item.field, "value": item.raw }),
        };
        json!({ "object": "whatsapp_business_account", "entry": [{ "id": waba, "changes": [change] }] })
    }
}

/// The list that an item stands in, by its pointer; `None`: it is the whole change, or its value.
fn list_of(pointer: &str) -> Option<&str> {
    let mut segments = pointer.rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(index), Some(list)) if index.bytes().all(|byte| byte.is_ascii_digit()) && list != "changes" => {
            Some(list)
        }
        _ => None,
    }
}

/// An item with the number and the account that it is for, when no connection can tell them later.
pub(super) fn with_surroundings(item: &Item) -> Value {
    let raw = item.raw_value();
    let change = match list_of(&item.pointer) {
        Some(list) => json!({
            "field": item.field,
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {
                    "phone_number_id": item.phone_number_id,
                    "display_phone_number": item.display_phone_number,
                },
                (list): [raw],
            },
        }),
        None if raw.get("value").is_some() => raw,
        None => json!({ "field": item.field, "value": raw }),
    };
    json!({ "waba_id": item.waba_id, "change": change })
}
