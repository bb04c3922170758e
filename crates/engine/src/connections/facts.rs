//! What Meta says of a token and a number, read together.

use domain::pacing::Rate;
use ports::connections::ConnectionPatch;
use ports::gateway::{Access, GatewayError, MetaGateway, NumberFacts, TokenFacts};

/// Without these a connection can neither send nor manage templates. Source: Meta, "Permissions".
pub(super) const SCOPES: [&str; 2] = ["whatsapp_business_messaging", "whatsapp_business_management"];
/// Meta, "Throughput": numbers of level `HIGH` send 1,000 per second.
const HIGH: u32 = 1_000;

/// Both answers, or why there are none.
pub(super) struct Facts {
    pub(super) token: Result<TokenFacts, GatewayError>,
    pub(super) number: Result<NumberFacts, GatewayError>,
}

/// Why Meta is sure that this cannot work.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unfit {
    Token(String),
    Number(String),
}

impl Facts {
    /// Asks Meta for both at once.
    pub(super) async fn read(gateway: &dyn MetaGateway, access: &Access) -> Self {
        let (token, number) = tokio::join!(gateway.debug_token(access), gateway.number(access));
        Self { token, number }
    }

    /// What Meta is sure of; silence, limits and faults at Meta's side prove nothing.
    pub(super) fn unfit(&self) -> Option<Unfit> {
        match &self.token {
            Ok(facts) if !facts.is_valid => return Some(Unfit::Token(problem(facts))),
            Err(GatewayError::Refused(refusal)) if refusal.code == 190 => {
                return Some(Unfit::Token(refusal.message.clone()));
            }
            _ => {}
        }
        match &self.number {
            Err(GatewayError::Refused(refusal)) if refusal.code == 190 => {
                Some(Unfit::Token(refusal.message.clone()))
            }
            // 100 (subcode 33) and 33: the object does not exist or this token may not see it.
            Err(GatewayError::Refused(refusal)) if matches!(refusal.code, 10 | 33 | 100 | 200..=299) => {
                Some(Unfit::Number(refusal.message.clone()))
            }
            _ => None,
        }
    }

    /// What should be told although the connection is made.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match &self.token {
            Ok(facts) => {
                let missing = missing_scopes(facts);
                if !missing.is_empty() {
                    warnings.push(format!("the token lacks the permission {}", missing.join(" and ")));
                }
            }
            Err(error) => warnings.push(format!("the token was not checked: {error}")),
        }
        match &self.number {
            Ok(facts) => match facts.status.as_deref() {
                None | Some("CONNECTED") => {}
                Some(status) => {
                    warnings.push(format!("Meta shows the number as {status}; only CONNECTED can send"))
                }
            },
            Err(error) => warnings.push(format!("the number was not checked: {error}")),
        }
        warnings
    }

    /// What is worth keeping; `rate` is left alone unless `with_rate`.
    pub(super) fn patch(&self, with_rate: bool) -> ConnectionPatch {
        let mut patch = ConnectionPatch::default();
        if let Ok(facts) = &self.token
            && facts.is_valid
        {
            patch.token_expires_at = Some(facts.expires_at);
            patch.app_id = facts.app_id.clone();
        }
        if let Ok(facts) = &self.number {
            patch.display_phone_number = facts.display_phone_number.clone();
            patch.verified_name = facts.verified_name.clone();
            patch.quality_rating = facts.quality_rating.clone();
            patch.messaging_limit = facts.messaging_limit.clone();
            patch.business_id = facts.business_id.clone();
            patch.rate =
                (with_rate && facts.throughput.as_deref() == Some("HIGH")).then(|| Rate::per_second(HIGH));
        }
        patch
    }
}

/// Permissions that a token should have and has not. A token whose permissions Meta does not list lacks nothing as
/// far as is known.
pub(super) fn missing_scopes(facts: &TokenFacts) -> Vec<&'static str> {
    if facts.scopes.is_empty() {
        return Vec::new();
    }
    SCOPES.into_iter().filter(|scope| !facts.scopes.iter().any(|held| held == scope)).collect()
}

/// Why a token is not valid, in Meta's words where there are any.
pub(super) fn problem(facts: &TokenFacts) -> String {
    facts.problem.clone().unwrap_or_else(|| match facts.expires_at {
        Some(end) => format!("it ended at {end}"),
        None => "it is not valid".to_owned(),
    })
}
