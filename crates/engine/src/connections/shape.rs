//! The bounds of what a connection holds.

use domain::pacing::Rate;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{CreateConnection, PatchConnection};
use crate::faults::Faults;

/// Where Meta's Graph API is.
pub(super) const GRAPH_URL: &str = "https://graph.facebook.com";
/// Characters of a connection's name.
const NAME: usize = 100;
/// Digits of an id at Meta: more than any that was seen.
const META_ID: usize = 32;
/// Characters of a secret; Meta's tokens have a few hundred.
const SECRET: usize = 4_096;

pub(super) fn create(wanted: &CreateConnection) -> Faults {
    let mut faults = Faults::default();
    faults.required("/name", &wanted.name, NAME);
    meta_id("/phone_number_id", &wanted.phone_number_id, &mut faults);
    meta_id("/waba_id", &wanted.waba_id, &mut faults);
    if let Some(app_id) = &wanted.app_id {
        meta_id("/app_id", app_id, &mut faults);
    }
    secret("/access_token", &wanted.access_token, &mut faults);
    secret("/app_secret", &wanted.app_secret, &mut faults);
    if let Some(token) = &wanted.verify_token {
        secret("/verify_token", token, &mut faults);
    }
    rate(wanted.rate, &mut faults);
    graph_url(wanted.graph_url.as_deref(), &mut faults);
    faults
}

pub(super) fn patch(patch: &PatchConnection) -> Faults {
    let mut faults = Faults::default();
    if let Some(name) = &patch.name {
        faults.required("/name", name, NAME);
    }
    if let Some(app_id) = &patch.app_id {
        meta_id("/app_id", app_id, &mut faults);
    }
    if let Some(value) = &patch.app_secret {
        secret("/app_secret", value, &mut faults);
    }
    if let Some(value) = &patch.verify_token {
        secret("/verify_token", value, &mut faults);
    }
    rate(patch.rate, &mut faults);
    graph_url(patch.graph_url.as_deref(), &mut faults);
    if patch.is_default == Some(false) {
        faults.add("/is_default", "cannot be taken away; make another connection the default instead");
    }
    faults
}

/// Graph node ids are numeric strings beyond 2^53.
fn meta_id(pointer: &str, id: &str, faults: &mut Faults) {
    if id.is_empty() || id.len() > META_ID || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        faults.add(pointer, "must be an id as Meta shows it: digits only");
    }
}

/// A secret travels in a header: no blanks, no control characters.
pub(super) fn secret(pointer: &str, secret: &SecretString, faults: &mut Faults) {
    let text = secret.expose_secret();
    if text.is_empty() {
        faults.add(pointer, "must not be empty");
    } else if text.len() > SECRET || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = format!("must be at most {SECRET} printable ASCII characters without blanks");
        faults.add(pointer, problem);
    }
}

fn rate(rate: Option<Rate>, faults: &mut Faults) {
    if rate.is_some_and(|rate| !rate.is_valid()) {
        faults.add("/rate_limit", "must be at least 1 message in a period of 1 millisecond to 1 day");
    }
}

fn graph_url(url: Option<&str>, faults: &mut Faults) {
    let Some(text) = url else { return };
    let fits = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !fits {
        faults.add("/graph_url", format!("must be an http(s) address without query, such as {GRAPH_URL}"));
    }
}

/// The address as it is kept: paths are appended to it.
pub(super) fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> CreateConnection {
        CreateConnection {
            name: "Shop".into(),
            phone_number_id: "106540352242922".into(),
            waba_id: "102290129340398".into(),
            app_id: None,
            access_token: "EAAJB".to_owned().into(),
            app_secret: "0123456789abcdef".to_owned().into(),
            verify_token: None,
            rate: None,
            graph_url: None,
            is_default: false,
        }
    }

    fn pointers(faults: Faults) -> Vec<String> {
        faults.0.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn every_fault_of_a_new_connection_is_told_at_once() {
        assert!(create(&wanted()).check().is_ok());
        let bad = CreateConnection {
            name: String::new(),
            phone_number_id: "+4915".into(),
            access_token: "two words".to_owned().into(),
            rate: Some(Rate { count: 0, period_ms: 1_000 }),
            graph_url: Some("ftp://graph".into()),
            ..wanted()
        };
        let expected = ["/name", "/phone_number_id", "/access_token", "/rate_limit", "/graph_url"];
        assert_eq!(pointers(create(&bad)), expected);
    }

    #[test]
    fn the_default_is_moved_and_never_taken_away() {
        let patch_of = |is_default| PatchConnection { is_default, ..PatchConnection::default() };
        assert!(patch(&patch_of(Some(true))).check().is_ok());
        assert_eq!(pointers(patch(&patch_of(Some(false)))), ["/is_default"]);
    }

    #[test]
    fn a_graph_url_carries_neither_credentials_nor_a_query() {
        for bad in ["graph.facebook.com", "https://a:b@graph.facebook.com", "https://graph.facebook.com/?x=1"]
        {
            let change = PatchConnection { graph_url: Some(bad.into()), ..PatchConnection::default() };
            assert_eq!(pointers(patch(&change)), ["/graph_url"], "{bad}");
        }
        assert_eq!(without_slash("http://127.0.0.1:8090/"), "http://127.0.0.1:8090");
    }
}
