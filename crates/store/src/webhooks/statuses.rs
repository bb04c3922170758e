//! Statuses of our messages: found by wamid, else by the id in the callback data, merged by the lattice; those whose
//! message is not known are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ConnectionId;
use domain::messages::Status;
use ports::messages::Failure;
use ports::webhooks::{BroadcastFailure, StatusReport, Verdict};

use super::account;
use super::project::Projecting;
use crate::alerts::raise_in;
use crate::db::{self, Fault, Row};
use crate::ids::{self, Kind};
use crate::messages::report::{Effects, Report, keep_orphans, orphans_lock};
use crate::messages::state::{self, ById, ByWamid, State};
use crate::messages::write::{self, Settled};
use crate::people::apply_consequences;
use crate::sets::{param, set};

/// Applies statuses.
pub(super) async fn apply(projecting: &mut Projecting<'_>, reports: &[&StatusReport]) -> Result<(), Fault> {
    if reports.is_empty() {
        return Ok(());
    }
    let mut known = Known::default();
    known.find(projecting, reports).await?;
    let attempts = Attempts::read(projecting, &known, reports).await?;
    let before: BTreeMap<i64, Status> = known.states.iter().map(|(id, state)| (*id, state.status)).collect();
    let mut effects = Effects::default();
    let mut orphans = Vec::new();
    for report in reports {
        match known.of(report) {
            Some(state) if attempts.is_past(state, report) => {}
            Some(state) => {
                state.learn_wamid(&report.wamid);
                effects.apply(state, &told(report))?;
            }
            None => orphans.push((report.wamid.clone(), told(report))),
        }
    }
    learn_user_ids(projecting, &mut known, reports).await?;
    write(projecting, &known, &before, effects).await?;
    heed(projecting, &mut known, &before, reports).await?;
    keep_orphans(projecting.tx, projecting.tenant, &orphans, projecting.now).await
}

/// What failures that are new say of their numbers; the first of each number and kind.
async fn heed(
    projecting: &mut Projecting<'_>,
    known: &mut Known,
    before: &BTreeMap<i64, Status>,
    reports: &[&StatusReport],
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for report in reports {
        let Some(verdict) = &report.verdict else { continue };
        let Some(state) = known.of(report) else { continue };
        let is_new = state.status == Status::Failed && before.get(&state.id) != Some(&Status::Failed);
        let connection = ConnectionId(state.connection);
        let breaks = matches!(verdict, Verdict::Broken(_));
        let Some(sent) = state.times.sent.filter(|_| is_new && seen.insert((connection, breaks))) else {
            continue;
        };
        match verdict {
            Verdict::Broken(broken) => {
                account::break_unless_repaired(projecting, connection, broken, sent).await?
            }
            Verdict::Restrained(alert) => {
                raise_in(projecting.tx, std::slice::from_ref(alert)).await?;
                projecting.done.restrained.push(connection);
            }
        }
    }
    Ok(())
}

set! {
    Revealed<'a> {
        contact: Int i64,
        bsuid: Text &'a str,
    }
}

/// A status may name the user id of whoever it was delivered to: a contact of whom none is known has it from then on,
/// unless it is another's already (who that is, an inbound message will tell). Asked at one status of three.
async fn learn_user_ids(
    projecting: &Projecting<'_>,
    known: &mut Known,
    reports: &[&StatusReport],
) -> Result<(), Fault> {
    let mut revealed = BTreeMap::new();
    for report in reports.iter().filter(|report| report.status == Status::Delivered) {
        if let (Some(bsuid), Some(state)) = (report.recipient.bsuid.as_deref(), known.of(report)) {
            revealed.entry(bsuid).or_insert(state.contact);
        }
    }
    if revealed.is_empty() {
        return Ok(());
    }
    let rows: Vec<Revealed<'_>> =
        revealed.into_iter().map(|(bsuid, contact)| Revealed { contact, bsuid }).collect();
    let set = projecting.tx.dialect.set_in::<Revealed<'_>>(1, "r", 2);
    // Of two user ids of one contact, which cannot be, one is enough.
    let sql = format!(
        "UPDATE contacts SET bsuid = r.bsuid, updated_at = $3 FROM {set} WHERE contacts.tenant_id = r.tenant \
         AND contacts.id = r.contact AND contacts.bsuid IS NULL AND contacts.merged_into IS NULL \
         AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = r.tenant AND c.bsuid = r.bsuid)"
    );
    let values = [param(&rows)?, projecting.tenant.0.into(), db::micros(projecting.now).into()];
    db::run(&**projecting.tx, &sql, values).await?;
    Ok(())
}

fn told(report: &StatusReport) -> Report {
    Report {
        status: report.status,
        at: report.at,
        failure: report.failure.clone(),
        flag: report.flag,
        if_template: report.if_template.clone(),
        marketing_stop: report.marketing_stop,
        pricing_category: report.pricing_category.clone(),
    }
}

/// The messages that statuses are of.
#[derive(Default)]
struct Known {
    states: BTreeMap<i64, State>,
    by_wamid: HashMap<String, i64>,
}

impl Known {
    async fn find(&mut self, projecting: &Projecting<'_>, reports: &[&StatusReport]) -> Result<(), Fault> {
        self.find_by_wamid(projecting, reports).await?;
        let ids: BTreeSet<i64> =
            self.missing(reports).filter_map(|report| Some(report.message_id?.0)).collect();
        if !ids.is_empty() {
            let ids: Vec<ById> = ids.into_iter().map(|id| ById { id }).collect();
            self.add(state::by_ids(projecting.tx, projecting.tenant, &ids).await?);
        }
        if self.missing(reports).next().is_some() {
            // Alone now: whoever is about to learn one of these wamids has done so, or will find the kept status.
            projecting.tx.dialect.own_lock(projecting.tx, &orphans_lock(projecting.tenant)).await?;
            self.find_by_wamid(projecting, reports).await?;
        }
        Ok(())
    }

