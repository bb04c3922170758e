//! Restraint: Meta wants fewer messages for a while, of the number, of its account or of the whole app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::messages::retry::{FailureKind, Outcome as Called, ThrottleScope};
use domain::pacing::account_pause;
use domain::{SignedDuration, Timestamp};
use ports::connections::Connection;
use ports::messages::Failure;
use ports::operator::Wake;

use super::Lane;
use crate::alerts::{Alerts, connection_subject, kinds};
use crate::connections::restrained;

/// Too many messages were blocked or reported. Source: Meta, "Error codes".
const SPAM_LIMIT: i64 = 131_048;

/// What passes so long after Meta limited a number shows that this is over. (At once it shows nothing: Meta may take a
/// message and tell of the limit later.)
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Which accounts and apps Meta told to pause, and until when: the limit that one number met is that of its siblings, on
/// whichever node they are. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Restraints(Arc<Mutex<HashMap<String, Timestamp>>>);

impl Restraints {
    /// Takes in what Meta told a number about its account or its app; answers whether that is news.
    pub(in crate::messages) fn heed(
        &self,
        connection: &Connection,
        scope: ThrottleScope,
        now: Timestamp,
        until: Timestamp,
    ) -> bool {
        let whom = match scope {
            ThrottleScope::Account => Some(of_account(connection)),
            ThrottleScope::App => of_app(connection),
            ThrottleScope::Number | ThrottleScope::Pair => None,
        };
        let Some(whom) = whom else { return false };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, until| *until > now);
        let before = all.get(&whom).copied();
        all.insert(whom, before.map_or(until, |before| before.max(until)));
        before.is_none()
    }

    /// Until when a number has to pause because of a sibling.
    pub(super) fn until(&self, connection: &Connection, now: Timestamp) -> Option<Timestamp> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let known = [Some(of_account(connection)), of_app(connection)];
        let until = known.into_iter().flatten().filter_map(|whom| all.get(&whom).copied()).max();
        until.filter(|until| *until > now)
    }
}

fn of_account(connection: &Connection) -> String {
    format!("account/{}", connection.waba_id)
}

fn of_app(connection: &Connection) -> Option<String> {
    connection.app_id.as_ref().map(|app| format!("app/{app}"))
}

impl Lane {
    /// The number as a whole slows down and pauses, with its siblings when the limit is theirs, too; answers until when.
    pub(super) fn slow_down(
        &self,
        connection: &Connection,
        outcome: &Called,
        why: &Failure,
        now: Timestamp,
        until: Timestamp,
    ) -> Timestamp {
        let Called::Refused { kind: FailureKind::Throttled { scope }, code, .. } = outcome else {
            self.pacer().pause_until(until);
            return until;
        };
        // Complaints are about the number that sent.
        if *code != SPAM_LIMIT && self.shared.restraints.heed(connection, *scope, now, until) {
            let told = Wake::Throttled { connection: connection.id, scope: *scope, until };
            self.shared.deps.store.tell(told);
        }
        let mut pacer = self.pacer();
        pacer.throttled(now);
        if *scope != ThrottleScope::Account {
            pacer.pause_until(until);
            return pacer.peek(now);
        }
        let before = pacer.account_pauses();
        pacer.pause_account(now, until);
        let begins = pacer.account_pauses() > before;
        let paused = pacer.peek(now);
        drop(pacer);
        if begins && *code == SPAM_LIMIT {
            *self.limited_at() = Some(now);
            self.call_for_somebody(connection, why);
        }
        paused
    }

    fn call_for_somebody(&self, connection: &Connection, why: &Failure) {
        let (alerts, tenant) = (Alerts::new(self.shared.deps.clone()), self.tenant);
        let condition = restrained(connection, why);
        tokio::spawn(async move {
            if let Err(error) = alerts.raise(tenant, condition).await {
                tracing::warn!(%error, "could not raise the alert of a limited account");
            }
        });
    }

    /// A status told what an answer might have told: the account pauses as it does then.
    pub(crate) fn restrain(&self) {
        let now = self.now();
        *self.limited_at() = Some(now);
        let mut pacer = self.pacer();
        let until = self.after(account_pause(pacer.account_pauses()));
        pacer.throttled(now);
        pacer.pause_account(now, until);
    }

    /// A message passed.
    pub(super) fn passed(&self, at: Timestamp) {
        let mut limited_at = self.limited_at();
        if limited_at.is_none_or(|since| at.duration_since(since) < OVER_AFTER) {
            return;
        }
        *limited_at = None;
        let (alerts, tenant) = (Alerts::new(self.shared.deps.clone()), self.tenant);
        let subject = connection_subject(self.connection);
        tokio::spawn(async move {
            if let Err(error) = alerts.resolve(tenant, kinds::ACCOUNT_LIMITED, &subject).await {
                tracing::warn!(%error, "could not resolve the alert of a limited account");
            }
        });
    }

    fn limited_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.limited_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses with its siblings.
    pub(super) fn heed_siblings(&self, connection: &Connection) {
        let now = self.now();
        if let Some(until) = self.shared.restraints.until(connection, now) {
            let mut pacer = self.pacer();
            if pacer.paused_until(now).is_none_or(|paused| paused < until) {
                pacer.pause_until(until);
            }
        }
    }
}
