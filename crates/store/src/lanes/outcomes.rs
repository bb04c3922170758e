//! Recording outcomes: what came of the calls to Meta, in one commit.

use std::collections::{BTreeSet, HashMap};

use domain::analytics::Metric;
use domain::messages::Status;
use domain::{MessageId, Timestamp};
use ports::lanes::{Lease, Outcome, Settlement};
use ports::messages::Failure;
use serde_json::{Value, json};

use super::lease;
use crate::broadcasts::{DUPLICATE, Halted, call_off, free, halted, overtaken};
use crate::db::{self, Fault, SqlStore, Tx, micros};
use crate::ids::{self, Kind};
use crate::messages::report::{Effects, Report, take_orphans};
use crate::messages::state::{self, ById, State};
use crate::messages::write::{self, Event, Settled};
use crate::people::apply_consequences;
use crate::sets::{param, set};

/// Records all; answers the status that each message has now.
pub(super) async fn record(
    store: &SqlStore,
    lease: &Lease,
    outcomes: &[Outcome],
) -> Result<Vec<(MessageId, Status)>, Fault> {
    if outcomes.is_empty() {
        return Ok(Vec::new());
    }
    let tx = store.begin_shared().await?;
    let held = lease::standing(&tx, lease).await?.held;
    let rows: Vec<ById> = outcomes.iter().map(|outcome| ById { id: outcome.message_id.0 }).collect();
    let states = state::by_ids(&tx, lease.tenant_id, &rows).await?;
    let mut recording = Recording::new(lease, states);
    for outcome in outcomes {
        count(&tx, lease, outcome);
        recording.settle(outcome, held)?;
    }
    recording.apply_orphans(&tx).await?;
    recording.heed_broadcasts(&tx, outcomes[0].at).await?;
    recording.write(&tx, outcomes[0].at).await?;
    tx.commit().await?;
    let status =
        |outcome: &Outcome| Some((outcome.message_id, recording.states.get(&outcome.message_id.0)?.status));
    Ok(outcomes.iter().filter_map(status).collect())
}

/// Counts the call, if there was one, and how Meta answered. What never left this server (a file that is gone, a contact
/// that is held back) is no call.
fn count(tx: &Tx, lease: &Lease, outcome: &Outcome) {
    let error = match &outcome.settlement {
        Settlement::Unsent => return,
        Settlement::Sent { .. } => None,
        Settlement::InDoubt { why } => Some(why.meta_error_code.unwrap_or(0)),
        Settlement::Failed { why, .. }
        | Settlement::Requeue { why, .. }
        | Settlement::DelayContact { why, .. } => match why.meta_error_code {
            Some(code) => Some(code),
            None if why.code == UNREACHABLE => Some(0),
            None => return,
        },
    };
    tx.figures.add(lease.tenant_id, Metric::Calls, 0, outcome.at, 1);
    if let Some(code) = error {
        tx.figures.add(lease.tenant_id, Metric::CallErrors, code, outcome.at, 1);
    }
}

/// The code of a call that reached nobody.
const UNREACHABLE: &str = "META_UNAVAILABLE";

struct Recording<'a> {
    lease: &'a Lease,
    states: HashMap<i64, State>,
    effects: Effects,
    /// Off the queue.
    settled: Vec<Settled>,
    /// Back into the queue.
    requeued: Vec<Requeued>,
    /// Contacts that wait.
    delayed: Vec<Delayed>,
    /// Contacts that a message went through to.
    reached: BTreeSet<i64>,
    /// Messages by the wamid that was learnt.
    learnt: HashMap<String, i64>,
}

set! {
    Requeued {
        id: Int i64,
        due_at: Int Option<i64>,
        held: Bool bool,
    }
}

set! {
    Delayed {
        contact: Int i64,
        until: Int i64,
    }
}

impl<'a> Recording<'a> {
    fn new(lease: &'a Lease, states: Vec<State>) -> Self {
        Self {
            lease,
            states: states.into_iter().map(|state| (state.id, state)).collect(),
            effects: Effects::default(),
            settled: Vec::new(),
            requeued: Vec::new(),
            delayed: Vec::new(),
            reached: BTreeSet::new(),
            learnt: HashMap::new(),
        }
    }

