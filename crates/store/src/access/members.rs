//! Members of a tenant.

use domain::access::people::Email;
use domain::access::permissions::Permissions;
use domain::access::roles::{MemberState, Role};
use domain::audit::{Action, NewEntry};
use domain::{AccountId, MemberId, RoleId, TenantId, Timestamp};
use ports::access::members::{ChangedMember, GivenRole, Invited, Member, MemberPatch, NewLink, NewMember};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{links, roles};
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::ids::{self, Kind};

const SELECT: &str = "SELECT m.tenant_id AS tenant_id, m.id AS id, m.account_id AS account_id, a.email AS email, \
     m.name AS name, m.role AS role, m.role_id AS role_id, r.permissions AS permissions, m.state AS state, \
     a.totp_confirmed AS totp_confirmed, m.invited_at AS invited_at, l.expires_at AS invited_until, \
     m.joined_at AS joined_at \
     FROM members m JOIN accounts a ON a.id = m.account_id \
     LEFT JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id \
     LEFT JOIN account_links l ON l.tenant_id = m.tenant_id AND l.member_id = m.id";

pub(super) fn from_row(row: &QueryResult) -> Result<Member, Fault> {
    let (role, permissions) = role_from_row(row)?;
    Ok(Member {
        id: MemberId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        account_id: AccountId(row.get("account_id")?),
        email: row.get("email")?,
        name: row.get("name")?,
        role,
        permissions,
        state: row.word("state")?,
        two_factor: row.get("totp_confirmed")?,
        invited_at: row.time("invited_at")?,
        invited_until: row.time_opt("invited_until")?,
        joined_at: row.time_opt("joined_at")?,
    })
}

/// Out of `role, role_id, permissions`.
pub(super) fn role_from_row(row: &QueryResult) -> Result<(GivenRole, Permissions), Fault> {
    if let Some(word) = row.get::<Option<String>>("role")? {
        let role: Role = word.parse().map_err(Fault::internal)?;
        return Ok((GivenRole::BuiltIn(role), role.permissions()));
    }
    let permissions = row.json_opt("permissions")?.unwrap_or_default();
    Ok((GivenRole::Own(RoleId(row.get("role_id")?)), permissions))
}

/// `role, role_id` of a role.
fn role_values(role: GivenRole) -> [Value; 2] {
    match role {
        GivenRole::BuiltIn(role) => [role.as_str().into(), None::<i64>.into()],
        GivenRole::Own(id) => [None::<String>.into(), id.0.into()],
    }
}

pub(super) async fn list(store: &SqlStore, tenant: TenantId) -> Result<Vec<Member>, Fault> {
    let sql = format!("{SELECT} WHERE m.tenant_id = $1 ORDER BY m.id");
    let rows = db::all(store.reader(), &sql, [tenant.0.into()]).await?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    member: MemberId,
) -> Result<Option<Member>, Fault> {
    let sql = format!("{SELECT} WHERE m.tenant_id = $1 AND m.id = $2");
    db::one(on, &sql, [tenant.0.into(), member.0.into()]).await?.as_ref().map(from_row).transpose()
}

pub(super) async fn by_email<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    email: &Email,
) -> Result<Option<Member>, Fault> {
    let sql = format!("{SELECT} WHERE a.email = $2 AND m.tenant_id = $1");
    db::one(on, &sql, [tenant.0.into(), email.as_str().into()]).await?.as_ref().map(from_row).transpose()
}

/// Changes of one tenant's members and roles follow each other.
pub(super) async fn alone(tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
    tx.dialect.own_lock(tx, &format!("members/{tenant}")).await
}

/// What a role may do; `None`: the tenant has no such role.
async fn permissions_of(tx: &Tx, tenant: TenantId, role: GivenRole) -> Result<Option<Permissions>, Fault> {
    match role {
        GivenRole::BuiltIn(role) => Ok(Some(role.permissions())),
        GivenRole::Own(id) => Ok(roles::find(&**tx, tenant, id).await?.map(|role| role.permissions)),
    }
}

