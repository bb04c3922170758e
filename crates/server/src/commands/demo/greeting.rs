//! What the demo prints once everything answers.

use crate::commands::output::say;
use std::io;
use std::path::Path;

use super::handles::{Handles, file};

/// A contact that opted in, see `contacts`.
const TO: &str = "+12025550101";

pub(super) fn print(handles: &Handles, data: &Path, empty: bool) -> io::Result<()> {
    let Handles { url, api_key, sim_url, tenant, .. } = handles;
    let base = format!("{url}/api/v1/tenant/{tenant}/whatsapp");
    say!("Waxwing   {url}        (API reference: {url}/docs)")?;
    say!("Meta      {sim_url}        (simulated; a phone to play the customer with: {sim_url}/sim)")?;
    say!("Tenant    {tenant} \"Demo\", base path {base}")?;
    say!("API key   {api_key}")?;
    say!("Handles   {}", file(data).display())?;
    if !empty {
        say!("\nTry:\n{}", tries(handles, &base))?;
    }
    say!("\nCtrl-C stops both.")
}

/// A template goes out, the customer answers, the answer is replied to.
fn tries(handles: &Handles, base: &str) -> String {
    let Handles { api_key, sim_url, .. } = handles;
    let auth = format!("-H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json'");
    let template = format!(
        r#"{{"to":"{TO}","template_name":"order_shipped","template_params":{{"customer_name":"Amelia","order_id":"1042","tracking_url":"https://example.com/1042"}}}}"#
    );
    let answer = r#"{"text":"Great, when does it arrive?"}"#;
    let reply =
        format!(r#"{{"to":"{TO}","message_type":"text","content":{{"body":"Tomorrow before noon."}}}}"#);
    [
        format!("  curl -s {base}/messages {auth} -d '{template}'"),
        format!("  curl -s {sim_url}/_sim/customers/{TO}/messages -H 'Content-Type: application/json' -d '{answer}'"),
        format!("  curl -s {base}/messages {auth} -d '{reply}'"),
    ]
    .join("\n")
}
