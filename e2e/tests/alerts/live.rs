//! The stream of events, listened to by a client that stays.

use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex};

use e2e::{Stack, eventually};
use serde_json::Value;

/// What came over `/events` since somebody listens: name and data of each.
pub(crate) struct Listening(Arc<Mutex<Vec<(String, Value)>>>);

impl Listening {
    /// Listens from now on, until the server leaves.
    pub(crate) fn to(stack: &Stack) -> Self {
        let url = format!("{}/api/v1/tenant/{}/whatsapp/events", stack.api.url, stack.api.tenant);
        let client = reqwest::blocking::Client::builder().timeout(None).build().expect("a client");
        let stream = client.get(url).bearer_auth(&stack.api.key).send().expect("a stream");
        assert_eq!(stream.status(), 200);
        let got = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&got);
        std::thread::spawn(move || {
            let mut name = String::new();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(word) = line.strip_prefix("event: ") {
                    word.clone_into(&mut name);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).unwrap_or_default();
                    keep.lock().expect("nobody panicked").push((name.clone(), data));
                }
            }
        });
        Self(got)
    }

    /// What was told of an alert, in its order: `opened`, `resolved`, …
    fn told_of(&self, alert: &Value) -> Vec<Value> {
        let got = self.0.lock().expect("nobody panicked");
        let of = got.iter().filter(|(name, data)| name == "alert" && data["alert"]["id"] == alert["id"]);
        of.map(|(_, data)| data["event"]["happened"].clone()).collect()
    }

    /// Waits until exactly this was told of an alert.
    pub(crate) fn hears(&self, alert: &Value, happened: &[&str]) {
        eventually("the stream tells of the alert", || (self.told_of(alert) == happened).then_some(()));
    }
}
