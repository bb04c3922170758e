//! Telephone numbers, always E.164.
//!
//! A number is accepted when it is *possible* by libphonenumber's metadata, that is when its length fits the
//! country; whether the range is in use is left to WhatsApp to say. Nothing is guessed: without a `+` the country
//! must be given, unless a link or an address of WhatsApp tells that it is there.

mod address;
mod amount;
mod invalid;

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber as Parsed, PhoneNumberFormat, Region,
    ValidationError,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use amount::{is_scientific, without_fraction};
pub use invalid::{InvalidPhone, PhoneFault};

/// E.164 allows fifteen digits behind the `+` (ITU-T E.164 §6.1).
const MAX_DIGITS: usize = 15;
/// Digits that are read before an input is called too long: an international prefix and a trunk zero may stand
/// before the fifteen.
const MAX_INPUT_DIGITS: usize = 24;

/// A telephone number in E.164: `+`, country code, national number, digits only.
///
/// `Debug` prints it masked, so that a number does not reach a log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as people write it: spaces, hyphens, parentheses and dots are skipped, digits of any script
    /// are digits. `default_region` (ISO 3166 alpha-2, such as `DE`) is the country of numbers without a `+`;
    /// without it they are refused. `4915112345678.0`, an amount, is refused too: the zero is no digit of the number.
    /// `tel:+49…`, `whatsapp:+49…`, `https://wa.me/49…`, `49…@c.us` and `49…@s.whatsapp.net` are read as their number.
    ///
    /// # Errors
    /// [`InvalidPhone`] with the reason, and with the format of the country that the input hints at.
    pub fn parse(input: &str, default_region: Option<&str>) -> Result<Self, InvalidPhone> {
        let region = default_region.and_then(region_by_code);
        Self::parse_in(input, region).map_err(|fault| InvalidPhone::explain(input, region, fault))
    }

    fn parse_in(input: &str, region: Option<Region>) -> Result<Self, PhoneFault> {
        let input = address::bare(input);
        if amount::has_fraction(input.trim()) {
            return Err(PhoneFault::Fraction);
        }
        let written = Written::read(&input)?;
        if !written.plus && region.is_none() {
            return Err(PhoneFault::CountryCodeMissing);
        }
        let number = match region.filter(|_| !written.plus) {
            Some(region) => written.parse_national(region)?,
            None => parse(written.as_str(), None)?,
        };
        let number = written.without_retired_one(number);
        match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
            Ok(NumberLengthType::IsPossible) => {}
            // Seven digits are dialled inside a town, never from abroad.
            Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => {
                return Err(PhoneFault::TooShort);
            }
            Err(ValidationError::TooLong) => return Err(PhoneFault::TooLong),
            Err(ValidationError::InvalidLength) => return Err(PhoneFault::WrongLength),
            Err(ValidationError::InvalidCountryCode) => return Err(PhoneFault::CountryCodeUnknown),
        }
        if keeps_trunk_prefix(&number) {
            return Err(PhoneFault::TooShort);
        }
        let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
        Self::from_e164(&e164).ok_or(PhoneFault::TooLong)
    }

    /// Whether the metadata has numbers of this country (ISO 3166 alpha-2).
    pub fn knows_country(code: &str) -> bool {
        region_by_code(code).is_some()
    }

    /// Takes a number that is in E.164 already (from the store, from another server of ours). Checks the shape
    /// alone: `+`, no leading zero, 5 to 15 digits.
    pub fn from_e164(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        is_e164_digits(digits).then(|| Self(text.to_owned()))
    }

    /// Takes Meta's `wa_id`: the digits without a `+`. WhatsApp knows the number already, so one that the metadata
    /// calls impossible is kept as it is; a possible one is brought to the same form as [`PhoneNumber::parse`]
    /// gives (Mexico's old mobile `1` is dropped), so that both find the same contact.
    pub fn from_wa_id(wa_id: &str) -> Option<Self> {
        let digits = wa_id.strip_prefix('+').unwrap_or(wa_id);
        if !is_e164_digits(digits) {
            return None;
        }
        let plain = format!("+{digits}");
        Some(Self::parse_in(&plain, None).unwrap_or(Self(plain)))
    }

    /// `+15551234567`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without the `+`: the form of Meta's `wa_id`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// For logs: `+1555•••4567`. At most eight digits stay readable, fewer of a short number.
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let (head, tail) = match digits.len() {
            11.. => (4, 4),
            9..=10 => (3, 3),
            _ => (2, 2),
        };
        format!("+{}•••{}", &digits[..head], &digits[digits.len() - tail..])
    }

    /// The country calling code, such as 49; `None` for a code that is not in use.
    pub fn country_code(&self) -> Option<u16> {
        calling_code(self.digits())
    }

    /// The country as ISO 3166 alpha-2, such as `DE`; the main one where several share a calling code and the
    /// number does not tell. `None` for numbers of no country (satellite, freephone).
    pub fn region(&self) -> Option<String> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None::<Region>).ok()?;
        let region = PHONE_NUMBER_UTIL
            .get_region_for_number(&number)
            .or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code))?;
        (region != Region::World).then(|| region.as_region_str().as_str().to_owned())
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl AsRef<str> for PhoneNumber {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<PhoneNumber> for String {
    fn from(phone: PhoneNumber) -> Self {
        phone.0
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, None)
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_e164(&text).ok_or_else(|| serde::de::Error::custom("phone number must be in E.164 format"))
    }
}

