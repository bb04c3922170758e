//! Accepting: many jobs, one commit, each with its own answer.

mod batch;
mod keys;
mod lookup;

use std::collections::HashSet;

use domain::ConnectionId;
use ports::messages::{AcceptJob, AcceptOutcome};
use ports::operator::Wake;
use ports::{StoreError, StoreResult};

use crate::db::{Fault, SqlStore, again};

/// Accepts all; answers in the order of the jobs.
pub(super) async fn accept(store: &SqlStore, jobs: &[AcceptJob]) -> StoreResult<Vec<AcceptOutcome>> {
    let mut outcomes: Vec<Option<AcceptOutcome>> = jobs.iter().map(|_| None).collect();
    let mut waiting: Vec<usize> = (0..jobs.len()).collect();
    while !waiting.is_empty() {
        let (now, later) = one_per_key(jobs, waiting);
        let round: Vec<&AcceptJob> = now.iter().map(|index| &jobs[*index]).collect();
        for (index, outcome) in now.into_iter().zip(accept_round(store, &round).await?) {
            outcomes[index] = Some(outcome);
        }
        waiting = later;
    }
    let outcomes: Vec<AcceptOutcome> =
        outcomes.into_iter().map(|one| one.unwrap_or(AcceptOutcome::Failed)).collect();
    store.wakes_hub().tell(lanes_of(&outcomes).into_iter().map(Wake::Lane));
    Ok(outcomes)
}

/// Jobs under a key that an earlier job of this batch uses wait for what becomes of that one.
fn one_per_key(jobs: &[AcceptJob], waiting: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
    let mut seen = HashSet::new();
    waiting.into_iter().partition(|index| match &jobs[*index].key {
        Some((key, _)) => seen.insert((jobs[*index].tenant_id, key)),
        None => true,
    })
}

/// Together; when that fails by a defect, one by one, so that the defect stays with the job that has it.
async fn accept_round(store: &SqlStore, jobs: &[&AcceptJob]) -> StoreResult<Vec<AcceptOutcome>> {
    match again(|| batch::accept(store, jobs)).await {
        Ok(outcomes) => Ok(outcomes),
        Err(Fault::Unavailable(why)) => Err(StoreError::Unavailable(why)),
        Err(fault) => {
            tracing::warn!(%fault, jobs = jobs.len(), "a batch of sends failed: one by one");
            let mut outcomes = Vec::with_capacity(jobs.len());
            for job in jobs {
                outcomes.push(accept_alone(store, job).await);
            }
            Ok(outcomes)
        }
    }
}

async fn accept_alone(store: &SqlStore, job: &AcceptJob) -> AcceptOutcome {
    match again(|| batch::accept(store, std::slice::from_ref(&job))).await {
        Ok(outcomes) => outcomes.into_iter().next().unwrap_or(AcceptOutcome::Failed),
        Err(fault) => {
            tracing::error!(%fault, tenant.id = %job.tenant_id, "a send could not be accepted");
            AcceptOutcome::Failed
        }
    }
}

fn lanes_of(outcomes: &[AcceptOutcome]) -> HashSet<ConnectionId> {
    outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            AcceptOutcome::Accepted(accepted) => Some(accepted.connection_id),
            _ => None,
        })
        .collect()
}
