//! The last commit of an erasure: nothing is known of the person any more but what the receipt tells.

use domain::audit::{Action, NewEntry};
use domain::erasure::{Kept, Receipt};
use sea_orm::Value;
use serde_json::json;

use super::key;
use super::work::Erasing;
use crate::db::{self, Fault, Row, to_json};

pub(super) async fn finish(erasing: &mut Erasing<'_>) -> Result<(), Fault> {
    let (tx, tenant) = (erasing.tx, erasing.tenant);
    let mut removed = erasing.removed.0.clone();
    removed.retain(|_, rows| *rows > 0);
    let receipt = Receipt {
        erasure_id: erasing.erasure.id,
        tenant_id: tenant,
        contact_id: erasing.erasure.contact_id,
        at: erasing.erasure.at,
        finished_at: erasing.now,
        removed,
        kept: kept(erasing).await?,
    };
    let key = key::find(&**tx, erasing.store.keyring(), tenant).await?;
    let key = key.ok_or_else(|| Fault::internal("the key of an erasure is gone"))?;
    let digest = key.of_receipt(&receipt.text());
    let sql = "UPDATE erasures SET work = NULL, removed = '{}', receipt = $3, digest = $4 \
               WHERE tenant_id = $1 AND id = $2";
    let values: [Value; 4] =
        [tenant.0.into(), erasing.erasure.id.0.into(), to_json(&receipt)?.into(), digest.clone().into()];
    db::run(&**tx, sql, values).await?;
    let entry = NewEntry::about(Action::PersonErased, "contact", receipt.contact_id).at(erasing.now);
    let told = json!({ "erasure_id": receipt.erasure_id, "removed": receipt.removed, "digest": digest });
    tx.note(tenant, entry.after(told));
    erasing.erasure.receipt = Some((receipt, digest));
    Ok(())
}

async fn kept(erasing: &Erasing<'_>) -> Result<Vec<Kept>, Fault> {
    let mut kept = Vec::new();
    let mut keep = |what: String, why: &str| kept.push(Kept { what, why: why.to_owned() });
    let sql = "SELECT COUNT(*) AS hashes, COUNT(opted_out_at) AS outs FROM erased_identities \
               WHERE tenant_id = $1 AND erasure_id = $2";
    let values: [Value; 2] = [erasing.tenant.0.into(), erasing.erasure.id.0.into()];
    if let Some(row) = db::one(&**erasing.tx, sql, values).await? {
        let (hashes, outs): (i64, i64) = (row.get("hashes")?, row.get("outs")?);
        if hashes > 0 {
            let out = if outs > 0 { "opted out" } else { "no opt-out" };
            keep(
                format!("{hashes} keyed hash(es) of phone number and user id, with the consent: {out}"),
                "so that an opt-out holds when the number comes back, and so that messages written before the \
                 erasure are not taken in afterwards",
            );
        }
    }
    if erasing.work.records > 0 {
        keep(
            format!(
                "{} consent record(s): kind, source and time, under the contact's number",
                erasing.work.records
            ),
            "proof of what was agreed to (GDPR articles 7(1) and 17(3)(e)); their evidence was replaced by its keyed \
             digest",
        );
    }
    keep("this receipt".to_owned(), "proof that the erasure was done (GDPR article 5(2))");
    Ok(kept)
}
