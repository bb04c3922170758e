//! The trail as JSON lines.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::TenantId;
use domain::audit::{Action, Link, NewEntry};
use futures::{StreamExt as _, stream};
use ports::StoreError;
use ports::gateway::ByteStream;
use serde_json::{Value, json};

use super::Audit;

const PAGE: u32 = 1_000;

impl Audit {
    /// Every entry in order, one JSON object a line, with the hashes of the chain; page by page. That it was exported
    /// is the last one.
    ///
    /// # Errors
    /// The store's, before the first byte; later ones break the stream off.
    pub async fn export(&self, tenant: TenantId) -> Result<ByteStream, StoreError> {
        self.note(tenant, NewEntry::new(Action::AuditExported, "audit")).await?;
        self.seal(Some(tenant)).await?;
        let store = Arc::clone(&self.deps.store);
        let lines = stream::unfold(Some(0), move |after| {
            let store = Arc::clone(&store);
            async move {
                let links = match store.audit_after(tenant, after?, PAGE).await {
                    Ok(links) => links,
                    Err(error) => return Some((Err(io::Error::other(error)), None)),
                };
                let last = links.last()?.entry.seq;
                let mut text = Vec::new();
                for link in &links {
                    text.extend_from_slice(line(link).to_string().as_bytes());
                    text.push(b'\n');
                }
                Some((Ok(Bytes::from(text)), Some(last)))
            }
        });
        Ok(lines.boxed())
    }
}

/// An entry as an export writes it.
pub fn line(link: &Link) -> Value {
    let (entry, actor) = (&link.entry, &link.entry.actor);
    json!({
        "seq": entry.seq,
        "at": entry.at,
        "actor": {
            "kind": actor.kind.as_str(),
            "id": actor.id,
            "name": actor.name,
            "address": actor.address,
            "request_id": actor.request_id,
        },
        "action": entry.action,
        "subject": entry.subject,
        "before": parsed(entry.before.as_deref()),
        "after": parsed(entry.after.as_deref()),
        "prev": hex::encode(&link.prev),
        "hash": hex::encode(&link.hash),
    })
}

/// What is no JSON any more is shown as it is.
pub fn parsed(text: Option<&str>) -> Value {
    text.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())).unwrap_or_default()
}
