//! Two contacts who turn out to be one person, and persons who change their number. Rare, so one row at a time.

use domain::audit::{Action, Actor, NewEntry};
use domain::consent::ConsentState;
use domain::contacts::Identity;
use domain::{TenantId, Timestamp};
use ports::contacts::Contact;

use super::{People, Two};
use crate::contacts::row::{self, search_text};
use crate::db::{self, Fault, Row, Tx, micros, to_json};

/// Settles an identity that names two contacts, both saved. When the number's contact is known by another user id,
/// it was somebody else's number before: it moves. Otherwise both are one person.
pub(crate) async fn settle(people: &People<'_>, two: Two, now: Timestamp) -> Result<(), Fault> {
    let (phone, bsuid) = (people.get(two.by_phone), people.get(two.by_bsuid));
    let (Some(phone_id), Some(bsuid_id)) = (phone.id, bsuid.id) else {
        return Err(Fault::internal("contacts to be settled were not saved"));
    };
    let number = phone.identity.phone.clone();
    if phone.identity.bsuid.is_some() {
        let unknown = Identity { phone: None, bsuid: phone.identity.bsuid.clone() };
        name(people.tx, people.tenant, phone_id, &unknown, now).await?;
        let moved = Identity { phone: number, bsuid: bsuid.identity.bsuid.clone() };
        return name(people.tx, people.tenant, bsuid_id, &moved, now).await;
    }
    let identity = Identity { phone: number, bsuid: bsuid.identity.bsuid.clone() };
    let (older, newer) = (phone_id.min(bsuid_id), phone_id.max(bsuid_id));
    join(people.tx, people.tenant, older, newer, now).await?;
    name(people.tx, people.tenant, older, &identity, now).await
}

/// A person got a new number or user id, or it became known that two names are of one person. Nothing happens when
/// the old name is not known.
pub(crate) async fn change_identity(
    tx: &Tx,
    tenant: TenantId,
    old: &Identity,
    new: &Identity,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(person) = owner(tx, tenant, old).await? else { return Ok(()) };
    let known = read(tx, tenant, person).await?.identity;
    let identity =
        Identity { phone: new.phone.clone().or(known.phone), bsuid: new.bsuid.clone().or(known.bsuid) };
    // The new names may belong to contacts of their own, made when the person wrote under them.
    for other in owners(tx, tenant, new).await?.into_iter().filter(|other| *other != person) {
        join(tx, tenant, person, other, now).await?;
    }
    name(tx, tenant, person, &identity, now).await
}

async fn owner(tx: &Tx, tenant: TenantId, identity: &Identity) -> Result<Option<i64>, Fault> {
    Ok(owners(tx, tenant, identity).await?.first().copied())
}