pub(super) async fn invite(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewMember,
    by: Permissions,
) -> Result<Invited, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(permissions) = permissions_of(&tx, tenant, new.role).await? else { return Ok(Invited::NoRole) };
    if let Some(beyond) = permissions.beyond(by) {
        return Ok(Invited::Beyond(beyond));
    }
    if let Some(known) = by_email(&*tx, tenant, &new.email).await? {
        return Ok(Invited::Exists(known.id));
    }
    let account = account_of(&tx, &new.email, new.at).await?;
    let id = ids::take_one(&tx, Kind::Member).await?;
    let [role, role_id] = role_values(new.role);
    let sql = "INSERT INTO members (tenant_id, id, account_id, name, role, role_id, state, invited_at) \
               VALUES ($1, $2, $3, $4, $5, $6, 'invited', $7)";
    let name = new.name.as_deref().map(|name| clean(name).into_owned());
    let values =
        [tenant.0.into(), id.into(), account.into(), name.into(), role, role_id, micros(new.at).into()];
    db::run(&*tx, sql, values).await?;
    links::keep(&tx, &new.link, AccountId(account), Some((tenant, MemberId(id)))).await?;
    let member = written(&tx, tenant, MemberId(id)).await?;
    let entry = NewEntry::about(Action::MemberInvited, "member", id).at(new.at);
    tx.note(tenant, entry.after(tell::member(&member)));
    tx.commit().await?;
    Ok(Invited::Invited(member))
}

/// The account of an address, made when there is none.
async fn account_of(tx: &Tx, email: &Email, at: Timestamp) -> Result<i64, Fault> {
    // Held until the commit: it is not forgotten meanwhile.
    let sql = format!("SELECT a.id AS id FROM accounts a WHERE a.email = $1{}", tx.dialect.for_update("a"));
    if let Some(row) = db::one(&**tx, &sql, [email.as_str().into()]).await? {
        return row.get("id");
    }
    let id = ids::take_one(tx, Kind::Account).await?;
    let sql = "INSERT INTO accounts (id, email, totp_confirmed, totp_step, recovery_codes, created_at) \
               VALUES ($1, $2, FALSE, 0, '[]', $3)";
    db::run(&**tx, sql, [id.into(), email.as_str().into(), micros(at).into()]).await?;
    Ok(id)
}

async fn written(tx: &Tx, tenant: TenantId, member: MemberId) -> Result<Member, Fault> {
    find(&**tx, tenant, member).await?.ok_or_else(|| Fault::internal("a member just written is not there"))
}

pub(super) async fn invite_again(
    store: &SqlStore,
    tenant: TenantId,
    member: MemberId,
    link: &NewLink,
    by: Permissions,
    at: Timestamp,
) -> Result<ChangedMember, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(known) = find(&*tx, tenant, member).await? else { return Ok(ChangedMember::NotFound) };
    if let Some(beyond) = known.permissions.beyond(by) {
        return Ok(ChangedMember::Beyond(beyond));
    }
    if known.state != MemberState::Invited {
        return Ok(ChangedMember::Wrong(known.state));
    }
    links::drop_of_member(&tx, tenant, member).await?;
    links::keep(&tx, link, known.account_id, Some((tenant, member))).await?;
    let sql = "UPDATE members SET invited_at = $3 WHERE tenant_id = $1 AND id = $2";
    db::run(&*tx, sql, [tenant.0.into(), member.0.into(), micros(at).into()]).await?;
    tx.note(tenant, NewEntry::about(Action::MemberInvited, "member", member).at(at));
    let member = written(&tx, tenant, member).await?;
    tx.commit().await?;
    Ok(ChangedMember::Changed(member))
}

