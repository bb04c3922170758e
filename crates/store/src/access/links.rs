//! Links in letters: invitations, and new passwords. One that was used is gone.

use domain::access::roles::MemberState;
use domain::audit::{Action, NewEntry};
use domain::{AccountId, MemberId, SessionId, TenantId, Timestamp};
use ports::access::accounts::{Account, OpenInvitation};
use ports::access::members::{Member, NewLink};
use sea_orm::ConnectionTrait;
use secrecy::{ExposeSecret, SecretString};

use super::{accounts, members};
use crate::SqlStore;
use crate::audit;
use crate::db::{self, Fault, Row, Tx, clean, hex, micros};

/// Whose link it is.
struct Link {
    account: AccountId,
    /// Of an invitation.
    member: Option<(TenantId, MemberId)>,
}

pub(super) async fn keep(
    tx: &Tx,
    link: &NewLink,
    account: AccountId,
    member: Option<(TenantId, MemberId)>,
) -> Result<(), Fault> {
    let sql = "INSERT INTO account_links (hash, account_id, tenant_id, member_id, expires_at) \
               VALUES ($1, $2, $3, $4, $5)";
    let (tenant, member) = (member.map(|(tenant, _)| tenant.0), member.map(|(_, member)| member.0));
    let values = [
        hex(&link.hash).into(),
        account.0.into(),
        tenant.into(),
        member.into(),
        micros(link.expires_at).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}

pub(super) async fn drop_of_member(tx: &Tx, tenant: TenantId, member: MemberId) -> Result<(), Fault> {
    let sql = "DELETE FROM account_links WHERE tenant_id = $1 AND member_id = $2";
    db::run(&**tx, sql, [tenant.0.into(), member.0.into()]).await?;
    Ok(())
}

/// Links that set passwords.
async fn drop_resets(tx: &Tx, account: AccountId) -> Result<(), Fault> {
    let sql = "DELETE FROM account_links WHERE account_id = $1 AND member_id IS NULL";
    db::run(&**tx, sql, [account.0.into()]).await?;
    Ok(())
}

async fn find<C: ConnectionTrait>(
    on: &C,
    hash: &[u8; 32],
    now: Timestamp,
    lock: &str,
) -> Result<Option<Link>, Fault> {
    let sql = format!(
        "SELECT k.account_id AS account_id, k.tenant_id AS tenant_id, k.member_id AS member_id \
         FROM account_links k WHERE k.hash = $1 AND k.expires_at > $2{lock}"
    );
    let Some(row) = db::one(on, &sql, [hex(hash).into(), micros(now).into()]).await? else { return Ok(None) };
    let (tenant, member): (Option<i64>, Option<i64>) = (row.get("tenant_id")?, row.get("member_id")?);
    let member = tenant.zip(member).map(|(tenant, member)| (TenantId(tenant), MemberId(member)));
    Ok(Some(Link { account: AccountId(row.get("account_id")?), member }))
}

/// Takes the link away: whoever takes it has it alone.
async fn take(tx: &Tx, hash: &[u8; 32], now: Timestamp) -> Result<Option<Link>, Fault> {
    let lock = tx.dialect.for_update("k");
    let Some(link) = find(&**tx, hash, now, &lock).await? else { return Ok(None) };
    let gone = db::run(&**tx, "DELETE FROM account_links WHERE hash = $1", [hex(hash).into()]).await?;
    Ok((gone == 1).then_some(link))
}

pub(super) async fn open_invitation(
    store: &SqlStore,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<OpenInvitation>, Fault> {
    let on = store.reader();
    let Some(Link { account, member: Some((tenant, member)) }) = find(on, hash, now, "").await? else {
        return Ok(None);
    };
    let member = members::find(on, tenant, member).await?;
    let sql = "SELECT t.name AS name, a.password IS NOT NULL AS has_password FROM tenants t, accounts a \
               WHERE t.tenant_id = $1 AND a.id = $2";
    let row = db::one(on, sql, [tenant.0.into(), account.0.into()]).await?;
    let (Some(member), Some(row)) = (member, row) else { return Ok(None) };
    Ok(Some(OpenInvitation { member, tenant_name: row.get("name")?, has_password: row.get("has_password")? }))
}

pub(super) async fn accept(
    store: &SqlStore,
    hash: &[u8; 32],
    name: Option<&str>,
    password: Option<&SecretString>,
    now: Timestamp,
) -> Result<Option<Member>, Fault> {
    let tx = store.begin().await?;
    let Some(Link { account, member: Some((tenant, member)) }) = take(&tx, hash, now).await? else {
        return Ok(None);
    };
    members::alone(&tx, tenant).await?;
    let Some(known) = members::find(&*tx, tenant, member).await? else { return Ok(None) };
    if known.state != MemberState::Invited || !password_fits(&tx, account, password).await? {
        return Ok(None);
    }
    let sql = "UPDATE members SET state = 'active', joined_at = $3, name = COALESCE($4, name) \
               WHERE tenant_id = $1 AND id = $2";
    let name = name.map(|name| clean(name).into_owned());
    db::run(&*tx, sql, [tenant.0.into(), member.0.into(), micros(now).into(), name.into()]).await?;
    let joined = members::find(&*tx, tenant, member).await?;
    tx.note(tenant, NewEntry::about(Action::MemberJoined, "member", member).at(now));
    tx.commit().await?;
    Ok(joined)
}

/// Sets the password of an account that has none; false when it has one and another is given, or neither.
async fn password_fits(tx: &Tx, account: AccountId, password: Option<&SecretString>) -> Result<bool, Fault> {
    let Some(password) = password else {
        let sql = "SELECT 1 AS one FROM accounts WHERE id = $1 AND password IS NOT NULL";
        return Ok(db::one(&**tx, sql, [account.0.into()]).await?.is_some());
    };
    let sql = "UPDATE accounts SET password = $2 WHERE id = $1 AND password IS NULL";
    let set = db::run(&**tx, sql, [account.0.into(), password.expose_secret().into()]).await?;
    Ok(set == 1)
}

/// Compared with what was proved, so that of two who change it at once one alone does.
pub(super) async fn change_password(
    store: &SqlStore,
    account: AccountId,
    (known, password): (&SecretString, &SecretString),
    but: SessionId,
    now: Timestamp,
) -> Result<Option<u64>, Fault> {
    let tx = store.begin().await?;
    let sql = "UPDATE accounts SET password = $2 WHERE id = $1 AND password = $3";
    let values = [account.0.into(), password.expose_secret().into(), known.expose_secret().into()];
    if db::run(&*tx, sql, values).await? == 0 {
        return Ok(None);
    }
    drop_resets(&tx, account).await?;
    let sql = "DELETE FROM sessions WHERE account_id = $1 AND id <> $2";
    let ended = db::run(&*tx, sql, [account.0.into(), but.0.into()]).await?;
    audit::account::note(&tx, account, Action::PasswordChanged, Some(now)).await?;
    tx.commit().await?;
    Ok(Some(ended))
}

pub(super) async fn keep_reset(store: &SqlStore, account: AccountId, link: &NewLink) -> Result<(), Fault> {
    let tx = store.begin().await?;
    drop_resets(&tx, account).await?;
    keep(&tx, link, account, None).await?;
    audit::account::note(&tx, account, Action::PasswordResetAsked, None).await?;
    tx.commit().await
}

pub(super) async fn open_reset(
    store: &SqlStore,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Account>, Fault> {
    match find(store.reader(), hash, now, "").await? {
        Some(Link { account, member: None }) => accounts::by_id(store, account).await,
        _ => Ok(None),
    }
}

pub(super) async fn reset_password(
    store: &SqlStore,
    hash: &[u8; 32],
    password: &SecretString,
    now: Timestamp,
) -> Result<Option<AccountId>, Fault> {
    let tx = store.begin().await?;
    let Some(Link { account, member: None }) = take(&tx, hash, now).await? else { return Ok(None) };
    let sql = "UPDATE accounts SET password = $2 WHERE id = $1";
    db::run(&*tx, sql, [account.0.into(), password.expose_secret().into()]).await?;
    drop_resets(&tx, account).await?;
    db::run(&*tx, "DELETE FROM sessions WHERE account_id = $1", [account.0.into()]).await?;
    audit::account::note(&tx, account, Action::PasswordReset, Some(now)).await?;
    tx.commit().await?;
    Ok(Some(account))
}
