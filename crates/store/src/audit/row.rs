//! Rows of the chain, its head and its key.

use domain::TenantId;
use domain::audit::chain::{ChainKey, Head};
use domain::audit::{Actor, Entry, Found, Link, Torn};
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{self, Fault, Row, hex};
use crate::secrets::{Keyring, Place};

/// The columns that [`from_row`] reads.
pub(super) const COLUMNS: &str = "tenant_id, seq, at, actor_kind, actor_id, actor_name, address, request_id, action, \
     subject, was, became, prev, hash";

/// An entry out of [`COLUMNS`].
pub(super) fn from_row(row: &QueryResult) -> Result<Link, Fault> {
    Ok(Link {
        entry: Entry {
            tenant_id: TenantId(row.get("tenant_id")?),
            seq: row.get("seq")?,
            at: row.time("at")?,
            actor: Actor {
                kind: row.word("actor_kind")?,
                id: row.get("actor_id")?,
                name: row.get("actor_name")?,
                address: row.get("address")?,
                request_id: row.get("request_id")?,
            },
            action: row.get("action")?,
            subject: row.get("subject")?,
            before: row.get("was")?,
            after: row.get("became")?,
        },
        prev: row.get("prev")?,
        hash: row.get("hash")?,
    })
}

/// The same; of one that cannot be read what is left of it, and what is wrong.
pub(super) fn found(row: &QueryResult) -> Result<Found, Fault> {
    let problem = match from_row(row) {
        Ok(link) => return Ok(Ok(link)),
        Err(Fault::Internal(problem)) => problem,
        Err(fault) => return Err(fault),
    };
    let text = |column| row.get::<Option<String>>(column).ok().flatten();
    Ok(Err(Box::new(Torn {
        seq: row.get("seq").ok(),
        at: row.time("at").ok(),
        actor_kind: text("actor_kind"),
        actor_id: row.get::<Option<i64>>("actor_id").ok().flatten(),
        actor_name: text("actor_name"),
        address: text("address"),
        request_id: text("request_id"),
        action: text("action"),
        subject: text("subject"),
        before: text("was"),
        after: text("became"),
        prev: row.get("prev").ok(),
        hash: row.get("hash").ok(),
        problems: vec![problem],
    })))
}

/// The end of a chain, and the sealed key.
pub(super) struct HeadRow {
    pub(super) head: Head,
    pub(super) chain_key: Vec<u8>,
}

/// `None`: the tenant has no chain yet, or somebody removed its head.
pub(super) async fn head<C: ConnectionTrait>(on: &C, tenant: TenantId) -> Result<Option<HeadRow>, Fault> {
    let sql = "SELECT seq, hash, mac, chain_key FROM audit_heads WHERE tenant_id = $1";
    let Some(row) = db::one(on, sql, [tenant.0.into()]).await? else { return Ok(None) };
    let head = Head { seq: row.get("seq")?, hash: row.get("hash")?, mac: row.get("mac")? };
    Ok(Some(HeadRow { head, chain_key: row.get("chain_key")? }))
}

/// Where the key of a chain lies.
pub(crate) fn place(tenant: TenantId) -> Place {
    Place { tenant, table: "audit_heads", column: "chain_key" }
}

/// Seals the key of a chain.
pub(super) fn seal_key(ring: &Keyring, tenant: TenantId, key: &[u8; 32]) -> Result<Vec<u8>, Fault> {
    ring.seal(place(tenant), &SecretString::from(hex(key)))
}

/// Opens the key of a chain.
pub(super) fn open_key(ring: &Keyring, tenant: TenantId, sealed: &[u8]) -> Result<ChainKey, Fault> {
    let text = ring.open(place(tenant), sealed)?;
    let mut key = zeroize::Zeroizing::new([0_u8; 32]);
    let digits = text.expose_secret().as_bytes();
    if digits.len() != 2 * key.len() {
        return Err(Fault::internal("the key of an audit trail has another length"));
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(Fault::internal)?;
        *byte = u8::from_str_radix(pair, 16).map_err(Fault::internal)?;
    }
    Ok(ChainKey::new(&key))
}
