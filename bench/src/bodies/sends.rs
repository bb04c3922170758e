//! Sends of clients of the API.

use graph::signature::{HEADER, sign};

use crate::load::Requests;
use crate::world::{APP_SECRET, TEMPLATE, World, phone};

/// About the size of a request.
const BYTES: usize = 600;

/// Template messages to the contacts in turn, over the connections in turn.
pub(crate) struct Sends {
    path: String,
    bearer: String,
    connections: Vec<i64>,
    used: usize,
}

impl Sends {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            path: world.path("/messages"),
            bearer: format!("Bearer {}", world.key),
            connections: world.connections.clone(),
            used: 0,
        }
    }

    /// The next ones. They are signed too: Waxwing does not look at it, the floors do.
    pub(crate) fn next(&self, count: usize) -> Requests {
        let mut requests = Requests::with_capacity(count, BYTES);
        for message in self.used..self.used + count {
            let body = format!(
                r#"{{"to":"{}","connection_id":{},"template_name":"{TEMPLATE}","template_language":"en_US","template_params":["Ada","A-{message}"]}}"#,
                phone(message),
                self.connections[message % self.connections.len()],
            );
            let signature = sign(APP_SECRET.as_bytes(), body.as_bytes());
            let headers =
                [("authorization", &*self.bearer), ("prefer", "respond-async"), (HEADER, &*signature)];
            requests.post(&self.path, &headers, body.as_bytes());
        }
        requests
    }

    /// So many of them were posted.
    pub(crate) fn posted(&mut self, count: usize) {
        self.used += count;
    }

    /// How many were posted so far.
    pub(crate) fn all(&self) -> usize {
        self.used
    }
}
