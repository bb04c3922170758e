//! Templates: what Meta approved, what it expects, and whether what is given fits.
//!
//! Source of the rules: Meta, "Message templates" (components, parameters, categories, status).

pub mod binding;
pub mod definition;
pub mod lint;
pub mod params;
pub mod placeholders;
pub mod preview;
mod samples;
pub mod slots;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use binding::{BoundParams, ParamsMismatch, check};
pub use definition::Definition;
pub use lint::{Draft, Finding, Severity, lint};
pub use params::Params;
pub use preview::Preview;
pub use slots::Slot;

/// How the parameters of a template are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterFormat {
    /// `{{1}}`, `{{2}}` …
    #[default]
    Positional,
    /// `{{first_name}}`.
    Named,
}

impl ParameterFormat {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positional => "positional",
            Self::Named => "named",
        }
    }

    /// Meta's word.
    pub fn to_meta(self) -> &'static str {
        match self {
            Self::Positional => "POSITIONAL",
            Self::Named => "NAMED",
        }
    }

    /// Reads Meta's word in any case; anything but `NAMED` is positional, Meta's default.
    pub fn from_meta(word: &str) -> Self {
        if word.eq_ignore_ascii_case("named") { Self::Named } else { Self::Positional }
    }
}

impl FromStr for ParameterFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "positional" => Ok(Self::Positional),
            "named" => Ok(Self::Named),
            other => Err(format!("\"{other}\" is not a parameter format; use positional or named")),
        }
    }
}

/// A closed list of words with room for one that Meta invents tomorrow.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word of Meta's that is not known here, in lower case.
            Other(String),
        }

        impl $name {
            /// Those that are known.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The word used on our wire and in the store: lower case.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }

            /// Meta's word: upper case.
            pub fn to_meta(&self) -> String {
                self.as_str().to_ascii_uppercase()
            }

            /// Reads our word as it was stored; never fails.
            pub fn from_word(word: &str) -> Self {
                let word = word.trim().to_ascii_lowercase();
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// Reads a word that a client wrote: only known ones.
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    other => Err(format!(concat!("\"{}\" is not ", $what), other)),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer).map(|word| Self::from_word(&word))
            }
        }
    };
}

words! {
    /// What a template is for; Meta prices and limits by it.
    Category, "a template category; use marketing, utility or authentication" {
        /// Offers, news, anything that is not the two others.
        Marketing = "marketing",
        /// About something the customer asked for or bought.
        Utility = "utility",
        /// One-time codes.
        Authentication = "authentication",
    }
}

impl Category {
    /// Reads Meta's word in any case.
    pub fn from_meta(word: &str) -> Self {
        Self::from_word(word)
    }

    /// Whether a marketing stop holds it back.
    pub fn is_marketing(&self) -> bool {
        *self == Self::Marketing
    }
}

words! {
    /// Where a template stands with Meta.
    Status, "a template status" {
        /// Not submitted yet.
        Draft = "draft",
        /// Submitted, under review.
        Pending = "pending",
        /// May be sent.
        Approved = "approved",
        /// Refused by the reviewer.
        Rejected = "rejected",
        /// Held back by Meta for a while because of its quality.
        Paused = "paused",
        /// Switched off by Meta for good.
        Disabled = "disabled",
        /// The refusal is being looked at again.
        InAppeal = "in_appeal",
        /// Deleted while messages were on their way.
        PendingDeletion = "pending_deletion",
        /// Gone.
        Deleted = "deleted",
        /// Meta warns of its quality.
        Flagged = "flagged",
        /// The account has too many templates.
        LimitExceeded = "limit_exceeded",
        /// Put away at Meta.
        Archived = "archived",
    }
}

impl Status {
    /// Reads Meta's status or the event of a status webhook, in any case.
    pub fn from_meta(word: &str) -> Self {
        match word.trim().to_ascii_uppercase().as_str() {
            "REINSTATED" | "UNARCHIVED" | "UNPAUSED" => Self::Approved,
            "IN_REVIEW" | "PENDING_REVIEW" => Self::Pending,
            _ => Self::from_word(word),
        }
    }

    /// Only approved templates can be sent. Source: Meta, "Template status".
    pub fn sendable(&self) -> bool {
        *self == Self::Approved
    }

    /// Whether Meta takes an edit of a template that stands so. Source: Meta, "Edit templates".
    pub fn editable(&self) -> bool {
        matches!(self, Self::Draft | Self::Approved | Self::Rejected | Self::Paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_here_and_upper_case_at_meta() {
        for status in Status::KNOWN {
            assert_eq!(Status::from_meta(&status.to_meta()), *status);
            assert_eq!(status.as_str().parse::<Status>().as_ref(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Category::from_meta("MARKETING"), Category::Marketing);
        assert_eq!(Category::from_meta("marketing").to_meta(), "MARKETING");
    }

    #[test]
    fn a_word_that_meta_invents_is_kept() {
        let status: Status = serde_json::from_str("\"LOCKED\"").unwrap();
        assert_eq!((status.as_str(), status.sendable()), ("locked", false));
        assert!("locked".parse::<Status>().is_err(), "a client cannot invent one");
    }

    #[test]
    fn only_an_approved_template_can_be_sent() {
        assert_eq!(Status::KNOWN.iter().filter(|status| status.sendable()).count(), 1);
        assert!(Status::from_meta("REINSTATED").sendable());
    }
}
