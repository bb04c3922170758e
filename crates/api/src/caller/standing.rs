//! Answers without an end: they last no longer than what their caller came in by.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use engine::access::{Access, Pass};
use futures::StreamExt as _;
use http::header;

/// Between two looks: with the two seconds that a lookup is trusted, the longest that an answer goes on.
const PAUSE: Duration = Duration::from_secs(2);

/// Ends a stream of events once the pass would not open the door any more. The end is an orderly one, so that a client
/// asks again, and learns why. Every other answer has an end of its own and stays as it is.
pub(super) fn while_it_opens(response: Response, access: Access, pass: Pass) -> Response {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if !content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let end = Box::pin(until_it_closes(access, pass));
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(end)))
}

async fn until_it_closes(access: Access, pass: Pass) {
    loop {
        tokio::time::sleep(PAUSE).await;
        match access.still_opens(&pass).await {
            Ok(true) => {}
            Ok(false) => return,
            // A store that is not there for a moment is asked again.
            Err(error) => tracing::debug!(%error, "whether a listener may stay is not known"),
        }
    }
}
