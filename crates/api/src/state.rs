//! What handlers take by `State`: each use case for itself, never the whole.

use std::sync::Arc;

use axum::extract::FromRef;
use domain::Clock;
use engine::Engine;
use engine::access::Access;
use engine::alerts::Alerts;
use engine::connections::Connections;
use engine::consent::Consent;
use engine::contacts::Contacts;
use engine::conversations::Conversations;
use engine::media::MediaFiles;
use engine::messages::Messages;
use engine::segments::Segments;
use engine::templates::Templates;
use engine::tenants::Tenants;
use engine::webhooks::Webhooks;
use ports::Store;

use crate::limits::CallRate;

/// Settings of the HTTP side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Calls per key; `None`: no limit.
    pub call_rate: Option<CallRate>,
    /// A proxy of ours stands before us: the last address of `X-Forwarded-For` is the client's.
    pub trust_forwarded_for: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { call_rate: Some(CallRate::default()), trust_forwarded_for: false }
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
    Connections = connections,
    Consent = consent,
    Contacts = contacts,
    Conversations = conversations,
    MediaFiles = media,
    Messages = messages,
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
