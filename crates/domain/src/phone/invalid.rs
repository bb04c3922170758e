//! What is told to somebody whose number was refused: the format of the country that the input hints at.

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber as Parsed, PhoneNumberFormat, PhoneNumberType, Region,
};
use serde::{Deserialize, Serialize};

use super::{Written, address, calling_code};

/// Characters of the refused input that are repeated in the answer.
const ECHO_LIMIT: usize = 100;

/// Why an input is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneFault {
    /// Nothing was given.
    Empty,
    /// No `+` and country code, and no default country to fall back on.
    CountryCodeMissing,
    /// A `+` followed by digits that no country has.
    CountryCodeUnknown,
    /// Fewer digits than any number of that country.
    TooShort,
    /// More digits than any number of that country, or than E.164 allows.
    TooLong,
    /// A length between those that the country uses.
    WrongLength,
    /// A letter, an extension, a second number, anything but digits and their usual separators.
    UnexpectedCharacter,
    /// Digits with a decimal point and a few digits behind it: an amount.
    Fraction,
}

impl PhoneFault {
    /// One sentence for people.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Empty => "Phone number required",
            Self::CountryCodeMissing => "The number does not begin with + and a country code",
            Self::CountryCodeUnknown => "No country has this calling code",
            Self::TooShort => "The number is too short for its country",
            Self::TooLong => "The number is too long for its country",
            Self::WrongLength => "No number of this country has this length",
            Self::Fraction => "The number is written as an amount with a decimal fraction",
            Self::UnexpectedCharacter => {
                "The number contains something other than digits, spaces, hyphens, dots and parentheses"
            }
        }
    }
}

/// A refused number: the details of INVALID_PHONE_FORMAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("Phone number must be in E.164 format")]
pub struct InvalidPhone {
    /// The input as it came (its first 100 characters).
    pub provided: String,
    /// A number of the right form, for the country hinted at: `+15551234567`.
    pub expected_format: String,
    /// The same in words: `+1 followed by 10 digits`.
    pub example: String,
    /// What is wrong with it.
    pub reason: PhoneFault,
}

impl InvalidPhone {
    pub(super) fn explain(input: &str, default_region: Option<Region>, reason: PhoneFault) -> Self {
        let (expected_format, example) = hinted_region(input)
            .or(default_region)
            .and_then(format_of)
            .unwrap_or_else(|| ("+15551234567".to_owned(), "+1 followed by 10 digits".to_owned()));
        Self { provided: input.chars().take(ECHO_LIMIT).collect(), expected_format, example, reason }
    }
}

/// The country meant by an input that begins with `+` or `00`, or that would be in use were there a `+` before it.
fn hinted_region(input: &str) -> Option<Region> {
    let readable: String =
        address::bare(input).chars().take_while(|character| !character.is_alphabetic()).collect();
    let written = Written::read(&readable).ok()?;
    let digits = written.digits();
    if written.plus {
        return region_of_code(digits);
    }
    if let Some(international) = digits.strip_prefix("00") {
        return region_of_code(international);
    }
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None::<Region>).ok()?;
    if PHONE_NUMBER_UTIL.is_valid_number(&number) { region_of_code(digits) } else { None }
}

fn region_of_code(digits: &str) -> Option<Region> {
    let code = calling_code(digits)?;
    PHONE_NUMBER_UTIL.get_region_for_country_code(i32::from(code)).filter(|region| *region != Region::World)
}

/// A mobile number of the country as its example, and the lengths of its mobile numbers in words.
fn format_of(region: Region) -> Option<(String, String)> {
    let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region)?;
    let number = PHONE_NUMBER_UTIL
        .get_example_number_for_type_and_region(region, PhoneNumberType::Mobile)
        .or_else(|_| PHONE_NUMBER_UTIL.get_example_number(region))
        .ok()?;
    let e164 = match code {
        // The document's own example stands for North America.
        1 => "+15551234567".to_owned(),
        _ => PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned(),
    };
    let mut lengths = mobile_lengths(code);
    if lengths.is_empty() {
        lengths.push(e164.len() - 1 - code.to_string().len());
    }
    Some((e164, format!("+{code} followed by {}", in_words(&lengths))))
}

/// The library keeps the metadata's lengths to itself, so each length is asked for.
fn mobile_lengths(code: i32) -> Vec<usize> {
    (4..=14u32)
        .filter(|length| {
            let number =
                Parsed { country_code: code, national_number: 10u64.pow(*length - 1), ..Parsed::default() };
            PHONE_NUMBER_UTIL.is_possible_number_for_type_with_reason(&number, PhoneNumberType::Mobile)
                == Ok(NumberLengthType::IsPossible)
        })
        .map(|length| length as usize)
        .collect()
}

fn in_words(lengths: &[usize]) -> String {
    match lengths {
        [] => "the national number".to_owned(),
        [only] => format!("{only} digits"),
        [first, .., last] if last - first + 1 == lengths.len() => format!("{first} to {last} digits"),
        [some @ .., last] => {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            format!("{} or {last} digits", some.join(", "))
        }
    }
}
