//! The single checks: pure, from what Meta answered.

use domain::Timestamp;
use domain::connections::{TokenWarning, token_warning};
use ports::connections::Connection;
use ports::gateway::{GatewayError, NumberFacts, TokenFacts};

use super::{Check, Finding};
use crate::connections::facts::{SCOPES, missing_scopes, problem};

const NEW_TOKEN: &str =
    "Create a new access token at Meta (Business settings, System users) and reconnect with it.";
const LATER: &str = "Check this server's way to the internet and metastatus.com, then diagnose again.";

fn good(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, finding: Finding::Passed, detail: detail.into(), what_to_do: None }
}

fn bad(name: &'static str, detail: impl Into<String>, what_to_do: impl Into<String>) -> Check {
    Check { name, finding: Finding::Failed, detail: detail.into(), what_to_do: Some(what_to_do.into()) }
}

fn warning(name: &'static str, detail: impl Into<String>, what_to_do: impl Into<String>) -> Check {
    Check { finding: Finding::Warning, ..bad(name, detail, what_to_do) }
}

/// The question was not answered.
pub(super) fn failed(name: &'static str, error: &GatewayError) -> Check {
    match error {
        GatewayError::Refused(refusal) => bad(name, error.to_string(), refusal.advice.clone()),
        GatewayError::NotSent(_) | GatewayError::Unknown(_) => bad(name, error.to_string(), LATER),
    }
}

pub(super) fn token_valid(token: &Result<TokenFacts, GatewayError>) -> Check {
    const NAME: &str = "token_valid";
    match token {
        Ok(facts) if facts.is_valid => match &facts.app_id {
            Some(app) => good(NAME, format!("Meta accepts the token, of app {app}")),
            None => good(NAME, "Meta accepts the token"),
        },
        Ok(facts) => bad(NAME, format!("Meta does not accept the token: {}", problem(facts)), NEW_TOKEN),
        Err(GatewayError::Refused(refusal)) if refusal.code == 190 => {
            bad(NAME, refusal.message.clone(), NEW_TOKEN)
        }
        Err(error) => failed(NAME, error),
    }
}

pub(super) fn token_expiry(token: &Result<TokenFacts, GatewayError>, now: Timestamp) -> Check {
    const NAME: &str = "token_expiry";
    let facts = match token {
        Ok(facts) => facts,
        Err(error) => return failed(NAME, error),
    };
    let Some(end) = facts.expires_at else {
        return match facts.is_valid {
            true => good(NAME, "the token never ends"),
            false => bad(NAME, "the token is not valid; Meta does not say when it ended", NEW_TOKEN),
        };
    };
    match token_warning(Some(end), now) {
        None => good(NAME, format!("the token ends at {end}")),
        Some(TokenWarning::Expired) => bad(NAME, format!("the token ended at {end}"), NEW_TOKEN),
        Some(TokenWarning::Week | TokenWarning::Day) => warning(
            NAME,
            format!("the token ends soon, at {end}"),
            "Create a token that does not end (system user) and reconnect with it before then.",
        ),
    }
}

pub(super) fn scopes(token: &Result<TokenFacts, GatewayError>) -> Check {
    const NAME: &str = "scopes";
    match token {
        Err(error) => failed(NAME, error),
        Ok(facts) if facts.scopes.is_empty() => warning(
            NAME,
            "Meta lists no permissions of this token",
            format!("It needs {}.", SCOPES.join(" and ")),
        ),
        Ok(facts) => match missing_scopes(facts).as_slice() {
            [] => good(NAME, SCOPES.join(", ")),
            missing => bad(
                NAME,
                format!("the token lacks {}", missing.join(" and ")),
                "Create a token with both permissions and reconnect with it.",
            ),
        },
    }
}

pub(super) fn number_state(number: &Result<NumberFacts, GatewayError>) -> Check {
    const NAME: &str = "number_state";
    let facts = match number {
        Ok(facts) => facts,
        Err(error) => return failed(NAME, error),
    };
    let problems = || match facts.health_problems.as_slice() {
        [] => "Look at the number in WhatsApp Manager.".to_owned(),
        some => some.join("; "),
    };
    match (facts.status.as_deref(), facts.can_send.as_deref()) {
        (Some("CONNECTED") | None, Some("BLOCKED")) => {
            bad(NAME, "Meta blocks sending from this number", problems())
        }
        (Some("CONNECTED"), Some("LIMITED")) => {
            warning(NAME, "CONNECTED, but Meta limits sending from this number", problems())
        }
        (Some("CONNECTED"), _) => good(NAME, "CONNECTED"),
        (Some(status), _) => {
            bad(NAME, format!("the number is {status}; only CONNECTED can send"), problems())
        }
        (None, _) => bad(NAME, "Meta does not tell the state of the number", problems()),
    }
}

