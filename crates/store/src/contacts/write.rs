//! Making and changing contacts.

use domain::audit::{Action, NewEntry};
use domain::consent::{ConsentKind, ConsentState};
use domain::phone::PhoneNumber;
use domain::{ContactId, TenantId, Timestamp};
use ports::contacts::{Contact, ContactPatch, CreatedContact, NewContact, UpdatedContact};
use sea_orm::Value;
use serde_json::{Map, Value as Json};

use super::row::{self, search_text};
use crate::SqlStore;
use crate::audit::tell;
use crate::consent::{self, Entry};
use crate::db::{self, Fault, Tx, clean, micros};
use crate::ids::{self, Kind};

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewContact,
    at: Timestamp,
) -> Result<CreatedContact, Fault> {
    let tx = store.begin().await?;
    let id = ids::take_one(&tx, Kind::Contact).await?;
    let Some(mut contact) = insert(&tx, tenant, id, new, at).await? else {
        let taken = row::find_by_identity(&*tx, tenant, &new.identity).await?;
        let taken = taken.first().ok_or_else(|| Fault::Conflict("the contact in the way is gone".into()))?;
        return Ok(CreatedContact::Exists(taken.id));
    };
    let made = [(contact.id, &contact.identity)];
    let kept = crate::erasure::reinstate(&tx, tenant, &made).await?.remove(&contact.id);
    if let Some(kept) = kept {
        contact.consent = kept.apply_to(&contact.consent);
    }
    if let Some((source, evidence)) = new.opt_in.as_ref().filter(|_| contact.consent.opted_in) {
        let entry = Entry { contact: contact.id, kind: ConsentKind::OptIn, source: *source, at, evidence };
        consent::append(&tx, tenant, &[entry]).await?;
    }
    tx.note(tenant, NewEntry::about(Action::ContactCreated, "contact", contact.id).at(at));
    if let Some((source, _)) = new.opt_in.as_ref().filter(|_| contact.consent.opted_in) {
        let (before, after) = (ConsentState::default(), &contact.consent);
        tx.note(tenant, tell::decision(contact.id.0, ConsentKind::OptIn, *source, at, &before, after));
    }
    tx.commit().await?;
    Ok(CreatedContact::Created(contact))
}

/// `None` when the phone number or the BSUID is taken.
async fn insert(
    tx: &Tx,
    tenant: TenantId,
    id: i64,
    new: &NewContact,
    at: Timestamp,
) -> Result<Option<Contact>, Fault> {
    let sql = format!(
        "INSERT INTO contacts (tenant_id, id, phone, bsuid, name, language, tags, fields, search, opted_in, \
         opted_in_at, marketing_stopped, wrote_after_opt_out, created_at, updated_at, country, time_zone) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, FALSE, FALSE, $12, $12, $13, $14) \
         ON CONFLICT DO NOTHING RETURNING {}",
        row::COLUMNS.replace("c.", "")
    );
    let mut state = ConsentState::default();
    if new.opt_in.is_some() {
        state.apply(ConsentKind::OptIn, at);
    }
    let phone = new.identity.phone.as_ref().map(PhoneNumber::as_str);
    let name = new.name.as_deref().map(clean);
    let mut fields = Map::new();
    set_fields(&mut fields, &new.fields);
    let values: [Value; 14] = [
        tenant.0.into(),
        id.into(),
        phone.into(),
        new.identity.bsuid.as_deref().into(),
        name.as_deref().into(),
        new.language.as_deref().map(clean).as_deref().into(),
        db::to_json(&clean_tags(&new.tags))?.into(),
        db::to_json(&fields)?.into(),
        search_text(name.as_deref(), phone, None).into(),
        state.opted_in.into(),
        state.opted_in_at.map(micros).into(),
        micros(at).into(),
        new.identity.country().into(),
        new.time_zone.as_deref().map(clean).as_deref().into(),
    ];
    db::one(&**tx, &sql, values).await?.as_ref().map(row::from_row).transpose()
}

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    contact: ContactId,
    patch: &ContactPatch,
    at: Timestamp,
) -> Result<UpdatedContact, Fault> {
    let tx = store.begin().await?;
    let Some(mut contact) = row::find_for_update(&tx, tenant, contact).await? else {
        return Ok(UpdatedContact::NotFound);
    };
    let before = contact.clone();
    apply(&mut contact, patch, at);
    let owners = row::find_by_identity(&*tx, tenant, &contact.identity).await?;
    if let Some(other) = owners.iter().find(|owner| owner.id != contact.id) {
        return Ok(UpdatedContact::Taken(other.id));
    }
    save(&tx, tenant, &contact).await?;
    if patch.identity.is_some() {
        crate::erasure::take_over(&tx, tenant, &mut contact).await?;
    }
    let changed = NewEntry::about(Action::ContactChanged, "contact", contact.id).at(at);
    tx.note(tenant, changed.after(tell::members(&before, &contact)));
    tx.commit().await?;
    Ok(UpdatedContact::Updated(contact))
}

fn apply(contact: &mut Contact, patch: &ContactPatch, at: Timestamp) {
    if let Some(identity) = &patch.identity {
        contact.identity = identity.clone();
        contact.country = identity.country();
    }
    if let Some(name) = &patch.name {
        contact.name = name.as_deref().map(|name| clean(name).into_owned());
    }
    if let Some(language) = &patch.language {
        contact.language = language.as_deref().map(|language| clean(language).into_owned());
    }
    if let Some(zone) = &patch.time_zone {
        contact.time_zone = zone.as_deref().map(|zone| clean(zone).into_owned());
    }
    if let Some(tags) = &patch.tags {
        contact.tags = clean_tags(tags);
    }
    if let Some(fields) = &patch.fields {
        set_fields(&mut contact.fields, fields);
    }
    contact.updated_at = contact.updated_at.max(at);
}

/// Writes what a patch may change.
async fn save(tx: &Tx, tenant: TenantId, contact: &Contact) -> Result<(), Fault> {
    let sql = "UPDATE contacts SET phone = $3, bsuid = $4, name = $5, language = $6, tags = $7, fields = $8, \
               search = $9, updated_at = $10, country = $11, time_zone = $12 WHERE tenant_id = $1 AND id = $2";
    let phone = contact.identity.phone.as_ref().map(PhoneNumber::as_str);
    let values: [Value; 12] = [
        tenant.0.into(),
        contact.id.0.into(),
        phone.into(),
        contact.identity.bsuid.as_deref().into(),
        contact.name.as_deref().into(),
        contact.language.as_deref().into(),
        db::to_json(&contact.tags)?.into(),
        db::to_json(&contact.fields)?.into(),
        search_text(contact.name.as_deref(), phone, contact.username.as_deref()).into(),
        micros(contact.updated_at).into(),
        contact.country.as_deref().into(),
        contact.time_zone.as_deref().into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

/// Each tag once, in the order given.
fn clean_tags(tags: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    tags.iter().map(|tag| clean(tag).into_owned()).filter(|tag| seen.insert(tag.clone())).collect()
}

/// Sets members; `null` removes one.
fn set_fields(fields: &mut Map<String, Json>, changes: &Map<String, Json>) {
    for (name, value) in changes {
        let name = clean(name).into_owned();
        match value {
            Json::Null => {
                fields.shift_remove(&name);
            }
            Json::String(text) => {
                fields.insert(name, clean(text).into_owned().into());
            }
            other => {
                fields.insert(name, other.clone());
            }
        }
    }
}
