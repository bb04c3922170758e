//! Meta's limit on new contacts: how many people a portfolio may write to first within any 24 hours. Source: Meta,
//! "Messaging limits". We keep to it ourselves: whoever runs into Meta's refusals loses quality on top.

use domain::connections::daily_limit;
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use ports::{Store, StoreResult};

use crate::directory::Listing;

/// What the limit counts.
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Steps in which the moment is searched at which there is room again: to a few seconds within a day.
const STEPS: u32 = 15;

/// The portfolio that owns an account; the account itself as long as Meta did not tell.
pub(super) fn owner<'a>(listing: &'a Listing, waba_id: &'a str) -> &'a str {
    listing.by_account(waba_id).find_map(|entry| entry.connection.business_id.as_deref()).unwrap_or(waba_id)
}

/// A portfolio's limit, as far as it is known: the numbers of all its accounts share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portfolio {
    pub(super) limit: i64,
    pub(super) connections: Vec<ConnectionId>,
}

impl Portfolio {
    /// Of one of its numbers; `None`: there is no limit, or nobody knows it.
    pub(super) fn of(listing: &Listing, tenant: TenantId, waba_id: &str) -> Option<Self> {
        let portfolio = owner(listing, waba_id);
        let ours: Vec<_> = listing
            .all()
            .map(|entry| &entry.connection)
            .filter(|number| number.tenant_id == tenant && owner(listing, &number.waba_id) == portfolio)
            .collect();
        let tiers = ours.iter().filter_map(|connection| connection.messaging_limit.as_deref());
        // The limit is the portfolio's; a number that was linked earlier may still say the old one.
        let limit = tiers.map(daily_limit).collect::<Option<Vec<_>>>()?.into_iter().max()?;
        Some(Self { limit, connections: ours.iter().map(|connection| connection.id).collect() })
    }

    /// How many were written to first within the 24 hours before that moment. What is queued counts already.
    pub(super) async fn used(&self, store: &dyn Store, tenant: TenantId, at: Timestamp) -> StoreResult<i64> {
        let since = at.checked_sub(DAY).unwrap_or(Timestamp::MIN);
        store.initiated_since(tenant, &self.connections, since).await
    }

    /// When there is room again for so many: what was written to first 24 hours before gives it back.
    pub(super) async fn room_at(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        now: Timestamp,
        wanted: i64,
    ) -> StoreResult<Timestamp> {
        let enough = self.limit - wanted.clamp(1, self.limit.max(1));
        let (mut low, mut high) = (SignedDuration::ZERO, DAY + SignedDuration::from_secs(1));
        for _ in 0..STEPS {
            let middle = low + (high - low) / 2;
            let at = now.checked_add(middle).unwrap_or(Timestamp::MAX);
            if self.used(store, tenant, at).await? <= enough { high = middle } else { low = middle }
        }
        Ok(now.checked_add(high).unwrap_or(Timestamp::MAX))
    }

    /// How many are worth waiting for: a tenth of the limit, so that a day's rest is not sent one by one.
    pub(super) fn worth(&self) -> i64 {
        (self.limit / 10).max(1)
    }
}

#[cfg(test)]
mod tests {
    use domain::connections::ConnectionState;
    use domain::pacing::Rate;
    use ports::connections::{Connection, ConnectionSecrets};

    use super::*;

    fn number(id: i64, tenant: i64, waba: &str, business: Option<&str>) -> (Connection, ConnectionSecrets) {
        let connection = Connection {
            id: ConnectionId(id),
            tenant_id: TenantId(tenant),
            name: "Main".into(),
            phone_number_id: id.to_string(),
            waba_id: waba.into(),
            business_id: business.map(str::to_owned),
            app_id: None,
            display_phone_number: None,
            verified_name: None,
            quality_rating: None,
            messaging_limit: Some("TIER_250".into()),
            state: ConnectionState::Active,
            state_reason: None,
            is_default: false,
            rate: Rate::default(),
            graph_url: "https://graph.facebook.com".into(),
            token_expires_at: None,
            handshake_at: None,
            last_webhook_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let secret = || "secret".to_owned().into();
        let secrets =
            ConnectionSecrets { access_token: secret(), app_secret: secret(), verify_token: secret() };
        (connection, secrets)
    }

    #[test]
    fn all_accounts_of_a_business_share_one_limit_and_an_unknown_owner_is_the_account() {
        let listing = Listing::of(vec![
            number(1, 1, "a", Some("shop")),
            // Linked before Meta told who owns the account.
            number(2, 1, "a", None),
            number(3, 1, "b", Some("shop")),
            number(4, 1, "c", Some("other")),
            number(5, 1, "d", None),
            number(6, 1, "d", None),
            number(7, 2, "e", Some("shop")),
        ]);
        let together = |tenant, waba| {
            let portfolio = Portfolio::of(&listing, TenantId(tenant), waba).unwrap();
            let mut numbers: Vec<i64> = portfolio.connections.iter().map(|id| id.0).collect();
            numbers.sort_unstable();
            (portfolio.limit, numbers)
        };
        assert_eq!(together(1, "a"), (250, vec![1, 2, 3]));
        assert_eq!(together(1, "b"), (250, vec![1, 2, 3]));
        assert_eq!(together(1, "c"), (250, vec![4]));
        assert_eq!(together(1, "d"), (250, vec![5, 6]));
        assert_eq!(together(2, "e"), (250, vec![7]));
    }
}
