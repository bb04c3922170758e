//! The simulator's state, shared by all handlers and tasks.
//!
//! Locks are taken in this order, never the other way: accounts, templates, media, ledger, inbox,
//! conversations, customers. None is held over an await.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::response::Response;
use serde_json::{Value, json};

use crate::accounts::Accounts;
use crate::clock::SimClock;
use crate::config::SimConfig;
use crate::customers::{Conversations, Customers, UserKey};
use crate::entropy::Entropy;
use crate::errors::GraphError;
use crate::faults::{FaultCell, Faults};
use crate::identifiers;
use crate::ledger::{Inbox, Ledger};
use crate::limits::Limits;
use crate::media::MediaStore;
use crate::statuses::{Event, Outbox, Timeline};
use crate::templates::Templates;
use crate::webhooks::hub::Delivery;
use crate::webhooks::{Change, WebhookHub};

pub(crate) struct Sim {
    pub(crate) clock: SimClock,
    pub(crate) entropy: Entropy,
    pub(crate) faults: FaultCell,
    pub(crate) customers: Customers,
    pub(crate) conversations: Conversations,
    pub(crate) limits: Limits,
    pub(crate) outbox: Outbox,
    pub(crate) webhooks: WebhookHub,
    pub(crate) client: reqwest::Client,
    accounts: RwLock<Accounts>,
    templates: RwLock<Templates>,
    media: Mutex<MediaStore>,
    ledger: Mutex<Ledger>,
    inbox: Mutex<Inbox>,
    pauses: Mutex<Vec<(i64, String, u32)>>,
    refused: Mutex<BTreeMap<i64, u64>>,
    seeds: Vec<Value>,
    url: RwLock<String>,
}

/// What the background tasks need beside the state.
pub(crate) struct Feeds {
    pub(crate) timeline: Timeline,
    pub(crate) deliveries: tokio::sync::mpsc::UnboundedReceiver<Delivery>,
}

impl Sim {
    pub(crate) fn new(config: SimConfig, client: reqwest::Client) -> (Self, Feeds) {
        let (outbox, timeline) = Outbox::new();
        let (webhooks, deliveries) = WebhookHub::new();
        let sim = Self {
            accounts: RwLock::new(Accounts::of(&config.accounts, config.clock.now())),
            clock: config.clock,
            entropy: Entropy::seeded(config.seed),
            faults: FaultCell::new(config.faults),
            customers: Customers::default(),
            conversations: Conversations::new(),
            limits: Limits::default(),
            outbox,
            webhooks,
            client,
            templates: RwLock::default(),
            media: Mutex::default(),
            ledger: Mutex::default(),
            inbox: Mutex::default(),
            pauses: Mutex::default(),
            refused: Mutex::default(),
            seeds: config.templates,
            url: RwLock::default(),
        };
        (sim, Feeds { timeline, deliveries })
    }

    pub(crate) fn accounts(&self) -> RwLockReadGuard<'_, Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accounts_mut(&self) -> RwLockWriteGuard<'_, Accounts> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn templates(&self) -> RwLockReadGuard<'_, Templates> {
        self.templates.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn templates_mut(&self) -> RwLockWriteGuard<'_, Templates> {
        self.templates.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn media(&self) -> MutexGuard<'_, MediaStore> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Paused templates: end of the pause (milliseconds), id, version.
    pub(crate) fn pauses(&self) -> MutexGuard<'_, Vec<(i64, String, u32)>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_customer(&self, user: UserKey) -> bool {
        self.customers.get(user).is_some()
    }

    /// When a message, in either direction, was sent (milliseconds).
    pub(crate) fn message_time(&self, id: &str) -> Option<i64> {
        let outbound = self.ledger().find(id).map(|(_, entry)| entry.at_ms());
        outbound.or_else(|| self.inbox().find(id).map(|inbound| inbound.at_ms))
    }

    /// How many calls were refused, by Meta's code.
    pub(crate) fn refused(&self) -> MutexGuard<'_, BTreeMap<i64, u64>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A refusal as an HTTP answer.
    pub(crate) fn refuse(&self, error: &GraphError) -> Response {
        *self.refused().entry(error.code).or_default() += 1;
        error.respond(&identifiers::trace_id(&self.entropy))
    }

    /// A customer as the `contacts` array of a webhook shows them.
    pub(crate) fn contact(&self, user: UserKey, faults: &Faults) -> Value {
        let mut contact = json!({"profile": self.customers.profile(user)});
        if let Some(wa_id) = self.customers.wa_id(user) {
            contact["wa_id"] = wa_id.into();
        }
        if faults.bsuid {
            contact["user_id"] = self.customers.bsuid(user).into();
        }
        contact
    }

    /// Sends a change that is not about messages, right away.
    pub(crate) fn announce(&self, waba_id: &str, field: &str, value: &Value) {
        let raw = self.faults.get().webhook_raw_utf8;
        let change = Change::account(waba_id, field, value, raw, self.clock.now().as_second());
        self.outbox.plan(vec![(0, Event::Change(Box::new(change)))]);
    }

    /// Where this simulator is reached; media URLs point here.
    pub(crate) fn url(&self) -> String {
        self.url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_url(&self, url: String) {
        *self.url.write().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Forgets everything but the accounts; templates given at the start come back.
    pub(crate) fn reset(&self) {
        self.outbox.forget();
        self.webhooks.clear();
        self.faults.clear();
        *self.templates_mut() = Templates::default();
        *self.media() = MediaStore::default();
        *self.ledger() = Ledger::default();
        *self.inbox() = Inbox::default();
        self.pauses().clear();
        self.refused().clear();
        self.conversations.clear();
        self.customers.clear();
        self.limits.clear();
        self.seed_templates();
    }

    /// Puts the templates of the configuration into the first account.
    pub(crate) fn seed_templates(&self) {
        for seed in &self.seeds {
            if let Err(fault) = crate::control::templates::put(self, seed) {
                tracing::warn!(%fault, "a template of the configuration is unusable");
            }
        }
    }
}
