//! The use cases: what happens, in which order, when somebody sends, answers, submits or connects.
//!
//! Floor 3: sees the ports alone, neither a store nor a gateway. One file (or folder) per column, as on every floor.

pub mod access;
pub mod alerts;
pub mod connections;
pub mod consent;
pub mod contacts;
pub mod conversations;
pub mod media;
pub mod messages;
pub mod templates;
pub mod tenants;
pub mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;

use domain::{Clock, Entropy};
use ports::Store;
use ports::gateway::MetaGateway;

/// What every use case may reach.
#[derive(Clone)]
pub struct Deps {
    pub store: Arc<dyn Store>,
    pub gateway: Arc<dyn MetaGateway>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Arc<Settings>,
}

/// Settings of this node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this node in leases; unique among nodes.
    pub node: String,
    /// Folder for media files.
    pub media_dir: PathBuf,
    /// Where Meta reaches us, e.g. `https://wa.example.com`; `None`: not told, so no webhook can be subscribed.
    pub public_url: Option<String>,
    /// Calls to Meta in flight per number, at most.
    pub sends_in_flight: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { node: "node".into(), media_dir: "media".into(), public_url: None, sends_in_flight: 256 }
    }
}
