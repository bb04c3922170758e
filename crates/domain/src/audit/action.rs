//! What can be done that is worth an entry.

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// What was done. A closed set: a new way of changing something needs a word here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $word)] $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word used on the wire and in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

actions! {
    // Access.
    ApiKeyCreated = "api_key_created",
    ApiKeyChanged = "api_key_changed",
    ApiKeyRevoked = "api_key_revoked",
    MemberInvited = "member_invited",
    MemberJoined = "member_joined",
    MemberChanged = "member_changed",
    MemberRemoved = "member_removed",
    RoleCreated = "role_created",
    RoleChanged = "role_changed",
    RoleDeleted = "role_deleted",
    LoginSucceeded = "login_succeeded",
    /// Logged out, or another one ended.
    SessionEnded = "session_ended",
    PasswordResetAsked = "password_reset_asked",
    PasswordReset = "password_reset",
    /// By somebody who was logged in and knew the old one.
    PasswordChanged = "password_changed",
    TwoFactorEnabled = "two_factor_enabled",
    TwoFactorDisabled = "two_factor_disabled",
    RecoveryCodesMade = "recovery_codes_made",
    RecoveryCodeUsed = "recovery_code_used",
    SecurityEventsExported = "security_events_exported",
    // Tenants.
    TenantCreated = "tenant_created",
    SettingsChanged = "settings_changed",
    // Connections.
    ConnectionCreated = "connection_created",
    ConnectionChanged = "connection_changed",
    /// It stopped working by itself.
    ConnectionBroken = "connection_broken",
    ConnectionDeleted = "connection_deleted",
    // Contacts.
    ContactCreated = "contact_created",
    ContactChanged = "contact_changed",
    /// The flag that kept it from being sent to was taken off.
    ContactReviewed = "contact_reviewed",
    ContactDeleted = "contact_deleted",
    /// Two contacts turned out to be one person.
    ContactsJoined = "contacts_joined",
    ContactsExported = "contacts_exported",
    // Consent.
    OptedIn = "opted_in",
    OptedOut = "opted_out",
    MarketingStopped = "marketing_stopped",
    MarketingResumed = "marketing_resumed",
    // Segments.
    SegmentCreated = "segment_created",
    SegmentChanged = "segment_changed",
    SegmentDeleted = "segment_deleted",
    // Imports.
    ImportStarted = "import_started",
    /// A page of contacts of an import, with their consent.
    ContactsImported = "contacts_imported",
    ImportEnded = "import_ended",
    ImportCancelled = "import_cancelled",
    // Templates.
    TemplateCreated = "template_created",
    TemplateChanged = "template_changed",
    TemplateDeleted = "template_deleted",
    TemplatesSynced = "templates_synced",
    // Messages.
    /// Accepted to be sent.
    MessagesSent = "messages_sent",
    MessageCancelled = "message_cancelled",
    MessageRetried = "message_retried",
    /// Its outcome stayed unknown for longer than the tenant waits.
    MessageGivenUp = "message_given_up",
    // Conversations.
    ConversationChanged = "conversation_changed",
    NoteAdded = "note_added",
    CannedReplyCreated = "canned_reply_created",
    CannedReplyDeleted = "canned_reply_deleted",
    // Media.
    MediaUploaded = "media_uploaded",
    // Broadcasts.
    BroadcastCreated = "broadcast_created",
    BroadcastChanged = "broadcast_changed",
    BroadcastDeleted = "broadcast_deleted",
    BroadcastListUploaded = "broadcast_list_uploaded",
    BroadcastScheduled = "broadcast_scheduled",
    BroadcastUnscheduled = "broadcast_unscheduled",
    BroadcastStarted = "broadcast_started",
    BroadcastPaused = "broadcast_paused",
    BroadcastResumed = "broadcast_resumed",
    BroadcastReopened = "broadcast_reopened",
    BroadcastCancelled = "broadcast_cancelled",
    BroadcastCompleted = "broadcast_completed",
    BroadcastFailed = "broadcast_failed",
    BroadcastRetried = "broadcast_retried",
    BroadcastExported = "broadcast_exported",
    // Webhooks.
    WebhooksRetried = "webhooks_retried",
    // Alerts.
    AlertAcknowledged = "alert_acknowledged",
    AlertRuleChanged = "alert_rule_changed",
    AlertChannelCreated = "alert_channel_created",
    AlertChannelChanged = "alert_channel_changed",
    AlertChannelDeleted = "alert_channel_deleted",
    // Retention.
    RetentionChanged = "retention_changed",
    Purged = "purged",
    PersonExported = "person_exported",
    PersonErased = "person_erased",
    // The trail itself, and the operator's work on all of it.
    AuditExported = "audit_exported",
    SecretsRotated = "secrets_rotated",
    Restored = "restored",
}

impl std::str::FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|action| action.as_str() == text);
        found.ok_or_else(|| format!("\"{text}\" is no action of the audit trail"))
    }
}
