//! The demo's tenant and its API key.

use std::path::Path;

use anyhow::Result;
use domain::TenantId;
use domain::access::Scope;
use domain::access::permissions::Permissions;
use engine::access::{Authentication, CreateKey};
use engine::tenants::SettingsPatch;
use secrecy::ExposeSecret;

use super::{Stage, handles};

const NAME: &str = "Demo";

/// The tenant, and whether it still has to be filled.
pub(super) async fn find_or_make(stage: &Stage<'_>) -> Result<(TenantId, bool)> {
    let tenants = &stage.node.engine.tenants;
    if let Some(known) = tenants.list().await?.into_iter().find(|tenant| tenant.name == NAME) {
        return Ok((known.id, false));
    }
    Ok((tenants.create(NAME, SettingsPatch::default()).await?.id, true))
}

/// The key of the last start when it is still good (it is kept nowhere but in `demo.env`), else a new one.
pub(super) async fn key(stage: &Stage<'_>, tenant: TenantId, data: &Path) -> Result<String> {
    let access = &stage.node.engine.access;
    if let Some(kept) = handles::kept_key(data)
        && let Authentication::Known(caller) = access.authenticate(&kept, None, None).await?
        && caller.tenant_id == tenant
        && Permissions::all().iter().all(|permission| caller.may(permission))
    {
        return Ok(kept);
    }
    let wanted = CreateKey {
        name: "demo".into(),
        scopes: Scope::ALL.to_vec(),
        expires_at: None,
        networks: Vec::new(),
    };
    Ok(access.create_key(tenant, wanted, Permissions::all()).await?.secret.expose_secret().to_owned())
}
