//! What Meta reports of a message, and what follows from it for the message and its contact.

use domain::messages::Status;
use domain::{TenantId, Timestamp};
use ports::messages::Failure;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::state::State;
use super::write::Event;
use crate::db::{self, Fault, Row, Tx};
use crate::people::Consequence;
use crate::sets::{param, set};

/// A status, as the webhook told it or as the lane learnt it. Kept as JSON while its message is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) status: Status,
    pub(crate) at: Timestamp,
    pub(crate) failure: Option<Failure>,
    pub(crate) flag: Option<i64>,
    /// Failure and flag when the message is a template.
    pub(crate) if_template: Option<(Failure, i64)>,
    pub(crate) marketing_stop: bool,
    pub(crate) pricing_category: Option<String>,
}

/// What reports add up to.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) events: Vec<Event>,
    pub(crate) consequences: Vec<Consequence>,
}

impl Effects {
    /// Applies a report; a repeat leaves no trace.
    pub(crate) fn apply(&mut self, state: &mut State, report: &Report) -> Result<(), Fault> {
        match &report.if_template {
            Some((failure, flag)) if state.template.is_some() => {
                let (failure, flag) = (Some(failure.clone()), Some(*flag));
                self.apply_plain(state, &Report { failure, flag, if_template: None, ..report.clone() })
            }
            _ => self.apply_plain(state, report),
        }
    }

    fn apply_plain(&mut self, state: &mut State, report: &Report) -> Result<(), Fault> {
        let news = state.report(report.status, report.at);
        if report.pricing_category.is_some() && state.pricing_category != report.pricing_category {
            state.pricing_category.clone_from(&report.pricing_category);
            state.changed = true;
        }
        if !news {
            return Ok(());
        }
        state.keep_failure(report.failure.as_ref())?;
        let mut details = json!({});
        if let Some(failure) = &report.failure {
            details["failure"] = json!(failure);
        }
        if let Some(category) = &report.pricing_category {
            details["pricing_category"] = json!(category);
        }
        self.events.push(Event::new(state.tenant, state.id, report.status.as_str(), report.at, &details));
        self.consequences.extend(Consequence::of(state, report));
        Ok(())
    }
}

set! {
    Wamid { wamid: Text String }
}

/// Takes out what was kept for these wamids, by wamid.
pub(crate) async fn take_orphans(
    tx: &Tx,
    tenant: TenantId,
    wamids: impl Iterator<Item = String>,
) -> Result<Vec<(String, Report)>, Fault> {
    let rows: Vec<Wamid> = wamids.map(|wamid| Wamid { wamid }).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    tx.dialect.share_lock(tx, &orphans_lock(tenant)).await?;
    let set = tx.dialect.set_in::<Wamid>(1, "r", 2);
    let sql = format!(
        "SELECT s.wamid AS wamid, s.report AS report FROM {set} CROSS JOIN orphan_statuses s \
         WHERE s.tenant_id = r.tenant AND s.wamid = r.wamid"
    );
    let values = [param(&rows)?, tenant.0.into()];
    let found = db::all(&**tx, &sql, values.clone()).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "DELETE FROM orphan_statuses WHERE (tenant_id, wamid) IN (SELECT r.tenant, r.wamid FROM {set})"
    );
    db::run(&**tx, &sql, values).await?;
    found.iter().map(|row| Ok((row.get("wamid")?, row.json("report")?))).collect()
}

/// Whoever learns a wamid shares this lock, whoever keeps a status for want of one has it alone: so that a status is
/// not put aside in the moment in which its message becomes known.
pub(crate) fn orphans_lock(tenant: TenantId) -> String {
    format!("orphans/{tenant}")
}

set! {
    Orphan {
        wamid: Text String,
        status: Text &'static str,
        at: Int i64,
        report: Text String,
    }
}

/// Keeps statuses of messages that are not known (yet); the first of each level.
pub(crate) async fn keep_orphans(
    tx: &Tx,
    tenant: TenantId,
    orphans: &[(String, Report)],
    now: Timestamp,
) -> Result<(), Fault> {
    if orphans.is_empty() {
        return Ok(());
    }
    let mut seen = std::collections::HashSet::new();
    let mut rows = Vec::new();
    for (wamid, report) in orphans.iter().filter(|(wamid, report)| seen.insert((wamid, report.status))) {
        rows.push(Orphan {
            wamid: wamid.clone(),
            status: report.status.as_str(),
            at: db::micros(report.at),
            report: db::to_json(report)?,
        });
    }
    let set = tx.dialect.set::<Orphan>(1, "r");
    let sql = format!(
        "INSERT INTO orphan_statuses (tenant_id, wamid, status, at, kept_at, report) \
         SELECT $2, r.wamid, r.status, r.at, $3, r.report FROM {set} WHERE TRUE \
         ON CONFLICT (tenant_id, wamid, status) DO NOTHING"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into(), db::micros(now).into()]).await?;
    Ok(())
}
