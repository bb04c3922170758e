//! What Meta says of a number and of its account.

use domain::ConnectionId;
use graph::webhook::{AccountUpdate, PhoneName, PhoneQuality};
use ports::connections::Broken;
use ports::webhooks::{Change, ConnectionEvent, Source};

use super::Reader;
use crate::connections::Breakdown;

impl Reader<'_> {
    /// A connection that breaks raises its alert in the commit that breaks it.
    pub(super) fn alert_of(&self, change: &mut Change) {
        let Change::Connection(ConnectionEvent { connection_id, broken: Some(broken), .. }) = change else {
            return;
        };
        let Some(entry) = self.listing.entry(*connection_id) else { return };
        let breakdown = Breakdown::Other { why: broken.reason.clone(), meta_error_code: None };
        broken.alert = Some(breakdown.condition(&entry.connection).alert(self.tenant, self.now));
    }
}

/// The end of an account concerns every connection on it.
pub(super) fn for_each_of(changes: Vec<Change>, concerned: &[ConnectionId]) -> Vec<Change> {
    let mut all = changes;
    if let [Change::Connection(event @ ConnectionEvent { broken: Some(_), .. })] = &all[..] {
        let event = event.clone();
        let others = concerned.iter().skip(1);
        all.extend(
            others.map(|id| Change::Connection(ConnectionEvent { connection_id: *id, ..event.clone() })),
        );
    }
    all
}

pub(super) fn phone_quality(
    source: &Source,
    connection: ConnectionId,
    quality: &PhoneQuality,
) -> ConnectionEvent {
    let rating = match quality.event.as_str() {
        "FLAGGED" => Some("RED"),
        "UNFLAGGED" => Some("GREEN"),
        _ => None,
    };
    ConnectionEvent {
        quality_rating: rating.map(str::to_owned),
        messaging_limit: quality
            .max_daily_conversations_per_business
            .clone()
            .or_else(|| quality.current_limit.clone()),
        // Meta, "Throughput": an upgraded number sends 1,000 messages per second.
        rate_count: (quality.event == "THROUGHPUT_UPGRADE").then_some(1_000),
        ..event_of(source, connection)
    }
}

pub(super) fn phone_name(
    source: &Source,
    connection: ConnectionId,
    name: &PhoneName,
) -> Option<ConnectionEvent> {
    let approved = name.decision == "APPROVED";
    let verified_name = name.requested_verified_name.clone().filter(|_| approved)?;
    Some(ConnectionEvent { verified_name: Some(verified_name), ..event_of(source, connection) })
}

pub(super) fn account(
    source: &Source,
    connection: ConnectionId,
    update: &AccountUpdate,
) -> Option<ConnectionEvent> {
    let disabled = update.ban_state.as_deref() == Some("DISABLE");
    let blocked = update.restrictions.iter().any(|restriction| {
        matches!(
            restriction.restriction_type.as_str(),
            "RESTRICTED_BIZ_INITIATED_MESSAGING" | "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
        )
    });
    let reason = match update.event.as_str() {
        "ACCOUNT_DELETED" => "Meta says that the WhatsApp Business account was deleted",
        "DISABLED_UPDATE" if disabled => "Meta disabled the WhatsApp Business account",
        "ACCOUNT_RESTRICTION" if blocked => "Meta restricts messaging from this WhatsApp Business account",
        _ => return None,
    };
    Some(ConnectionEvent { broken: Some(Broken::because(reason)), ..event_of(source, connection) })
}

fn event_of(source: &Source, connection: ConnectionId) -> ConnectionEvent {
    ConnectionEvent {
        source: source.clone(),
        connection_id: connection,
        quality_rating: None,
        messaging_limit: None,
        rate_count: None,
        verified_name: None,
        broken: None,
    }
}