/// The contacts known by the user id and by the number, in this order, locked.
async fn owners(tx: &Tx, tenant: TenantId, identity: &Identity) -> Result<Vec<i64>, Fault> {
    let mut found = Vec::new();
    let names = [
        ("bsuid", identity.bsuid.as_deref()),
        ("phone", identity.phone.as_ref().map(|phone| phone.as_str())),
    ];
    for (column, name) in names.into_iter().filter_map(|(column, name)| Some((column, name?))) {
        let lock = tx.dialect.for_update("c");
        let sql =
            format!("SELECT c.id AS id FROM contacts c WHERE c.tenant_id = $1 AND c.{column} = $2{lock}");
        if let Some(row) = db::one(&**tx, &sql, [tenant.0.into(), name.into()]).await? {
            let id = row.get("id")?;
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    Ok(found)
}

async fn read(tx: &Tx, tenant: TenantId, id: i64) -> Result<Contact, Fault> {
    let found = row::find_for_update(tx, tenant, domain::ContactId(id)).await?;
    found.ok_or_else(|| Fault::internal("a contact went missing"))
}

/// Gives a contact these names.
async fn name(tx: &Tx, tenant: TenantId, id: i64, identity: &Identity, now: Timestamp) -> Result<(), Fault> {
    let contact = read(tx, tenant, id).await?;
    let phone = identity.phone.as_ref().map(|phone| phone.as_str());
    let search = search_text(contact.name.as_deref(), phone, contact.username.as_deref());
    let sql = "UPDATE contacts SET phone = $3, bsuid = $4, search = $5, updated_at = $6, country = $7 \
               WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        id.into(),
        phone.map(str::to_owned).into(),
        identity.bsuid.clone().into(),
        search.into(),
        micros(now).into(),
        identity.country().into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

/// Makes `other` part of `person`: conversations, messages and queue move over (of a broadcast that both have a message
/// of, one waits on), the ledger keeps its entries, the consent is that of `ConsentState::merge`. `other` keeps its id, which from now on means `person`, but no name: what
/// `person` is called is the caller's to say.
async fn join(tx: &Tx, tenant: TenantId, person: i64, other: i64, now: Timestamp) -> Result<(), Fault> {
    let (kept, gone) = (read(tx, tenant, person).await?, read(tx, tenant, other).await?);
    join_conversations(tx, tenant, person, other).await?;
    let entry = NewEntry::about(Action::ContactsJoined, "contact", person).at(now).by(Actor::meta());
    tx.note(tenant, entry.after(serde_json::json!({ "joined": other })));
    let ids = [tenant.0.into(), person.into(), other.into()];
    for sql in [
        "UPDATE messages SET contact_id = $2 WHERE tenant_id = $1 AND contact_id = $3",
        "UPDATE outbox SET contact_id = $2 WHERE tenant_id = $1 AND contact_id = $3",
        "UPDATE contacts SET merged_into = $2 WHERE tenant_id = $1 AND merged_into = $3",
        "UPDATE contacts SET merged_into = $2, phone = NULL, bsuid = NULL, country = NULL, tags = '[]', \
         review_at = NULL, review_code = NULL, review_reason = NULL WHERE tenant_id = $1 AND id = $3",
    ] {
        db::run(&**tx, sql, ids.clone()).await?;
    }
    crate::broadcasts::leave_one(tx, tenant, person, now).await?;
    write_joined(tx, tenant, &kept, &gone, now).await
}

async fn write_joined(
    tx: &Tx,
    tenant: TenantId,
    kept: &Contact,
    gone: &Contact,
    now: Timestamp,
) -> Result<(), Fault> {
    let consent = ConsentState::merge(&kept.consent, &gone.consent);
    let mut tags = kept.tags.clone();
    tags.extend(gone.tags.iter().filter(|tag| !kept.tags.contains(tag)).cloned());
    let mut fields = gone.fields.clone();
    fields.extend(kept.fields.clone());
    let sql = "UPDATE contacts SET name = $3, username = $4, language = $5, tags = $6, fields = $7, opted_in = $8, \
               opted_in_at = $9, opted_out_at = $10, marketing_stopped = $11, wrote_after_opt_out = $12, \
               last_inbound_at = $13, updated_at = $14, time_zone = $15 WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        kept.id.0.into(),
        kept.name.clone().or_else(|| gone.name.clone()).into(),
        kept.username.clone().or_else(|| gone.username.clone()).into(),
        kept.language.clone().or_else(|| gone.language.clone()).into(),
        to_json(&tags)?.into(),
        to_json(&fields)?.into(),
        consent.opted_in.into(),
        consent.opted_in_at.map(micros).into(),
        consent.opted_out_at.map(micros).into(),
        consent.marketing_stopped.into(),
        consent.wrote_after_opt_out.into(),
        kept.last_inbound_at.max(gone.last_inbound_at).map(micros).into(),
        micros(now).into(),
        kept.time_zone.clone().or_else(|| gone.time_zone.clone()).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

/// Threads on the same connection become one, the others move.
async fn join_conversations(tx: &Tx, tenant: TenantId, person: i64, other: i64) -> Result<(), Fault> {
    let sql = "SELECT gone.id AS gone, kept.id AS kept FROM conversations gone JOIN conversations kept \
               ON kept.tenant_id = gone.tenant_id AND kept.connection_id = gone.connection_id AND kept.contact_id = $2 \
               WHERE gone.tenant_id = $1 AND gone.contact_id = $3";
    let pairs = db::all(&**tx, sql, [tenant.0.into(), person.into(), other.into()]).await?;
    for pair in pairs {
        join_threads(tx, tenant, pair.get("kept")?, pair.get("gone")?).await?;
    }
    let sql = "UPDATE conversations SET contact_id = $2 WHERE tenant_id = $1 AND contact_id = $3";
    db::run(&**tx, sql, [tenant.0.into(), person.into(), other.into()]).await?;
    Ok(())
}

async fn join_threads(tx: &Tx, tenant: TenantId, kept: i64, gone: i64) -> Result<(), Fault> {
    let ids = [tenant.0.into(), kept.into(), gone.into()];
    for sql in [
        "UPDATE messages SET conversation_id = $2 WHERE tenant_id = $1 AND conversation_id = $3",
        "UPDATE notes SET conversation_id = $2 WHERE tenant_id = $1 AND conversation_id = $3",
        "UPDATE conversations SET unread = conversations.unread + g.unread, \
         window_expires_at = CASE WHEN COALESCE(g.window_expires_at, 0) > COALESCE(conversations.window_expires_at, 0) \
           THEN g.window_expires_at ELSE conversations.window_expires_at END, \
         last_inbound_wamid = CASE WHEN COALESCE(g.last_inbound_at, 0) > COALESCE(conversations.last_inbound_at, 0) \
           THEN g.last_inbound_wamid ELSE conversations.last_inbound_wamid END, \
         last_inbound_at = CASE WHEN COALESCE(g.last_inbound_at, 0) > COALESCE(conversations.last_inbound_at, 0) \
           THEN g.last_inbound_at ELSE conversations.last_inbound_at END, \
         last_message_id = CASE WHEN COALESCE(g.last_message_at, 0) > COALESCE(conversations.last_message_at, 0) \
           THEN g.last_message_id ELSE conversations.last_message_id END, \
         last_message_preview = CASE WHEN COALESCE(g.last_message_at, 0) > COALESCE(conversations.last_message_at, 0) \
           THEN g.last_message_preview ELSE conversations.last_message_preview END, \
         last_message_at = CASE WHEN COALESCE(g.last_message_at, 0) > COALESCE(conversations.last_message_at, 0) \
           THEN g.last_message_at ELSE conversations.last_message_at END, \
         broadcast_id = CASE WHEN COALESCE(g.last_initiated_at, 0) > COALESCE(conversations.last_initiated_at, 0) \
           THEN COALESCE(g.broadcast_id, conversations.broadcast_id) \
           ELSE COALESCE(conversations.broadcast_id, g.broadcast_id) END, \
         last_initiated_at = CASE WHEN COALESCE(g.last_initiated_at, 0) > COALESCE(conversations.last_initiated_at, 0) \
           THEN g.last_initiated_at ELSE conversations.last_initiated_at END \
         FROM (SELECT * FROM conversations WHERE tenant_id = $1 AND id = $3) AS g \
         WHERE conversations.tenant_id = $1 AND conversations.id = $2",
        "DELETE FROM conversations WHERE tenant_id = $1 AND id = $3 AND id <> $2",
    ] {
        db::run(&**tx, sql, ids.clone()).await?;
    }
    Ok(())
}