    async fn find_by_wamid(
        &mut self,
        projecting: &Projecting<'_>,
        reports: &[&StatusReport],
    ) -> Result<(), Fault> {
        let wamids: BTreeSet<&str> = self.missing(reports).map(|report| report.wamid.as_str()).collect();
        let wamids: Vec<ByWamid> =
            wamids.into_iter().map(|wamid| ByWamid { wamid: wamid.to_owned() }).collect();
        self.add(state::by_wamids(projecting.tx, projecting.tenant, &wamids).await?);
        Ok(())
    }

    fn missing<'r>(&self, reports: &'r [&'r StatusReport]) -> impl Iterator<Item = &'r StatusReport> {
        let known: Vec<&StatusReport> =
            reports.iter().copied().filter(|report| self.id_of(report).is_none()).collect();
        known.into_iter()
    }

    fn add(&mut self, states: Vec<State>) {
        for state in states {
            if let Some(wamid) = &state.wamid {
                self.by_wamid.insert(wamid.clone(), state.id);
            }
            self.states.entry(state.id).or_insert(state);
        }
    }

    fn id_of(&self, report: &StatusReport) -> Option<i64> {
        let by_wamid = self.by_wamid.get(&report.wamid).copied();
        by_wamid.or_else(|| report.message_id.map(|id| id.0).filter(|id| self.states.contains_key(id)))
    }

    fn of(&mut self, report: &StatusReport) -> Option<&mut State> {
        let id = self.id_of(report)?;
        self.states.get_mut(&id)
    }
}

/// Attempts that ended before their message was put back into its queue, by message: the wamids that they had.
/// Meta repeats webhooks for days, and our id in the callback data leads from each attempt to the same message.
#[derive(Default)]
struct Attempts {
    failed: HashMap<i64, Vec<String>>,
}

impl Attempts {
    /// Looks up the messages that were found by our id alone.
    async fn read(
        projecting: &Projecting<'_>,
        known: &Known,
        reports: &[&StatusReport],
    ) -> Result<Self, Fault> {
        let by_our_id = reports.iter().filter(|report| !known.by_wamid.contains_key(&report.wamid));
        let ids: BTreeSet<i64> = by_our_id.filter_map(|report| known.id_of(report)).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<ById> = ids.into_iter().map(|id| ById { id }).collect();
        let set = projecting.tx.dialect.set_in::<ById>(1, "r", 2);
        let sql = format!(
            "SELECT e.message_id AS message_id, e.details AS details FROM {set} CROSS JOIN message_events e \
             WHERE e.tenant_id = r.tenant AND e.message_id = r.id AND e.status = 'queued'"
        );
        let mut attempts = Self::default();
        for row in db::all(&**projecting.tx, &sql, [param(&rows)?, projecting.tenant.0.into()]).await? {
            let details: serde_json::Value = row.json("details")?;
            let failed = details["requeued_from"] == Status::Failed.as_str();
            if let Some(wamid) = details["wamid"].as_str().filter(|_| failed) {
                attempts.failed.entry(row.get("message_id")?).or_default().push(wamid.to_owned());
            }
        }
        Ok(attempts)
    }

    /// Whether this is about an attempt that another one followed, and says nothing that counts for the message: it
    /// was sent and it failed, as is known. (That it arrived after all would count.)
    fn is_past(&self, state: &State, report: &StatusReport) -> bool {
        if state.wamid.as_ref() == Some(&report.wamid)
            || !matches!(report.status, Status::Sent | Status::Failed)
        {
            return false;
        }
        let known_to_have_failed =
            self.failed.get(&state.id).is_some_and(|wamids| wamids.contains(&report.wamid));
        let of_another = state.wamid.is_some() || state.status == Status::Queued;
        known_to_have_failed || (of_another && report.status == Status::Failed)
    }
}

fn failure_of_broadcast(state: &State) -> Result<Option<BroadcastFailure>, Fault> {
    let Some(counted) = state.broadcast.as_ref().filter(|_| state.status == Status::Failed) else {
        return Ok(None);
    };
    let why: Option<Failure> =
        state.failure.as_deref().map(serde_json::from_str).transpose().map_err(Fault::internal)?;
    let (code, meta_error_code) = why.map_or((String::new(), None), |why| (why.code, why.meta_error_code));
    Ok(Some(BroadcastFailure { broadcast_id: counted.broadcast, code, meta_error_code }))
}

async fn write(
    projecting: &mut Projecting<'_>,
    known: &Known,
    before: &BTreeMap<i64, Status>,
    mut effects: Effects,
) -> Result<(), Fault> {
    let tx = projecting.tx;
    state::write(tx, known.states.values()).await?;
    let mut off_the_queue = Vec::new();
    for (state, was) in
        known.states.values().zip(before.values()).filter(|(state, was)| state.status != **was)
    {
        projecting.done.moved.push((state.message_id(), state.status));
        projecting.done.broadcast_failures.extend(failure_of_broadcast(state)?);
        // It was put back into the queue, and now it turns out that it had left.
        if *was == Status::Queued {
            off_the_queue.push(Settled { t: state.tenant.0, id: state.id });
        }
    }
    write::remove_from_outbox(tx, &off_the_queue).await?;
    let [mut event_ids] = ids::take(tx, [(Kind::MessageEvent, effects.events.len())]).await?;
    write::events(tx, &mut effects.events, &mut event_ids).await?;
    let stopped = apply_consequences(tx, projecting.tenant, effects.consequences, projecting.now).await?;
    projecting.done.consents.extend(stopped);
    Ok(())
}
