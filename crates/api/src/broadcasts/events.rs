//! A broadcast as it moves: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use api_types::broadcasts::{Broadcast, BroadcastStatus};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{BroadcastId, TenantId};
use futures::{Stream, stream};
use tokio_util::sync::CancellationToken;

use super::bodies::Viewer;
use crate::answer::Result;
use crate::body::Id;
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};
use crate::state::Settings;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Proxies close what is silent for longer.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(watch_broadcast))
}

/// Server-sent events: `progress` with the broadcast as `GET …/broadcasts/{id}` shows it, at once and whenever it has
/// changed, at most one a second. Ends when the broadcast has ended.
#[utoipa::path(get, path = "/broadcasts/{id}/events", tag = "broadcasts",
    responses((status = 200, content_type = "text/event-stream", body = Broadcast)),
    extensions(("x-required-permission" = json!("broadcasts_read")), ("x-error-codes" = json!(["BROADCAST_NOT_FOUND"]))))]
async fn watch_broadcast(
    caller: Caller<needs::BroadcastsRead>,
    Id(id): Id<BroadcastId>,
    State(viewer): State<Viewer>,
    State(settings): State<Settings>,
) -> Result<Response> {
    let first = viewer.get(caller.tenant, id).await?;
    let watch = Watch { viewer, tenant: caller.tenant, id, closing: settings.closing, last: None };
    Ok(Sse::new(events(watch, first)).keep_alive(KeepAlive::new().interval(SILENCE)).into_response())
}

struct Watch {
    viewer: Viewer,
    tenant: TenantId,
    id: BroadcastId,
    closing: CancellationToken,
    /// What was told last.
    last: Option<Broadcast>,
}

fn events(watch: Watch, first: Broadcast) -> impl Stream<Item = Told> {
    stream::unfold((watch, Some(first)), |(mut watch, known)| async move {
        let now = match known {
            Some(first) => first,
            None => watch.next().await?,
        };
        let event = Event::default().event("progress").json_data(&now).ok()?;
        watch.last = Some(now);
        Some((Ok(event), (watch, None)))
    })
}

/// Nothing can go wrong with an event once it is written.
type Told = std::result::Result<Event, Infallible>;

impl Watch {
    /// The next change; `None`: there will be none, or the server stops, or the broadcast is gone.
    async fn next(&mut self) -> Option<Broadcast> {
        let last = self.last.as_ref()?;
        if matches!(
            last.status,
            BroadcastStatus::Completed | BroadcastStatus::Failed | BroadcastStatus::Cancelled
        ) {
            return None;
        }
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
            let now = self.viewer.get(self.tenant, self.id).await.ok()?;
            if now != *last {
                return Some(now);
            }
        }
    }
}
