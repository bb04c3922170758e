//! Which connections a body concerns.

use std::sync::Arc;

use domain::TenantId;
use graph::webhook::{Item, parse};

use crate::directory::{Entry, Listing};

/// The connections of a tenant that an item concerns: that of its phone number id; else those of its account with
/// its number, if it shows one; else every one on its account.
pub(super) fn connections_of<'a>(listing: &'a Listing, tenant: TenantId, item: &Item) -> Concerned<'a> {
    let all: Vec<&Arc<Entry>> = match (&item.phone_number_id, &item.waba_id) {
        (Some(number), _) => listing.by_number(number).into_iter().collect(),
        (None, Some(waba)) => listing.by_account(waba).collect(),
        (None, None) => Vec::new(),
    };
    if all.is_empty() {
        return Concerned::Unknown;
    }
    let mut ours: Vec<_> = all.into_iter().filter(|entry| entry.connection.tenant_id == tenant).collect();
    if ours.is_empty() {
        return Concerned::Others;
    }
    if let (None, Some(shown)) = (&item.phone_number_id, item.display_phone_number.as_deref().map(digits)) {
        let with_number = |entry: &&Arc<Entry>| {
            entry.connection.display_phone_number.as_deref().map(digits).as_ref() == Some(&shown)
        };
        // A number that is not known here (or whose form is not) is still news of the account.
        let known = ours.iter().any(with_number);
        ours.retain(|entry| if known { with_number(entry) } else { unnamed(entry) });
        if ours.is_empty() {
            return Concerned::Unknown;
        }
    }
    Concerned::Ours(ours)
}

/// Whom an item concerns.
pub(super) enum Concerned<'a> {
    /// Connections of the tenant, oldest first; at least one.
    Ours(Vec<&'a Arc<Entry>>),
    /// Other tenants alone, who have a copy of the body.
    Others,
    /// No connection has this number or account.
    Unknown,
}

fn unnamed(entry: &Entry) -> bool {
    entry.connection.display_phone_number.is_none()
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The connections that the items of a body belong to; nothing for a body that is not JSON.
pub(super) fn entries<'a>(listing: &'a Listing, body: &[u8]) -> impl Iterator<Item = &'a Arc<Entry>> {
    let items = parse(body).map(|envelope| envelope.items).unwrap_or_default();
    items.into_iter().flat_map(move |item| match &item.phone_number_id {
        Some(number) => listing.by_number(number).into_iter().collect::<Vec<_>>(),
        None => item.waba_id.as_deref().map(|waba| listing.by_account(waba).collect()).unwrap_or_default(),
    })
}
