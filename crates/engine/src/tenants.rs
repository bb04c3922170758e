//! Tenants and their settings.

mod settings;

use domain::TenantId;
use ports::StoreError;
use ports::tenants::{Tenant, TenantSettings};

use crate::Deps;
use crate::faults::Faults;

pub use settings::SettingsPatch;

/// Longest name of a tenant, in characters.
const NAME: usize = 200;

/// How dealing with tenants fails.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    #[error("there is no such tenant")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Use cases on tenants.
#[derive(Clone)]
pub struct Tenants {
    deps: Deps,
}

impl Tenants {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Makes a tenant (operator).
    ///
    /// # Errors
    /// [`TenantError::Invalid`] with every fault, or the store's.
    pub async fn create(&self, name: &str, patch: SettingsPatch) -> Result<Tenant, TenantError> {
        let mut faults = Faults::default();
        faults.required("/name", name, NAME);
        let settings = patch.apply(TenantSettings::default(), "/settings", &mut faults);
        faults.check()?;
        Ok(self.deps.store.create_tenant(name.trim(), &settings, self.deps.clock.now()).await?)
    }

    /// All tenants, by id (operator).
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(&self) -> Result<Vec<Tenant>, TenantError> {
        Ok(self.deps.store.tenants().await?)
    }

    /// One.
    ///
    /// # Errors
    /// [`TenantError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId) -> Result<Tenant, TenantError> {
        self.deps.store.tenant(tenant).await?.ok_or(TenantError::NotFound)
    }

    /// Changes settings; what the patch does not name stays. Of two changes at once the later one counts, as a
    /// whole.
    ///
    /// # Errors
    /// [`TenantError::Invalid`] with every fault, [`TenantError::NotFound`], or the store's.
    pub async fn patch_settings(
        &self,
        tenant: TenantId,
        patch: SettingsPatch,
    ) -> Result<Tenant, TenantError> {
        let mut faults = Faults::default();
        let settings = patch.apply(self.get(tenant).await?.settings, "", &mut faults);
        faults.check()?;
        self.deps.store.set_tenant_settings(tenant, &settings).await?.ok_or(TenantError::NotFound)
    }
}
