//! Health: one look at how a tenant stands, and whether this node can work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::health::{Check, Facts, NumberFacts, Reason, TemplateCounts, Verdict, judge, verdict};
use domain::pacing::Pacer;
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use ports::StoreResult;
use ports::connections::Connection;
use ports::health::{Counted, Depths, NumberRow};

use crate::Deps;
use crate::messages::Messages;

/// What "lately" means in the answer.
const LATELY: SignedDuration = SignedDuration::from_hours(24);
/// Whoever asks whether a node is ready asks again in a moment: a database that hangs is told as such by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a number stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    pub connection: Connection,
    /// Nothing is sent before then.
    pub throttled_until: Option<Timestamp>,
    /// What throttling left of the rate, in (0, 1].
    pub factor: f64,
    /// The share of the rate that was used in the last minute, in [0, 1].
    pub in_use: f64,
    /// Some node holds its lane.
    pub lane_held: bool,
}

/// How a tenant stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub verdict: Verdict,
    /// The worst first.
    pub reasons: Vec<Reason>,
    /// The default one first.
    pub numbers: Vec<Number>,
    pub pending: Counted,
    pub failed: Counted,
    pub templates: TemplateCounts,
    pub at: Timestamp,
}

impl Report {
    /// The word for one check.
    pub fn verdict_of(&self, check: Check) -> Verdict {
        verdict(self.reasons.iter().filter(|reason| reason.check == check))
    }

    /// The word for one check of one number.
    pub fn verdict_of_number(&self, check: Check, number: ConnectionId) -> Verdict {
        let about = |reason: &&Reason| reason.check == check && reason.connection == Some(number);
        verdict(self.reasons.iter().filter(about))
    }
}

/// What a node needs to work, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// By name; `None`: good.
    pub checks: [(&'static str, Option<String>); 3],
}

impl Readiness {
    /// Nothing is wrong.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|(_, fault)| fault.is_none())
    }
}

/// The use cases of health; clones share what was seen.
#[derive(Clone)]
pub struct Health {
    deps: Deps,
    messages: Messages,
    /// The tables were once seen to be as they should: they stay so.
    migrated: Arc<AtomicBool>,
}

impl Health {
    /// Over these parts.
    pub fn new(deps: Deps, messages: Messages) -> Self {
        Self { deps, messages, migrated: Arc::default() }
    }

    /// How the tenant stands. Every number in it is counted by an index and bounded.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn of(&self, tenant: TenantId) -> StoreResult<Report> {
        let now = self.deps.clock.now();
        let since = now.saturating_sub(LATELY).unwrap_or(Timestamp::MIN);
        let connections = self.deps.store.connections(tenant).await?;
        let counts = self.deps.store.health_counts(tenant, since).await?;
        let row = |id| counts.numbers.iter().find(|row: &&NumberRow| row.connection_id == id);
        let looked: Vec<(Number, NumberFacts)> =
            connections.into_iter().map(|one| self.number(row(one.id), one, now)).collect();
        let (numbers, facts): (Vec<Number>, Vec<NumberFacts>) = looked.into_iter().unzip();
        let (verdict, reasons) = judge(&Facts {
            numbers: facts,
            templates: counts.templates,
            sample: counts.sample,
            in_doubt: counts.in_doubt,
            now,
        });
        let (pending, failed, templates) = (counts.pending, counts.failed, counts.templates);
        Ok(Report { verdict, reasons, numbers, pending, failed, templates, at: now })
    }

    fn number(
        &self,
        row: Option<&NumberRow>,
        connection: Connection,
        now: Timestamp,
    ) -> (Number, NumberFacts) {
        let kept = || serde_json::from_value::<Pacer>(row?.pace.clone()?).ok();
        let pacer = self.messages.pacer(connection.id).or_else(kept);
        let number = Number {
            throttled_until: pacer.as_ref().and_then(|pacer| pacer.paused_until(now)),
            factor: pacer.as_ref().map_or(1.0, Pacer::factor),
            in_use: pacer.as_ref().map_or(0.0, |pacer| pacer.in_use(now)),
            lane_held: row.and_then(|row| row.held_until).is_some_and(|until| until > now),
            connection,
        };
        let connection = &number.connection;
        let facts = NumberFacts {
            id: connection.id,
            name: connection.name.clone(),
            is_default: connection.is_default,
            state: connection.state,
            state_reason: connection.state_reason.clone(),
            token_expires_at: connection.token_expires_at,
            handshake_at: connection.handshake_at,
            last_webhook_at: connection.last_webhook_at,
            rate: connection.rate,
            throttled_until: number.throttled_until,
            factor: number.factor,
            oldest_due_at: row.and_then(|row| row.oldest_due_at),
            lane_held: number.lane_held,
        };
        (number, facts)
    }

    /// Whether this node can work: its store answers, its tables are as this program needs them, its lanes turn.
    /// Answers within about two seconds, also when the database hangs.
    pub async fn ready(&self) -> Readiness {
        let asked = tokio::time::timeout(PATIENCE, self.store_and_tables()).await;
        let hangs = || format!("no answer within {} seconds", PATIENCE.as_secs());
        let (store, migrations) =
            asked.unwrap_or_else(|_| (Some(hangs()), Some("not known without the store".into())));
        let lanes = (!self.messages.lanes_turn()).then(|| "do not turn".to_owned());
        Readiness { checks: [("store", store), ("migrations", migrations), ("lanes", lanes)] }
    }

    async fn store_and_tables(&self) -> (Option<String>, Option<String>) {
        if let Err(error) = self.deps.store.ping().await {
            tracing::warn!(%error, "not ready");
            return (Some("does not answer".into()), Some("not known without the store".into()));
        }
        if self.migrated.load(Ordering::Relaxed) {
            return (None, None);
        }
        match self.deps.store.missing_steps().await {
            Ok(missing) if missing.is_empty() => {
                self.migrated.store(true, Ordering::Relaxed);
                (None, None)
            }
            Ok(missing) => (None, Some(format!("not applied: {}", missing.join(", ")))),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                (None, Some("cannot be read".into()))
            }
        }
    }

    /// What waits on the whole server (operator).
    ///
    /// # Errors
    /// The store's alone.
    pub async fn depths(&self) -> StoreResult<Depths> {
        self.deps.store.depths(self.deps.clock.now()).await
    }

    /// Of each number whose lane this node holds: messages per second that it may send, and the share of that which it
    /// used in the last minute.
    pub fn rates(&self) -> Vec<(ConnectionId, f64, f64)> {
        let now = self.deps.clock.now();
        let rate = |(id, pacer): (ConnectionId, Pacer)| {
            let rate = pacer.rate();
            let limit = f64::from(rate.count) * 1_000.0 / rate.period_ms.max(1) as f64;
            (id, limit * pacer.factor(), pacer.in_use(now))
        };
        self.messages.pacers().into_iter().map(rate).collect()
    }

    /// How many lanes this node holds.
    pub fn lanes_held(&self) -> usize {
        self.messages.lanes_held()
    }

    /// This node's clock, for ages.
    pub fn now(&self) -> Timestamp {
        self.deps.clock.now()
    }
}