    fn settle(&mut self, outcome: &Outcome, held: bool) -> Result<(), Fault> {
        let Some(mut state) = self.states.remove(&outcome.message_id.0) else { return Ok(()) };
        match &outcome.settlement {
            Settlement::Sent { wamid, held } => self.sent(&mut state, wamid, *held, outcome.at),
            // Of a lane that was lost only facts count.
            _ if !held => {}
            Settlement::Failed { why, flag, marketing_stop } => {
                let report = Report {
                    status: Status::Failed,
                    at: outcome.at,
                    failure: Some(why.clone()),
                    flag: *flag,
                    if_template: None,
                    marketing_stop: *marketing_stop,
                    pricing_category: None,
                };
                self.effects.apply(&mut state, &report)?;
                self.settled.push(Settled { t: state.tenant.0, id: state.id });
            }
            // A status webhook came first: it knows better than the call that was cut.
            _ if state.status != Status::Sending => {
                self.settled.push(Settled { t: state.tenant.0, id: state.id });
            }
            Settlement::InDoubt { why } => {
                state.put(Status::InDoubt, outcome.at);
                self.event(&state, outcome.at, &write::failure_details(why));
                self.settled.push(Settled { t: state.tenant.0, id: state.id });
            }
            Settlement::Requeue { due_at, costs_attempt, why } => {
                self.requeue(&mut state, Some(*due_at), *costs_attempt, Some(why), outcome.at);
            }
            Settlement::DelayContact { due_at, why } => {
                self.requeue(&mut state, Some(*due_at), false, Some(why), outcome.at);
                self.delayed.push(Delayed { contact: state.contact, until: micros(*due_at) });
            }
            Settlement::Unsent => self.requeue(&mut state, None, false, None, outcome.at),
        }
        self.states.insert(state.id, state);
        Ok(())
    }

    fn sent(&mut self, state: &mut State, wamid: &str, held: bool, at: Timestamp) {
        state.learn_wamid(wamid);
        state.report(Status::Sent, at);
        let mut details = json!({ "wamid": wamid });
        if held {
            details["held_for_quality_assessment"] = json!(true);
        }
        self.effects.events.push(Event::new(state.tenant, state.id, Status::Sent.as_str(), at, &details));
        self.settled.push(Settled { t: state.tenant.0, id: state.id });
        self.reached.insert(state.contact);
        self.learnt.insert(wamid.to_owned(), state.id);
    }

    fn requeue(
        &mut self,
        state: &mut State,
        due_at: Option<Timestamp>,
        costs_attempt: bool,
        why: Option<&Failure>,
        at: Timestamp,
    ) {
        state.put(Status::Queued, at);
        if !costs_attempt {
            state.attempts = (state.attempts - 1).max(0);
        }
        self.requeued.push(Requeued { id: state.id, due_at: due_at.map(micros), held: false });
        let mut details = json!({ "due_at": due_at });
        if let Some(why) = why {
            details["failure"] = json!(why);
        }
        self.event(state, at, &details);
    }

    fn event(&mut self, state: &State, at: Timestamp, details: &Value) {
        self.effects.events.push(Event::new(state.tenant, state.id, state.status.as_str(), at, details));
    }

    /// Statuses that came before Meta's answer did.
    async fn apply_orphans(&mut self, tx: &Tx) -> Result<(), Fault> {
        let wamids: Vec<String> = self.learnt.keys().cloned().collect();
        for (wamid, report) in take_orphans(tx, self.lease.tenant_id, wamids.into_iter()).await? {
            if let Some(state) = self.learnt.get(&wamid).and_then(|id| self.states.get_mut(id)) {
                self.effects.apply(state, &report)?;
            }
        }
        Ok(())
    }

    /// What goes back into the queue of a broadcast that was paused in the meantime waits with the rest of it, and
    /// does not go at all when the broadcast was called off.
    async fn heed_broadcasts(&mut self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
        let of = |row: &Requeued| Some(self.states.get(&row.id)?.broadcast.as_ref()?.broadcast);
        let broadcasts: BTreeSet<_> = self.requeued.iter().filter_map(of).collect();
        if broadcasts.is_empty() {
            return Ok(());
        }
        self.leave_out_duplicates(tx, now).await?;
        let halted = halted(tx, self.lease.tenant_id, broadcasts).await?;
        let mut called_off = BTreeSet::new();
        for mut row in std::mem::take(&mut self.requeued) {
            let Some(state) = self.states.get(&row.id) else { continue };
            let broadcast = state.broadcast.as_ref().map(|counted| counted.broadcast);
            match broadcast.and_then(|id| halted.get(&id)) {
                Some(Halted::CalledOff) if state.status == Status::Queued => {
                    called_off.insert(row.id);
                }
                halted => {
                    row.held = halted == Some(&Halted::Paused);
                    self.requeued.push(row);
                }
            }
        }
        let tenant = self.lease.tenant_id;
        let states = self.states.values_mut().filter(|state| called_off.contains(&state.id));
        self.effects.events.extend(call_off(tx, tenant, states, now).await?);
        self.settled.extend(called_off.into_iter().map(|id| Settled { t: tenant.0, id }));
        Ok(())
    }

