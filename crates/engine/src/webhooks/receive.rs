//! Receiving: signature, commit, and only then 200.

use std::sync::Arc;

use bytes::Bytes;
use domain::{ConnectionId, TenantId};
use graph::signature::{SignatureFault, verify};
use ports::StoreError;
use ports::webhooks::RawWebhook;
use secrecy::ExposeSecret;

use super::Webhooks;
use super::refused::RefusedWebhook;
use crate::directory::{Entry, Listing};

/// What belongs to nobody: bodies for accounts that no connection knows, refusals that fit no tenant. No tenant
/// ever has this id.
pub const NOBODY: TenantId = TenantId(0);

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Missing, malformed or wrong signature; nothing of the body was looked at.
    #[error("the signature of the webhook is not valid: {0}")]
    Signature(SignatureFault),
    /// No such connection (its own path was used).
    #[error("there is no such connection")]
    NoConnection,
    /// Not durable, so not acknowledged: Meta tries again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request for Meta's handshake.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    pub mode: String,
    pub verify_token: String,
    pub challenge: String,
}

impl Webhooks {
    /// Takes a body that Meta posted, to a connection's own path or to the common one. When this answers `Ok`, the
    /// body is durable.
    pub async fn receive(
        &self,
        connection: Option<ConnectionId>,
        signature: Option<&[u8]>,
        body: Bytes,
        address: Option<String>,
    ) -> Result<(), ReceiveError> {
        let mut listing = self.directory.listing();
        let mut verified = verify_for(&listing, connection, signature, &body);
        if !matches!(verified, Ok(Ok(_))) {
            // Another node may have made the connection, or changed its secret, a moment ago.
            self.directory.refresh().await?;
            let known = std::mem::replace(&mut listing, self.directory.listing());
            if !Arc::ptr_eq(&known, &listing) {
                verified = verify_for(&listing, connection, signature, &body);
            }
        }
        let signers = match verified? {
            Ok(signers) => signers,
            Err(fault) => {
                self.refuse(&listing, connection, &fault.to_string(), address).await;
                return Err(ReceiveError::Signature(fault));
            }
        };
        let at = self.deps.clock.now();
        let mut owners = owners_of(&listing, connection, &signers, &body);
        if owners.is_empty() {
            // Another node may have linked the number a moment ago.
            self.directory.refresh().await?;
            owners = owners_of(&self.directory.listing(), connection, &signers, &body);
        }
        if owners.is_empty() {
            owners.push((NOBODY, None));
        }
        for (tenant_id, connection_id) in owners {
            self.inbox.call(RawWebhook { tenant_id, connection_id, body: body.clone(), at }).await?;
        }
        self.arrivals.note();
        self.projector_wake.notify_one();
        Ok(())
    }

    /// Answers Meta's handshake: the challenge when the token is that of the connection (or, on the common path, of
    /// any connection), else nothing.
    pub async fn handshake(&self, connection: Option<ConnectionId>, request: &Handshake) -> Option<String> {
        if request.mode != "subscribe" {
            return None;
        }
        // A handshake follows on the heels of the connection's making, which may have happened on another node.
        if let Err(error) = self.directory.refresh().await {
            tracing::warn!(%error, "could not read the connections");
        }
        let listing = self.directory.listing();
        let mut known: Vec<_> = match connection {
            Some(id) => listing.entry(id).into_iter().collect(),
            None => listing.all().collect(),
        };
        known.retain(|entry| same(entry.secrets.verify_token.expose_secret(), &request.verify_token));
        for entry in &known {
            let at = self.deps.clock.now();
            let noted =
                self.deps.store.note_handshake(entry.connection.tenant_id, entry.connection.id, at).await;
            if let Err(error) = noted {
                tracing::warn!(%error, connection.id = %entry.connection.id, "could not note the handshake");
            }
        }
        (!known.is_empty()).then(|| request.challenge.clone())
    }

    /// Notes a webhook that came from outside of the networks that may deliver them; nothing of it was read.
    pub async fn refuse_stranger(&self, connection: Option<ConnectionId>, address: Option<String>) {
        let reason = "it came from outside of the networks that may deliver webhooks";
        self.refuse(&self.directory.listing(), connection, reason, address).await;
    }

