//! Claiming: what is due, asked once more whether it may go, and committed as `sending` before it goes.

use std::collections::HashSet;

use domain::messages::gate::{Intent, Refusal, check};
use domain::messages::{Content, Status};
use domain::{BroadcastId, ContactId, MessageId, SignedDuration, TemplateId, Timestamp};
use ports::lanes::{Claim, Claimed, Lease, Refused, TemplateRef};
use sea_orm::{QueryResult, Value};
use serde_json::json;

use super::{hours, lease, queue, refused};
use crate::broadcasts::{Fate, take_back, that_are_sending};
use crate::contacts::row::identity_from_row;
use crate::db::{self, Fault, Row, SqlStore, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::facts;
use crate::messages::row::{attempts, priority};
use crate::messages::state::{self, State};
use crate::messages::write::{self, Event, Settled};
use crate::sets::{param, set};

/// Claims up to `limit`. An idle lane costs one read and no transaction.
pub(super) async fn due(store: &SqlStore, lease: &Lease, limit: u32, now: Timestamp) -> Result<Claim, Fault> {
    let next = queue::next_due(store.reader(), lease.tenant_id, lease.connection_id, None).await?;
    if next.is_none_or(|due| due > now) {
        return Ok(Claim { next_due: next, ..Claim::default() });
    }
    let tx = store.begin_shared().await?;
    let standing = lease::standing(&tx, lease).await?;
    if !standing.held || !standing.active {
        return Ok(Claim::default());
    }
    let candidates = candidates(&tx, lease, limit, now).await?;
    let mut claim = claim(&tx, lease, candidates, now).await?;
    claim.next_due = queue::next_due(&*tx, lease.tenant_id, lease.connection_id, Some(now)).await?;
    tx.commit().await?;
    Ok(claim)
}

/// A message that is due, and what the gate says to it.
pub(super) struct Candidate {
    state: State,
    claimed: Claimed,
    due_at: i64,
    verdict: Result<(), Refusal>,
    /// Where its recipient lives (see `DueTimes`), when it is marketing of a broadcast.
    pub(super) disturbs_in: Option<Option<String>>,
}

impl Candidate {
    /// Meta pauses a template for hours and lets it go again by itself, and a broadcast may have it in another language:
    /// whoever a broadcast has not reached by then is no failure.
    fn waits_for_its_template(&self) -> bool {
        self.claimed.broadcast_id.is_some()
            && matches!(&self.verdict, Err(Refusal::TemplateNotApproved { .. }))
    }
}

/// The first `limit` due messages by (priority, due time, id) with all that the gate asks for. The contacts are held
/// until the commit: a STOP that is committed is seen here, one that is not waits for this claim.
async fn candidates(tx: &Tx, lease: &Lease, limit: u32, now: Timestamp) -> Result<Vec<Candidate>, Fault> {
    let one = |priority: u8| {
        format!(
            "SELECT * FROM (SELECT tenant_id, message_id, priority, due_at FROM outbox \
             WHERE tenant_id = $1 AND connection_id = $2 AND priority = {priority} AND NOT sending AND NOT held AND due_at <= $3 \
             ORDER BY due_at, message_id LIMIT $4) AS p{priority}"
        )
    };
    let lock = tx.dialect.for_share("c") + &tx.dialect.for_update("m");
    let sql = format!(
        "SELECT {state}, {facts}, due.due_at AS due_at, m.content AS content, m.purpose AS purpose, \
         m.reply_to AS reply_to, m.priority AS priority, m.created_at AS created_at, c.bsuid AS bsuid, \
         t.version AS template_version, COALESCE(c.time_zone, c.country) AS zone, COALESCE(v.pair_throttles, 0) AS pair_throttles \
         FROM (SELECT * FROM ({} UNION ALL {} UNION ALL {}) AS a ORDER BY priority, due_at, message_id LIMIT $4) AS due \
         CROSS JOIN messages m CROSS JOIN contacts c \
         LEFT JOIN conversations v ON v.tenant_id = m.tenant_id AND v.id = m.conversation_id \
         LEFT JOIN templates t ON t.tenant_id = m.tenant_id AND t.id = m.template_id \
         WHERE m.tenant_id = due.tenant_id AND m.id = due.message_id AND c.tenant_id = due.tenant_id AND c.id = m.contact_id \
         ORDER BY c.id{lock}",
        one(0),
        one(1),
        one(2),
        state = state::COLUMNS,
        facts = facts::COLUMNS,
    );
    let values: [Value; 4] =
        [lease.tenant_id.0.into(), lease.connection_id.0.into(), micros(now).into(), i64::from(limit).into()];
    let rows = db::all(&**tx, &sql, values).await?;
    let mut candidates: Vec<Candidate> =
        rows.iter().map(|row| candidate(row, now)).collect::<Result<_, _>>()?;
    candidates.sort_by_key(|one| (one.claimed.priority, one.due_at, one.state.id));
    Ok(candidates)
}

fn candidate(row: &QueryResult, now: Timestamp) -> Result<Candidate, Fault> {
    let state = state::from_row(row)?;
    let content: Content = row.json("content")?;
    let recipient = facts::recipient(row)?;
    let purpose: Option<String> = row.get("purpose")?;
    let broadcast = row.get::<Option<i64>>("broadcast_id")?.map(BroadcastId);
    let intent = match facts::intent(row, &content, purpose.as_deref())? {
        Intent::Template(template) if broadcast.is_some() => Intent::Broadcast(template),
        intent => intent,
    };
    let template = match (row.get::<Option<i64>>("template_id")?, row.get::<Option<i64>>("template_version")?)
    {
        (Some(id), Some(version)) => Some(TemplateRef { id: TemplateId(id), version }),
        _ => None,
    };
    let claimed = Claimed {
        message_id: MessageId(state.id),
        contact_id: ContactId(state.contact),
        identity: identity_from_row(row)?,
        content,
        template,
        reply_to: row.get("reply_to")?,
        priority: priority(row)?,
        attempt: attempts(row)?.saturating_add(1),
        pair_throttles: i32::try_from(row.get::<i64>("pair_throttles")?).unwrap_or(i32::MAX),
        created_at: row.time("created_at")?,
        broadcast_id: broadcast,
    };
    let is_marketing = matches!(&intent, Intent::Broadcast(template) if template.category.is_marketing());
    let disturbs_in = if is_marketing { Some(row.get("zone")?) } else { None };
    let verdict = check(&recipient, &intent, now);
    Ok(Candidate { state, claimed, due_at: row.get("due_at")?, verdict, disturbs_in })
}

/// Moves those that pass to `sending` and the others to `failed`. What was cancelled in the meantime is left out.
async fn claim(tx: &Tx, lease: &Lease, candidates: Vec<Candidate>, now: Timestamp) -> Result<Claim, Fault> {
    let (passed, refused): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| one.verdict.is_ok());
    let (patient, refused): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(Candidate::waits_for_its_template);
    let (passed, asleep) = hours::apart(tx, lease.tenant_id, passed, now).await?;
    let won = mark_sending(tx, lease, &passed).await?;
    let patient = patient.into_iter().map(|one| (one, Fate::Waits { until: now, why: TEMPLATE_UNUSABLE }));
    let back: Vec<_> = patient.chain(asleep).collect();
    let passed_over = back.len();
    send_back(tx, lease, back, now).await?;
    let gone = take_out(tx, refused.iter()).await?;
    let mut claim = Claim { passed_over, ..Claim::default() };
    let (mut states, mut events) = (Vec::new(), Vec::new());
    for one in passed.into_iter().filter(|one| won.contains(&one.state.id)) {
        let mut state = one.state;
        state.attempts += 1;
        state.put(Status::Sending, now);
        let details = json!({ "attempt": one.claimed.attempt });
        events.push(Event::new(lease.tenant_id, state.id, Status::Sending.as_str(), now, &details));
        states.push(state);
        claim.claimed.push(one.claimed);
    }
    for one in refused.into_iter().filter(|one| gone.contains(&one.state.id)) {
        let Err(refusal) = one.verdict else { continue };
        let why = refused::failure(&refusal);
        let mut state = one.state;
        state.put(Status::Failed, now);
        state.times.note(Status::Failed, now);
        state.keep_failure(Some(&why))?;
        events.push(Event::new(
            lease.tenant_id,
            state.id,
            Status::Failed.as_str(),
            now,
            &write::failure_details(&why),
        ));
        states.push(state);
        let Claimed { message_id, broadcast_id, .. } = one.claimed;
        claim.refused.push(Refused { message_id, broadcast_id, refusal });
    }
    state::write(tx, states.iter()).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, events.len())]).await?;
    write::events(tx, &mut events, &mut event_ids).await?;
    Ok(claim)
}