pub(super) fn account_reachable(
    numbers: &Result<Vec<String>, GatewayError>,
    connection: &Connection,
) -> Check {
    const NAME: &str = "account_reachable";
    match numbers {
        Err(error) => failed(NAME, error),
        Ok(numbers) if numbers.contains(&connection.phone_number_id) => {
            good(NAME, format!("account {} lists the number", connection.waba_id))
        }
        Ok(_) => bad(
            NAME,
            format!("account {} does not list number {}", connection.waba_id, connection.phone_number_id),
            "Compare both ids with WhatsApp Manager; the number may have moved to another account.",
        ),
    }
}

pub(super) fn app_subscribed(just_now: bool) -> Check {
    good(
        "app_subscribed",
        match just_now {
            true => "the app was not subscribed to the account's webhooks; it is now",
            false => "the app is subscribed to the account's webhooks",
        },
    )
}

pub(super) fn webhook_handshake(
    seen: Option<Timestamp>,
    callback: Option<&str>,
    connection: &Connection,
) -> Check {
    const NAME: &str = "webhook_handshake";
    if let Some(at) = seen {
        return good(NAME, format!("Meta's handshake was answered at {at}"));
    }
    // Whoever gets signed webhooks needs no handshake: the address is set in the app.
    if let Some(at) = connection.last_webhook_at {
        return good(NAME, format!("no handshake was seen, but webhooks come in, the last at {at}"));
    }
    match callback {
        Some(url) => bad(
            NAME,
            "Meta's handshake has not been seen",
            format!("Check that Meta can reach {url} over https with a valid certificate."),
        ),
        None => bad(
            NAME,
            "Meta's handshake has not been seen, and this server does not know its public address",
            "Set the public address of this server, or enter its webhook address and the verify token in the app at Meta.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use domain::SignedDuration;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn token() -> TokenFacts {
        TokenFacts {
            is_valid: true,
            app_id: Some("1".into()),
            expires_at: None,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            problem: None,
        }
    }

    fn number(status: &str, can_send: &str) -> NumberFacts {
        NumberFacts {
            display_phone_number: None,
            verified_name: None,
            quality_rating: None,
            status: Some(status.into()),
            throughput: None,
            messaging_limit: None,
            business_id: None,
            can_send: Some(can_send.into()),
            health_problems: vec!["payment method missing".into()],
        }
    }

    #[test]
    fn a_token_that_never_ends_passes_and_one_that_ends_soon_is_told_of() {
        assert_eq!(token_expiry(&Ok(token()), now()).finding, Finding::Passed);
        let ending =
            |hours| TokenFacts { expires_at: Some(now() + SignedDuration::from_hours(hours)), ..token() };
        assert_eq!(token_expiry(&Ok(ending(24 * 8)), now()).finding, Finding::Passed);
        for (hours, finding) in [(24 * 6, Finding::Warning), (3, Finding::Warning), (-1, Finding::Failed)] {
            let check = token_expiry(&Ok(ending(hours)), now());
            assert_eq!(check.finding, finding, "{hours} h");
            assert!(check.what_to_do.is_some(), "{hours} h");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        assert_eq!(scopes(&Ok(token())).finding, Finding::Passed);
        let lacking = TokenFacts { scopes: vec!["whatsapp_business_management".into()], ..token() };
        let check = scopes(&Ok(lacking));
        assert_eq!(check.finding, Finding::Failed);
        assert!(check.detail.contains("whatsapp_business_messaging"), "{check:?}");
    }

    #[test]
    fn only_a_connected_number_that_may_send_passes() {
        let finding = |status, can_send| number_state(&Ok(number(status, can_send))).finding;
        assert_eq!(finding("CONNECTED", "AVAILABLE"), Finding::Passed);
        assert_eq!(finding("CONNECTED", "LIMITED"), Finding::Warning);
        assert_eq!(finding("PENDING", "AVAILABLE"), Finding::Failed);
        let blocked = number_state(&Ok(number("CONNECTED", "BLOCKED")));
        assert_eq!(blocked.what_to_do.as_deref(), Some("payment method missing"));
        assert_eq!(blocked.finding, Finding::Failed);
    }

    #[test]
    fn every_failed_question_says_what_to_do() {
        let error = GatewayError::NotSent("connection refused".into());
        for check in [
            token_valid(&Err(error.clone())),
            token_expiry(&Err(error.clone()), now()),
            scopes(&Err(error.clone())),
            number_state(&Err(error.clone())),
            failed("app_subscribed", &error),
        ] {
            assert!(check.finding == Finding::Failed && check.what_to_do.is_some(), "{check:?}");
        }
    }
}
