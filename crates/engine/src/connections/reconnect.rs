//! Reconnecting: a new token, checked by Meta, and the queue goes on where it stopped.

use domain::connections::ConnectionState;
use domain::{ConnectionId, TenantId};
use ports::connections::Connection;
use secrecy::SecretString;

use super::facts::{Facts, Unfit};
use super::{ConnectionError, Connections, access, shape};
use crate::faults::Faults;

/// What is new.
#[derive(Debug, Clone, Default)]
pub struct Reconnect {
    /// `None`: the token that is kept is asked about again, e.g. after a payment was put in order.
    pub access_token: Option<SecretString>,
    pub app_secret: Option<SecretString>,
}

/// A connection that is active again.
#[derive(Debug, Clone)]
pub struct Reconnected {
    pub connection: Connection,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

impl Connections {
    /// Checks the token at Meta, then in one commit keeps it and makes the connection active; resolves its alerts and
    /// wakes its queue. Changes nothing when Meta does not vouch for the token.
    ///
    /// # Errors
    /// [`ConnectionError::TokenRefused`], [`ConnectionError::Gateway`] when Meta cannot be asked,
    /// [`ConnectionError::Invalid`], [`ConnectionError::NotFound`], or the store's.
    pub async fn reconnect(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        new: Reconnect,
    ) -> Result<Reconnected, ConnectionError> {
        check(&new)?;
        let current = self.get(tenant, connection).await?;
        let mut secrets = self.secrets(tenant, connection).await?;
        if let Some(token) = &new.access_token {
            secrets.access_token = token.clone();
        }
        let facts = Facts::read(self.deps.gateway.as_ref(), &access(&current, &secrets)).await;
        match facts.unfit() {
            Some(Unfit::Token(why)) => return Err(ConnectionError::TokenRefused(why)),
            Some(Unfit::Number(why)) => {
                let why = format!("it may not use the number {}: {why}", current.phone_number_id);
                return Err(ConnectionError::TokenRefused(why));
            }
            None => {}
        }
        if let Err(error) = &facts.token {
            return Err(ConnectionError::Gateway(error.clone()));
        }
        let mut patch = facts.patch(false);
        patch.access_token = new.access_token;
        patch.app_secret = new.app_secret;
        patch.state = Some((ConnectionState::Active, None));
        let connection = self.change(tenant, connection, patch).await?;
        self.resolve_alerts(tenant, connection.id).await?;
        (self.wake)(connection.id);
        tracing::info!(tenant.id = %tenant, connection.id = %connection.id, "connection is active again");
        Ok(Reconnected { connection, warnings: facts.warnings() })
    }
}

fn check(new: &Reconnect) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if let Some(token) = &new.access_token {
        shape::secret("/access_token", token, &mut faults);
    }
    if let Some(secret) = &new.app_secret {
        shape::secret("/app_secret", secret, &mut faults);
    }
    faults.check()
}
