use rlibphonenumber::PhoneNumberType;

use super::*;

/// Input, default region, E.164.
const GOOD: &[(&str, Option<&str>, &str)] = &[
    ("+15551234567", None, "+15551234567"),
    ("+1 (415) 555-2671", None, "+14155552671"),
    ("+1.415.555.2671", None, "+14155552671"),
    ("  +1 415 555 2671  ", None, "+14155552671"),
    ("(415) 555-2671", Some("US"), "+14155552671"),
    ("415-555-2671", Some("us"), "+14155552671"),
    ("1 415 555 2671", Some("US"), "+14155552671"),
    ("011 49 30 123456", Some("US"), "+4930123456"),
    ("+1 416 555 0199", None, "+14165550199"),
    ("+1 876 555 1234", None, "+18765551234"),
    ("+44 20 7946 0958", None, "+442079460958"),
    ("+44 (0)20 7946 0958", None, "+442079460958"),
    ("+44 7911 123456", None, "+447911123456"),
    ("07911 123456", Some("GB"), "+447911123456"),
    ("+49 151 23456789", None, "+4915123456789"),
    ("0151 23456789", Some("DE"), "+4915123456789"),
    ("0049 151 23456789", Some("DE"), "+4915123456789"),
    ("4915123456789", Some("DE"), "+4915123456789"),
    ("+33 6 12 34 56 78", None, "+33612345678"),
    ("06.12.34.56.78", Some("FR"), "+33612345678"),
    ("+34 612 34 56 78", None, "+34612345678"),
    ("+39 06 698 12345", None, "+390669812345"),
    ("+39 347 123 4567", None, "+393471234567"),
    ("+351 912 345 678", None, "+351912345678"),
    ("+55 11 98765-4321", None, "+5511987654321"),
    ("(11) 98765-4321", Some("BR"), "+5511987654321"),
    ("+52 55 1234 5678", None, "+525512345678"),
    ("+54 9 11 2345-6789", None, "+5491123456789"),
    ("+57 300 1234567", None, "+573001234567"),
    ("+56 9 8765 4321", None, "+56987654321"),
    ("+51 987 654 321", None, "+51987654321"),
    ("+91 98765 43210", None, "+919876543210"),
    ("098765 43210", Some("IN"), "+919876543210"),
    ("+92 300 1234567", None, "+923001234567"),
    ("+880 1712-345678", None, "+8801712345678"),
    ("+62 812-3456-7890", None, "+6281234567890"),
    ("0812 3456 7890", Some("ID"), "+6281234567890"),
    ("+60 12-345 6789", None, "+60123456789"),
    ("+65 8123 4567", None, "+6581234567"),
    ("+63 917 123 4567", None, "+639171234567"),
    ("+66 81 234 5678", None, "+66812345678"),
    ("+84 91 234 56 78", None, "+84912345678"),
    ("+86 138 0013 8000", None, "+8613800138000"),
    ("+81 90-1234-5678", None, "+819012345678"),
    ("+82 10-1234-5678", None, "+821012345678"),
    ("+61 412 345 678", None, "+61412345678"),
    ("+64 21 123 4567", None, "+64211234567"),
    ("+971 50 123 4567", None, "+971501234567"),
    ("+966 50 123 4567", None, "+966501234567"),
    ("+20 100 123 4567", None, "+201001234567"),
    ("+234 802 123 4567", None, "+2348021234567"),
    ("+254 712 345678", None, "+254712345678"),
    ("+27 82 123 4567", None, "+27821234567"),
    ("+7 912 345-67-89", None, "+79123456789"),
    ("+90 532 123 45 67", None, "+905321234567"),
    ("+972 50-123-4567", None, "+972501234567"),
    ("+31 6 12345678", None, "+31612345678"),
    ("+41 79 123 45 67", None, "+41791234567"),
    ("+46 70 123 45 67", None, "+46701234567"),
    ("+290 22158", None, "+29022158"),
    ("+\u{FF11}\u{FF14}\u{FF11}\u{FF15} 555 2671", None, "+14155552671"),
    ("\u{FF0B}14155552671", None, "+14155552671"),
    ("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", None, "+966501234567"),
    ("151.23456789", Some("DE"), "+4915123456789"),
    ("0151.234.567.89", Some("DE"), "+4915123456789"),
    ("+49.151.23456789", None, "+4915123456789"),
    ("415.555.2671", Some("US"), "+14155552671"),
    ("1415555.2671", Some("US"), "+14155552671"),
    ("+39 02 1234567", None, "+39021234567"),
    ("+225 01 23 45 67 89", None, "+2250123456789"),
    ("tel:+14155552671", None, "+14155552671"),
    ("TEL:+1-415-555-2671", None, "+14155552671"),
    ("tel:0151 23456789", Some("DE"), "+4915123456789"),
    ("whatsapp:+4915123456789", None, "+4915123456789"),
    ("https://wa.me/4915123456789", None, "+4915123456789"),
    ("https://wa.me/4915123456789/?text=Hi", Some("US"), "+4915123456789"),
    ("http://WA.me/+4915123456789", None, "+4915123456789"),
    (" wa.me/5215512345678 ", Some("DE"), "+525512345678"),
    ("4915123456789@c.us", None, "+4915123456789"),
    ("4915123456789@s.whatsapp.net", Some("US"), "+4915123456789"),
    ("\u{202A}+1 415\u{A0}555\u{2011}2671\u{202C}", None, "+14155552671"),
];

