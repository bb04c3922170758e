//! From the items of a body to changes of the store.
//!
//! Pure but for what it is given. Every item becomes at least one change: what nothing here acts on is set aside,
//! so that nobody has to wonder where something went.

use domain::consent::{ConsentWords, Word};
use domain::contacts::Identity;
use domain::messages::retry::FailureKind;
use domain::messages::{Content, Status};
use domain::phone::PhoneNumber;
use domain::templates;
use domain::{ConnectionId, InboxId, SignedDuration, TenantId, Timestamp};
use graph::errors::classify;
use graph::webhook::{
    AccountUpdate, Call, DeliveryStatus, InboundMessage, Item, ItemKind, PhoneName, PhoneQuality,
    StatusUpdate, System, SystemKind, UserIdUpdate, UserPreference, WebhookError,
};
use ports::connections::Broken;
use ports::gateway::failure_kind;
use ports::messages::Failure;
use ports::tenants::TenantSettings;
use ports::webhooks::{
    AsideReason, Change, ConnectionEvent, IdentityChange, Inbound, InboundMedia, MarketingPreference,
    SetAside, Source, StatusReport, TemplateEvent,
};

use super::content::content;
use super::routing::Concerned;
use crate::connections::Breakdown;
use crate::directory::Listing;
use crate::messages::callback::CallbackData;
use crate::messages::failure;

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

    fn identity_change(
        &self,
        source: &Source,
        from: &Identity,
        system: &System,
        at: Timestamp,
    ) -> Option<IdentityChange> {
        let (old, new) = match system.kind {
            SystemKind::UserChangedNumber => {
                let new = Identity {
                    phone: system.wa_id.as_deref().and_then(PhoneNumber::from_wa_id),
                    bsuid: system.user_id.clone(),
                };
                let old = Identity {
                    phone: from.phone.clone(),
                    bsuid: system.previous_user_id.clone().or_else(|| from.bsuid.clone()),
                };
                (old, new)
            }
            SystemKind::UserChangedUserId => {
                let old = Identity { phone: from.phone.clone(), bsuid: system.previous_user_id.clone() };
                (old, Identity { phone: None, bsuid: system.user_id.clone().or_else(|| from.bsuid.clone()) })
            }
            SystemKind::CustomerIdentityChanged | SystemKind::Other(_) => return None,
        };
        (!old.is_empty() && !new.is_empty()).then(|| IdentityChange { source: source.clone(), old, new, at })
    }

    fn user_id_update(&self, source: &Source, update: &UserIdUpdate) -> Option<IdentityChange> {
        let old = identity(update.wa_id.as_deref(), update.previous_user_id.as_deref());
        let new = Identity { phone: None, bsuid: update.user_id.clone() };
        let at = self.at(update.timestamp);
        (!old.is_empty() && !new.is_empty()).then(|| IdentityChange { source: source.clone(), old, new, at })
    }

    fn status(
        &self,
        item: &Item,
        source: &Source,
        connection: ConnectionId,
        update: &StatusUpdate,
    ) -> Option<Change> {
        let status = match &update.status {
            DeliveryStatus::Sent => Status::Sent,
            DeliveryStatus::Delivered => Status::Delivered,
            DeliveryStatus::Read | DeliveryStatus::Played => Status::Read,
            DeliveryStatus::Failed => Status::Failed,
            DeliveryStatus::Deleted | DeliveryStatus::Warning => return None,
            DeliveryStatus::Other(word) => {
                let why = format!("the status \"{word}\" is not known");
                return Some(self.aside(
                    item,
                    source.clone(),
                    Some(connection),
                    AsideReason::Unrecognised,
                    &why,
                ));
            }
        };
        let at = self.at(update.timestamp);
        let ours = update
            .biz_opaque_callback_data
            .as_deref()
            .and_then(|data| data.parse::<CallbackData>().ok())
            .filter(|data| data.tenant == self.tenant);
        let failed = if status == Status::Failed { failed(update, at) } else { Failed::default() };
        Some(Change::Status(StatusReport {
            source: source.clone(),
            connection_id: connection,
            wamid: update.wamid.clone(),
            status,
            at,
            message_id: ours.map(|data| data.message),
            recipient: identity(update.recipient_id.as_deref(), update.recipient_user_id.as_deref()),
            failure: failed.failure,
            flag: failed.flag,
            if_template: failed.if_template,
            marketing_stop: failed.marketing_stop,
            pricing_category: update.pricing.as_ref().and_then(|pricing| pricing.category.clone()),
        }))
    }

    fn preference(
        &self,
        source: &Source,
        connection: ConnectionId,
        preference: &UserPreference,
    ) -> Option<MarketingPreference> {
        let stop = match preference.value.as_str() {
            "stop" => true,
            "resume" | "signup" => false,
            _ => return None,
        };
        let who = identity(preference.wa_id.as_deref(), preference.user_id.as_deref());
        (!who.is_empty()).then(|| MarketingPreference {
            source: source.clone(),
            connection_id: connection,
            who,
            stop,
            at: self.at(preference.timestamp),
        })
    }

    fn template(&self, item: &Item, source: &Source) -> Option<TemplateEvent> {
        let at = self.at(item.entry_time);
        let event =
            |meta_id: &Option<String>, name: &Option<String>, language: &Option<String>| TemplateEvent {
                source: source.clone(),
                waba_id: item.waba_id.clone().unwrap_or_default(),
                meta_id: meta_id.clone(),
                name: name.clone().unwrap_or_default(),
                language: language.as_deref().unwrap_or_default().replace('-', "_"),
                status: None,
                rejection_reason: None,
                quality: None,
                category: None,
                at,
            };
        Some(match &item.kind {
            ItemKind::TemplateStatus(change) => {
                let status = templates::Status::from_meta(&change.event);
                let told = |text: &Option<String>| text.clone().filter(|text| text != "NONE");
                TemplateEvent {
                    rejection_reason: told(&change.rejection_reason)
                        .or_else(|| told(&change.reason))
                        .filter(|_| status == templates::Status::Rejected),
                    category: change.category.as_deref().map(templates::Category::from_meta),
                    status: Some(status),
                    ..event(&change.template_id, &change.name, &change.language)
                }
            }
            ItemKind::TemplateQuality(change) => TemplateEvent {
                quality: Some(change.new_quality_score.clone()),
                ..event(&change.template_id, &change.name, &change.language)
            },
            // An announced change is not yet a change.
            ItemKind::TemplateCategory(change) if change.upcoming().is_some() => return None,
            ItemKind::TemplateCategory(change) => TemplateEvent {
                category: Some(templates::Category::from_meta(&change.new_category)),
                ..event(&change.template_id, &change.name, &change.language)
            },
            _ => return None,
        })
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

impl Reader<'_> {
    /// A connection that breaks raises its alert in the commit that breaks it.
    fn alert_of(&self, change: &mut Change) {
        let Change::Connection(ConnectionEvent { connection_id, broken: Some(broken), .. }) = change else {
            return;
        };
        let Some(entry) = self.listing.entry(*connection_id) else { return };
        let breakdown = Breakdown::Other { why: broken.reason.clone(), meta_error_code: None };
        broken.alert = Some(breakdown.condition(&entry.connection).alert(self.tenant, self.now));
    }
}

