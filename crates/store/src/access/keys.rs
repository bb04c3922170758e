//! Changing API keys.

use domain::access::permissions::Permissions;
use domain::audit::{Action, NewEntry};
use domain::{ApiKeyId, TenantId, Timestamp};
use ports::access::{ApiKey, ApiKeyPatch, ChangedKey};

use super::{KEY_COLUMNS, key_from_row};
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Tx, clean, micros, time};

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    key: ApiKeyId,
    patch: &ApiKeyPatch,
    by: Permissions,
    at: Timestamp,
) -> Result<ChangedKey, Fault> {
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("k");
    let sql = format!("SELECT {KEY_COLUMNS} FROM api_keys k WHERE tenant_id = $1 AND id = $2{lock}");
    let Some(row) = db::one(&*tx, &sql, [tenant.0.into(), key.0.into()]).await? else {
        return Ok(ChangedKey::NotFound);
    };
    let before = key_from_row(&row)?;
    let after = patched(&before, patch);
    let held = [&before, &after].map(|key| Permissions::of_scopes(&key.scopes));
    if let Some(beyond) = held.iter().find_map(|held| held.beyond(by)) {
        return Ok(ChangedKey::Beyond(beyond));
    }
    if before.revoked_at.is_some() {
        return Ok(ChangedKey::Revoked);
    }
    if after != before {
        write(&tx, &after).await?;
        let entry = NewEntry::about(Action::ApiKeyChanged, "api_key", key).at(at);
        tx.note(tenant, entry.changed(&tell::api_key(&before), &tell::api_key(&after)));
        tx.commit().await?;
    }
    Ok(ChangedKey::Changed(after))
}

fn patched(key: &ApiKey, patch: &ApiKeyPatch) -> ApiKey {
    let mut after = key.clone();
    if let Some(name) = &patch.name {
        after.name = clean(name).into_owned();
    }
    if let Some(scopes) = &patch.scopes {
        after.scopes.clone_from(scopes);
    }
    if let Some(networks) = &patch.networks {
        after.networks.clone_from(networks);
    }
    if let Some(end) = patch.expires_at {
        after.expires_at = end.map(|end| time(micros(end)));
    }
    after
}

async fn write(tx: &Tx, key: &ApiKey) -> Result<(), Fault> {
    let sql = "UPDATE api_keys SET name = $3, scopes = $4, networks = $5, expires_at = $6 \
               WHERE tenant_id = $1 AND id = $2";
    let values = [
        key.tenant_id.0.into(),
        key.id.0.into(),
        key.name.as_str().into(),
        db::to_json(&key.scopes)?.into(),
        db::to_json(&key.networks.iter().map(ToString::to_string).collect::<Vec<_>>())?.into(),
        key.expires_at.map(micros).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}
