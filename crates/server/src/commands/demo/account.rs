//! The account at the simulated Meta, and the connection to it.

use anyhow::{Context, Result, bail};
use domain::connections::ConnectionState;
use domain::{ConnectionId, TenantId};
use engine::connections::{CreateConnection, Diagnosis, Finding, PatchConnection, Reconnect};
use secrecy::SecretString;
use simulator::{AccountConfig, PhoneConfig};

use super::Stage;

/// The same account at each start, so that a second start finds the connection that it belongs to.
pub(super) fn of(url: &str) -> AccountConfig {
    AccountConfig {
        app_name: "Waxwing demo".into(),
        callback_url: Some(format!("{url}/webhooks/whatsapp")),
        waba_name: "Waxwing demo".into(),
        phones: vec![PhoneConfig { verified_name: "Waxwing demo".into(), ..PhoneConfig::default() }],
        ..AccountConfig::default()
    }
}

/// Makes the connection, or points the one that is there to where the simulator listens today; then has it
/// diagnosed, which subscribes the app and makes the simulated Meta perform its handshake.
pub(super) async fn connect(stage: &Stage<'_>, tenant: TenantId) -> Result<ConnectionId> {
    let connections = &stage.node.engine.connections;
    let phone = stage.account.phones.first().context("the account has no number")?;
    let known = connections.list(tenant).await?;
    let id = match known.into_iter().find(|connection| connection.phone_number_id == phone.id) {
        Some(known) => {
            again(stage, tenant, known.id).await?;
            known.id
        }
        None => connections.create(tenant, wanted(stage, &phone.id)).await?.connection.id,
    };
    refuse_unless_healthy(&connections.diagnose(tenant, id).await?)?;
    Ok(id)
}

fn wanted(stage: &Stage<'_>, phone_number_id: &str) -> CreateConnection {
    CreateConnection {
        name: "Demo number".into(),
        phone_number_id: phone_number_id.to_owned(),
        waba_id: stage.account.waba_id.clone(),
        app_id: Some(stage.account.app_id.clone()),
        access_token: secret(&stage.account.token),
        app_secret: secret(&stage.account.app_secret),
        verify_token: Some(secret(&stage.account.verify_token)),
        rate: None,
        graph_url: Some(stage.simulator.url()),
        is_default: true,
    }
}

/// The simulator forgets everything between two starts, tokens that were issued as well.
async fn again(stage: &Stage<'_>, tenant: TenantId, id: ConnectionId) -> Result<()> {
    let connections = &stage.node.engine.connections;
    let patch = PatchConnection { graph_url: Some(stage.simulator.url()), ..PatchConnection::default() };
    let known = connections.patch(tenant, id, patch).await?;
    if known.state != ConnectionState::Disabled {
        let access_token = Some(secret(&stage.account.token));
        connections.reconnect(tenant, id, Reconnect { access_token, ..Reconnect::default() }).await?;
    }
    Ok(())
}

fn refuse_unless_healthy(diagnosis: &Diagnosis) -> Result<()> {
    let failed: Vec<String> = diagnosis
        .checks
        .iter()
        .filter(|check| check.finding == Finding::Failed)
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect();
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("; ")) }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}
