//! Accounts, their second factor, and what they are members of.

use domain::access::people::Email;
use domain::audit::Action;
use domain::{AccountId, MemberId, TenantId};
use ports::access::accounts::{Account, Membership, Totp};
use ports::access::members::GivenRole;
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::SecretString;

use super::members::role_from_row;
use crate::SqlStore;
use crate::audit;
use crate::db::{self, Fault, Row, Tx, hex};
use crate::secrets::Place;

const COLUMNS: &str = "id, email, password, totp_secret, totp_confirmed, recovery_codes";

/// Where the shared secret of a second factor lies. An account is of no tenant: its own id stands in the place.
pub(crate) fn place(account: AccountId) -> Place {
    Place { tenant: TenantId(account.0), table: "accounts", column: "totp_secret" }
}

pub(super) async fn by_email(store: &SqlStore, email: &Email) -> Result<Option<Account>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE email = $1");
    let row = db::one(store.reader(), &sql, [email.as_str().into()]).await?;
    read(store, row).await
}

pub(super) async fn by_id(store: &SqlStore, account: AccountId) -> Result<Option<Account>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE id = $1");
    let row = db::one(store.reader(), &sql, [account.0.into()]).await?;
    read(store, row).await
}

async fn read(store: &SqlStore, row: Option<QueryResult>) -> Result<Option<Account>, Fault> {
    let Some(row) = row else { return Ok(None) };
    let id = AccountId(row.get("id")?);
    let sealed: Option<Vec<u8>> = row.get("totp_secret")?;
    let codes: Vec<String> = row.json("recovery_codes")?;
    let totp = match sealed {
        None => None,
        Some(sealed) => Some(Totp {
            secret: store.keyring().open(place(id), &sealed)?,
            confirmed: row.get("totp_confirmed")?,
            recovery_codes: u32::try_from(codes.len()).unwrap_or(u32::MAX),
        }),
    };
    Ok(Some(Account {
        id,
        email: row.get::<String>("email")?.parse().map_err(Fault::internal)?,
        password: row.get::<Option<String>>("password")?.map(SecretString::from),
        totp,
        memberships: memberships(store.reader(), id).await?,
    }))
}

pub(super) async fn memberships<C: ConnectionTrait>(
    on: &C,
    account: AccountId,
) -> Result<Vec<Membership>, Fault> {
    let sql = "SELECT m.tenant_id AS tenant_id, t.name AS tenant_name, m.id AS id, m.name AS name, m.role AS role, \
               m.role_id AS role_id, r.name AS role_name, r.permissions AS permissions, m.state AS state \
               FROM members m JOIN tenants t ON t.tenant_id = m.tenant_id \
               LEFT JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id \
               WHERE m.account_id = $1 ORDER BY m.tenant_id";
    let rows = db::all(on, sql, [account.0.into()]).await?;
    rows.iter().map(membership).collect()
}

fn membership(row: &QueryResult) -> Result<Membership, Fault> {
    let (role, permissions) = role_from_row(row)?;
    let role = match role {
        GivenRole::BuiltIn(role) => role.as_str().to_owned(),
        GivenRole::Own(_) => row.get::<Option<String>>("role_name")?.unwrap_or_default(),
    };
    Ok(Membership {
        tenant_id: TenantId(row.get("tenant_id")?),
        tenant_name: row.get("tenant_name")?,
        member_id: MemberId(row.get("id")?),
        name: row.get("name")?,
        role,
        permissions,
        state: row.word("state")?,
    })
}

/// Runs one statement on one account; whether it touched it.
async fn touch<const N: usize>(
    store: &SqlStore,
    account: AccountId,
    sql: &str,
    values: [sea_orm::Value; N],
    action: Option<Action>,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let touched = db::run(&*tx, sql, values).await?;
    if let Some(action) = action.filter(|_| touched == 1) {
        audit::account::note(&tx, account, action, None).await?;
    }
    tx.commit().await?;
    Ok(touched == 1)
}

pub(super) async fn enroll(
    store: &SqlStore,
    account: AccountId,
    secret: &SecretString,
) -> Result<bool, Fault> {
    let sealed = store.keyring().seal(place(account), secret)?;
    let sql = "UPDATE accounts SET totp_secret = $2, totp_step = 0 WHERE id = $1 AND NOT totp_confirmed";
    touch(store, account, sql, [account.0.into(), sealed.into()], None).await
}

pub(super) async fn confirm(
    store: &SqlStore,
    account: AccountId,
    step: i64,
    codes: &[[u8; 32]],
) -> Result<bool, Fault> {
    let sql = "UPDATE accounts SET totp_confirmed = TRUE, totp_step = $2, recovery_codes = $3 \
               WHERE id = $1 AND NOT totp_confirmed AND totp_secret IS NOT NULL";
    let values = [account.0.into(), step.into(), hashes(codes)?.into()];
    touch(store, account, sql, values, Some(Action::TwoFactorEnabled)).await
}

pub(super) async fn take_step(store: &SqlStore, account: AccountId, step: i64) -> Result<bool, Fault> {
    let sql = "UPDATE accounts SET totp_step = $2 WHERE id = $1 AND totp_confirmed AND totp_step < $2";
    touch(store, account, sql, [account.0.into(), step.into()], None).await
}

pub(super) async fn set_codes(
    store: &SqlStore,
    account: AccountId,
    codes: &[[u8; 32]],
) -> Result<bool, Fault> {
    let sql = "UPDATE accounts SET recovery_codes = $2 WHERE id = $1 AND totp_confirmed";
    let values = [account.0.into(), hashes(codes)?.into()];
    touch(store, account, sql, values, Some(Action::RecoveryCodesMade)).await
}

pub(super) async fn disable(store: &SqlStore, account: AccountId) -> Result<(), Fault> {
    let sql =
        "UPDATE accounts SET totp_secret = NULL, totp_confirmed = FALSE, recovery_codes = '[]' WHERE id = $1";
    touch(store, account, sql, [account.0.into()], Some(Action::TwoFactorDisabled)).await.map(drop)
}

pub(super) async fn take_code(store: &SqlStore, account: AccountId, hash: &[u8; 32]) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let taken = take_code_in(&tx, account, &hex(hash)).await?;
    if taken {
        audit::account::note(&tx, account, Action::RecoveryCodeUsed, None).await?;
    }
    tx.commit().await?;
    Ok(taken)
}

async fn take_code_in(tx: &Tx, account: AccountId, hash: &str) -> Result<bool, Fault> {
    let lock = tx.dialect.for_update("a");
    let sql = format!("SELECT a.recovery_codes AS recovery_codes FROM accounts a WHERE a.id = $1{lock}");
    let Some(row) = db::one(&**tx, &sql, [account.0.into()]).await? else { return Ok(false) };
    let mut codes: Vec<String> = row.json("recovery_codes")?;
    let Some(place) = codes.iter().position(|code| code == hash) else { return Ok(false) };
    codes.remove(place);
    let sql = "UPDATE accounts SET recovery_codes = $2 WHERE id = $1";
    db::run(&**tx, sql, [account.0.into(), db::to_json(&codes)?.into()]).await?;
    Ok(true)
}

fn hashes(codes: &[[u8; 32]]) -> Result<String, Fault> {
    db::to_json(&codes.iter().map(|code| hex(code)).collect::<Vec<_>>())
}
