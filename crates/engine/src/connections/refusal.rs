//! Refusals met outside of sending: a token that is over stops the connection whoever finds out first.

use domain::{ConnectionId, TenantId};
use ports::StoreError;
use ports::gateway::GatewayError;

use super::{Breakdown, break_down};
use crate::Deps;

/// Meta's code for a token that is expired, revoked or was never one ("Error codes").
const TOKEN: i64 = 190;

/// Moves the connection to `error` (and alerts, once) when Meta's answer says that its token is over; any other
/// answer changes nothing.
///
/// # Errors
/// The store's alone.
pub async fn note_refusal(
    deps: &Deps,
    tenant: TenantId,
    connection: ConnectionId,
    error: &GatewayError,
) -> Result<(), StoreError> {
    let GatewayError::Refused(refusal) = error else { return Ok(()) };
    if refusal.code != TOKEN {
        return Ok(());
    }
    if let Some(connection) = deps.store.connection(tenant, connection).await? {
        let now = deps.clock.now();
        let breakdown = Breakdown::Token {
            why: refusal.message.clone(),
            expired_at: connection.token_expires_at.filter(|end| *end <= now),
            meta_error_code: Some(refusal.code),
        };
        break_down(deps, &connection, &breakdown).await?;
    }
    Ok(())
}
