//! Security events as a file.

use std::sync::Arc;

use domain::TenantId;
use domain::imports::cells;
use ports::Paging;
use ports::access::{EventFilter, SecurityEvent};
use ports::gateway::ByteStream;

use super::Access;
use crate::imports::csv_line;
use crate::walk;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFormat {
    /// For a spreadsheet; nothing in it is taken for a formula.
    Csv,
    /// A JSON object a line.
    JsonLines,
}

const COLUMNS: [&str; 8] = ["id", "kind", "connection_id", "address", "reason", "at", "last_at", "count"];

impl Access {
    /// Every security event that a filter wants, newest first, page by page.
    pub fn export_events(&self, tenant: TenantId, filter: EventFilter, format: EventFormat) -> ByteStream {
        let mut head = Vec::new();
        if format == EventFormat::Csv {
            csv_line(&mut head, COLUMNS.into_iter());
        }
        let (store, filter) = (Arc::clone(&self.deps.store), Arc::new(filter));
        let read = move |paging: Paging| {
            let (store, filter) = (Arc::clone(&store), Arc::clone(&filter));
            async move { store.security_events(tenant, &filter, &paging).await }
        };
        walk::file(
            head,
            read,
            match format {
                EventFormat::Csv => csv,
                EventFormat::JsonLines => json,
            },
        )
    }
}

fn csv(to: &mut Vec<u8>, event: &SecurityEvent) {
    let cells = [
        event.id.to_string(),
        event.kind.clone(),
        event.connection_id.map(|id| id.to_string()).unwrap_or_default(),
        event.address.clone().unwrap_or_default(),
        event.reason.clone(),
        event.at.to_string(),
        event.last_at.to_string(),
        event.count.to_string(),
    ];
    csv_line(to, cells.iter().map(|cell| cells::plain(cell)));
}

fn json(to: &mut Vec<u8>, event: &SecurityEvent) {
    let line = serde_json::json!({
        "id": event.id, "kind": event.kind, "connection_id": event.connection_id, "address": event.address,
        "reason": event.reason, "at": event.at, "last_at": event.last_at, "count": event.count,
    });
    to.extend_from_slice(line.to_string().as_bytes());
    to.push(b'\n');
}
