//! Which connections a body concerns.

use std::sync::Arc;

use graph::webhook::{Item, parse};

use crate::directory::{Entry, Listing};

/// The connection of an item: by phone number id, else by account (the oldest connection on it stands for all).
pub(super) fn connection_of<'a>(listing: &'a Listing, item: &Item) -> Option<&'a Arc<Entry>> {
    match &item.phone_number_id {
        Some(number) => listing.by_number(number),
        None => listing.by_account(item.waba_id.as_deref()?).next(),
    }
}

/// The connections that the items of a body belong to; nothing for a body that is not JSON.
pub(super) fn entries<'a>(listing: &'a Listing, body: &[u8]) -> impl Iterator<Item = &'a Arc<Entry>> {
    let items = parse(body).map(|envelope| envelope.items).unwrap_or_default();
    items.into_iter().flat_map(move |item| match &item.phone_number_id {
        Some(number) => listing.by_number(number).into_iter().collect::<Vec<_>>(),
        None => item.waba_id.as_deref().map(|waba| listing.by_account(waba).collect()).unwrap_or_default(),
    })
}
