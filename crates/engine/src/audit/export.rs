//! The trail as JSON lines.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::TenantId;
use domain::audit::{Action, Found, Link, NewEntry, Torn};
use futures::{StreamExt as _, stream};
use ports::StoreError;
use ports::gateway::ByteStream;
use serde_json::{Value, json};

use super::Audit;

const PAGE: u32 = 1_000;

impl Audit {
    /// Every entry in order, one JSON object a line, with the hashes of the chain; page by page. That it was exported
    /// is the last one. Of an entry that cannot be read the line holds what is left of it, and `unreadable` says why.
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
                let found = match store.audit_after(tenant, after?, PAGE).await {
                    Ok(found) => found,
                    Err(error) => return Some((Err(io::Error::other(error)), None)),
                };
                // Behind one without a number there is nothing.
                let last = seq(found.last()?);
                let mut text = Vec::new();
                for one in &found {
                    text.extend_from_slice(line(one).to_string().as_bytes());
                    text.push(b'\n');
                }
                Some((Ok(Bytes::from(text)), last))
            }
        });
        Ok(lines.boxed())
    }
}

fn seq(found: &Found) -> Option<i64> {
    found.as_ref().map_or_else(|torn| torn.seq, |link| Some(link.entry.seq))
}

/// An entry as an export writes it.
pub fn line(found: &Found) -> Value {
    let (mut line, problems) = match found {
        Ok(link) => (whole(link), link.problems()),
        Err(torn) => (rest(torn), torn.problems.clone()),
    };
    if !problems.is_empty() {
        line["unreadable"] = problems.into();
    }
    line
}

fn rest(torn: &Torn) -> Value {
    json!({
        "seq": torn.seq,
        "at": torn.at,
        "actor": {
            "kind": torn.actor_kind,
            "id": torn.actor_id,
            "name": torn.actor_name,
            "address": torn.address,
            "request_id": torn.request_id,
        },
        "action": torn.action,
        "subject": torn.subject,
        "before": parsed(torn.before.as_deref()),
        "after": parsed(torn.after.as_deref()),
        "prev": torn.prev.as_ref().map(hex::encode),
        "hash": torn.hash.as_ref().map(hex::encode),
    })
}

fn whole(link: &Link) -> Value {
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

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn the_line_of_an_entry_that_cannot_be_read_holds_what_is_left_and_says_why() {
        let torn = Torn {
            seq: Some(3),
            at: Some(Timestamp::UNIX_EPOCH),
            actor_kind: Some("nobody".into()),
            before: Some("{\"a\":".into()),
            hash: Some(vec![1, 2]),
            problems: vec!["actor_kind: \"nobody\" is no kind of actor".into()],
            ..Torn::default()
        };
        let line = line(&Err(Box::new(torn)));
        assert_eq!((&line["seq"], &line["actor"]["kind"]), (&json!(3), &json!("nobody")));
        assert_eq!(
            (&line["before"], &line["hash"], &line["prev"]),
            (&json!("{\"a\":"), &json!("0102"), &Value::Null)
        );
        assert_eq!(line["unreadable"], json!(["actor_kind: \"nobody\" is no kind of actor"]));
    }
}
