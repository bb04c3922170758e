//! Who somebody is, and what they like.

use domain::contacts::Identity;
use domain::phone::PhoneNumber;
use domain::{ConnectionId, Timestamp};
use graph::webhook::{System, SystemKind, UserIdUpdate, UserPreference};
use ports::webhooks::{IdentityChange, MarketingPreference, Source};

use super::Reader;

impl Reader<'_> {
    pub(super) fn identity_change(
        &self,
        source: &Source,
        from: &Identity,
        system: &System,
        at: Timestamp,
    ) -> Option<IdentityChange> {
        let (old, new) = match system.kind {
            SystemKind::UserChangedNumber => {
                let new = Identity {
                    phone: system.wa_id.as_deref().and_then(PhoneNumber::from_wa_id),
                    bsuid: system.user_id.clone(),
                };
                let old = Identity {
                    phone: from.phone.clone(),
                    bsuid: system.previous_user_id.clone().or_else(|| from.bsuid.clone()),
                };
                (old, new)
            }
            SystemKind::UserChangedUserId => {
                let old = Identity { phone: from.phone.clone(), bsuid: system.previous_user_id.clone() };
                (old, Identity { phone: None, bsuid: system.user_id.clone().or_else(|| from.bsuid.clone()) })
            }
            SystemKind::CustomerIdentityChanged | SystemKind::Other(_) => return None,
        };
        (!old.is_empty() && !new.is_empty()).then(|| IdentityChange { source: source.clone(), old, new, at })
    }

    pub(super) fn user_id_update(&self, source: &Source, update: &UserIdUpdate) -> Option<IdentityChange> {
        let old = identity(update.wa_id.as_deref(), update.previous_user_id.as_deref());
        let new = Identity { phone: None, bsuid: update.user_id.clone() };
        let at = self.at(update.timestamp);
        (!old.is_empty() && !new.is_empty()).then(|| IdentityChange { source: source.clone(), old, new, at })
    }

    pub(super) fn preference(
        &self,
        source: &Source,
        connection: ConnectionId,
        preference: &UserPreference,
    ) -> Option<MarketingPreference> {
        let stop = match preference.value.as_str() {
            "stop" => true,
            "resume" | "signup" => false,
            _ => return None,
        };
        let who = identity(preference.wa_id.as_deref(), preference.user_id.as_deref());
        (!who.is_empty()).then(|| MarketingPreference {
            source: source.clone(),
            connection_id: connection,
            who,
            stop,
            at: self.at(preference.timestamp),
        })
    }
}

pub(super) fn identity(wa_id: Option<&str>, user_id: Option<&str>) -> Identity {
    Identity {
        phone: wa_id.and_then(PhoneNumber::from_wa_id),
        bsuid: user_id.filter(|id| !id.is_empty()).map(str::to_owned),
    }
}