/// Input, default region, reason.
const BAD: &[(&str, Option<&str>, PhoneFault)] = &[
    ("", None, PhoneFault::Empty),
    ("   ", None, PhoneFault::Empty),
    ("", Some("US"), PhoneFault::Empty),
    ("555-1234", None, PhoneFault::CountryCodeMissing),
    ("4155552671", None, PhoneFault::CountryCodeMissing),
    ("15551234567", None, PhoneFault::CountryCodeMissing),
    ("0049 30 123456", None, PhoneFault::CountryCodeMissing),
    ("4915123456789", None, PhoneFault::CountryCodeMissing),
    ("4155552671", Some("XX"), PhoneFault::CountryCodeMissing),
    ("415555", Some("US"), PhoneFault::TooShort),
    ("5551234", Some("US"), PhoneFault::TooShort),
    ("+1555", None, PhoneFault::TooShort),
    ("+1 555 1234", None, PhoneFault::TooShort),
    ("+1 415 555 267", None, PhoneFault::TooShort),
    ("+1 415 555 26711", None, PhoneFault::TooLong),
    ("+", None, PhoneFault::TooShort),
    ("++14155552671", None, PhoneFault::UnexpectedCharacter),
    ("+1+4155552671", None, PhoneFault::UnexpectedCharacter),
    ("14155552671+", None, PhoneFault::UnexpectedCharacter),
    ("+0 415 555 2671", None, PhoneFault::CountryCodeUnknown),
    ("+00 49 151 23456789", None, PhoneFault::CountryCodeUnknown),
    ("+999 1234567", None, PhoneFault::CountryCodeUnknown),
    ("+210 1234567", None, PhoneFault::CountryCodeUnknown),
    ("+44 12", None, PhoneFault::TooShort),
    ("+44 20 7946 09588 1", None, PhoneFault::TooLong),
    ("+49 1", None, PhoneFault::TooShort),
    ("+49 151 23456789 1234 5678", None, PhoneFault::TooLong),
    ("+33 6 12 34 56", None, PhoneFault::TooShort),
    ("+33 6 12 34 56 78 9", None, PhoneFault::TooLong),
    ("+55 11 987", None, PhoneFault::TooShort),
    ("+55 11 98765 43210", None, PhoneFault::TooLong),
    ("+91 98765", None, PhoneFault::TooShort),
    ("+65 812", None, PhoneFault::TooShort),
    ("+61 412 345 678 90123456", None, PhoneFault::TooLong),
    ("+1 415 555 2671 ext. 5", None, PhoneFault::UnexpectedCharacter),
    ("+1 415 555 2671 x5", None, PhoneFault::UnexpectedCharacter),
    ("+1 415 555 2671;ext=5", None, PhoneFault::UnexpectedCharacter),
    ("+1 415 555 2671#5", None, PhoneFault::UnexpectedCharacter),
    ("+1 800 FLOWERS", None, PhoneFault::UnexpectedCharacter),
    ("tel:4155552671", None, PhoneFault::CountryCodeMissing),
    ("tel:+14155552671;ext=5", None, PhoneFault::UnexpectedCharacter),
    ("tel:", Some("DE"), PhoneFault::Empty),
    ("whatsapp:", None, PhoneFault::Empty),
    ("https://wa.me/", None, PhoneFault::TooShort),
    ("https://wa.me/message/4915123456789", None, PhoneFault::UnexpectedCharacter),
    ("https://wa.me/015123456789", Some("DE"), PhoneFault::CountryCodeUnknown),
    ("https://example.com/4915123456789", None, PhoneFault::UnexpectedCharacter),
    ("120363025246125486@g.us", None, PhoneFault::UnexpectedCharacter),
    ("4915123456789@lid", None, PhoneFault::UnexpectedCharacter),
    ("jane@c.us", None, PhoneFault::UnexpectedCharacter),
    ("@c.us", None, PhoneFault::TooShort),
    ("+1 415 555 2671 / 2672", None, PhoneFault::UnexpectedCharacter),
    ("+14155552671, +14155552672", None, PhoneFault::UnexpectedCharacter),
    ("hello", None, PhoneFault::UnexpectedCharacter),
    ("n/a", None, PhoneFault::UnexpectedCharacter),
    ("jane@example.com", None, PhoneFault::UnexpectedCharacter),
    ("1.41556E+10", None, PhoneFault::UnexpectedCharacter),
    ("4915112345678.0", Some("DE"), PhoneFault::Fraction),
    ("491511000000.0", Some("DE"), PhoneFault::Fraction),
    ("+491511000000.00 ", None, PhoneFault::Fraction),
    ("491605600005.5", Some("DE"), PhoneFault::Fraction),
    ("+491605600005.5", None, PhoneFault::Fraction),
    ("4915123456.7", Some("DE"), PhoneFault::Fraction),
    ("4915123456,75", Some("DE"), PhoneFault::Fraction),
    ("0151", Some("DE"), PhoneFault::TooShort),
    ("+49 (0) 151", None, PhoneFault::TooShort),
    ("0000000000", Some("DE"), PhoneFault::TooShort),
    ("06301234", Some("HU"), PhoneFault::TooShort),
    ("1 415 555 267", Some("US"), PhoneFault::TooShort),
    ("8 912 345 67 8", Some("RU"), PhoneFault::TooShort),
    ("1 415 555 2671", Some("MX"), PhoneFault::TooLong),
    ("+12345678901234567890", None, PhoneFault::TooLong),
    ("+1234567890123456789012345678901234567890", None, PhoneFault::TooLong),
    ("null", None, PhoneFault::UnexpectedCharacter),
    ("📞+14155552671", None, PhoneFault::UnexpectedCharacter),
];