/// The end of an account concerns every connection on it.
fn for_each_of(changes: Vec<Change>, concerned: &[ConnectionId]) -> Vec<Change> {
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

fn identity(wa_id: Option<&str>, user_id: Option<&str>) -> Identity {
    Identity {
        phone: wa_id.and_then(PhoneNumber::from_wa_id),
        bsuid: user_id.filter(|id| !id.is_empty()).map(str::to_owned),
    }
}

/// What a failed status says.
#[derive(Default)]
struct Failed {
    failure: Option<Failure>,
    flag: Option<i64>,
    if_template: Option<(Failure, i64)>,
    marketing_stop: bool,
}

fn failed(update: &StatusUpdate, at: Timestamp) -> Failed {
    let Some(error) = update.errors.first() else {
        let advice = "Meta gave no reason; send it again later.";
        let why = failure::plain("META_REJECTED", "Meta reports a failure without a reason", None, advice);
        return Failed { failure: Some(why), ..Failed::default() };
    };
    let facts = classify(error.code, None, None);
    let kind = failure_kind(facts.kind);
    let flag = |is_template| failure::flag(kind, error.code, is_template);
    // Whether it was a template is not in the webhook; the store knows its message.
    let differs = flag(true) != flag(false);
    Failed {
        failure: Some(told(error, kind, facts.advice, false, at)),
        flag: flag(false),
        if_template: flag(true)
            .filter(|_| differs)
            .map(|code| (told(error, kind, facts.advice, true, at), code)),
        marketing_stop: kind == FailureKind::MarketingStopped,
    }
}

fn told(error: &WebhookError, kind: FailureKind, advice: &str, is_template: bool, at: Timestamp) -> Failure {
    let text = error.message.clone().or_else(|| error.title.clone()).unwrap_or_default();
    Failure {
        code: failure::code(kind, error.code, is_template).into(),
        message: failure::headline(kind, error.code, is_template).into(),
        meta_error_code: Some(error.code),
        meta_message: Some(match &error.details {
            Some(details) => format!("{text}: {details}"),
            None => text,
        }),
        fbtrace_id: None,
        advice: Some(advice.into()),
        not_before: failure::wait_before_retry(kind).and_then(|wait| at.saturating_add(wait).ok()),
    }
}

fn phone_quality(source: &Source, connection: ConnectionId, quality: &PhoneQuality) -> ConnectionEvent {
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

fn phone_name(source: &Source, connection: ConnectionId, name: &PhoneName) -> Option<ConnectionEvent> {
    let approved = name.decision == "APPROVED";
    let verified_name = name.requested_verified_name.clone().filter(|_| approved)?;
    Some(ConnectionEvent { verified_name: Some(verified_name), ..event_of(source, connection) })
}

fn account(source: &Source, connection: ConnectionId, update: &AccountUpdate) -> Option<ConnectionEvent> {
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