pub(super) async fn change(
    store: &SqlStore,
    tenant: TenantId,
    member: MemberId,
    patch: &MemberPatch,
    by: Permissions,
) -> Result<ChangedMember, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(known) = find(&*tx, tenant, member).await? else { return Ok(ChangedMember::NotFound) };
    let (role, state) = (patch.role.unwrap_or(known.role), patch.state.unwrap_or(known.state));
    let Some(permissions) = permissions_of(&tx, tenant, role).await? else {
        return Ok(ChangedMember::NoRole);
    };
    if let Some(beyond) = known.permissions.beyond(by).or(permissions.beyond(by)) {
        return Ok(ChangedMember::Beyond(beyond));
    }
    if state != known.state && known.joined_at.is_none() {
        return Ok(ChangedMember::Wrong(known.state));
    }
    let stays = role == GivenRole::BuiltIn(Role::Owner) && state == MemberState::Active;
    if !stays && is_last_owner(&tx, &known).await? {
        return Ok(ChangedMember::LastOwner);
    }
    let before = tell::member(&known);
    let name = patch.name.clone().unwrap_or(known.name).map(|name| clean(&name).into_owned());
    let [role, role_id] = role_values(role);
    let sql =
        "UPDATE members SET name = $3, role = $4, role_id = $5, state = $6 WHERE tenant_id = $1 AND id = $2";
    let values = [tenant.0.into(), member.0.into(), name.into(), role, role_id, state.as_str().into()];
    db::run(&*tx, sql, values).await?;
    let member = written(&tx, tenant, member).await?;
    let entry = NewEntry::about(Action::MemberChanged, "member", member.id);
    tx.note(tenant, entry.changed(&before, &tell::member(&member)));
    tx.commit().await?;
    Ok(ChangedMember::Changed(member))
}

pub(super) async fn remove(
    store: &SqlStore,
    tenant: TenantId,
    member: MemberId,
    by: Permissions,
) -> Result<ChangedMember, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(known) = find(&*tx, tenant, member).await? else { return Ok(ChangedMember::NotFound) };
    if let Some(beyond) = known.permissions.beyond(by) {
        return Ok(ChangedMember::Beyond(beyond));
    }
    if is_last_owner(&tx, &known).await? {
        return Ok(ChangedMember::LastOwner);
    }
    links::drop_of_member(&tx, tenant, member).await?;
    let sql = "DELETE FROM members WHERE tenant_id = $1 AND id = $2";
    db::run(&*tx, sql, [tenant.0.into(), member.0.into()]).await?;
    forget_account(&tx, known.account_id).await?;
    let entry = NewEntry::about(Action::MemberRemoved, "member", member);
    tx.note(tenant, entry.before(tell::member(&known)));
    tx.commit().await?;
    Ok(ChangedMember::Changed(known))
}

/// Whether it is the tenant's only owner who can come in.
async fn is_last_owner(tx: &Tx, member: &Member) -> Result<bool, Fault> {
    if member.role != GivenRole::BuiltIn(Role::Owner) || member.state != MemberState::Active {
        return Ok(false);
    }
    let sql = "SELECT 1 AS one FROM members WHERE tenant_id = $1 AND id <> $2 AND role = 'owner' \
               AND state = 'active' LIMIT 1";
    Ok(db::one(&**tx, sql, [member.tenant_id.0.into(), member.id.0.into()]).await?.is_none())
}

/// Of somebody who is a member of no tenant any more nothing is kept.
async fn forget_account(tx: &Tx, account: AccountId) -> Result<(), Fault> {
    // Who invites the same person right now holds the account's row, or waits for it.
    let lock = tx.dialect.for_update("a");
    db::all(&**tx, &format!("SELECT a.id AS id FROM accounts a WHERE a.id = $1{lock}"), [account.0.into()])
        .await?;
    let sql = "SELECT 1 AS one FROM members WHERE account_id = $1 LIMIT 1";
    if db::one(&**tx, sql, [account.0.into()]).await?.is_some() {
        return Ok(());
    }
    for table in ["account_links", "sessions"] {
        db::run(&**tx, &format!("DELETE FROM {table} WHERE account_id = $1"), [account.0.into()]).await?;
    }
    db::run(&**tx, "DELETE FROM accounts WHERE id = $1", [account.0.into()]).await?;
    Ok(())
}
