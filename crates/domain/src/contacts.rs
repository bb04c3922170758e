//! Contacts: persons, known by phone number, by Meta's business-scoped user id (BSUID), or by both.

pub mod zones;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::phone::PhoneNumber;

/// How a person is known. At least one of `phone` and `bsuid` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// E.164; absent for a customer who hides the number behind a username.
    pub phone: Option<PhoneNumber>,
    /// Business-scoped user id, opaque, e.g. `US.1349…`.
    pub bsuid: Option<String>,
}

impl Identity {
    /// Known by phone number alone.
    pub fn of_phone(phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), bsuid: None }
    }

    /// The country as ISO 3166 alpha-2: the phone number's, else the one that a user id begins with (Meta,
    /// "Business-scoped user ids").
    pub fn country(&self) -> Option<String> {
        let of_bsuid = || {
            let (country, _) = self.bsuid.as_deref()?.split_once('.')?;
            PhoneNumber::knows_country(country).then(|| country.to_owned())
        };
        self.phone.as_ref().and_then(PhoneNumber::region).or_else(of_bsuid)
    }

    /// Known by nothing: not an identity at all.
    pub fn is_empty(&self) -> bool {
        self.phone.is_none() && self.bsuid.is_none()
    }
}

/// Why a contact waits for somebody to look at it; such a contact gets no business-initiated message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// What happened, in words for an operator.
    pub reason: String,
    /// Meta's code, e.g. 131026.
    pub meta_error_code: i64,
    /// When it was flagged.
    pub at: Timestamp,
}

/// Limits on what a contact may hold, in characters.
pub mod limits {
    /// A name.
    pub const NAME: usize = 256;
    /// One tag.
    pub const TAG: usize = 64;
    /// Tags per contact.
    pub const TAGS: usize = 100;
    /// Custom fields per contact.
    pub const FIELDS: usize = 100;
    /// A custom field's value.
    pub const FIELD_VALUE: usize = 2_000;
}

/// Adds tags and sets fields. False when the contact holds more than it may then.
pub fn join(
    tags: &mut Vec<String>,
    fields: &mut Map<String, Value>,
    more_tags: &[String],
    more_fields: &Map<String, Value>,
) -> bool {
    for tag in more_tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    for (name, value) in more_fields {
        fields.insert(name.clone(), value.clone());
    }
    tags.len() <= limits::TAGS && fields.len() <= limits::FIELDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_country_is_told_by_the_number_and_else_by_the_user_id() {
        let known = |phone: Option<&str>, bsuid: Option<&str>| {
            let phone = phone.and_then(PhoneNumber::from_e164);
            Identity { phone, bsuid: bsuid.map(str::to_owned) }.country()
        };
        assert_eq!(known(Some("+4930123456"), Some("US.1349")).as_deref(), Some("DE"));
        assert_eq!(known(None, Some("US.1349")).as_deref(), Some("US"));
        // A freephone number belongs to no country.
        assert_eq!(known(Some("+80012345678"), Some("BR.1349")).as_deref(), Some("BR"));
        for nothing in [None, Some("1349"), Some("QQ.1"), Some("")] {
            assert_eq!(known(None, nothing), None, "{nothing:?}");
        }
    }
}
