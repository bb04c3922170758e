//! Whether the keys at hand open what was sealed.

use domain::{AccountId, TenantId};
use sea_orm::ConnectionTrait;

use crate::access::accounts;
use crate::connections::row::{SECRETS, secrets_from_row};
use crate::db::{self, Fault, Row};
use crate::secrets::Keyring;
use crate::{alerts, audit, erasure};

/// Opens every sealed value there is; answers how many there are. What [`rotate`](super::rotate) seals anew is what is
/// opened here.
pub(crate) async fn open_all<C: ConnectionTrait>(on: &C, ring: &Keyring) -> Result<u64, Fault> {
    let mut opened = 0;
    for row in db::all(on, &format!("SELECT tenant_id, {SECRETS} FROM connections"), []).await? {
        secrets_from_row(ring, TenantId(row.get("tenant_id")?), &row)?;
        opened += 3;
    }
    let sql = "SELECT id, totp_secret FROM accounts WHERE totp_secret IS NOT NULL";
    for row in db::all(on, sql, []).await? {
        ring.open(accounts::place(AccountId(row.get("id")?)), &row.get::<Vec<u8>>("totp_secret")?)?;
        opened += 1;
    }
    for row in db::all(on, "SELECT tenant_id, chain_key FROM audit_heads", []).await? {
        let place = audit::row::place(TenantId(row.get("tenant_id")?));
        ring.open(place, &row.get::<Vec<u8>>("chain_key")?)?;
        opened += 1;
    }
    Ok(opened + alerts::open(on, ring).await? + erasure::open_keys(on, ring).await?)
}
