//! From the body down to the items: entries, changes, values, and the lists inside values.

use serde_json::value::RawValue;

use super::history;
use super::message::InboundMessage;
use super::profile::Profiles;
use super::status::StatusUpdate;
use super::{
    AccountAlert, AccountReview, AccountUpdate, AutomaticEvent, BusinessCapability, BusinessUsername, Call,
    Echo, Envelope, Group, HistoryMessage, Item, ItemKind, PartnerSolution, PaymentConfiguration, PhoneName,
    PhoneQuality, Security, SmbContact, TemplateCategory, TemplateComponents, TemplateQuality,
    TemplateStatus, UserIdUpdate, UserPreference, WebhookError,
};
use crate::fields::{Fields, elements};

/// The members of a value that are lists of items.
const LISTS: [&str; 11] = [
    "messages",
    "statuses",
    "errors",
    "message_echoes",
    "calls",
    "history",
    "state_sync",
    "user_preferences",
    "user_id_update",
    "groups",
    "automatic_events",
];

/// Where the walk stands; every item gets a copy.
#[derive(Default, Clone)]
pub(super) struct Place {
    pub(super) pointer: String,
    waba_id: Option<String>,
    phone_number_id: Option<String>,
    display_phone_number: Option<String>,
    field: Option<String>,
    entry_time: Option<i64>,
}

impl Place {
    /// A place below this one.
    pub(super) fn below(&self, name: &str, index: Option<usize>) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        let pointer = match index {
            Some(index) => format!("{}/{name}/{index}", self.pointer),
            None => format!("{}/{name}", self.pointer),
        };
        Self { pointer, ..self.clone() }
    }

    fn is(&self, field: &str) -> bool {
        self.field.as_deref() == Some(field)
    }
}

pub(super) type Items = Vec<Item>;

pub(super) fn add(items: &mut Items, place: Place, raw: &RawValue, kind: ItemKind) {
    let Place { pointer, waba_id, phone_number_id, display_phone_number, field, entry_time } = place;
    let raw = raw.to_owned();
    items.push(Item {
        pointer,
        waba_id,
        phone_number_id,
        display_phone_number,
        field,
        entry_time,
        kind,
        raw,
    });
}

fn unknown(reason: impl Into<String>) -> ItemKind {
    ItemKind::Unrecognised { reason: reason.into() }
}

pub(super) fn or_unknown(kind: Option<ItemKind>, what: &str) -> ItemKind {
    kind.unwrap_or_else(|| {
        unknown(format!("{what}: a member that it cannot do without is missing or malformed"))
    })
}

pub(super) fn envelope(root: &RawValue) -> Envelope {
    let mut items = Items::new();
    let body = Fields::of(root.get()).unwrap_or_default();
    let entries = body.elements("entry");
    if entries.is_empty() {
        add(&mut items, Place::default(), root, unknown("the body holds no entry"));
    }
    for (index, raw) in entries {
        entry(&mut items, Place::default().below("entry", index), raw);
    }
    Envelope { object: body.text("object"), items }
}

fn entry(items: &mut Items, mut place: Place, raw: &RawValue) {
    let fields = Fields::of(raw.get()).unwrap_or_default();
    place.waba_id = fields.text("id");
    place.entry_time = fields.integer("time");
    // Some published samples put the field's name beside the changes.
    place.field = fields.text("field");
    let changes = fields.elements("changes");
    if changes.is_empty() {
        add(items, place, raw, unknown("the entry holds no changes"));
        return;
    }
    for (index, raw) in changes {
        change(items, place.below("changes", index), raw);
    }
}

fn change(items: &mut Items, mut place: Place, raw: &RawValue) {
    let fields = Fields::of(raw.get()).unwrap_or_default();
    let object = fields.raw("value").and_then(|value| Some((value, Fields::of(value.get())?)));
    let Some((raw_value, value)) = object else {
        place.field = fields.text("field").or(place.field);
        add(items, place, raw, unknown("the change holds no value"));
        return;
    };
    place.field = fields.text("field").or(place.field).or_else(|| value.text("field"));
    let metadata = value.object("metadata").unwrap_or_default();
    place.phone_number_id = metadata.text("phone_number_id").or_else(|| value.text("phone_number_id"));
    place.display_phone_number =
        metadata.text("display_phone_number").or_else(|| value.text("display_phone_number"));
    value_of(items, place.below("value", None), raw_value, &value);
}

fn value_of(items: &mut Items, place: Place, raw: &RawValue, value: &Fields<'_>) {
    match place.field.as_deref() {
        Some(
            "messages"
            | "message_echoes"
            | "smb_message_echoes"
            | "standby"
            | "calls"
            | "history"
            | "smb_app_state_sync"
            | "user_preferences"
            | "user_id_update"
            | "group_lifecycle_update"
            | "group_participants_update"
            | "group_settings_update"
            | "group_status_update"
            | "automatic_events",
        )
        | None => lists(items, place, raw, value),
        Some(field) => {
            let kind = single(field, value);
            add(items, place, raw, kind);
        }
    }
}

