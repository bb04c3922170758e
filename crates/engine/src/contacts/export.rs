//! Contacts as a CSV that an import reads back.

use std::sync::Arc;

use domain::TenantId;
use domain::imports::{Target, cells};
use ports::Paging;
use ports::contacts::{Contact, ContactFilter};
use ports::gateway::ByteStream;

use super::Contacts;
use crate::imports::csv_line;
use crate::walk;

/// The columns; an import takes over those before `id`, and when somebody opted out.
pub(crate) const COLUMNS: [&str; 14] = [
    "phone",
    "name",
    "language",
    "time_zone",
    "tags",
    "opted_in",
    "opted_in_at",
    "fields",
    "id",
    "opted_out_at",
    "bsuid",
    "username",
    "country",
    "created_at",
];

/// What the column of this name means, of those that say nothing to an import by their headings.
pub(crate) fn meaning(column: &str) -> Target {
    if column == "opted_out_at" { Target::OptedOutAt } else { Target::Ignore }
}

impl Contacts {
    /// Every contact that a filter wants, newest first, page by page: CSV, nothing in it that a spreadsheet takes for
    /// a formula. `with_mark`: begins with the mark by which Excel knows UTF-8.
    pub fn export(&self, tenant: TenantId, filter: ContactFilter, with_mark: bool) -> ByteStream {
        let mut head = if with_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
        csv_line(&mut head, COLUMNS.into_iter());
        let (store, filter) = (Arc::clone(&self.deps.store), Arc::new(filter));
        let read = move |paging: Paging| {
            let (store, filter) = (Arc::clone(&store), Arc::clone(&filter));
            async move { store.contacts(tenant, &filter, &paging).await }
        };
        walk::file(head, read, line)
    }
}

fn line(to: &mut Vec<u8>, contact: &Contact) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |at: Option<domain::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let fields = if contact.fields.is_empty() {
        String::new()
    } else {
        serde_json::Value::from(contact.fields.clone()).to_string()
    };
    let cells = [
        contact.identity.phone.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&contact.name),
        text(&contact.language),
        text(&contact.time_zone),
        cells::tags_cell(&contact.tags),
        if contact.consent.opted_in { "yes" } else { "no" }.to_owned(),
        time(contact.consent.opted_in_at),
        fields,
        contact.id.to_string(),
        time(contact.consent.opted_out_at),
        text(&contact.identity.bsuid),
        text(&contact.username),
        text(&contact.country),
        contact.created_at.to_string(),
    ];
    csv_line(to, cells.iter().map(|cell| cells::plain(cell)));
}
