//! Who a message goes to.

use super::envelope::Envelope;
use super::fields::{Checked, invalid};
use crate::accounts::Phone;
use crate::customers::{Customers, UserKey};
use crate::errors::GraphError;

/// What is said of a number that cannot be one.
pub(crate) const INVALID_RECIPIENT: &str = "Recipient phone number is not a valid phone number.";

/// The recipient of a send.
pub(crate) struct Recipient<'a> {
    pub(crate) user: UserKey,
    /// As the request wrote it.
    pub(crate) input: &'a str,
    /// Addressed by business-scoped user id alone.
    pub(crate) by_bsuid: bool,
}

impl<'a> Recipient<'a> {
    /// The number in `to` wins over the BSUID in `recipient`.
    pub(crate) fn of(envelope: &Envelope<'a>, phone: &Phone, customers: &Customers) -> Checked<Self> {
        if let Some(to) = envelope.to {
            let user = phone_user(to, phone)?;
            return Ok(Self { user, input: to, by_bsuid: false });
        }
        let bsuid = envelope.recipient.ok_or_else(|| GraphError::required("to"))?;
        if !is_bsuid(bsuid) {
            return Err(invalid("Param recipient is not a valid business-scoped user ID."));
        }
        Ok(Self { user: customers.by_bsuid(bsuid), input: bsuid, by_bsuid: true })
    }
}

/// `CC.` or `CC.ENT.` and up to 128 letters and digits.
fn is_bsuid(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    let rest = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase())
        && (1..=128).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Reads a number as Meta does: +, spaces, hyphens and parentheses are allowed. Without + the sender's country
/// code is put in front, except when the number is long enough to have one already.
fn phone_user(to: &str, phone: &Phone) -> Checked<UserKey> {
    let wrong = || invalid(INVALID_RECIPIENT);
    if !to.chars().all(|c| c.is_ascii_digit() || "+-() .".contains(c)) {
        return Err(wrong());
    }
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    let international = to.trim_start().starts_with('+') || digits.len() >= 11;
    let full = if international { digits } else { format!("{}{digits}", phone.country_code()) };
    UserKey::phone(&full).ok_or_else(wrong)
}
