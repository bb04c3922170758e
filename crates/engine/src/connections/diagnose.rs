//! Diagnosis: every reason why a connection could be silent, looked at one by one, each with what to do.

mod checks;

use std::time::Duration;

use domain::connections::ConnectionState;
use domain::{ConnectionId, TenantId, Timestamp};
use ports::StoreError;
use ports::connections::{Connection, ConnectionSecrets};
use ports::gateway::{Access, GatewayError};

use super::facts::{Facts, Unfit};
use super::{Breakdown, ConnectionError, Connections, access, break_down};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    Passed,
    /// Works now; somebody should act before it does not.
    Warning,
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: &'static str,
    pub finding: Finding,
    /// What was found.
    pub detail: String,
    /// `None` when nothing is to be done.
    pub what_to_do: Option<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// With what Meta just told about it.
    pub connection: Connection,
    pub checks: Vec<Check>,
    pub at: Timestamp,
}

impl Diagnosis {
    /// Whether no check failed.
    pub fn healthy(&self) -> bool {
        self.checks.iter().all(|check| check.finding != Finding::Failed)
    }
}

/// How often and how long a handshake is waited for: Meta performs it before it answers the subscription.
const HANDSHAKE_LOOKS: u32 = 20;
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(100);

impl Connections {
    /// Looks at token, number, account, subscription and webhook; subscribes the app when it is not, which makes
    /// Meta perform the handshake; keeps what Meta told.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`], or the store's. That Meta cannot be reached is a finding, not an error.
    pub async fn diagnose(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<Diagnosis, ConnectionError> {
        let current = self.get(tenant, connection).await?;
        let secrets = self.secrets(tenant, connection).await?;
        let access = access(&current, &secrets);
        let gateway = self.deps.gateway.as_ref();
        let (facts, numbers, apps) = tokio::join!(
            Facts::read(gateway, &access),
            gateway.account_numbers(&access),
            gateway.subscribed_apps(&access)
        );
        let app_id =
            current.app_id.clone().or(facts.token.as_ref().ok().and_then(|token| token.app_id.clone()));
        let subscribed = apps.as_ref().map(|apps| is_subscribed(apps, app_id.as_deref()));
        let (subscription, handshake) = self.subscription(&current, &secrets, &access, subscribed).await?;
        let at = self.deps.clock.now();
        let checks = vec![
            checks::token_valid(&facts.token),
            checks::token_expiry(&facts.token, at),
            checks::scopes(&facts.token),
            checks::number_state(&facts.number),
            checks::account_reachable(&numbers, &current),
            subscription,
            handshake,
        ];
        self.note_broken_token(&current, &facts).await?;
        let mut patch = facts.patch(false);
        if current.app_id.is_some() {
            patch.app_id = None;
        }
        let connection = self.change(tenant, connection, patch).await?;
        Ok(Diagnosis { connection, checks, at })
    }

    async fn note_broken_token(&self, connection: &Connection, facts: &Facts) -> Result<(), StoreError> {
        if connection.state == ConnectionState::Active
            && let Some(Unfit::Token(why)) = facts.unfit()
        {
            let expired_at = facts.token.as_ref().ok().and_then(|token| token.expires_at);
            let breakdown = Breakdown::Token { why, expired_at, meta_error_code: None };
            break_down(&self.deps, connection, &breakdown).await?;
        }
        Ok(())
    }

    /// The last two checks; one call may heal both.
    async fn subscription(
        &self,
        connection: &Connection,
        secrets: &ConnectionSecrets,
        access: &Access,
        subscribed: Result<bool, &GatewayError>,
    ) -> Result<(Check, Check), ConnectionError> {
        let seen = connection.handshake_at;
        let callback = self.callback(connection).await?;
        let heal = match subscribed {
            Ok(true) => seen.is_none() && callback.is_some(),
            Ok(false) => true,
            Err(_) => false,
        };
        if !heal {
            let check = match subscribed {
                Ok(_) => checks::app_subscribed(false),
                Err(error) => checks::failed("app_subscribed", error),
            };
            return Ok((check, checks::webhook_handshake(seen, callback.as_deref(), connection)));
        }
        let target = callback.as_deref().map(|url| (url, &secrets.verify_token));
        let check = match self.deps.gateway.subscribe_app(access, target).await {
            Ok(()) => checks::app_subscribed(subscribed == Ok(false)),
            // The subscription stands; it is the handshake that failed.
            Err(error) if subscribed == Ok(true) => {
                let mut handshake = checks::webhook_handshake(seen, callback.as_deref(), connection);
                handshake.detail = format!("{}; Meta's try now failed: {error}", handshake.detail);
                return Ok((checks::app_subscribed(false), handshake));
            }
            Err(error) => checks::failed("app_subscribed", &error),
        };
        let seen = match check.finding == Finding::Passed && callback.is_some() {
            true => self.await_handshake(connection).await?,
            false => seen,
        };
        Ok((check, checks::webhook_handshake(seen, callback.as_deref(), connection)))
    }

    /// Where Meta should post. An override belongs to the whole account, so numbers that share one share the common
    /// address.
    async fn callback(&self, connection: &Connection) -> Result<Option<String>, StoreError> {
        let Some(base) = self.deps.settings.public_url.as_deref() else { return Ok(None) };
        let base = base.trim_end_matches('/');
        let all = self.deps.store.connections(connection.tenant_id).await?;
        let shared = all.iter().any(|other| other.id != connection.id && other.waba_id == connection.waba_id);
        Ok(Some(match shared {
            true => format!("{base}/webhooks/whatsapp"),
            false => format!("{base}/webhooks/whatsapp/{}", connection.id),
        }))
    }

    async fn await_handshake(&self, connection: &Connection) -> Result<Option<Timestamp>, ConnectionError> {
        for _ in 0..HANDSHAKE_LOOKS {
            let now = self.get(connection.tenant_id, connection.id).await?.handshake_at;
            if now != connection.handshake_at {
                return Ok(now);
            }
            tokio::time::sleep(HANDSHAKE_PAUSE).await;
        }
        Ok(connection.handshake_at)
    }
}

/// When the app is not known, any subscribed app is taken for ours.
fn is_subscribed(apps: &[String], app_id: Option<&str>) -> bool {
    match app_id {
        Some(app_id) => apps.iter().any(|app| app == app_id),
        None => !apps.is_empty(),
    }
}