set! {
    Won {
        t: Int i64,
        id: Int i64,
        epoch: Int i64,
    }
}

/// Whoever finds the row still waiting has it.
async fn mark_sending(tx: &Tx, lease: &Lease, passed: &[Candidate]) -> Result<HashSet<i64>, Fault> {
    if passed.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<Won> =
        passed.iter().map(|one| Won { t: lease.tenant_id.0, id: one.state.id, epoch: lease.epoch }).collect();
    let set = tx.dialect.set::<Won>(1, "r");
    let sql = format!(
        "UPDATE outbox SET sending = TRUE, epoch = r.epoch FROM {set} \
         WHERE outbox.tenant_id = r.t AND outbox.message_id = r.id AND NOT outbox.sending AND NOT outbox.held \
         RETURNING message_id"
    );
    ids_of(&db::all(&**tx, &sql, [param(&rows)?]).await?)
}

/// What is told of a message that was taken back.
const TEMPLATE_UNUSABLE: &str = "the template may not be sent now: the recipient waits for another message";
/// Until what could not be taken back is looked at again: its broadcast was paused at this moment.
const POSTPONED: SignedDuration = SignedDuration::from_secs(5);

async fn postpone(tx: &Tx, rows: &[Settled], now: Timestamp) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<Settled>(1, "r");
    let sql = format!(
        "UPDATE outbox SET due_at = $2 FROM {set} WHERE outbox.tenant_id = r.t AND outbox.message_id = r.id \
         AND NOT outbox.sending"
    );
    let due = now.saturating_add(POSTPONED).unwrap_or(Timestamp::MAX);
    db::run(&**tx, &sql, [param(rows)?, micros(due).into()]).await?;
    Ok(())
}