    /// What goes back for a person who turned out, while it was being sent, to be another recipient too, does not go again.
    async fn leave_out_duplicates(&mut self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
        let tenant = self.lease.tenant_id;
        let waits = |id: &i64| self.states.get(id).is_some_and(|state| state.status == Status::Queued);
        let back = self.requeued.iter().map(|row| row.id).filter(waits);
        let gone = overtaken(tx, tenant, back, &self.states).await?;
        if gone.is_empty() {
            return Ok(());
        }
        let states = self.states.values_mut().filter(|state| gone.contains(&state.id));
        self.effects.events.extend(free(tx, tenant, states.map(|state| (state, DUPLICATE)), now).await?);
        self.requeued.retain(|row| !gone.contains(&row.id));
        self.settled.extend(gone.into_iter().map(|id| Settled { t: tenant.0, id }));
        Ok(())
    }

    async fn write(&mut self, tx: &Tx, now: Timestamp) -> Result<(), Fault> {
        state::write(tx, self.states.values()).await?;
        write::remove_from_outbox(tx, &self.settled).await?;
        put_back(tx, self.lease, &self.requeued).await?;
        delay(tx, self.lease, &self.delayed).await?;
        self.forget_throttles(tx).await?;
        let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, self.effects.events.len())]).await?;
        write::events(tx, &mut self.effects.events, &mut event_ids).await?;
        let consequences = std::mem::take(&mut self.effects.consequences);
        apply_consequences(tx, self.lease.tenant_id, consequences, now).await?;
        Ok(())
    }

    /// A message that went through ends the row of 131056 for its contact.
    async fn forget_throttles(&self, tx: &Tx) -> Result<(), Fault> {
        if self.reached.is_empty() {
            return Ok(());
        }
        let rows: Vec<Delayed> =
            self.reached.iter().map(|contact| Delayed { contact: *contact, until: 0 }).collect();
        let set = tx.dialect.set_in::<Delayed>(1, "r", 2);
        let sql = format!(
            "UPDATE conversations SET pair_throttles = 0 FROM {set} WHERE conversations.tenant_id = r.tenant \
             AND conversations.contact_id = r.contact AND conversations.connection_id = $3 \
             AND conversations.pair_throttles > 0"
        );
        let values = [param(&rows)?, self.lease.tenant_id.0.into(), self.lease.connection_id.0.into()];
        db::run(&**tx, &sql, values).await?;
        Ok(())
    }
}

async fn put_back(tx: &Tx, lease: &Lease, rows: &[Requeued]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set_in::<Requeued>(1, "r", 2);
    let sql = format!(
        "UPDATE outbox SET sending = FALSE, scheduled = FALSE, held = r.held, due_at = COALESCE(r.due_at, outbox.due_at) FROM {set} \
         WHERE outbox.tenant_id = r.tenant AND outbox.message_id = r.id"
    );
    db::run(&**tx, &sql, [param(rows)?, lease.tenant_id.0.into()]).await?;
    Ok(())
}

/// Every queued message of these contacts on this connection waits, and the throttle counts.
async fn delay(tx: &Tx, lease: &Lease, rows: &[Delayed]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut latest: HashMap<i64, i64> = HashMap::new();
    for row in rows {
        let until = latest.entry(row.contact).or_insert(row.until);
        *until = row.until.max(*until);
    }
    let rows: Vec<Delayed> = latest.into_iter().map(|(contact, until)| Delayed { contact, until }).collect();
    let set = tx.dialect.set_in::<Delayed>(1, "r", 2);
    let values = [param(&rows)?, lease.tenant_id.0.into(), lease.connection_id.0.into()];
    let waits = format!(
        "UPDATE outbox SET due_at = r.until FROM {set} WHERE outbox.tenant_id = r.tenant AND outbox.connection_id = $3 \
         AND outbox.contact_id = r.contact AND NOT outbox.sending AND outbox.due_at < r.until"
    );
    db::run(&**tx, &waits, values.clone()).await?;
    let counts = format!(
        "UPDATE conversations SET pair_throttles = pair_throttles + 1 FROM {set} WHERE conversations.tenant_id = r.tenant \
         AND conversations.contact_id = r.contact AND conversations.connection_id = $3"
    );
    db::run(&**tx, &counts, values).await?;
    Ok(())
}
