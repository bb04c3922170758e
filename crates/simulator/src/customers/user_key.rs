//! A customer in eight bytes: the phone number itself, or a marked index for one known by BSUID alone.

const FOREIGN: u64 = 1 << 63;
/// Odd, so that multiplication can be undone: BSUIDs are made from numbers and read back without a table.
const SCRAMBLE: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UserKey(u64);

impl UserKey {
    /// The key of a number given by its digits, with country code and without +.
    pub(crate) fn phone(digits: &str) -> Option<Self> {
        if !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
            return None;
        }
        digits.parse().ok().map(Self)
    }

    /// The key of a customer whom only a foreign BSUID names.
    pub(crate) fn foreign(index: u64) -> Self {
        Self(FOREIGN | index)
    }

    pub(crate) fn foreign_index(self) -> Option<u64> {
        (self.0 & FOREIGN != 0).then_some(self.0 & !FOREIGN)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The digits of the number, if it is one.
    pub(crate) fn digits(self) -> Option<String> {
        (self.0 & FOREIGN == 0).then(|| self.0.to_string())
    }

    /// The business-scoped user id that this simulator gives the number.
    pub(crate) fn derived_bsuid(self) -> String {
        format!("{}.{:020}", country(self.0), self.0.wrapping_mul(SCRAMBLE))
    }

    /// The number behind a BSUID made by [`UserKey::derived_bsuid`].
    pub(crate) fn from_derived(bsuid: &str) -> Option<Self> {
        let (_, digits) = bsuid.split_once('.')?;
        if digits.len() != 20 {
            return None;
        }
        let number = digits.parse::<u64>().ok()?.wrapping_mul(inverse(SCRAMBLE));
        Self::phone(&number.to_string())
    }
}

/// The multiplicative inverse modulo 2^64 of an odd number (Newton's iteration).
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut round = 0;
    while round < 6 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        round += 1;
    }
    found
}

fn country(number: u64) -> &'static str {
    let digits = number.to_string();
    let known = [
        ("1", "US"),
        ("7", "RU"),
        ("20", "EG"),
        ("27", "ZA"),
        ("31", "NL"),
        ("33", "FR"),
        ("34", "ES"),
        ("39", "IT"),
        ("44", "GB"),
        ("49", "DE"),
        ("52", "MX"),
        ("54", "AR"),
        ("55", "BR"),
        ("57", "CO"),
        ("62", "ID"),
        ("91", "IN"),
        ("971", "AE"),
    ];
    known.iter().find(|(code, _)| digits.starts_with(code)).map_or("XX", |(_, country)| country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_bsuid_leads_back_to_its_number() {
        for digits in ["16505551234", "5511999999999", "4915112345678", "1234567"] {
            let key = UserKey::phone(digits).unwrap();
            assert_eq!(UserKey::from_derived(&key.derived_bsuid()), Some(key), "{digits}");
        }
        assert_eq!(UserKey::from_derived("US.13491208655302741918"), None);
    }

    #[test]
    fn numbers_of_impossible_length_are_no_keys() {
        assert!(UserKey::phone("123").is_none());
        assert!(UserKey::phone("0123456789").is_none());
        assert!(UserKey::phone("1234567890123456").is_none());
    }
}
