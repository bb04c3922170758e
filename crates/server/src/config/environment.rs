//! Environment variables `WAXWING_*` as settings.

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

const PREFIX: &str = "WAXWING_";

/// Variables with the prefix that are no settings: the handles that `demo.env` holds, so that a shell which read
/// that file can still start a server, and what the test runner sets.
const OTHERS: [&str; 7] = ["url", "tenant", "api_key", "connection", "app_secret", "verify_token", "binary"];

/// Every value is a text here; it becomes a number where one is wanted. (Guessing from the text would make a
/// number of a key that happens to look like one.)
#[derive(Debug, Clone)]
pub(super) struct Environment(Dict);

impl Environment {
    pub(super) fn of_process() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::of(std::env::vars_os().filter_map(readable))
    }

    /// An empty value is no value.
    pub(super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let setting = |(name, value): (String, String)| {
            let name = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            let is_setting = !OTHERS.contains(&name.as_str()) && !name.starts_with("test_");
            (is_setting && !value.is_empty()).then(|| (name, Value::from(value)))
        };
        Self(variables.into_iter().filter_map(setting).collect())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variables")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}
