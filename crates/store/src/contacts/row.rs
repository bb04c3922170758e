//! A contact's row.

use domain::consent::ConsentState;
use domain::contacts::{Identity, Review};
use domain::phone::PhoneNumber;
use domain::{ContactId, TenantId};
use ports::contacts::Contact;
use sea_orm::{ConnectionTrait, QueryResult};

use crate::db::{self, Fault, Row, Tx};

/// The columns that [`from_row`] reads, of the table under the alias `c`.
pub(crate) const COLUMNS: &str = "c.id, c.phone, c.bsuid, c.username, c.name, c.language, c.country, c.time_zone, c.tags, c.fields, \
     c.opted_in, c.opted_in_at, c.opted_out_at, c.marketing_stopped, c.wrote_after_opt_out, c.review_reason, \
     c.review_code, c.review_at, c.last_inbound_at, c.merged_into, c.created_at, c.updated_at";

/// A contact out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Contact, Fault> {
    Ok(Contact {
        id: ContactId(row.get("id")?),
        identity: identity_from_row(row)?,
        username: row.get("username")?,
        name: row.get("name")?,
        language: row.get("language")?,
        country: row.get("country")?,
        time_zone: row.get("time_zone")?,
        tags: row.json("tags")?,
        fields: row.json("fields")?,
        consent: consent_from_row(row)?,
        review: review_from_row(row)?,
        last_inbound_at: row.time_opt("last_inbound_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Out of `phone` and `bsuid`.
pub(crate) fn identity_from_row(row: &QueryResult) -> Result<Identity, Fault> {
    let phone = row.get::<Option<String>>("phone")?;
    let phone = phone
        .map(|text| {
            PhoneNumber::from_e164(&text).ok_or_else(|| Fault::internal("a kept phone number is not E.164"))
        })
        .transpose()?;
    Ok(Identity { phone, bsuid: row.get("bsuid")? })
}

/// Out of `opted_in, opted_in_at, opted_out_at, marketing_stopped, wrote_after_opt_out`.
pub(crate) fn consent_from_row(row: &QueryResult) -> Result<ConsentState, Fault> {
    Ok(ConsentState {
        opted_in: row.get("opted_in")?,
        opted_in_at: row.time_opt("opted_in_at")?,
        opted_out_at: row.time_opt("opted_out_at")?,
        marketing_stopped: row.get("marketing_stopped")?,
        wrote_after_opt_out: row.get("wrote_after_opt_out")?,
    })
}

/// Out of `review_reason, review_code, review_at`.
pub(crate) fn review_from_row(row: &QueryResult) -> Result<Option<Review>, Fault> {
    let Some(at) = row.time_opt("review_at")? else { return Ok(None) };
    Ok(Some(Review {
        reason: row.get::<Option<String>>("review_reason")?.unwrap_or_default(),
        meta_error_code: row.get::<Option<i64>>("review_code")?.unwrap_or_default(),
        at,
    }))
}

/// What `contacts.search` holds.
pub(crate) fn search_text(name: Option<&str>, phone: Option<&str>, username: Option<&str>) -> String {
    [name, phone, username].into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
}

/// Finds a contact; the id of one that was merged finds the one that it was merged into.
pub(crate) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Option<Contact>, Fault> {
    follow(on, tenant, contact, "").await
}

/// The same, and keeps every other writer from it until the commit.
pub(crate) async fn find_for_update(
    tx: &Tx,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Option<Contact>, Fault> {
    follow(&**tx, tenant, contact, &tx.dialect.for_update("c")).await
}

async fn follow<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    contact: ContactId,
    lock: &str,
) -> Result<Option<Contact>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = $1 AND c.id = $2{lock}");
    let mut id = contact.0;
    loop {
        let Some(row) = db::one(on, &sql, [tenant.0.into(), id.into()]).await? else { return Ok(None) };
        match row.get::<Option<i64>>("merged_into")? {
            Some(other) if other != id => id = other,
            _ => return from_row(&row).map(Some),
        }
    }
}

/// The contact's id and the ids of all that were merged into it, directly or not.
pub(crate) async fn family<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Vec<i64>, Fault> {
    let sql = "WITH RECURSIVE family (id) AS (SELECT CAST($2 AS BIGINT) UNION SELECT c.id FROM family f \
               JOIN contacts c ON c.tenant_id = $1 AND c.merged_into = f.id) SELECT id FROM family";
    let rows = db::all(on, sql, [tenant.0.into(), contact.0.into()]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Those that have the phone number or the BSUID, the one with the phone number first: at most two.
pub(crate) async fn find_by_identity<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    identity: &Identity,
) -> Result<Vec<Contact>, Fault> {
    let mut found: Vec<Contact> = Vec::new();
    let phone = identity.phone.as_ref().map(PhoneNumber::as_str);
    for (column, value) in [("phone", phone), ("bsuid", identity.bsuid.as_deref())] {
        let Some(value) = value else { continue };
        let sql = format!("SELECT {COLUMNS} FROM contacts c WHERE c.tenant_id = $1 AND c.{column} = $2");
        if let Some(row) = db::one(on, &sql, [tenant.0.into(), value.into()]).await? {
            let contact = from_row(&row)?;
            if found.iter().all(|other| other.id != contact.id) {
                found.push(contact);
            }
        }
    }
    Ok(found)
}
