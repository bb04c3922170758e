//! Why somebody is left out, why a recipient failed, why a broadcast stopped.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used on the wire and in the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    other => Err(format!(concat!("\"{}\" is not ", $what), other)),
                }
            }
        }
    };
}

words! {
    /// Why nothing is sent to somebody who was meant. The first that applies, in this order; but what is wrong with
    /// parameters is only looked at in those whom nothing else leaves out.
    LeftOut, "a reason for leaving somebody out" {
        /// A row of the list whose number cannot be one.
        InvalidNumber = "invalid_number",
        /// A row of the list of whom nobody knows anything: no contact, so no consent.
        UnknownContact = "unknown_contact",
        /// The contact is in the list already.
        Duplicate = "duplicate",
        /// Said STOP.
        OptedOut = "opted_out",
        /// Never said yes.
        NoConsent = "no_consent",
        /// Stopped this business's marketing inside WhatsApp.
        MarketingStop = "marketing_stop",
        /// Meta said before that the number is not on WhatsApp; the contact waits for review.
        NotOnWhatsapp = "not_on_whatsapp",
        /// A field that the template needs is empty, and there is no fallback.
        MissingParameter = "missing_parameter",
        /// What was given does not fit the template.
        InvalidParameter = "invalid_parameter",
        /// Had as many marketing messages lately as the tenant allows.
        FrequencyCap = "frequency_cap",
        /// The hour of the plan had passed there when it began, and the plan rather sends nothing than later.
        TimePassed = "time_passed",
        /// It is night there, and the tenant rather sends nothing than later.
        QuietHours = "quiet_hours",
        /// Called off before its turn.
        Cancelled = "cancelled",
    }
}

words! {
    /// How a recipient failed: what the messages' failures come to in the results.
    FailedBy, "a way of failing" {
        /// 131026 and its like.
        NotOnWhatsapp = "not_on_whatsapp",
        InvalidNumber = "invalid_number",
        /// Given up by Meta or by us because of a limit (131049, the spam limit).
        RateLimited = "rate_limited",
        /// The contact opted out, or never opted in, between the freezing and the sending.
        NoConsent = "no_consent",
        /// The template is not approved any more, or the parameters do not fit it.
        Template = "template",
        /// Token, account or payment.
        Connection = "connection",
        /// Meta was not there for a day.
        Unreachable = "meta_unavailable",
        /// Nobody knows whether Meta took it.
        OutcomeUnknown = "outcome_unknown",
        /// The file could not be fetched or sent.
        Media = "media",
        /// Anything else that Meta refused.
        Rejected = "rejected",
    }
}

/// Whom a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This recipient alone: it says nothing of the next one.
    Recipient,
    /// The next one may fail alike.
    Everybody,
}

impl Scope {
    /// Out of a failure's code (the contract's table) and Meta's own. Source: Meta, "Error codes".
    pub fn of(code: &str, meta_error_code: Option<i64>) -> Self {
        match (code, meta_error_code) {
            ("RECIPIENT_NOT_ON_WHATSAPP" | "INVALID_PHONE_FORMAT" | "CONTACT_NOT_OPTED_IN", _) => {
                Self::Recipient
            }
            // Blocked by the business, part of an experiment, in a country that is closed to the account.
            (_, Some(130_403 | 130_472 | 130_497)) => Self::Recipient,
            // The sender itself, not reachable, not on a test number's list, failed on a device.
            (_, Some(131_021 | 131_026 | 131_030 | 131_036)) => Self::Recipient,
            // Held back for this person, stopped by it, too many to it, known by a user id alone, another person now.
            (_, Some(131_049 | 131_050 | 131_056 | 131_062 | 137_000)) => Self::Recipient,
            _ => Self::Everybody,
        }
    }
}

