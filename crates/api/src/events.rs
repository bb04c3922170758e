//! Live events of a tenant: server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use api_types::events::{AlertNews, BroadcastNews, MessageNews, MovedMessage};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::events::{Events, Listener, News};
use futures::{Stream, stream};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::alerts;
use crate::answer::Result;
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};
use crate::state::Settings;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Proxies close what is silent for longer.
const SILENCE: Duration = Duration::from_secs(15);
/// Messages in one event.
const MOST_MESSAGES: usize = 500;

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(watch_events))
}

/// Server-sent events from now on, until the client or the server leaves: `alert` (something happened to an alert),
/// `broadcast` (one that is being sent moved, at most once a second, or stopped), `messages` (those that the node behind
/// this call moved, gathered for a second). What was missed while nobody listened is not told again: read the lists.
#[utoipa::path(get, path = "/events", tag = "events",
    responses(
        (status = 200, content_type = "text/event-stream", body = AlertNews,
            description = "Of `alert` events; those of `broadcast` and `messages` are BroadcastNews and MessageNews.")),
    extensions(("x-required-permission" = json!("health_read"))))]
async fn watch_events(
    caller: Caller<needs::HealthRead>,
    State(events): State<Events>,
    State(settings): State<Settings>,
) -> Result<Response> {
    let listener = events.listen(caller.tenant).await?;
    let watch = Watch { listener, closing: settings.closing, told: VecDeque::new() };
    Ok(Sse::new(told(watch)).keep_alive(KeepAlive::new().interval(SILENCE)).into_response())
}

struct Watch {
    listener: Listener,
    closing: CancellationToken,
    /// Found, not yet told.
    told: VecDeque<Event>,
}

fn told(watch: Watch) -> impl Stream<Item = std::result::Result<Event, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        while watch.told.is_empty() {
            tokio::select! {
                () = watch.closing.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
            // A store that is not there for a moment is asked again.
            match watch.listener.look().await {
                Ok(news) => watch.told.extend(events(news)),
                Err(error) => tracing::debug!(%error, "events were not read"),
            }
        }
        watch.told.pop_front().map(|event| (Ok(event), watch))
    })
}

fn events(news: News) -> Vec<Event> {
    let mut events = Vec::new();
    for (event, alert) in news.alerts {
        let news = AlertNews { event: alerts::event(event), alert: alerts::body(alert) };
        events.extend(named("alert", &news));
    }
    for broadcast in news.broadcasts {
        let counts = &broadcast.counts;
        let news = BroadcastNews {
            broadcast_id: broadcast.id.0,
            status: broadcast.state.into(),
            total: counts.total(),
            pending: counts.pending,
            queued: counts.queued,
            sent: counts.sent,
            delivered: counts.delivered,
            read: counts.read,
            replied: counts.replied,
            failed: counts.failed,
        };
        events.extend(named("broadcast", &news));
    }
    if !news.messages.is_empty() || news.messages_lost {
        let more = news.messages_lost || news.messages.len() > MOST_MESSAGES;
        let moved = news
            .messages
            .into_iter()
            .take(MOST_MESSAGES)
            .map(|(id, status)| MovedMessage { message_id: id.0, status: status.as_str().to_owned() });
        events.extend(named("messages", &MessageNews { messages: moved.collect(), more }));
    }
    events
}

fn named(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
