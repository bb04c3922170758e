//! Sessions.

use domain::audit::Action;
use domain::{AccountId, SessionId, Timestamp};
use ports::access::accounts::{KnownSession, NewSession, Session};
use sea_orm::QueryResult;

use super::accounts::memberships;
use crate::SqlStore;
use crate::audit;
use crate::db::{self, Fault, Row, clean, hex, micros, time};
use crate::ids::{self, Kind};
use crate::sets::{param, set};

fn from_row(row: &QueryResult) -> Result<Session, Fault> {
    Ok(Session {
        id: SessionId(row.get("id")?),
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        expires_at: row.time("expires_at")?,
    })
}

pub(super) async fn open(store: &SqlStore, account: AccountId, new: &NewSession) -> Result<Session, Fault> {
    let tx = store.begin().await?;
    let id = ids::take_one(&tx, Kind::Session).await?;
    let text = |text: &Option<String>| text.as_deref().map(|text| clean(text).into_owned());
    let (address, user_agent) = (text(&new.address), text(&new.user_agent));
    let sql = "INSERT INTO sessions (account_id, id, hash, address, user_agent, created_at, last_used_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";
    let values = [
        account.0.into(),
        id.into(),
        hex(&new.hash).into(),
        address.clone().into(),
        user_agent.clone().into(),
        micros(new.at).into(),
        micros(new.expires_at).into(),
    ];
    db::run(&*tx, sql, values).await?;
    audit::account::note(&tx, account, Action::LoginSucceeded, Some(new.at)).await?;
    tx.commit().await?;
    let at = time(micros(new.at));
    let expires_at = time(micros(new.expires_at));
    Ok(Session { id: SessionId(id), address, user_agent, created_at: at, last_used_at: at, expires_at })
}

pub(super) async fn by_hash(store: &SqlStore, hash: &[u8; 32]) -> Result<Option<KnownSession>, Fault> {
    let sql = "SELECT s.account_id AS account_id, s.id AS id, s.address AS address, s.user_agent AS user_agent, \
               s.created_at AS created_at, s.last_used_at AS last_used_at, s.expires_at AS expires_at, \
               a.email AS email FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.hash = $1";
    let Some(row) = db::one(store.reader(), sql, [hex(hash).into()]).await? else { return Ok(None) };
    let account_id = AccountId(row.get("account_id")?);
    Ok(Some(KnownSession {
        session: from_row(&row)?,
        account_id,
        email: row.get("email")?,
        memberships: memberships(store.reader(), account_id).await?,
    }))
}

pub(super) async fn list(
    store: &SqlStore,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, Fault> {
    let sql = "SELECT id, address, user_agent, created_at, last_used_at, expires_at FROM sessions \
               WHERE account_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, id DESC";
    let rows = db::all(store.reader(), sql, [account.0.into(), micros(now).into()]).await?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn end(store: &SqlStore, account: AccountId, session: SessionId) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let sql = "DELETE FROM sessions WHERE account_id = $1 AND id = $2";
    let ended = db::run(&*tx, sql, [account.0.into(), session.0.into()]).await?;
    if ended == 1 {
        audit::account::note(&tx, account, Action::SessionEnded, None).await?;
    }
    tx.commit().await?;
    Ok(ended == 1)
}

pub(super) async fn end_others(
    store: &SqlStore,
    account: AccountId,
    but: Option<SessionId>,
) -> Result<u64, Fault> {
    let tx = store.begin().await?;
    let sql = "DELETE FROM sessions WHERE account_id = $1 AND id <> $2";
    let but = but.map_or(0, |session| session.0);
    let ended = db::run(&*tx, sql, [account.0.into(), but.into()]).await?;
    if ended > 0 {
        audit::account::note(&tx, account, Action::SessionEnded, None).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

set! {
    SessionUsed {
        id: Int i64,
        at: Int i64,
    }
}

pub(super) async fn touch(store: &SqlStore, used: &[(SessionId, Timestamp)]) -> Result<(), Fault> {
    let mut latest = std::collections::BTreeMap::new();
    for (session, at) in used {
        let known = latest.entry(session.0).or_insert(micros(*at));
        *known = micros(*at).max(*known);
    }
    if latest.is_empty() {
        return Ok(());
    }
    let rows: Vec<SessionUsed> = latest.into_iter().map(|(id, at)| SessionUsed { id, at }).collect();
    let tx = store.begin().await?;
    let sql = format!(
        "UPDATE sessions SET last_used_at = r.at FROM {} WHERE sessions.id = r.id AND sessions.last_used_at < r.at",
        tx.dialect.set::<SessionUsed>(1, "r")
    );
    db::run(&*tx, &sql, [param(&rows)?]).await?;
    tx.commit().await
}