/// A value that is one item.
fn single(field: &str, value: &Fields<'_>) -> ItemKind {
    let kind = match field {
        "message_template_status_update" => TemplateStatus::read(value)
            .map(|status| ItemKind::TemplateStatus(Box::new(status)))
            // A published sample of a quality update carries the field of a status update.
            .or_else(|| TemplateQuality::read(value).map(ItemKind::TemplateQuality)),
        "message_template_quality_update" => TemplateQuality::read(value).map(ItemKind::TemplateQuality),
        "message_template_components_update" => {
            TemplateComponents::read(value).map(|it| ItemKind::TemplateComponents(Box::new(it)))
        }
        "template_category_update" => TemplateCategory::read(value).map(ItemKind::TemplateCategory),
        "phone_number_quality_update" => PhoneQuality::read(value).map(ItemKind::PhoneQuality),
        "phone_number_name_update" => PhoneName::read(value).map(ItemKind::PhoneName),
        "account_update" => AccountUpdate::read(value).map(|it| ItemKind::AccountUpdate(Box::new(it))),
        "account_review_update" => AccountReview::read(value).map(ItemKind::AccountReview),
        "account_alerts" => AccountAlert::read(value).map(ItemKind::AccountAlert),
        "account_settings_update" => Some(ItemKind::AccountSettings),
        "business_capability_update" => BusinessCapability::read(value).map(ItemKind::BusinessCapability),
        "security" => Security::read(value).map(ItemKind::Security),
        "partner_solutions" => PartnerSolution::read(value).map(ItemKind::PartnerSolution),
        "payment_configuration_update" => {
            PaymentConfiguration::read(value).map(ItemKind::PaymentConfiguration)
        }
        "business_username_update" => BusinessUsername::read(value).map(ItemKind::BusinessUsername),
        "flows" => Some(ItemKind::Flow),
        other => return unknown(format!("the field {other:?} is not known")),
    };
    or_unknown(kind, field)
}

/// A value that holds lists of items.
fn lists(items: &mut Items, place: Place, raw: &RawValue, value: &Fields<'_>) {
    let before = items.len();
    let profiles = Profiles::read(value);
    for name in value.names().filter(|name| *name != "contacts") {
        let Some(list) = value.raw(name) else { continue };
        // A new member that is no list is passed over, as Meta asks; a new list may hold what nobody may lose.
        if LISTS.contains(&name) || list.get().starts_with('[') {
            for (index, raw) in elements(list) {
                element(items, place.below(name, index), name, raw, &profiles);
            }
        }
    }
    if items.len() == before {
        add(items, place, raw, unknown("the value holds nothing that is known"));
    }
}

fn element(items: &mut Items, place: Place, list: &str, raw: &RawValue, profiles: &Profiles) {
    let Some(fields) = Fields::of(raw.get()) else {
        add(items, place, raw, unknown(format!("an element of {list} is not an object")));
        return;
    };
    if list == "history" {
        history::walk(items, &place, raw, &fields, profiles);
        return;
    }
    let kind = match list {
        "messages" => message(&place, &fields, profiles),
        "statuses" => status(&fields),
        "errors" => WebhookError::read(raw.get()).map(ItemKind::Error),
        "message_echoes" => Echo::read(&fields, profiles).map(|it| ItemKind::Echo(Box::new(it))),
        "calls" => Some(ItemKind::Call(Box::new(Call::read(&fields)))),
        "state_sync" => SmbContact::read(&fields).map(|it| ItemKind::SmbContact(Box::new(it))),
        "user_preferences" => UserPreference::read(&fields).map(|it| ItemKind::UserPreference(Box::new(it))),
        "user_id_update" => Some(ItemKind::UserIdUpdate(UserIdUpdate::read(&fields))),
        "groups" => Some(ItemKind::Group(Group::read(&fields))),
        "automatic_events" => AutomaticEvent::read(&fields).map(ItemKind::AutomaticEvent),
        _ => Some(unknown(format!("the list {list:?} is not known"))),
    };
    add(items, place, raw, or_unknown(kind, list));
}

fn message(place: &Place, fields: &Fields<'_>, profiles: &Profiles) -> Option<ItemKind> {
    if place.is("history") {
        let message = HistoryMessage::media(fields, profiles)?;
        return Some(ItemKind::HistoryMessage(Box::new(message)));
    }
    let message = Box::new(InboundMessage::read(fields, profiles)?);
    Some(if place.is("standby") { ItemKind::Standby(message) } else { ItemKind::Message(message) })
}

fn status(fields: &Fields<'_>) -> Option<ItemKind> {
    let status = Box::new(StatusUpdate::read(fields)?);
    Some(if status.is_of_call(fields.text("type").as_deref()) {
        ItemKind::CallStatus(status)
    } else {
        ItemKind::Status(status)
    })
}
