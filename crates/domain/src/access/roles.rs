//! Roles that every tenant has, as sets of permissions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Scope;
use super::permissions::{Permission, Permissions};

/// A role that every tenant has. A tenant makes others out of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything. A tenant that has an owner keeps one.
    Owner,
    /// Everything but making and unmaking owners.
    Admin,
    /// Contacts, templates and broadcasts.
    Marketer,
    /// Conversations with single customers.
    Agent,
    /// Looks at everything, changes nothing.
    Auditor,
    /// Looks at everything, sends, links numbers, makes API keys for reading and sending.
    Developer,
}

impl Role {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Marketer, Self::Agent, Self::Auditor, Self::Developer];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Marketer => "marketer",
            Self::Agent => "agent",
            Self::Auditor => "auditor",
            Self::Developer => "developer",
        }
    }

    /// What it may do.
    pub fn permissions(self) -> Permissions {
        use Permission as P;
        match self {
            Self::Owner => Permissions::all(),
            Self::Admin => Permissions::all().without(P::OwnersManage),
            Self::Marketer => Permissions::from_iter([
                P::ContactsRead,
                P::ContactsWrite,
                P::ContactsImport,
                P::SegmentsWrite,
                P::TemplatesRead,
                P::TemplatesWrite,
                P::MessagesRead,
                P::ConversationsRead,
                P::BroadcastsRead,
                P::BroadcastsWrite,
                P::BroadcastsSend,
                P::MediaWrite,
                P::ConnectionsRead,
                P::SettingsRead,
                P::AlertsRead,
                P::HealthRead,
                P::Exports,
            ]),
            Self::Agent => Permissions::from_iter([
                P::ContactsRead,
                P::ContactsWrite,
                P::TemplatesRead,
                P::MessagesRead,
                P::MessagesSend,
                P::ConversationsRead,
                P::ConversationsWrite,
                P::MediaWrite,
                P::ConnectionsRead,
                P::SettingsRead,
                P::HealthRead,
            ]),
            Self::Auditor => Permissions::of_scopes(&[Scope::Read]),
            Self::Developer => Permissions::of_scopes(&[Scope::Read, Scope::Send])
                .with(P::ConnectionsManage)
                .with(P::TemplatesWrite)
                .with(P::WebhooksManage)
                .with(P::KeysManage),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            format!("\"{text}\" is not a role; use owner, admin, marketer, agent, auditor or developer")
        })
    }
}

/// Whether a member may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Asked to come, not here yet.
    Invited,
    Active,
    /// Kept out until made active again.
    Disabled,
}

impl MemberState {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for MemberState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "invited" => Ok(Self::Invited),
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            other => Err(format!("\"{other}\" is no state of a member")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_answers_customers_and_starts_no_broadcast() {
        let agent = Role::Agent.permissions();
        assert!(agent.contains(Permission::MessagesSend) && agent.contains(Permission::ConversationsWrite));
        for never in [Permission::BroadcastsSend, Permission::KeysManage, Permission::Exports] {
            assert!(!agent.contains(never), "{never}");
        }
    }

    #[test]
    fn nobody_but_an_owner_has_all_that_an_owner_has() {
        for role in Role::ALL {
            let beyond = Role::Owner.permissions().beyond(role.permissions());
            assert_eq!(beyond.is_none(), role == Role::Owner, "{role:?}");
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        assert!(Role::Auditor.permissions().iter().all(|permission| permission.scope() == Scope::Read));
    }

    #[test]
    fn a_developer_can_make_keys_for_reading_and_sending_but_not_for_managing() {
        let developer = Role::Developer.permissions();
        assert_eq!(Permissions::of_scopes(&[Scope::Read, Scope::Send]).beyond(developer), None);
        assert!(Permissions::of_scopes(&[Scope::Manage]).beyond(developer).is_some());
    }
}
