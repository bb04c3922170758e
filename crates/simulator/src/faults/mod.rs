//! Faults and settings that `PUT /_sim/faults` changes while the simulator runs.

mod odds;
mod settings;

pub use odds::{Latency, PairLimit};
pub use settings::{Faults, Review};

use std::sync::{Arc, PoisonError, RwLock};

/// The faults in force, and those that `DELETE /_sim/faults` and a reset go back to.
pub(crate) struct FaultCell {
    base: Arc<Faults>,
    now: RwLock<Arc<Faults>>,
}

impl FaultCell {
    pub(crate) fn new(base: Faults) -> Self {
        let base = Arc::new(base);
        Self { now: RwLock::new(base.clone()), base }
    }

    pub(crate) fn get(&self) -> Arc<Faults> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, faults: Faults) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    pub(crate) fn clear(&self) {
        self.set(self.base.as_ref().clone());
    }

    pub(crate) fn base(&self) -> &Faults {
        &self.base
    }
}
