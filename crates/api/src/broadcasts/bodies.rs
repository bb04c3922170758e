//! Broadcasts as the API shows them.

use api_types::broadcasts::{
    Broadcast, BroadcastCounts, BroadcastProgress, BroadcastThrottle, Exclusion, ScheduleInput, StopReason,
};
use api_types::{List, PagingQuery};
use axum::extract::FromRef;
use domain::broadcasts::{self, LeftOut};
use domain::{BroadcastId, TenantId};
use engine::broadcasts::{Broadcasts, Motion, Progress};
use engine::messages::Throttle;
use ports::Page;
use ports::broadcasts::Counts;

use super::failed;
use crate::answer::{Answer, Result, list};
use crate::state::ApiState;

/// Shows broadcasts, those on their way with their rate and what they wait for.
#[derive(Clone)]
pub(super) struct Viewer {
    pub(super) broadcasts: Broadcasts,
}

impl FromRef<ApiState> for Viewer {
    fn from_ref(state: &ApiState) -> Self {
        Self { broadcasts: Broadcasts::from_ref(state) }
    }
}

impl Viewer {
    /// One.
    pub(super) async fn get(&self, tenant: TenantId, id: BroadcastId) -> Result<Broadcast> {
        let found = self.broadcasts.get(tenant, id).await.map_err(failed(id))?;
        self.body(found).await
    }

    /// As it is shown.
    pub(super) async fn body(&self, broadcast: ports::broadcasts::Broadcast) -> Result<Broadcast> {
        let motion = self.broadcasts.motion(&broadcast).await.map_err(failed(broadcast.id))?;
        Ok(body(broadcast, motion))
    }

    /// A part of the list.
    pub(super) async fn list(
        &self,
        query: &PagingQuery,
        page: Page<ports::broadcasts::Broadcast>,
    ) -> Result<Answer<List<Broadcast>>> {
        let mut motions = Vec::with_capacity(page.items.len());
        for broadcast in &page.items {
            motions.push(self.broadcasts.motion(broadcast).await.map_err(failed(broadcast.id))?);
        }
        let items: Vec<_> = page.items.into_iter().zip(motions).collect();
        let Page { total, total_is_estimate, next_cursor, foreign_cursor, .. } = page;
        let page = Page { items, total, total_is_estimate, next_cursor, foreign_cursor };
        list(query, page, |(broadcast, motion)| body(broadcast, motion))
    }
}

fn body(broadcast: ports::broadcasts::Broadcast, motion: Motion) -> Broadcast {
    let plan = broadcast.plan;
    Broadcast {
        id: broadcast.id.0,
        name: broadcast.name,
        status: broadcast.state.into(),
        reason: broadcast.reason.map(reason),
        template_name: plan.template.name,
        template_language: plan.template.language,
        fallback_languages: plan.template.fallback,
        template_params: plan.params,
        audience: plan.audience.asked,
        connection_ids: plan.connections.into_iter().map(|id| id.0).collect(),
        schedule: ScheduleInput::of(plan.schedule),
        breaker: plan.breaker.into(),
        category: broadcast.category.map(|category| category.as_str().to_owned()),
        recurs_from: broadcast.recurs_from.map(|id| id.0),
        audience_frozen: broadcast.frozen,
        counts: counts(&broadcast.counts),
        progress: progress(&broadcast.counts, motion.progress),
        rate_limit: motion.rate_limit.map(throttle),
        waiting_for: motion.waiting_for.map(|waiting| waiting.what.as_str().to_owned()),
        starts_at: broadcast.starts_at,
        started_at: broadcast.started_at,
        finished_at: broadcast.finished_at,
        created_by: broadcast.created_by.map(|key| key.0),
        created_at: broadcast.created_at,
        updated_at: broadcast.updated_at,
    }
}

pub(super) fn reason(reason: broadcasts::StopReason) -> StopReason {
    StopReason {
        code: reason.code.as_str().to_owned(),
        message: reason.message,
        meta_error_code: reason.meta_error_code,
        at: reason.at,
    }
}

pub(super) fn counts(counts: &Counts) -> BroadcastCounts {
    BroadcastCounts {
        total: counts.total(),
        pending: counts.pending,
        queued: counts.queued,
        sent: counts.sent,
        delivered: counts.delivered,
        read: counts.read,
        replied: counts.replied,
        opted_out: counts.opted_out,
        failed: counts.failed,
        in_doubt: counts.in_doubt,
        cancelled: counts.cancelled,
        left_out: counts.left_out,
    }
}

pub(super) fn progress(counts: &Counts, progress: Progress) -> BroadcastProgress {
    let total = counts.total();
    BroadcastProgress {
        done: total - counts.pending - counts.queued,
        total,
        per_second: progress.per_second,
        seconds_left: progress.seconds_left,
    }
}

pub(super) fn throttle(throttle: Throttle) -> BroadcastThrottle {
    BroadcastThrottle {
        limit: throttle.limit,
        period: throttle.period,
        retry_after_seconds: throttle.retry_after_seconds,
        messages_queued: throttle.messages_queued,
    }
}

pub(super) fn exclusions(left_out: Vec<(LeftOut, i64)>) -> Vec<Exclusion> {
    let counted = left_out.into_iter().filter(|(_, count)| *count > 0);
    counted.map(|(reason, count)| Exclusion { reason: reason.as_str().to_owned(), count }).collect()
}