#[test]
fn numbers_of_many_countries_become_e164() {
    for (input, region, expected) in GOOD {
        let parsed = PhoneNumber::parse(input, *region);
        assert_eq!(parsed.as_ref().map(PhoneNumber::as_str), Ok(*expected), "{input:?} in {region:?}");
    }
    assert!(GOOD.len() >= 40);
}

#[test]
fn mexican_numbers_with_and_without_the_retired_one_are_the_same() {
    for (input, region) in [
        ("+5215512345678", None),
        ("+52 1 55 1234 5678", None),
        ("+52 55 1234 5678", None),
        ("5215512345678", Some("MX")),
        ("525512345678", Some("MX")),
        ("55 1234 5678", Some("MX")),
        ("00 52 1 55 1234 5678", Some("MX")),
        ("011 52 1 55 1234 5678", Some("US")),
    ] {
        let parsed = PhoneNumber::parse(input, region).map(String::from);
        assert_eq!(parsed.as_deref(), Ok("+525512345678"), "{input}");
    }
}

#[test]
fn a_mobile_number_of_any_country_is_read_there_without_its_plus_and_as_it_is_dialled() {
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        let example =
            PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, PhoneNumberType::Mobile);
        let Ok(example) = example else { continue };
        let code = region.as_region_str().as_str().to_owned();
        let e164 = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::E164);
        let national = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::National);
        for input in [&e164, &e164[1..], &national] {
            let parsed = PhoneNumber::parse(input, Some(&code)).map(String::from);
            assert_eq!(parsed.as_deref(), Ok(&*e164), "{input} in {code}");
        }
    }
}

#[test]
fn what_is_no_number_is_refused_with_its_reason() {
    for (input, region, reason) in BAD {
        let refused = PhoneNumber::parse(input, *region).map(String::from);
        assert_eq!(refused.as_ref().map_err(|error| error.reason), Err(*reason), "{input:?} in {region:?}");
        assert_eq!(refused.expect_err("checked above").provided, *input);
    }
    assert!(BAD.len() >= 40);
}

#[test]
fn the_documents_example_is_answered_word_for_word() {
    let refused = PhoneNumber::parse("555-1234", None).expect_err("no country code");
    let body = serde_json::to_value(&refused).expect("plain strings");
    assert_eq!(body["provided"], "555-1234");
    assert_eq!(body["expected_format"], "+15551234567");
    assert_eq!(body["example"], "+1 followed by 10 digits");
}

