//! The token watch: warns 7 days and 1 day ahead, and stops a connection the moment its token is over.
//!
//! Two things run beside each other: the known end of each token is compared with the clock every second, from
//! memory; and Meta is asked (`debug_token`) at the start, then once a day, hourly in a token's last week.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::connections::{ConnectionState, TokenWarning, token_warning};
use domain::{ConnectionId, SignedDuration, Timestamp};
use ports::StoreError;
use ports::alerts::Severity;
use ports::connections::{Connection, ConnectionPatch, ConnectionSecrets};
use ports::gateway::{GatewayError, TokenFacts};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::facts::problem;
use super::{Breakdown, Connections, access, break_down};
use crate::Deps;
use crate::alerts::{Alerts, Condition, connection_subject, kinds};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Questions to Meta at the same time.
const ASKING: usize = 8;
const DAILY: SignedDuration = SignedDuration::from_hours(24);
const HOURLY: SignedDuration = SignedDuration::from_hours(1);
/// After a question that was not answered.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);

impl Connections {
    /// Watches the tokens of all tenants until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut watch = Watch::new(self.deps);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {
                    if let Err(error) = watch.look().await {
                        tracing::warn!(%error, "tokens were not looked at");
                    }
                }
                Some(Ok((id, answer))) = watch.questions.join_next() => {
                    if let Err(error) = watch.answered(id, answer).await {
                        tracing::warn!(connection.id = %id, %error, "an answer about a token was not kept");
                    }
                }
            }
        }
    }
}

struct Watched {
    connection: Connection,
    secrets: ConnectionSecrets,
    ask_at: Timestamp,
    asking: bool,
    /// What was warned of since this node started; `None` also when nothing was looked at yet.
    warned: Option<TokenWarning>,
}

struct Watch {
    deps: Deps,
    alerts: Alerts,
    version: Option<i64>,
    watched: HashMap<ConnectionId, Watched>,
    questions: JoinSet<(ConnectionId, Result<TokenFacts, GatewayError>)>,
    permits: Arc<Semaphore>,
}

impl Watch {
    fn new(deps: Deps) -> Self {
        let alerts = Alerts::new(deps.clone());
        let permits = Arc::new(Semaphore::new(ASKING));
        Self { deps, alerts, version: None, watched: HashMap::new(), questions: JoinSet::new(), permits }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let version = self.deps.store.connections_version().await?;
        let now = self.deps.clock.now();
        if self.version != Some(version) {
            self.refresh(now).await?;
            self.version = Some(version);
        }
        let ids: Vec<ConnectionId> = self.watched.keys().copied().collect();
        for id in ids {
            self.warn(id, now).await?;
            self.ask(id, now);
        }
        Ok(())
    }

    async fn refresh(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let mut before = std::mem::take(&mut self.watched);
        for (connection, secrets) in self.deps.store.all_connections().await? {
            let known = before.remove(&connection.id).filter(|known| {
                known.secrets.access_token.expose_secret() == secrets.access_token.expose_secret()
            });
            let watched = match known {
                Some(known) => Watched { connection, secrets, ..known },
                None => Watched { connection, secrets, ask_at: now, asking: false, warned: None },
            };
            self.watched.insert(watched.connection.id, watched);
        }
        Ok(())
    }

    async fn warn(&mut self, id: ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let Some(watched) = self.watched.get_mut(&id) else { return Ok(()) };
        let connection = &watched.connection;
        if connection.state != ConnectionState::Active {
            return Ok(());
        }
        let warning = token_warning(connection.token_expires_at, now);
        if warning == Some(TokenWarning::Expired) {
            let expired_at = connection.token_expires_at;
            let why = "the access token's time is over".to_owned();
            let breakdown = Breakdown::Token { why, expired_at, meta_error_code: None };
            break_down(&self.deps, connection, &breakdown).await?;
            watched.connection.state = ConnectionState::Error;
            return Ok(());
        }
        if warning == watched.warned {
            return Ok(());
        }
        match (warning, connection.token_expires_at) {
            (Some(warning), Some(end)) => {
                self.alerts.escalate(connection.tenant_id, expiring(connection, warning, end)).await?;
            }
            _ => {
                let subject = connection_subject(id);
                self.alerts.resolve(connection.tenant_id, kinds::TOKEN_EXPIRING, &subject).await?;
            }
        }
        watched.warned = warning;
        Ok(())
    }

