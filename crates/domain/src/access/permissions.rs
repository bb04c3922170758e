//! Permissions: what one route needs and a role grants, each by its name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Scope;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal in $scope:ident;)+) => {
        /// One thing that may be done. Each belongs to one scope: an API key with that scope has it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($(#[$doc])* $name),+ }

        impl Permission {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The scope that an API key needs for it.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope),+ }
            }
        }
    };
}

permissions! {
    /// Look at contacts, their consent, segments and imports.
    ContactsRead = "contacts_read" in Read;
    /// Look at templates, lint and preview them.
    TemplatesRead = "templates_read" in Read;
    /// Look at messages and files.
    MessagesRead = "messages_read" in Read;
    /// Look at conversations, notes and canned replies.
    ConversationsRead = "conversations_read" in Read;
    /// Look at broadcasts, their recipients and results.
    BroadcastsRead = "broadcasts_read" in Read;
    /// Look at connections, without their secrets.
    ConnectionsRead = "connections_read" in Read;
    /// Look at the tenant's settings.
    SettingsRead = "settings_read" in Read;
    /// Look at alerts, their rules and channels.
    AlertsRead = "alerts_read" in Read;
    /// Look at the inbox of webhooks and what was set aside.
    WebhooksRead = "webhooks_read" in Read;
    /// Look at members and roles.
    MembersRead = "members_read" in Read;
    /// Look at API keys, without their secrets.
    KeysRead = "keys_read" in Read;
    /// Look at and export security events.
    SecurityRead = "security_read" in Read;
    /// Look at, verify and export the audit trail.
    AuditRead = "audit_read" in Read;
    /// Look at what is kept for how long.
    RetentionRead = "retention_read" in Read;
    /// Look at how connections and queues are.
    HealthRead = "health_read" in Read;
    /// Take contacts and recipients out as files.
    Exports = "exports" in Read;
    /// Send messages to one contact at a time, cancel and retry them.
    MessagesSend = "messages_send" in Send;
    /// Assign, label, close and annotate conversations, mark them read.
    ConversationsWrite = "conversations_write" in Send;
    /// Upload files.
    MediaWrite = "media_write" in Send;
    /// Prepare broadcasts.
    BroadcastsWrite = "broadcasts_write" in Send;
    /// Start, pause, resume and cancel broadcasts.
    BroadcastsSend = "broadcasts_send" in Send;
    /// Change contacts and their consent.
    ContactsWrite = "contacts_write" in Manage;
    /// Import contacts.
    ContactsImport = "contacts_import" in Manage;
    /// Erase a person.
    ContactsErase = "contacts_erase" in Manage;
    /// Hand out all that is known of a person.
    ContactsDisclose = "contacts_disclose" in Manage;
    /// Change segments.
    SegmentsWrite = "segments_write" in Manage;
    /// Change templates, submit and sync them.
    TemplatesWrite = "templates_write" in Manage;
    /// Change canned replies.
    CannedRepliesWrite = "canned_replies_write" in Manage;
    /// Link, change, diagnose and remove connections.
    ConnectionsManage = "connections_manage" in Manage;
    /// Change the tenant's settings.
    SettingsManage = "settings_manage" in Manage;
    /// Acknowledge alerts, change their rules and channels.
    AlertsManage = "alerts_manage" in Manage;
    /// Drive webhook items again.
    WebhooksManage = "webhooks_manage" in Manage;
    /// Invite, change and remove members, change roles.
    MembersManage = "members_manage" in Manage;
    /// Make and unmake owners.
    OwnersManage = "owners_manage" in Manage;
    /// Make, change and revoke API keys.
    KeysManage = "keys_manage" in Manage;
    /// Change what is kept for how long, and purge.
    RetentionManage = "retention_manage" in Manage;
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|permission| permission.as_str() == text);
        found.ok_or_else(|| format!("\"{text}\" is not a permission"))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Permissions(u64);

impl Permissions {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Every one.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// Those that keys with these scopes have.
    pub fn of_scopes(scopes: &[Scope]) -> Self {
        Permission::ALL.iter().copied().filter(|permission| scopes.contains(&permission.scope())).collect()
    }

    /// Whether it is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// This set with one more.
    #[must_use]
    pub fn with(self, permission: Permission) -> Self {
        Self(self.0 | bit(permission))
    }

    /// This set with one less.
    #[must_use]
    pub fn without(self, permission: Permission) -> Self {
        Self(self.0 & !bit(permission))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first of these that the other set lacks; `None`: it has them all.
    pub fn beyond(self, other: Self) -> Option<Permission> {
        self.iter().find(|permission| !other.contains(*permission))
    }

    /// Each of them, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

fn bit(permission: Permission) -> u64 {
    1 << (permission as u32)
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(Permission::as_str))
    }
}

/// A word that this version does not know grants nothing.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        Ok(words.iter().filter_map(|word| word.parse().ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_read_as_it_is_written_and_has_a_bit_of_its_own() {
        assert!(Permission::ALL.len() <= 64);
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
    }

    #[test]
    fn three_scopes_together_are_everything_and_none_includes_another() {
        assert_eq!(Permissions::of_scopes(&Scope::ALL), Permissions::all());
        let manage = Permissions::of_scopes(&[Scope::Manage]);
        assert!(manage.contains(Permission::KeysManage) && !manage.contains(Permission::MessagesSend));
        assert_eq!(Permissions::of_scopes(&[]), Permissions::NONE);
    }

    #[test]
    fn what_goes_beyond_is_named() {
        let reads = Permissions::of_scopes(&[Scope::Read]);
        let more = reads.with(Permission::BroadcastsSend);
        assert_eq!(more.beyond(reads), Some(Permission::BroadcastsSend));
        assert_eq!(reads.beyond(more), None);
        assert_eq!(more.without(Permission::BroadcastsSend), reads);
    }

    #[test]
    fn a_set_is_kept_as_words_and_an_unknown_word_grants_nothing() {
        let set = Permissions::NONE.with(Permission::AuditRead).with(Permission::Exports);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["audit_read","exports"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&text).unwrap(), set);
        assert!(serde_json::from_str::<Permissions>(r#"["everything"]"#).unwrap().is_empty());
    }
}
