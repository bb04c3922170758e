//! Quiet hours, asked at the last gate.
//!
//! A turn was decided when its message was queued. The queue may have stood since: a pause, a token that ended, Meta's
//! throttle. So the hours are asked again by the claim, which every message passes, and not only by what lets a queue go
//! on: there are many of those. It costs a claim of a broadcast's marketing one read of the tenant by its key, and each
//! zone is looked up once.

use std::collections::HashMap;

use domain::broadcasts::LeftOut;
use domain::broadcasts::schedule::{self, ThenQuiet};
use domain::{TenantId, Timestamp};

use super::claim::Candidate;
use crate::broadcasts::Fate;
use crate::db::{Fault, Tx};
use crate::tenants;

/// Parts those whom nothing disturbs from those who are in quiet hours, and says what becomes of these.
pub(super) async fn apart(
    tx: &Tx,
    tenant: TenantId,
    candidates: Vec<Candidate>,
    now: Timestamp,
) -> Result<(Vec<Candidate>, Vec<(Candidate, Fate)>), Fault> {
    if candidates.iter().all(|one| one.disturbs_in.is_none()) {
        return Ok((candidates, Vec::new()));
    }
    let settings = tenants::settings(tx, tenant).await?;
    let Some(hours) = settings.quiet_hours else { return Ok((candidates, Vec::new())) };
    let home = schedule::zone(settings.time_zone.as_deref());
    let mut known: HashMap<Option<String>, Option<Timestamp>> = HashMap::new();
    let (mut awake, mut asleep) = (Vec::with_capacity(candidates.len()), Vec::new());
    for mut one in candidates {
        let until = one.disturbs_in.take().and_then(|zone| {
            let quiet = |zone: &Option<String>| {
                schedule::quiet(&schedule::zone_or(zone.as_deref(), &home), now, &hours)
            };
            *known.entry(zone).or_insert_with_key(quiet)
        });
        match until {
            None => awake.push(one),
            Some(until) => {
                let fate = match hours.then {
                    ThenQuiet::Wait => Fate::Waits { until, why: "it waits for its turn again" },
                    ThenQuiet::LeaveOut => Fate::LeftOut { reason: LeftOut::QuietHours, why: None },
                };
                asleep.push((one, fate));
            }
        }
    }
    Ok((awake, asleep))
}