#[test]
fn the_expected_format_is_that_of_the_country_hinted_at() {
    let cases: &[(&str, Option<&str>, &str, &str)] = &[
        ("0049 30 1", None, "+4915123456789", "+49 followed by 10 to 11 digits"),
        ("+44 12", None, "+447400123456", "+44 followed by 10 digits"),
        ("4915123456789", None, "+4915123456789", "+49 followed by 10 to 11 digits"),
        ("12", Some("DE"), "+4915123456789", "+49 followed by 10 to 11 digits"),
        ("+55 11 9", None, "+5511961234567", "+55 followed by 10 to 11 digits"),
        ("+91 98765", None, "+918123456789", "+91 followed by 10 digits"),
        ("+33 6 12 ext 4", None, "+33612345678", "+33 followed by 9 digits"),
        ("+1 876 555", None, "+15551234567", "+1 followed by 10 digits"),
        ("tel:+44 12", None, "+447400123456", "+44 followed by 10 digits"),
        ("wa.me/4412", None, "+447400123456", "+44 followed by 10 digits"),
        ("hello", None, "+15551234567", "+1 followed by 10 digits"),
        ("+800 12", None, "+15551234567", "+1 followed by 10 digits"),
    ];
    for (input, region, expected_format, example) in cases {
        let refused = PhoneNumber::parse(input, *region).expect_err(input);
        assert_eq!((&*refused.expected_format, &*refused.example), (*expected_format, *example), "{input}");
    }
}

#[test]
fn every_country_has_an_expected_format_that_parses() {
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        let code = region.as_region_str().as_str().to_owned();
        let refused = PhoneNumber::parse("1", Some(&code)).expect_err("one digit is no number");
        let again = PhoneNumber::parse(&refused.expected_format, None).map(String::from);
        assert_eq!(again.as_deref(), Ok(&*refused.expected_format), "{code}");
    }
}

#[test]
fn a_wa_id_is_the_number_without_the_plus() {
    let phone = PhoneNumber::from_wa_id("16505551234").expect("a number");
    assert_eq!((phone.as_str(), phone.digits()), ("+16505551234", "16505551234"));
    let mexican = PhoneNumber::from_wa_id("5215512345678").expect("a number");
    assert_eq!(mexican, PhoneNumber::parse("+52 55 1234 5678", None).expect("a number"));
    assert_eq!(PhoneNumber::from_wa_id("99912345").map(String::from).as_deref(), Some("+99912345"));
    for wrong in [
        "",
        "US.13491208655302741918",
        "0123456",
        "12345678901234567",
        "12a45678",
        "16505551234@c.us",
        "tel:+16505551234",
    ] {
        assert!(PhoneNumber::from_wa_id(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn logs_see_a_masked_number() {
    let phone = PhoneNumber::parse("+15551234567", None).expect("a number");
    assert_eq!(phone.masked(), "+1555•••4567");
    assert_eq!(format!("{phone:?}"), "PhoneNumber(+1555•••4567)");
    assert_eq!(PhoneNumber::from_e164("+29022158").expect("a number").masked(), "+29•••58");
}

#[test]
fn json_holds_the_number_as_a_string_and_refuses_other_shapes() {
    let phone: PhoneNumber = serde_json::from_str("\"+15551234567\"").expect("a number");
    assert_eq!(serde_json::to_string(&phone).expect("a string"), "\"+15551234567\"");
    for wrong in ["\"15551234567\"", "\"+0555\"", "\"+1 555 123 4567\"", "15551234567", "\"\""] {
        assert!(serde_json::from_str::<PhoneNumber>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn country_and_region_are_read_from_the_number() {
    for (number, code, region) in [
        ("+4915123456789", 49, "DE"),
        ("+15551234567", 1, "US"),
        ("+18765551234", 1, "JM"),
        ("+29022158", 290, "SH"),
    ] {
        let phone = PhoneNumber::parse(number, None).expect(number);
        assert_eq!((phone.country_code(), phone.region().as_deref()), (Some(code), Some(region)), "{number}");
    }
}

proptest::proptest! {
    #[test]
    fn no_input_panics_and_what_is_accepted_is_stable(input in "\\PC{0,40}") {
        if let Ok(phone) = PhoneNumber::parse(&input, Some("DE")) {
            proptest::prop_assert_eq!(PhoneNumber::from_e164(phone.as_str()), Some(phone.clone()));
            proptest::prop_assert!(!phone.masked().contains(phone.digits()));
        }
    }

    #[test]
    fn separators_change_nothing(gaps in proptest::collection::vec("[ ().-]{0,2}", 11)) {
        let spread: String = "14155552671".chars().zip(gaps).map(|(digit, gap)| format!("{gap}{digit}")).collect();
        let parsed = PhoneNumber::parse(&format!("+{spread}"), None).map(String::from);
        proptest::prop_assert_eq!(parsed.as_deref(), Ok("+14155552671"));
    }
}
