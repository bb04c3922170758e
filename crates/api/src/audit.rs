//! The audit trail.

use api_types::audit::{
    AuditActor, AuditBroken, AuditEntry, AuditHead, AuditKnownQuery, AuditQuery, AuditVerdict,
};
use api_types::{List, PagingQuery, Success};
use axum::extract::State;
use axum::response::Response;
use domain::audit::verify::Known;
use domain::audit::{Found, Link, Torn};
use engine::audit::{Audit, parsed};
use ports::audit::AuditFilter;

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::Query;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::files::json_lines_file;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(list_audit)).routes(routes!(verify_audit)).routes(routes!(export_audit))
}

/// Who did what, newest first. An entry that cannot be read is marked by `unreadable`, and hides no other.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery, PagingQuery),
    responses((status = 200, body = Success<List<AuditEntry>>)),
    extensions(("x-required-permission" = json!("audit_read"))))]
async fn list_audit(
    caller: Caller<needs::AuditRead>,
    State(audit): State<Audit>,
    Query((wanted, page)): Query<(AuditQuery, PagingQuery)>,
) -> Result<Answer<List<AuditEntry>>> {
    let filter = AuditFilter {
        action: wanted.action,
        actor: wanted.actor,
        subject: wanted.subject,
        since: wanted.since,
        until: wanted.until,
    };
    list(&page, audit.list(caller.tenant, &filter, &paging(&page)).await?, body)
}

/// Whether the whole trail is as it was written: every change, removal and reordering is found. The end of the trail as
/// somebody noted it earlier, given as `seq` and `hash`, must still be in it.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(AuditKnownQuery),
    responses((status = 200, body = Success<AuditVerdict>)),
    extensions(("x-required-permission" = json!("audit_read"))))]
async fn verify_audit(
    caller: Caller<needs::AuditRead>,
    State(audit): State<Audit>,
    Query(wanted): Query<AuditKnownQuery>,
) -> Result<Answer<AuditVerdict>> {
    let verdict = audit.verify(caller.tenant, known(wanted)?).await?;
    Ok(ok(AuditVerdict {
        valid: verdict.is_valid(),
        entries: verdict.entries,
        head: verdict.head.map(|head| AuditHead { seq: head.seq, hash: hex::encode(head.hash) }),
        broken: verdict
            .broken
            .iter()
            .map(|broken| AuditBroken {
                seq: broken.seq,
                what: broken.what.as_str().to_owned(),
                message: broken.what.sentence().to_owned(),
            })
            .collect(),
        broken_total: verdict.broken_total,
        unsealed: verdict.unsealed,
    }))
}

fn known(wanted: AuditKnownQuery) -> Result<Option<Known>> {
    match (wanted.seq, wanted.hash) {
        (None, None) => Ok(None),
        (Some(seq), Some(hash)) => match hex::decode(&hash) {
            Ok(hash) if hash.len() == 32 => Ok(Some(Known { seq: i64::from(seq), hash })),
            _ => Err(ApiError::fault("/hash", "must be 64 hexadecimal digits")),
        },
        (Some(_), None) => Err(ApiError::fault("/hash", "must be given with seq")),
        (None, Some(_)) => Err(ApiError::fault("/seq", "must be given with hash")),
    }
}

/// The whole trail in order as JSON lines, with the hashes of its chain.
#[utoipa::path(get, path = "/audit/export", tag = "audit",
    responses((status = 200, content_type = "application/x-ndjson", body = String)),
    extensions(("x-required-permission" = json!("audit_read"))))]
async fn export_audit(caller: Caller<needs::AuditRead>, State(audit): State<Audit>) -> Result<Response> {
    Ok(json_lines_file(audit.export(caller.tenant).await?, "audit.jsonl"))
}

fn body(found: Found) -> AuditEntry {
    match found {
        Ok(link) => whole(link),
        Err(torn) => rest(*torn),
    }
}

fn rest(torn: Torn) -> AuditEntry {
    AuditEntry {
        seq: torn.seq.unwrap_or_default(),
        at: torn.at,
        actor: AuditActor {
            kind: torn.actor_kind.unwrap_or_default(),
            id: torn.actor_id,
            name: torn.actor_name,
            address: torn.address,
            request_id: torn.request_id,
        },
        action: torn.action.unwrap_or_default(),
        subject: torn.subject.unwrap_or_default(),
        before: parsed(torn.before.as_deref()),
        after: parsed(torn.after.as_deref()),
        prev: torn.prev.map(hex::encode).unwrap_or_default(),
        hash: torn.hash.map(hex::encode).unwrap_or_default(),
        unreadable: torn.problems,
    }
}

fn whole(link: Link) -> AuditEntry {
    let unreadable = link.problems();
    let entry = link.entry;
    let actor = entry.actor;
    AuditEntry {
        seq: entry.seq,
        at: Some(entry.at),
        actor: AuditActor {
            kind: actor.kind.as_str().to_owned(),
            id: actor.id,
            name: actor.name,
            address: actor.address,
            request_id: actor.request_id,
        },
        action: entry.action,
        subject: entry.subject,
        before: parsed(entry.before.as_deref()),
        after: parsed(entry.after.as_deref()),
        prev: hex::encode(link.prev),
        hash: hex::encode(link.hash),
        unreadable,
    }
}
