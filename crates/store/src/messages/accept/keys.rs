//! Idempotency keys of sends: kept in the send's own commit.

use std::collections::HashMap;

use domain::{MessageId, SignedDuration, Timestamp};
use ports::idempotency::KeptAnswer;
use ports::messages::{AcceptJob, AcceptOutcome};
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx, micros};
use crate::sets::{param, set};

/// How long a key is remembered.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

set! {
    Asked {
        i: Int i64,
        t: Int i64,
        key: Text String,
        oldest: Int i64,
    }
}

fn oldest(at: Timestamp) -> i64 {
    micros(at.saturating_sub(LIFE).unwrap_or(Timestamp::MIN))
}

/// What is answered to jobs whose key was used before, by the job's index.
pub(super) async fn used(tx: &Tx, jobs: &[&AcceptJob]) -> Result<HashMap<usize, AcceptOutcome>, Fault> {
    let asked: Vec<Asked> = jobs
        .iter()
        .enumerate()
        .filter_map(|(index, job)| {
            let (key, _) = job.key.as_ref()?;
            Some(Asked { i: index as i64, t: job.tenant_id.0, key: key.clone(), oldest: oldest(job.at) })
        })
        .collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let set = tx.dialect.set::<Asked>(1, "r");
    let sql = format!(
        "SELECT r.i AS i, k.request AS request, k.message_id AS message_id, k.status AS status, k.body AS body \
         FROM {set} CROSS JOIN idempotency k WHERE k.tenant_id = r.t AND k.key = r.key AND k.at > r.oldest"
    );
    let rows = db::all(&**tx, &sql, [param(&asked)?]).await?;
    rows.iter()
        .map(|row| {
            let index = usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?;
            Ok((index, answer(row, jobs[index])?))
        })
        .collect()
}

fn answer(row: &QueryResult, job: &AcceptJob) -> Result<AcceptOutcome, Fault> {
    let same = job
        .key
        .as_ref()
        .is_some_and(|(_, request)| row.get::<Vec<u8>>("request").is_ok_and(|kept| kept == request));
    // A key without a message belongs to another kind of call.
    let Some(message) = row.get::<Option<i64>>("message_id")?.filter(|_| same) else {
        return Ok(AcceptOutcome::KeyReused);
    };
    let answer = match (row.get::<Option<i64>>("status")?, row.get::<Option<Vec<u8>>>("body")?) {
        (Some(status), Some(body)) => {
            Some(KeptAnswer { status: u16::try_from(status).map_err(Fault::internal)?, body })
        }
        _ => None,
    };
    Ok(AcceptOutcome::Replayed { message_id: MessageId(message), answer })
}

set! {
    /// A key that was used.
    Used {
        t: Int i64,
        key: Text String,
        request: Text String,
        message: Int i64,
        at: Int i64,
        oldest: Int i64,
    }
}

/// A key that this job used for `message`.
pub(super) fn row(job: &AcceptJob, message: i64) -> Option<Used> {
    let (key, request) = job.key.as_ref()?;
    Some(Used {
        t: job.tenant_id.0,
        key: key.clone(),
        request: crate::db::hex(request),
        message,
        at: micros(job.at),
        oldest: oldest(job.at),
    })
}

/// Keeps keys. Fails as a conflict when another node used one in the meantime: the repeat finds it.
pub(super) async fn keep(tx: &Tx, rows: &[Used]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Used>(1, "r");
    let request = tx.dialect.unhex("r.request");
    let sql = format!(
        "INSERT INTO idempotency (tenant_id, key, request, message_id, at) \
         SELECT r.t, r.key, {request}, r.message, r.at FROM {set} WHERE TRUE \
         ON CONFLICT (tenant_id, key) DO UPDATE SET request = excluded.request, message_id = excluded.message_id, \
         status = NULL, body = NULL, at = excluded.at WHERE idempotency.at <= excluded.at - {life}",
        life = LIFE.as_micros()
    );
    let kept = db::run(&**tx, &sql, [param(rows)?]).await?;
    if kept == rows.len() as u64 {
        Ok(())
    } else {
        Err(Fault::Conflict("a key was used by another node".into()))
    }
}
