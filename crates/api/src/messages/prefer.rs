//! How long a client wants to wait (RFC 7240).

use std::time::Duration;

use http::HeaderMap;

/// Without a word of the client.
const USUAL: Duration = Duration::from_secs(10);
/// At most, whatever the client wishes.
const LONGEST: u64 = 30;

/// What `Prefer` says: `respond-async` is not to wait at all. What cannot be understood is no preference.
pub(crate) fn wait(headers: &HeaderMap) -> Duration {
    let said = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut wait = USUAL;
    for preference in said.flat_map(|value| value.split([',', ';'])) {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => return Duration::ZERO,
            "wait" => {
                if let Ok(seconds) = value.trim().trim_matches('"').parse::<u64>() {
                    wait = Duration::from_secs(seconds.min(LONGEST));
                }
            }
            _ => {}
        }
    }
    wait
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(value: &'static str) -> Duration {
        wait(&HeaderMap::from_iter([(
            http::HeaderName::from_static("prefer"),
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn a_client_chooses_how_long_to_wait() {
        assert_eq!(wait(&HeaderMap::new()), USUAL);
        assert_eq!(told("wait=3"), Duration::from_secs(3));
        assert_eq!(told("handling=lenient, Wait = \"0\""), Duration::ZERO);
        assert_eq!(told("wait=3600"), Duration::from_secs(30));
        assert_eq!(told("respond-async, wait=5"), Duration::ZERO);
        assert_eq!(told("wait=soon"), USUAL);
    }
}
