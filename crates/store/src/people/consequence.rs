//! What the fate of a message says about its contact: not reachable, marketing stopped.

use std::collections::BTreeSet;

use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Review;
use domain::{ContactId, TenantId, Timestamp};
use serde_json::{Value, json};

use super::People;
use crate::db::{Fault, Tx};
use crate::ids::{self, Kind};
use crate::messages::report::Report;
use crate::messages::state::State;

/// To be applied to a contact.
#[derive(Debug, Clone)]
pub(crate) struct Consequence {
    contact: i64,
    flag: Option<i64>,
    reason: String,
    marketing_stop: bool,
    at: Timestamp,
    evidence: Value,
}

impl Consequence {
    /// What follows from a report; usually nothing.
    pub(crate) fn of(state: &State, report: &Report) -> Option<Self> {
        if report.flag.is_none() && !report.marketing_stop {
            return None;
        }
        let code = report.failure.as_ref().and_then(|failure| failure.meta_error_code);
        Some(Self {
            contact: state.contact,
            flag: report.flag,
            reason: report.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default(),
            marketing_stop: report.marketing_stop,
            at: report.at,
            evidence: json!({ "message_id": state.id, "wamid": state.wamid, "meta_error_code": code }),
        })
    }
}

/// Applies them under the contacts' locks. A person who wrote since is reachable, whatever was said before. Answers
/// whose marketing stopped.
pub(crate) async fn apply_consequences(
    tx: &Tx,
    tenant: TenantId,
    consequences: Vec<Consequence>,
    now: Timestamp,
) -> Result<Vec<(ContactId, ConsentKind)>, Fault> {
    if consequences.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<i64> = consequences.iter().map(|one| one.contact).collect();
    let mut people = People::of_ids(tx, tenant, &ids).await?;
    let mut stopped = Vec::new();
    for one in consequences {
        let Some(index) = people.by_id(one.contact) else { continue };
        let wrote_since = people.get(index).last_inbound_at.is_some_and(|wrote| wrote > one.at);
        if let Some(code) = one.flag.filter(|_| !wrote_since) {
            people.change(index).review =
                Some(Review { reason: one.reason, meta_error_code: code, at: one.at });
        }
        let stop = (ConsentKind::MarketingStop, ConsentSource::MetaPreference);
        if one.marketing_stop && people.decide(index, stop.0, stop.1, one.at, one.evidence).happened() {
            stopped.push((ContactId(one.contact), ConsentKind::MarketingStop));
        }
    }
    let [mut record_ids] = ids::take(tx, [(Kind::ConsentRecord, people.decisions())]).await?;
    people.save(&mut record_ids, now).await?;
    Ok(stopped)
}
