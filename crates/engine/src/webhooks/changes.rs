//! From the items of a body to changes of the store.
//!
//! Pure but for what it is given. Every item becomes at least one change: what nothing here acts on is set aside,
//! so that nobody has to wonder where something went.

mod connections;
mod people;
mod statuses;
mod templates;

use domain::consent::{ConsentWords, Word};
use domain::messages::Content;
use domain::{ConnectionId, InboxId, SignedDuration, TenantId, Timestamp};
use graph::webhook::{Call, InboundMessage, Item, ItemKind};
use ports::tenants::TenantSettings;
use ports::webhooks::{AsideReason, Change, Inbound, InboundMedia, SetAside, Source};

use self::connections::{account, for_each_of, phone_name, phone_quality};
use self::people::identity;
use super::content::content;
use super::routing::Concerned;
use crate::directory::Listing;

/// Meta keeps inbound files for 7 days. Source: Meta, "Media".
const INBOUND_MEDIA_LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What is needed to read a tenant's items.
pub(super) struct Reader<'a> {
    pub tenant: TenantId,
    pub settings: &'a TenantSettings,
    pub words: &'a ConsentWords,
    pub listing: &'a Listing,
    pub now: Timestamp,
}

impl Reader<'_> {
    /// The changes of one item. Nothing for an item of another tenant (who has a copy of the body).
    pub(super) fn changes(
        &self,
        inbox: InboxId,
        posted_to: Option<ConnectionId>,
        item: &Item,
    ) -> Vec<Change> {
        let concerned: Vec<ConnectionId> =
            match super::routing::connections_of(self.listing, self.tenant, item) {
                Concerned::Others => return Vec::new(),
                Concerned::Ours(entries) => entries.iter().map(|entry| entry.connection.id).collect(),
                Concerned::Unknown => {
                    posted_to.filter(|_| item.phone_number_id.is_none()).into_iter().collect()
                }
            };
        let source = Source { inbox_id: inbox, pointer: item.pointer.clone() };
        let Some(&connection) = concerned.first() else {
            return vec![Change::Aside(SetAside {
                raw: super::retry::with_surroundings(item),
                ..self.set_aside(
                    item,
                    source,
                    None,
                    AsideReason::Unrecognised,
                    "no connection has this number or account",
                )
            })];
        };
        match self.known(item, &source, connection) {
            Some(changes) => {
                let mut changes = for_each_of(changes, &concerned);
                changes.iter_mut().for_each(|change| self.alert_of(change));
                changes
            }
            None => {
                let (reason, why) = match item.unrecognised() {
                    Some(why) => (AsideReason::Unrecognised, why),
                    None => (AsideReason::Informational, "nothing acts on it"),
                };
                vec![self.aside(item, source, Some(connection), reason, why)]
            }
        }
    }

    fn known(&self, item: &Item, source: &Source, connection: ConnectionId) -> Option<Vec<Change>> {
        let changes = match &item.kind {
            ItemKind::Message(message) => self.message(item, source, connection, message),
            ItemKind::Call(call) if call.opens_window() => vec![self.call(item, source, connection, call)?],
            ItemKind::Status(status) => vec![self.status(item, source, connection, status)?],
            ItemKind::UserPreference(preference) => {
                vec![Change::Preference(self.preference(source, connection, preference)?)]
            }
            ItemKind::UserIdUpdate(update) => vec![Change::Identity(self.user_id_update(source, update)?)],
            ItemKind::PhoneQuality(quality) => {
                vec![Change::Connection(phone_quality(source, connection, quality))]
            }
            ItemKind::PhoneName(name) => vec![Change::Connection(phone_name(source, connection, name)?)],
            ItemKind::AccountUpdate(update) => vec![Change::Connection(account(source, connection, update)?)],
            ItemKind::TemplateStatus(_) | ItemKind::TemplateQuality(_) | ItemKind::TemplateCategory(_) => {
                vec![Change::Template(self.template(item, source)?)]
            }
            _ => return None,
        };
        Some(changes)
    }

    fn message(
        &self,
        item: &Item,
        source: &Source,
        connection: ConnectionId,
        message: &InboundMessage,
    ) -> Vec<Change> {
        let from = identity(message.from.as_deref(), message.from_user_id.as_deref());
        if from.is_empty() {
            let why = "the sender has neither a readable number nor a user id";
            return vec![self.aside(item, source.clone(), Some(connection), AsideReason::Unrecognised, why)];
        }
        if message.group_id.is_some() {
            let why = "a message in a group: groups have windows of their own, which are not kept here";
            return vec![self.aside(item, source.clone(), Some(connection), AsideReason::Informational, why)];
        }
        let at = self.at(message.timestamp);
        let mut changes = Vec::with_capacity(2);
        if let graph::webhook::Content::System(system) = &message.content {
            changes.extend(self.identity_change(source, &from, system, at).map(Change::Identity));
        }
        let word = message.texts_for_consent().into_iter().find_map(|text| self.words.classify(text));
        changes.push(Change::Inbound(Inbound {
            source: source.clone(),
            connection_id: connection,
            wamid: message.wamid.clone(),
            from,
            username: message.username.clone(),
            profile_name: message.profile_name.clone(),
            at,
            content: content(message, || item.raw_value()),
            reply_to: message.context.as_ref().and_then(|context| context.id.clone()),
            opens_window: message.opens_window(),
            word,
            confirmation: word.and_then(|word| match word {
                Word::OptOut => self.settings.opt_out_confirmation.clone(),
                Word::OptIn => self.settings.opt_in_confirmation.clone(),
            }),
            media: message.media().and_then(|file| {
                Some(InboundMedia {
                    meta_id: file.id.clone()?,
                    mime_type: file.mime_type.clone().unwrap_or_else(|| "application/octet-stream".into()),
                    filename: file.filename.clone(),
                    sha256: file.sha256.clone(),
                    expires_at: at.saturating_add(INBOUND_MEDIA_LIFE).unwrap_or(Timestamp::MAX),
                })
            }),
        }));
        changes
    }

    /// A customer's call opens the window as a message does (Meta, "Customer service windows"); it stands in the
    /// thread once, however many events it has.
    fn call(&self, item: &Item, source: &Source, connection: ConnectionId, call: &Call) -> Option<Change> {
        let from = identity(call.from.as_deref(), call.from_user_id.as_deref());
        if from.is_empty() {
            return None;
        }
        Some(Change::Inbound(Inbound {
            source: source.clone(),
            connection_id: connection,
            wamid: call.id.clone()?,
            from,
            username: None,
            profile_name: None,
            at: self.at(call.timestamp),
            content: Content::Unsupported { kind: Some("call".into()), raw: item.raw_value() },
            reply_to: None,
            opens_window: true,
            word: None,
            confirmation: None,
            media: None,
        }))
    }

    /// Meta's time of an event; ours when it gives none, and never later than ours (a window must not be opened
    /// into the future by a wrong clock).
    fn at(&self, seconds: Option<i64>) -> Timestamp {
        seconds
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map_or(self.now, |at| at.min(self.now))
    }

    fn aside(
        &self,
        item: &Item,
        source: Source,
        connection_id: Option<ConnectionId>,
        reason: AsideReason,
        why: &str,
    ) -> Change {
        Change::Aside(self.set_aside(item, source, connection_id, reason, why))
    }

    fn set_aside(
        &self,
        item: &Item,
        source: Source,
        connection_id: Option<ConnectionId>,
        reason: AsideReason,
        why: &str,
    ) -> SetAside {
        SetAside {
            source,
            connection_id,
            field: item.field.clone().unwrap_or_default(),
            reason,
            why: why.to_owned(),
            raw: item.raw_value(),
            at: self.now,
        }
    }
}