/// What must not go now goes back to its broadcast, whose recipients wait for it, or are left out.
async fn send_back(
    tx: &Tx,
    lease: &Lease,
    back: Vec<(Candidate, Fate)>,
    now: Timestamp,
) -> Result<(), Fault> {
    if back.is_empty() {
        return Ok(());
    }
    let broadcasts = back.iter().filter_map(|(one, _)| one.claimed.broadcast_id).collect();
    // One that is paused keeps what it has, and one that was called off takes it back itself.
    let sending = that_are_sending(tx, lease.tenant_id, broadcasts).await?;
    let wanted = |one: &Candidate| one.claimed.broadcast_id.is_some_and(|id| sending.contains(&id));
    let gone = take_out(tx, back.iter().map(|(one, _)| one).filter(|one| wanted(one))).await?;
    let (gone, stay): (Vec<_>, Vec<_>) = back.into_iter().partition(|(one, _)| gone.contains(&one.state.id));
    let gone = gone.into_iter().map(|(one, fate)| (one.state, fate)).collect();
    take_back(tx, lease.tenant_id, gone, now).await?;
    let stay: Vec<Settled> =
        stay.iter().map(|(one, _)| Settled { t: lease.tenant_id.0, id: one.state.id }).collect();
    postpone(tx, &stay, now).await
}

/// Takes those out of the outbox that are in it still, and answers which.
async fn take_out(tx: &Tx, those: impl Iterator<Item = &Candidate>) -> Result<HashSet<i64>, Fault> {
    let rows: Vec<Settled> = those.map(|one| Settled { t: one.state.tenant.0, id: one.state.id }).collect();
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let set = tx.dialect.set::<Settled>(1, "r");
    let sql = format!(
        "DELETE FROM outbox WHERE (tenant_id, message_id) IN (SELECT r.t, r.id FROM {set}) AND NOT sending \
         AND NOT held RETURNING message_id"
    );
    ids_of(&db::all(&**tx, &sql, [param(&rows)?]).await?)
}

fn ids_of(rows: &[QueryResult]) -> Result<HashSet<i64>, Fault> {
    rows.iter().map(|row| row.get("message_id")).collect()
}
