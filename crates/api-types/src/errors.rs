//! The closed table of errors.
//!
//! How to add one: a row in [`table`](self) below (variant, code, HTTP status, details), the details' type in
//! `errors/details.rs`, its sentence in `errors/sentence.rs`. Nothing compiles before all of them are there.

pub mod details;
mod sentence;

use details::*;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

macro_rules! table {
    ($($(#[doc = $when:literal])+ $variant:ident, $code:literal, $status:literal, $details:ident;)+) => {
        /// A code of the table: what a program branches on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $when])+ $variant),+ }

        impl ErrorCode {
            /// Every one, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// When it is given.
            pub const fn when(self) -> &'static str {
                match self { $(Self::$variant => concat!($($when),+)),+ }
            }

            /// Name and OpenAPI schema of its details; several codes may share one.
            pub fn details_schema(self) -> (String, RefOr<Schema>) {
                match self { $(Self::$variant => named::<$details>(),)+ }
            }
        }

        /// An error with its details.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Problem { $($(#[doc = $when])+ $variant($details)),+ }

        impl Problem {
            /// Its code.
            pub fn code(&self) -> ErrorCode {
                match self { $(Self::$variant(_) => ErrorCode::$variant),+ }
            }

            /// Its details: always an object.
            pub fn details(&self) -> Value {
                match self { $(Self::$variant(details) => object(details)),+ }
            }
        }
    };
}

table! {
    /// A business-initiated send to a contact without consent, or who opted out.
    ContactNotOptedIn, "CONTACT_NOT_OPTED_IN", 400, NotOptedIn;
    /// A free-form message outside the 24-hour window.
    ConversationExpired, "CONVERSATION_EXPIRED", 400, WindowExpired;
    /// The template is not approved.
    TemplateNotApproved, "TEMPLATE_NOT_APPROVED", 400, NotApproved;
    /// Not a possible telephone number, or without `+` and country code.
    InvalidPhoneFormat, "INVALID_PHONE_FORMAT", 400, InvalidPhone;
    /// The connection is being throttled, by Meta or because its queue is full; the message stays queued.
    RateLimitExceeded, "RATE_LIMIT_EXCEEDED", 429, Throttled;
    /// Meta says that the recipient cannot be reached on WhatsApp.
    RecipientNotOnWhatsapp, "RECIPIENT_NOT_ON_WHATSAPP", 400, NotOnWhatsapp;
    /// Wrong number or wrong names of template parameters, header and buttons counted too.
    TemplateParamsMismatch, "TEMPLATE_PARAMS_MISMATCH", 400, ParamsMismatch;
    /// The connection's access token is expired or revoked.
    TokenExpired, "TOKEN_EXPIRED", 401, TokenOver;
    /// A webhook with a missing, malformed or wrong signature; nothing of its body was parsed.
    WebhookSignatureInvalid, "WEBHOOK_SIGNATURE_INVALID", 401, Nothing;
    /// No such tenant, or not one of this key.
    TenantNotFound, "TENANT_NOT_FOUND", 404, Missing;
    /// No such connection.
    ConnectionNotFound, "CONNECTION_NOT_FOUND", 404, Missing;
    /// No such contact.
    ContactNotFound, "CONTACT_NOT_FOUND", 404, Missing;
    /// No such template; by name: none of this name and language.
    TemplateNotFound, "TEMPLATE_NOT_FOUND", 404, MissingTemplate;
    /// No such message.
    MessageNotFound, "MESSAGE_NOT_FOUND", 404, Missing;
    /// No such conversation.
    ConversationNotFound, "CONVERSATION_NOT_FOUND", 404, Missing;
    /// No such file.
    MediaNotFound, "MEDIA_NOT_FOUND", 404, Missing;
    /// No such alert.
    AlertNotFound, "ALERT_NOT_FOUND", 404, Missing;
    /// No such alert rule.
    AlertRuleNotFound, "ALERT_RULE_NOT_FOUND", 404, Missing;
    /// No such alert channel.
    AlertChannelNotFound, "ALERT_CHANNEL_NOT_FOUND", 404, Missing;
    /// No such API key.
    ApiKeyNotFound, "API_KEY_NOT_FOUND", 404, Missing;
    /// No such member.
    MemberNotFound, "MEMBER_NOT_FOUND", 404, Missing;
    /// No such role.
    RoleNotFound, "ROLE_NOT_FOUND", 404, Missing;
    /// No such session of one's own.
    SessionNotFound, "SESSION_NOT_FOUND", 404, Missing;
    /// No such canned reply.
    CannedReplyNotFound, "CANNED_REPLY_NOT_FOUND", 404, Missing;
    /// No such broadcast.
    BroadcastNotFound, "BROADCAST_NOT_FOUND", 404, Missing;
    /// No such segment.
    SegmentNotFound, "SEGMENT_NOT_FOUND", 404, Missing;
    /// No such import.
    ImportNotFound, "IMPORT_NOT_FOUND", 404, Missing;
    /// No such erasure.
    ErasureNotFound, "ERASURE_NOT_FOUND", 404, Missing;
    /// The server has nothing at this path.
    RouteNotFound, "ROUTE_NOT_FOUND", 404, Nothing;
    /// The path is known, but not with this method.
    MethodNotAllowed, "METHOD_NOT_ALLOWED", 405, Nothing;
    /// A contact with this phone number or user id exists already.
    DuplicateContact, "DUPLICATE_CONTACT", 409, DuplicateContact;
    /// A template with this name and language exists already.
    DuplicateTemplate, "DUPLICATE_TEMPLATE", 409, DuplicateTemplate;
    /// This phone number is linked already.
    DuplicateConnection, "DUPLICATE_CONNECTION", 409, DuplicateConnection;
    /// A canned reply with this shortcut exists already.
    DuplicateCannedReply, "DUPLICATE_CANNED_REPLY", 409, DuplicateCannedReply;
    /// Somebody with this e-mail address is a member already.
    DuplicateMember, "DUPLICATE_MEMBER", 409, DuplicateMember;
    /// A role with this name exists already.
    DuplicateRole, "DUPLICATE_ROLE", 409, DuplicateRole;
    /// The tenant would have no owner left.
    LastOwner, "LAST_OWNER", 409, Nothing;
    /// A segment with this name exists already.
    DuplicateSegment, "DUPLICATE_SEGMENT", 409, DuplicateSegment;
    /// The thing is in a state that does not allow this.
    InvalidState, "INVALID_STATE", 409, WrongState;
    /// The idempotency key was used with another request within the last 24 h.
    IdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", 409, KeyReused;
    /// Another call with the same idempotency key is at work right now.
    IdempotencyKeyInUse, "IDEMPOTENCY_KEY_IN_USE", 409, KeyInUse;
    /// The tenant has no connection to send from.
    ConnectionNotConfigured, "CONNECTION_NOT_CONFIGURED", 409, Nothing;
    /// The connection is switched off.
    ConnectionDisabled, "CONNECTION_DISABLED", 409, Disabled;
    /// Meta's answer was lost: the message is `in_doubt` and is settled by its status webhook.
    SendOutcomeUnknown, "SEND_OUTCOME_UNKNOWN", 202, OutcomeUnknown;
    /// Any other refusal by Meta.
    MetaRejected, "META_REJECTED", 502, Rejected;
    /// Meta cannot be reached; a message stays queued.
    MetaUnavailable, "META_UNAVAILABLE", 503, Unreachable;
    /// The request has faults; all of them are listed.
    ValidationFailed, "VALIDATION_FAILED", 400, Invalid;
    /// E-mail, password or code is not right: which of them is not told.
    LoginRefused, "LOGIN_REFUSED", 401, Nothing;
    /// All is right so far, and a code of the second factor is needed besides.
    SecondFactorNeeded, "SECOND_FACTOR_NEEDED", 401, Nothing;
    /// Too many tries; nothing was looked at, a right password is refused alike.
    LoginThrottled, "LOGIN_THROTTLED", 429, TooManyCalls;
    /// The link is unknown, was used, or is too old.
    LinkNotValid, "LINK_NOT_VALID", 400, Nothing;
    /// No key or session, or one that is unknown, expired or revoked.
    Unauthenticated, "UNAUTHENTICATED", 401, Nothing;
    /// The key lacks the scope, the member the permission.
    Forbidden, "FORBIDDEN", 403, Denied;
    /// Too many calls with this key or by this member.
    ApiRateLimited, "API_RATE_LIMITED", 429, TooManyCalls;
    /// The body is larger than this route takes.
    PayloadTooLarge, "PAYLOAD_TOO_LARGE", 413, TooLarge;
    /// The body is of a type that this route does not take.
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", 415, WrongMediaType;
    /// The server cannot do anything right now (its store is not reachable); nothing was done.
    ServiceUnavailable, "SERVICE_UNAVAILABLE", 503, Later;
    /// A defect of the server; its cause stands in its log under the request id.
    Internal, "INTERNAL", 500, Nothing;
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code().status()
    }

    /// Seconds for the header `Retry-After`, where the details tell.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimitExceeded(details) => Some(details.retry_after_seconds),
            Self::ApiRateLimited(details) | Self::LoginThrottled(details) => {
                Some(details.retry_after_seconds)
            }
            Self::ServiceUnavailable(details) => Some(details.retry_after_seconds),
            Self::IdempotencyKeyInUse(details) => Some(details.retry_after_seconds),
            Self::MetaUnavailable(details) => details.retry_after_seconds,
            _ => None,
        }
    }
}

fn named<T: ToSchema>() -> (String, RefOr<Schema>) {
    (format!("{}Details", T::name()), T::schema())
}

fn object<T: Serialize>(details: &T) -> Value {
    match serde_json::to_value(details) {
        Ok(Value::Object(members)) => Value::Object(members),
        _ => Value::Object(serde_json::Map::new()),
    }
}

#[cfg(test)]
mod tests;