impl FailedBy {
    /// Out of a failure's code (the contract's table) and Meta's own.
    pub fn of(code: &str, meta_error_code: Option<i64>) -> Self {
        match (code, meta_error_code) {
            // Whatever Meta said of an earlier try.
            ("SEND_OUTCOME_UNKNOWN", _) => Self::OutcomeUnknown,
            (_, Some(131_049 | 131_048 | 131_056 | 130_429 | 80_007 | 130_472 | 131_064)) => {
                Self::RateLimited
            }
            (_, Some(131_052 | 131_053)) => Self::Media,
            (_, Some(131_021)) | ("INVALID_PHONE_FORMAT", _) => Self::InvalidNumber,
            ("RECIPIENT_NOT_ON_WHATSAPP", _) => Self::NotOnWhatsapp,
            ("RATE_LIMIT_EXCEEDED", _) => Self::RateLimited,
            ("CONTACT_NOT_OPTED_IN", _) => Self::NoConsent,
            ("TEMPLATE_NOT_APPROVED" | "TEMPLATE_PARAMS_MISMATCH" | "TEMPLATE_NOT_FOUND", _) => {
                Self::Template
            }
            ("TOKEN_EXPIRED" | "CONNECTION_DISABLED" | "CONNECTION_NOT_CONFIGURED", _) => Self::Connection,
            // Token and permissions, registration, account, payment. Source: Meta, "Error codes".
            (_, Some(0 | 3 | 10 | 33 | 104 | 190 | 200..=299 | 368 | 131_005 | 131_045 | 133_010)) => {
                Self::Connection
            }
            (_, Some(131_031 | 131_037 | 131_042 | 134_011 | 139_000)) => Self::Connection,
            ("META_UNAVAILABLE", _) => Self::Unreachable,
            _ => Self::Rejected,
        }
    }
}

words! {
    /// Why a broadcast stands still or ended early.
    StopCode, "a reason for stopping a broadcast" {
        /// Somebody paused or cancelled it.
        ByUser = "by_user",
        /// No number of it can send: the token expired or was revoked.
        TokenExpired = "token_expired",
        /// Meta restricted or locked the account.
        AccountRestricted = "account_restricted",
        /// Meta wants a valid payment method.
        Payment = "payment",
        /// The template was paused, disabled, rejected or deleted.
        TemplateUnusable = "template_unusable",
        /// Meta moved the template to another category than it had at the start.
        TemplateCategoryChanged = "template_category_changed",
        /// So many failures one after the other.
        ConsecutiveFailures = "consecutive_failures",
        /// Too large a share of the last ones failed.
        FailureShare = "failure_share",
        /// Of so many nobody knows whether Meta took their message: its answers are lost.
        OutcomeUnknown = "outcome_unknown",
        /// Every recipient failed.
        AllFailed = "all_failed",
        /// The numbers to send from were disabled or removed.
        ConnectionGone = "connection_gone",
        /// The segment that it asks for was removed before it started.
        SegmentGone = "segment_gone",
        /// It goes to a list, and at its time there was none.
        ListEmpty = "list_empty",
        /// It cannot start, or go on, for another reason.
        PlanUnusable = "plan_unusable",
        /// It ran when the backup was made that the store was restored from.
        Restored = "restored",
    }
}

/// Why a broadcast stands still or ended early, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopReason {
    pub code: StopCode,
    /// In words for an operator, with what to do.
    pub message: String,
    pub meta_error_code: Option<i64>,
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breakdown_uses_the_product_owners_words() {
        assert_eq!(FailedBy::of("RECIPIENT_NOT_ON_WHATSAPP", Some(131_026)).as_str(), "not_on_whatsapp");
        assert_eq!(FailedBy::of("META_REJECTED", Some(131_049)).as_str(), "rate_limited");
        assert_eq!(FailedBy::of("INVALID_PHONE_FORMAT", None).as_str(), "invalid_number");
        assert_eq!(FailedBy::of("META_REJECTED", Some(1)).as_str(), "rejected");
        for account in [368, 131_031, 131_042, 200, 131_005] {
            assert_eq!(FailedBy::of("META_REJECTED", Some(account)).as_str(), "connection", "{account}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_recipient_is_not_taken_for_everybodys() {
        for meta in [130_403, 130_497, 131_030, 131_036, 131_049, 131_056, 131_062, 137_000] {
            assert_eq!(Scope::of("META_REJECTED", Some(meta)), Scope::Recipient, "{meta}");
        }
        for meta in [131_008, 131_009, 131_031, 131_042, 131_048, 131_053, 132_015] {
            assert_eq!(Scope::of("META_REJECTED", Some(meta)), Scope::Everybody, "{meta}");
        }
        assert_eq!(Scope::of("INVALID_PHONE_FORMAT", Some(131_009)), Scope::Recipient);
        assert_eq!(Scope::of("RECIPIENT_NOT_ON_WHATSAPP", Some(131_047)), Scope::Recipient);
        assert_eq!(Scope::of("SEND_OUTCOME_UNKNOWN", None), Scope::Everybody);
    }

    #[test]
    fn words_are_read_back() {
        for reason in LeftOut::ALL {
            assert_eq!(reason.as_str().parse::<LeftOut>(), Ok(*reason));
        }
        assert!("because".parse::<StopCode>().is_err());
    }
}
