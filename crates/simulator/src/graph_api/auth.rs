//! Who calls, and what they may touch.

use jiff::Timestamp;

use crate::accounts::token::{MANAGEMENT, MESSAGING};
use crate::accounts::{Accounts, Token};
use crate::errors::GraphError;

/// The token of a call, known and valid: else 190 with HTTP 401.
pub(crate) fn authenticate<'a>(
    accounts: &'a Accounts,
    token: Option<&str>,
    now: Timestamp,
) -> Result<&'a Token, GraphError> {
    let Some(value) = token.filter(|value| !value.is_empty()) else {
        return Err(GraphError::plain(401, 190, "An access token is required to request this resource."));
    };
    let Some(token) = accounts.token(value) else {
        return Err(GraphError::plain(401, 190, "Invalid OAuth access token - Cannot parse access token"));
    };
    token.check(now)?;
    Ok(token)
}

/// The token may send for the account: its scope (200), then its assets (10).
pub(crate) fn may_message(token: &Token, waba_id: &str) -> Result<(), GraphError> {
    scope(token, MESSAGING)?;
    asset(token, waba_id)
}

/// The token may manage the account.
pub(crate) fn may_manage(token: &Token, waba_id: &str) -> Result<(), GraphError> {
    scope(token, MANAGEMENT)?;
    asset(token, waba_id)
}

fn scope(token: &Token, scope: &str) -> Result<(), GraphError> {
    if token.has_scope(scope) {
        return Ok(());
    }
    Err(GraphError::plain(403, 200, format!("(#200) Requires {scope} permission to access the resource.")))
}

fn asset(token: &Token, waba_id: &str) -> Result<(), GraphError> {
    if token.sees(waba_id) {
        return Ok(());
    }
    Err(GraphError::plain(403, 10, "(#10) Application does not have permission for this action"))
}
