//! What an entry tells of a thing: nothing secret, and of a person nothing but the id.

use domain::audit::{Action, NewEntry};
use domain::broadcasts::{State, Step};
use domain::consent::{ConsentKind, ConsentSource, ConsentState};
use domain::{BroadcastId, Timestamp};
use ports::access::ApiKey;
use ports::access::members::{GivenRole, Member};
use ports::alerts::channels::Channel;
use ports::broadcasts::{Broadcast, EnqueueBatch, Move, NewBroadcast, Start};
use ports::connections::Connection;
use ports::contacts::Contact;
use ports::conversations::Conversation;
use ports::templates::{NewTemplate, Template};
use serde_json::{Value, json};

use crate::messages::write::NewMessage;

/// A key, without its hash.
pub(crate) fn api_key(key: &ApiKey) -> Value {
    json!({
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "expires_at": key.expires_at,
    })
}

/// A connection, without its tokens.
pub(crate) fn connection(connection: &Connection) -> Value {
    json!({
        "name": connection.name,
        "phone_number_id": connection.phone_number_id,
        "waba_id": connection.waba_id,
        "business_id": connection.business_id,
        "app_id": connection.app_id,
        "state": connection.state.as_str(),
        "state_reason": connection.state_reason,
        "is_default": connection.is_default,
        "rate": { "count": connection.rate.count, "period_ms": connection.rate.period_ms },
        "graph_url": connection.graph_url,
        "quality_rating": connection.quality_rating,
        "messaging_limit": connection.messaging_limit,
        "token_expires_at": connection.token_expires_at,
    })
}

/// A template.
pub(crate) fn template(template: &Template) -> Value {
    json!({
        "name": template.name,
        "language": template.language,
        "waba_id": template.waba_id,
        "category": template.category.as_str(),
        "status": template.status.as_str(),
        "rejection_reason": template.rejection_reason,
        "quality": template.quality,
        "components": template.components,
        "param_names": template.param_names,
    })
}

/// A template as Meta lists it.
pub(crate) fn listed_template(template: &NewTemplate) -> Value {
    json!({
        "name": template.name,
        "language": template.language,
        "waba_id": template.waba_id,
        "category": template.category.as_str(),
        "status": template.status.as_str(),
        "rejection_reason": template.rejection_reason,
        "components": template.components,
    })
}

/// A broadcast as it was planned.
pub(crate) fn new_broadcast(new: &NewBroadcast) -> Value {
    json!({ "name": new.name, "plan": new.plan })
}

/// A broadcast as it stands.
pub(crate) fn broadcast(broadcast: &Broadcast) -> Value {
    json!({ "name": broadcast.name, "state": broadcast.state.as_str(), "plan": broadcast.plan })
}

/// What somebody agreed to.
pub(crate) fn consent(state: &ConsentState) -> Value {
    json!({
        "opted_in": state.opted_in,
        "opted_in_at": state.opted_in_at,
        "opted_out_at": state.opted_out_at,
        "marketing_stopped": state.marketing_stopped,
    })
}

/// The names of the members that differ, never what stands in them.
pub(crate) fn members(before: &Contact, after: &Contact) -> Value {
    let members = [
        ("phone", before.identity.phone != after.identity.phone),
        ("bsuid", before.identity.bsuid != after.identity.bsuid),
        ("name", before.name != after.name),
        ("language", before.language != after.language),
        ("time_zone", before.time_zone != after.time_zone),
        ("tags", before.tags != after.tags),
        ("fields", before.fields != after.fields),
    ];
    let changed: Vec<&str> =
        members.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
    json!({ "members": changed })
}

/// A decision of a contact.
pub(crate) fn decision(
    contact: i64,
    kind: ConsentKind,
    source: ConsentSource,
    at: Timestamp,
    before: &ConsentState,
    after: &ConsentState,
) -> NewEntry {
    let mut after = consent(after);
    after["source"] = source.as_str().into();
    NewEntry::about(decided(kind), "contact", contact).at(at).before(consent(before)).after(after)
}

/// The action of a decision.
pub(crate) fn decided(kind: ConsentKind) -> Action {
    match kind {
        ConsentKind::OptIn => Action::OptedIn,
        ConsentKind::OptOut => Action::OptedOut,
        ConsentKind::MarketingStop => Action::MarketingStopped,
        ConsentKind::MarketingResume => Action::MarketingResumed,
    }
}

/// A step of a broadcast.
pub(crate) fn step(broadcast: BroadcastId, step: &Move, from: State, to: State) -> NewEntry {
    let after = json!({ "state": to.as_str(), "starts_at": step.starts_at, "reason": step.reason });
    NewEntry::about(action_of(step.step), "broadcast", broadcast)
        .at(step.at)
        .before(json!({ "state": from.as_str() }))
        .after(after)
}

/// The beginning of a broadcast.
pub(crate) fn started(broadcast: BroadcastId, start: &Start, from: State) -> NewEntry {
    let connections = &start.plan.connections;
    let after = json!({ "state": State::Sending.as_str(), "connections": connections, "meant": start.meant });
    NewEntry::about(Action::BroadcastStarted, "broadcast", broadcast)
        .at(start.at)
        .before(json!({ "state": from.as_str() }))
        .after(after)
}

fn action_of(step: Step) -> Action {
    match step {
        Step::Schedule => Action::BroadcastScheduled,
        Step::Unschedule => Action::BroadcastUnscheduled,
        Step::Start => Action::BroadcastStarted,
        Step::Hold | Step::Pause => Action::BroadcastPaused,
        Step::Resume => Action::BroadcastResumed,
        Step::Reopen => Action::BroadcastReopened,
        Step::Cancel => Action::BroadcastCancelled,
        Step::Complete => Action::BroadcastCompleted,
        Step::Fail => Action::BroadcastFailed,
    }
}

/// Messages of a broadcast on their way into the queue: each in its contact's thread, so the range names them.
pub(crate) fn enqueued(batch: &EnqueueBatch, messages: &[NewMessage]) -> NewEntry {
    let ids = || messages.iter().map(|message| message.id);
    let told = json!({ "count": messages.len(), "first": ids().min(), "last": ids().max() });
    NewEntry::about(Action::MessagesSent, "broadcast", batch.broadcast_id).at(batch.at).after(told)
}

/// What colleagues set on a conversation.
pub(crate) fn conversation(conversation: &Conversation) -> Value {
    json!({
        "status": conversation.status.as_str(),
        "assignee": conversation.assignee,
        "labels": conversation.labels,
    })
}

/// A member, without the address.
pub(crate) fn member(member: &Member) -> Value {
    let role = match member.role {
        GivenRole::BuiltIn(role) => json!(role.as_str()),
        GivenRole::Own(role) => json!(format!("role:{role}")),
    };
    json!({ "role": role, "state": member.state.as_str() })
}

/// A channel of alerts, without address and secret.
pub(crate) fn channel(channel: &Channel) -> Value {
    json!({
        "name": channel.name,
        "kind": channel.kind.as_str(),
        "min_severity": channel.min_severity.as_str(),
        "kinds": channel.kinds,
        "enabled": channel.enabled,
    })
}