    async fn refuse(
        &self,
        listing: &Listing,
        connection: Option<ConnectionId>,
        reason: &str,
        address: Option<String>,
    ) {
        let tenant_id = match connection.and_then(|id| listing.entry(id)) {
            Some(entry) => entry.connection.tenant_id,
            None => only_tenant(listing).unwrap_or(NOBODY),
        };
        let refused = RefusedWebhook {
            tenant_id,
            connection_id: connection,
            address,
            reason: reason.to_owned(),
            at: self.deps.clock.now(),
        };
        // A lost note of a refusal must not turn the refusal into a retry.
        if let Err(error) = self.refusals.call(refused).await {
            tracing::error!(%error, "could not keep a security event");
        }
    }
}

/// Who may have signed it; the outer error is a path of no connection.
fn verify_for(
    listing: &Listing,
    connection: Option<ConnectionId>,
    signature: Option<&[u8]>,
    body: &[u8],
) -> Result<Result<Vec<Arc<Entry>>, SignatureFault>, ReceiveError> {
    let Some(id) = connection else { return Ok(signers(listing, signature, body)) };
    let entry = listing.entry(id).ok_or(ReceiveError::NoConnection)?;
    Ok(check(entry, signature, body).map(|()| vec![Arc::clone(entry)]))
}

fn check(entry: &Entry, signature: Option<&[u8]>, body: &[u8]) -> Result<(), SignatureFault> {
    verify(entry.secrets.app_secret.expose_secret().as_bytes(), body, signature)
}

/// Every connection whose app secret made this signature. Each secret is tried once, however many connections
/// share it.
fn signers(
    listing: &Listing,
    signature: Option<&[u8]>,
    body: &[u8],
) -> Result<Vec<Arc<Entry>>, SignatureFault> {
    // Without any connection the header is still judged, so that an answer does not tell how the server is set up.
    let mut fault = verify(b"", body, signature).err().unwrap_or(SignatureFault::Wrong);
    let mut tried: Vec<(&str, bool)> = Vec::new();
    let mut found = Vec::new();
    for entry in listing.all() {
        let secret = entry.secrets.app_secret.expose_secret();
        let good = match tried.iter().find(|(known, _)| *known == secret) {
            Some((_, good)) => *good,
            None => {
                let verdict = check(entry, signature, body);
                tried.push((secret, verdict.is_ok()));
                verdict.map_err(|wrong| fault = wrong).is_ok()
            }
        };
        if good {
            found.push(Arc::clone(entry));
        }
    }
    if found.is_empty() { Err(fault) } else { Ok(found) }
}

/// Whose inbox the body goes to. One app may serve several tenants; then, and only then, the body is looked into
/// before it is kept, and each tenant that it concerns gets it (its projector takes that tenant's items alone).
/// Nobody, when no connection has any of its numbers and accounts.
fn owners_of(
    listing: &Listing,
    connection: Option<ConnectionId>,
    signers: &[Arc<Entry>],
    body: &[u8],
) -> Vec<(TenantId, Option<ConnectionId>)> {
    let mut tenants: Vec<TenantId> = signers.iter().map(|entry| entry.connection.tenant_id).collect();
    tenants.sort_unstable();
    tenants.dedup();
    if let [tenant] = tenants[..] {
        return vec![(tenant, connection)];
    }
    let mut concerned: Vec<TenantId> = super::routing::entries(listing, body)
        .map(|entry| entry.connection.tenant_id)
        .filter(|tenant| tenants.contains(tenant))
        .collect();
    concerned.sort_unstable();
    concerned.dedup();
    concerned.into_iter().map(|tenant| (tenant, None)).collect()
}

fn only_tenant(listing: &Listing) -> Option<TenantId> {
    let mut tenants = listing.all().map(|entry| entry.connection.tenant_id);
    let first = tenants.next()?;
    tenants.all(|tenant| tenant == first).then_some(first)
}

fn same(a: &str, b: &str) -> bool {
    // Compared as signatures are, so that the time taken does not tell how much of a guess was right.
    let signed = graph::signature::sign(b"handshake", a.as_bytes());
    verify(b"handshake", b.as_bytes(), Some(signed.as_bytes())).is_ok()
}
