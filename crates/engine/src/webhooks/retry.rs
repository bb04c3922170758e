//! Driving items again that were set aside: after a repair, or after an update that knows them.

use domain::consent::ConsentWords;
use domain::{ConnectionId, TenantId};
use graph::webhook::parse;
use ports::StoreResult;
use ports::webhooks::{AsideItem, AsideReason, Change, Projection};
use serde::Serialize;
use serde_json::{Value, json};

use super::Webhooks;
use super::changes::Reader;

/// Most items in one call.
const LARGEST_BATCH: u32 = 1_000;

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
        let settings = self.settings_of(tenant).await?;
        let words = ConsentWords::new(&settings.opt_out_words, &settings.opt_in_words);
        let listing = self.directory.listing();
        let mut redriven = Redriven::default();
        for (item, connection) in self.deps.store.unresolved_aside(tenant, reason, LARGEST_BATCH).await? {
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
        self.pass_on(projected).await;
        Ok(())
    }

    /// The item inside a body of its own, as Meta would have posted it alone.
    fn body_around(&self, item: &AsideItem, connection: Option<ConnectionId>) -> Value {
        let listing = self.directory.listing();
        let entry = connection.and_then(|id| listing.entry(id));
        let waba = entry.map(|entry| entry.connection.waba_id.clone());
        let metadata =
            json!({ "phone_number_id": entry.map(|entry| entry.connection.phone_number_id.clone()) });
        let mut segments = item.pointer.rsplit('/');
        let list = match (segments.next(), segments.next()) {
            (Some(index), Some(list))
                if index.bytes().all(|byte| byte.is_ascii_digit()) && list != "changes" =>
            {
                Some(list)
            }
            _ => None,
        };
        let change = match list {
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