fn is_e164_digits(digits: &str) -> bool {
    (5..=MAX_DIGITS).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn region_by_code(code: &str) -> Option<Region> {
    let region = Region::from_code(&code.trim().to_ascii_uppercase()).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}

/// Calling codes are a prefix code of one to three digits: at most one of the three is in use.
fn calling_code(digits: &str) -> Option<u16> {
    (1..=3).find_map(|length| {
        let code: u16 = digits.get(..length)?.parse().ok()?;
        PHONE_NUMBER_UTIL.get_region_for_country_code(i32::from(code)).map(|_| code)
    })
}

/// What was written, with all but `+` and digits gone; on the stack, because an import reads hundreds of thousands.
struct Written {
    buffer: [u8; MAX_INPUT_DIGITS + 1],
    length: usize,
    plus: bool,
}

impl Written {
    fn read(input: &str) -> Result<Self, PhoneFault> {
        let mut written = Self { buffer: [b'+'; MAX_INPUT_DIGITS + 1], length: 0, plus: false };
        for character in input.chars() {
            match character {
                '0'..='9' => written.push(character as u8)?,
                '+' | '\u{FF0B}' if written.length == 0 => {
                    written.plus = true;
                    written.length = 1;
                }
                _ if is_separator(character) => {}
                _ => written.push(digit_of(character).ok_or(PhoneFault::UnexpectedCharacter)?)?,
            }
        }
        match (written.plus, written.length) {
            (false, 0) if input.trim().is_empty() => Err(PhoneFault::Empty),
            (false, 0) | (true, 1) => Err(PhoneFault::TooShort),
            _ => Ok(written),
        }
    }

    fn push(&mut self, digit: u8) -> Result<(), PhoneFault> {
        let slot = self.buffer.get_mut(self.length).ok_or(PhoneFault::TooLong)?;
        *slot = digit;
        self.length += 1;
        Ok(())
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.buffer[..self.length]).unwrap_or_default()
    }

    fn digits(&self) -> &str {
        self.as_str().trim_start_matches('+')
    }

    /// Mexico's mobile `1` was abolished in 2019; address books and wa_ids still carry it behind the country code, with
    /// and without a `+` or an international prefix before that.
    fn without_retired_one(&self, number: Parsed) -> Parsed {
        let digits = self.digits();
        let has_one = number.country_code == 52
            && (10_000_000_000..20_000_000_000).contains(&number.national_number)
            && digits.len().checked_sub(10).is_some_and(|end| digits[..end].ends_with("521"));
        match has_one {
            true => Parsed { national_number: number.national_number - 10_000_000_000, ..number },
            false => number,
        }
    }

    /// Lists often hold whole international numbers whose `+` got lost. Where the numbering plan also allows the
    /// national reading, the one that is a mobile number is meant.
    fn parse_national(&self, region: Region) -> Result<Parsed, PhoneFault> {
        let national = parse(self.as_str(), Some(region))?;
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region).unwrap_or_default();
        if !self.digits().starts_with(&code.to_string()) || is_mobile(&national) {
            return Ok(national);
        }
        Ok(parse(&format!("+{}", self.digits()), None).ok().filter(is_mobile).unwrap_or(national))
    }
}

fn parse(text: &str, region: Option<Region>) -> Result<Parsed, PhoneFault> {
    PHONE_NUMBER_UTIL.parse(text, region).map_err(|error| match error {
        ParseError::InvalidCountryCode => PhoneFault::CountryCodeUnknown,
        ParseError::NotANumber(_) | ParseError::TooShortAfterIdd | ParseError::TooShortNsn => {
            PhoneFault::TooShort
        }
        ParseError::TooLongNsn => PhoneFault::TooLong,
    })
}

fn is_mobile(number: &Parsed) -> bool {
    use rlibphonenumber::PhoneNumberType::{FixedLineOrMobile, Mobile};
    matches!(PHONE_NUMBER_UTIL.get_number_type(number), Mobile | FixedLineOrMobile)
}

/// The library leaves a trunk prefix standing where what follows is no number without it (`0151` in Germany), and then
/// counts it as a digit. Some countries have numbers that begin so; those in use are known.
fn keeps_trunk_prefix(number: &Parsed) -> bool {
    let trunk = match number.country_code {
        1 => '1',
        7 => '8',
        _ => '0',
    };
    let begins_so = |number: &Parsed| {
        let zeros = if number.italian_leading_zero() { "0" } else { "" };
        format!("{zeros}{}", number.national_number).starts_with(trunk)
    };
    let is_usual = || {
        let region = PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code);
        region
            .and_then(|region| PHONE_NUMBER_UTIL.get_example_number(region).ok())
            .is_some_and(|it| begins_so(&it))
    };
    begins_so(number) && !PHONE_NUMBER_UTIL.is_valid_number(number) && !is_usual()
}

/// Characters between digits that mean nothing. A slash is not one of them: it may part two numbers.
fn is_separator(character: char) -> bool {
    matches!(character,
        ' ' | '-' | '(' | ')' | '.' | '\t'
        | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | '\u{30FC}'
        | '\u{FF08}' | '\u{FF09}' | '\u{FF0E}'
        // Direction marks and zero-width characters come along when a number is copied from a phone.
        | '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
        || character.is_whitespace()
}

/// The ASCII digit of a digit in another script (full-width, Arabic-Indic, Devanagari …), as the library sees it.
fn digit_of(character: char) -> Option<u8> {
    let mut encoded = [0u8; 4];
    let digits = PHONE_NUMBER_UTIL.normalize_digits_only(&*character.encode_utf8(&mut encoded));
    digits.bytes().next()
}

#[cfg(test)]
mod tests;
