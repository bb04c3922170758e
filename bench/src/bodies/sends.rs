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
        self.due(count, None)
    }

    /// The next ones, to be sent at a time in seconds since 1970.
    pub(crate) fn at(&self, count: usize, unix_seconds: u64) -> Requests {
        self.due(count, Some(unix_seconds))
    }

    fn due(&self, count: usize, unix_seconds: Option<u64>) -> Requests {
        let send_at = unix_seconds.map_or_else(String::new, |at| format!(r#","send_at":"{}""#, instant(at)));
        let mut requests = Requests::with_capacity(count, BYTES);
        for message in self.used..self.used + count {
            let body = format!(
                r#"{{"to":"{}","connection_id":{},"template_name":"{TEMPLATE}","template_language":"en_US","template_params":["Ada","A-{message}"]{send_at}}}"#,
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

/// RFC 3339, in UTC.
fn instant(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_the_api_reads_it() {
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(instant(1_767_225_600), "2026-01-01T00:00:00Z");
    }
}
