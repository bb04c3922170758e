//! The key of a tenant's hashes: random, sealed like every secret, made with the first erasure (or the first deletion of
//! somebody who said no) and never changed, or what is known of those who said no would be lost. Renewing the sealing key
//! seals it anew.

use aws_lc_rs::{hmac, rand};
use domain::contacts::Identity;
use domain::{TenantId, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::ExposeSecret;

use crate::db::{self, Fault, Row, SqlStore, Tx, hex, micros};
use crate::secrets::{Keyring, Place};

/// Hashes of one tenant.
pub(crate) struct TenantKey(hmac::Key);

fn place(tenant: TenantId) -> Place {
    Place { tenant, table: "erasure_keys", column: "sealed" }
}

impl TenantKey {
    fn sign(&self, what: &str, text: &str) -> hmac::Tag {
        hmac::sign(&self.0, format!("{what}\n{text}").as_bytes())
    }

    /// Of a phone number in E.164.
    pub(super) fn of_phone(&self, phone: &str) -> String {
        hex(self.sign("phone", phone).as_ref())
    }

    /// Of a business-scoped user id.
    pub(super) fn of_bsuid(&self, bsuid: &str) -> String {
        hex(self.sign("bsuid", bsuid).as_ref())
    }

    /// Of all names of an identity, the number first.
    pub(super) fn of_identity(&self, identity: &Identity) -> Vec<String> {
        let phone = identity.phone.as_ref().map(|phone| self.of_phone(phone.as_str()));
        phone.into_iter().chain(identity.bsuid.as_deref().map(|bsuid| self.of_bsuid(bsuid))).collect()
    }

    /// Of what proved consent.
    pub(super) fn of_evidence(&self, evidence: &str) -> String {
        hex(self.sign("evidence", evidence).as_ref())
    }

    /// Of a receipt's text.
    pub(super) fn of_receipt(&self, text: &str) -> String {
        hex(self.sign("receipt", text).as_ref())
    }

    /// Whether the digest of a receipt is this key's; takes the same time whatever differs.
    pub(super) fn proves(&self, text: &str, digest: &str) -> bool {
        let (own, given) = (self.of_receipt(text), digest.to_ascii_lowercase());
        aws_lc_rs::constant_time::verify_slices_are_equal(own.as_bytes(), given.as_bytes()).is_ok()
    }
}

fn of_row(keyring: &Keyring, tenant: TenantId, row: &QueryResult) -> Result<TenantKey, Fault> {
    let sealed: Vec<u8> = row.get("sealed")?;
    let secret = keyring.open(place(tenant), &sealed)?;
    Ok(TenantKey(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())))
}

/// The tenant's; none when nothing was ever kept.
pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    keyring: &Keyring,
    tenant: TenantId,
) -> Result<Option<TenantKey>, Fault> {
    let sql = "SELECT sealed FROM erasure_keys WHERE tenant_id = $1";
    let row = db::one(on, sql, [tenant.0.into()]).await?;
    row.as_ref().map(|row| of_row(keyring, tenant, row)).transpose()
}

/// The tenant's, made when there is none.
pub(super) async fn make(
    tx: &Tx,
    keyring: &Keyring,
    tenant: TenantId,
    at: Timestamp,
) -> Result<TenantKey, Fault> {
    if let Some(key) = find(&**tx, keyring, tenant).await? {
        return Ok(key);
    }
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    rand::fill(&mut bytes[..]).map_err(|_| Fault::internal("no randomness"))?;
    let sealed = keyring.seal(place(tenant), &hex(&bytes[..]).into())?;
    let sql = "INSERT INTO erasure_keys (tenant_id, sealed, created_at) VALUES ($1, $2, $3) \
               ON CONFLICT (tenant_id) DO NOTHING";
    db::run(&**tx, sql, [tenant.0.into(), sealed.into(), micros(at).into()]).await?;
    // Another node may have been first.
    let made = find(&**tx, keyring, tenant).await?;
    made.ok_or_else(|| Fault::internal("a key that was made is not there"))
}

/// Opens every tenant's, so that a missing sealing key is told at once; answers how many there are.
pub(crate) async fn open<C: ConnectionTrait>(on: &C, keyring: &Keyring) -> Result<u64, Fault> {
    let rows = db::all(on, "SELECT tenant_id, sealed FROM erasure_keys", []).await?;
    for row in &rows {
        of_row(keyring, TenantId(row.get("tenant_id")?), row)?;
    }
    Ok(rows.len() as u64)
}

/// Seals every tenant's with the current key; answers how many were sealed with another one.
pub(crate) async fn reseal(store: &SqlStore, tx: &Tx) -> Result<u64, Fault> {
    let ring = store.keyring();
    let lock = tx.dialect.for_update("k");
    let sql = format!(
        "SELECT k.tenant_id AS tenant_id, k.sealed AS sealed FROM erasure_keys k ORDER BY k.tenant_id{lock}"
    );
    let mut outdated = 0;
    for row in db::all(&**tx, &sql, []).await? {
        let tenant = TenantId(row.get("tenant_id")?);
        let sealed: Vec<u8> = row.get("sealed")?;
        outdated += u64::from(ring.is_outdated(&sealed));
        let fresh = ring.seal(place(tenant), &ring.open(place(tenant), &sealed)?)?;
        let sql = "UPDATE erasure_keys SET sealed = $2 WHERE tenant_id = $1";
        db::run(&**tx, sql, [tenant.0.into(), fresh.into()]).await?;
    }
    Ok(outdated)
}