    fn ask(&mut self, id: ConnectionId, now: Timestamp) {
        let Some(watched) = self.watched.get_mut(&id) else { return };
        let active = watched.connection.state == ConnectionState::Active;
        if !active || watched.asking || watched.ask_at > now {
            return;
        }
        watched.asking = true;
        let gateway = self.deps.gateway.clone();
        let access = access(&watched.connection, &watched.secrets);
        let permits = self.permits.clone();
        self.questions.spawn(async move {
            let _permit = permits.acquire().await;
            (id, gateway.debug_token(&access).await)
        });
    }

    async fn answered(
        &mut self,
        id: ConnectionId,
        answer: Result<TokenFacts, GatewayError>,
    ) -> Result<(), StoreError> {
        let now = self.deps.clock.now();
        let Some(watched) = self.watched.get_mut(&id) else { return Ok(()) };
        watched.asking = false;
        let soon = token_warning(watched.connection.token_expires_at, now).is_some();
        let pause = match (&answer, soon) {
            (Err(_), _) => AGAIN,
            (Ok(_), true) => HOURLY,
            (Ok(_), false) => DAILY,
        };
        watched.ask_at = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        match answer {
            Ok(facts) if facts.is_valid => self.keep_end(id, facts.expires_at, now).await,
            Ok(facts) => {
                let why = problem(&facts);
                let expired_at = facts.expires_at.or(watched.connection.token_expires_at);
                self.broken(id, Breakdown::Token { why, expired_at, meta_error_code: None }).await
            }
            Err(GatewayError::Refused(refusal)) if refusal.code == 190 => {
                let expired_at = watched.connection.token_expires_at.filter(|end| *end <= now);
                let code = Some(refusal.code);
                let why = refusal.message;
                self.broken(id, Breakdown::Token { why, expired_at, meta_error_code: code }).await
            }
            Err(error) => {
                tracing::warn!(connection.id = %id, %error, "Meta did not answer about a token");
                Ok(())
            }
        }
    }

    async fn keep_end(
        &mut self,
        id: ConnectionId,
        end: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(watched) = self.watched.get_mut(&id) else { return Ok(()) };
        let connection = &mut watched.connection;
        if connection.token_expires_at == end {
            return Ok(());
        }
        let patch = ConnectionPatch { token_expires_at: Some(end), ..ConnectionPatch::default() };
        self.deps.store.update_connection(connection.tenant_id, id, patch, now).await?;
        connection.token_expires_at = end;
        Ok(())
    }

    /// An answer about a token that was replaced meanwhile does not count: the list is read again first.
    async fn broken(&mut self, id: ConnectionId, breakdown: Breakdown) -> Result<(), StoreError> {
        let Some(watched) = self.watched.get_mut(&id) else { return Ok(()) };
        let tenant = watched.connection.tenant_id;
        let kept = self.deps.store.connection_secrets(tenant, id).await?;
        let same = kept.is_some_and(|kept| {
            kept.access_token.expose_secret() == watched.secrets.access_token.expose_secret()
        });
        if same {
            break_down(&self.deps, &watched.connection, &breakdown).await?;
            watched.connection.state = ConnectionState::Error;
        }
        Ok(())
    }
}

fn expiring(connection: &Connection, warning: TokenWarning, end: Timestamp) -> Condition {
    let (severity, left) = match warning {
        TokenWarning::Week => (Severity::Warning, "within 7 days"),
        TokenWarning::Day | TokenWarning::Expired => (Severity::Critical, "within a day"),
    };
    Condition {
        kind: kinds::TOKEN_EXPIRING,
        subject: connection_subject(connection.id),
        severity,
        message: format!("The access token of \"{}\" ends {left}, at {end}", connection.name),
        details: json!({
            "connection_id": connection.id,
            "connection_name": connection.name,
            "expires_at": end,
            "action_required": "Reconnect WhatsApp in Settings",
        }),
    }
}
