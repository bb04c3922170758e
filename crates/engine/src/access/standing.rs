//! Whether somebody who was let in may still be here: for answers that go on for as long as both sides want.

use std::net::IpAddr;

use domain::access::permissions::Permissions;
use domain::access::roles::MemberState;
use domain::{TenantId, Timestamp};
use ports::StoreError;
use ports::access::ApiKey;
use ports::access::accounts::KnownSession;

use super::{Access, Authenticated, token};

/// What somebody came in by, to be looked at again: never the key or the session's token itself.
#[derive(Clone)]
pub struct Pass {
    hash: [u8; 32],
    is_session: bool,
    tenant: TenantId,
    permissions: Permissions,
    address: Option<IpAddr>,
}

impl Pass {
    /// Of somebody who was let in by `presented`.
    pub fn of(presented: &str, known: &Authenticated) -> Self {
        Self {
            hash: token::hash(presented),
            is_session: Access::is_session(presented),
            tenant: known.tenant_id,
            permissions: known.permissions,
            address: known.address,
        }
    }
}

impl Access {
    /// Whether the pass would still open the same door, and for no less than it did: not once the key or the session is
    /// revoked or over, the member disabled, removed or given a smaller role, or the key's networks leave out the
    /// address. Nothing is noted: whoever merely goes on listening has neither used a key nor tried a wrong one.
    /// Changes on this node are seen at once, those on others within two seconds.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn still_opens(&self, pass: &Pass) -> Result<bool, StoreError> {
        let now = self.deps.clock.now();
        let granted = if pass.is_session {
            let known = self.find_session(pass.hash, now).await?;
            known.and_then(|known| permissions_at(&known, pass.tenant))
        } else {
            let key = self.find_key(pass.hash, now).await?;
            let key = key.filter(|key| key.tenant_id == pass.tenant && opens(key, now, pass.address));
            key.map(|key| Permissions::of_scopes(&key.scopes))
        };
        Ok(granted.is_some_and(|granted| pass.permissions.beyond(granted).is_none()))
    }
}

fn permissions_at(known: &KnownSession, tenant: TenantId) -> Option<Permissions> {
    let mut active = known.memberships.iter().filter(|one| one.state == MemberState::Active);
    active.find(|one| one.tenant_id == tenant).map(|one| one.permissions)
}

/// Whether a key would be let in now, from there.
fn opens(key: &ApiKey, now: Timestamp, address: Option<IpAddr>) -> bool {
    let is_over = key.revoked_at.is_some() || key.expires_at.is_some_and(|end| end <= now);
    let is_elsewhere =
        !key.networks.is_empty() && !address.is_some_and(|address| key.networks.contain(address));
    !is_over && !is_elsewhere
}
