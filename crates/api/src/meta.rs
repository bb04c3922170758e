//! Meta's refusals outside of sending, as our answers. Source of the codes: Meta, "Error codes".

use api_types::Problem;
use api_types::errors::details::{Rejected, TokenOver, Unreachable};
use domain::messages::retry::FailureKind;
use ports::gateway::{GatewayError, MetaRefusal};

use crate::error::ApiError;

/// Meta's code for a token that is over.
const TOKEN: i64 = 190;
/// Seconds after which a management call may be tried again.
const PAUSE: u64 = 60;

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Refused(refusal) => refused(*refusal),
            GatewayError::NotSent(_) | GatewayError::Unknown(_) => unavailable(None),
        }
    }
}

fn refused(refusal: MetaRefusal) -> ApiError {
    match refusal.kind {
        FailureKind::ConnectionBroken if refusal.code == TOKEN => token_over(None),
        FailureKind::Retryable | FailureKind::Throttled { .. } => unavailable(Some(PAUSE)),
        _ => {
            let meta_message = in_words(&refusal);
            Problem::MetaRejected(Rejected {
                meta_error_code: refusal.code,
                meta_message,
                fbtrace_id: refusal.fbtrace_id,
                advice: refusal.advice,
                message_id: None,
            })
            .into()
        }
    }
}

/// What Meta wrote for a person, where it did; else what it wrote for a program.
fn in_words(refusal: &MetaRefusal) -> String {
    match (&refusal.user_title, &refusal.user_message) {
        (Some(title), Some(text)) => format!("{title}: {text}"),
        (None, Some(text)) | (Some(text), None) => text.clone(),
        (None, None) => match &refusal.details {
            Some(details) => format!("{} ({details})", refusal.message),
            None => refusal.message.clone(),
        },
    }
}

fn unavailable(retry_after_seconds: Option<u64>) -> ApiError {
    Problem::MetaUnavailable(Unreachable { message_id: None, retry_after_seconds }).into()
}

/// TOKEN_EXPIRED
pub(crate) fn token_over(connection_id: Option<i64>) -> ApiError {
    Problem::TokenExpired(TokenOver {
        action_required: "Reconnect WhatsApp in Settings".to_owned(),
        expired_at: None,
        connection_id,
        message_id: None,
    })
    .into()
}
