//! What handlers take by `State`: each use case for itself, never the whole.

use std::sync::Arc;

use axum::extract::FromRef;
use domain::Clock;
use domain::addresses::Networks;
use engine::Engine;
use engine::access::Access;
use engine::alerts::Alerts;
use engine::analytics::Analytics;
use engine::audit::Audit;
use engine::broadcasts::Broadcasts;
use engine::connections::Connections;
use engine::consent::Consent;
use engine::contacts::Contacts;
use engine::conversations::Conversations;
use engine::erasure::Erasures;
use engine::events::Events;
use engine::health::Health;
use engine::imports::Imports;
use engine::media::MediaFiles;
use engine::messages::Messages;
use engine::retention::Retention;
use engine::segments::Segments;
use engine::templates::Templates;
use engine::tenants::Tenants;
use engine::webhooks::Webhooks;
use ports::Store;
use tokio_util::sync::CancellationToken;

use crate::limits::CallRate;
use crate::tenants::operator::OperatorToken;

/// Settings of the HTTP side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls per key; `None`: no limit.
    pub call_rate: Option<CallRate>,
    /// Proxies of ours: what they write into `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Where webhooks may come from; none: from anywhere.
    pub webhook_networks: Networks,
    /// Opens the routes of the operator.
    pub operator: Option<OperatorToken>,
    /// `/metrics`, when the operator opened it on this address.
    pub metrics: Option<crate::metrics::Page>,
    /// Somebody counts: answers are timed.
    pub measured: bool,
    /// Cookies of sessions are for TLS alone.
    pub secure_cookies: bool,
    /// Cancelled when the server stops: answers without an end of their own (events) end then.
    pub closing: CancellationToken,
}

impl Default for Settings {
    fn default() -> Self {
        let call_rate = Some(CallRate::default());
        Self {
            call_rate,
            trusted_proxies: Networks::default(),
            webhook_networks: Networks::default(),
            operator: None,
            metrics: None,
            measured: false,
            secure_cookies: false,
            closing: CancellationToken::new(),
        }
    }
}

/// All that routes are given.
#[derive(Clone)]
pub struct ApiState {
    /// Shared: the router clones its state several times per request.
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Settings,
}

impl FromRef<ApiState> for Settings {
    fn from_ref(state: &ApiState) -> Self {
        state.settings.clone()
    }
}

macro_rules! handed_out {
    ($($service:ty = $field:ident),+ $(,)?) => {$(
        impl FromRef<ApiState> for $service {
            fn from_ref(state: &ApiState) -> Self {
                state.engine.$field.clone()
            }
        }
    )+};
}

handed_out! {
    Access = access,
    Alerts = alerts,
    Audit = audit,
    Analytics = analytics,
    Broadcasts = broadcasts,
    Connections = connections,
    Consent = consent,
    Contacts = contacts,
    Conversations = conversations,
    Erasures = erasures,
    Health = health,
    Events = events,
    Imports = imports,
    MediaFiles = media,
    Messages = messages,
    Retention = retention,
    Segments = segments,
    Templates = templates,
    Tenants = tenants,
    Webhooks = webhooks,
}

impl FromRef<ApiState> for Arc<dyn Store> {
    fn from_ref(state: &ApiState) -> Self {
        Self::clone(&state.engine.deps().store)
    }
}

impl FromRef<ApiState> for Arc<dyn Clock> {
    fn from_ref(state: &ApiState) -> Self {
        Self::clone(&state.engine.deps().clock)
    }
}
