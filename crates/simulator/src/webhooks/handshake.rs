//! The verification handshake: Meta calls the callback before it takes it (WhatsApp, "Webhooks").

use crate::entropy::Entropy;
use crate::errors::GraphError;

/// Calls `callback` with `hub.challenge` and checks that it comes back as it is, with HTTP 200.
pub(crate) async fn verify(
    client: &reqwest::Client,
    entropy: &Entropy,
    callback: &str,
    verify_token: &str,
) -> Result<(), GraphError> {
    let challenge = (1_000_000_000 + entropy.below(1_000_000_000)).to_string();
    let query =
        [("hub.mode", "subscribe"), ("hub.challenge", &challenge), ("hub.verify_token", verify_token)];
    let answer = client.get(callback).query(&query).timeout(std::time::Duration::from_secs(10)).send().await;
    let fault = match answer {
        Err(fault) => format!(
            "The URL couldn't be validated. Callback verification failed with the following errors: curl_errno = {}; HTTP Status Code = 0",
            if fault.is_connect() { 7 } else { 28 }
        ),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let body = answer.text().await.unwrap_or_default();
            if status == 200 && body == challenge {
                return Ok(());
            }
            format!(
                "The URL couldn't be validated. Response does not match challenge, expected value=\"{challenge}\", received=\"{}\", HTTP Status Code = {status}",
                body.chars().take(80).collect::<String>()
            )
        }
    };
    Err(GraphError::plain(400, 2200, format!("(#2200) Callback verification failed: {fault}")))
}
