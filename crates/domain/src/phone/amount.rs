//! Numbers that a spreadsheet, or a program that reads one, took for amounts.

/// A number as a spreadsheet writes what it took for an amount, `4915112345678.0` or `4915112345678,0`, without the fraction;
/// any other cell as it stands.
pub fn without_fraction(cell: &str) -> &str {
    match cell.split_once(['.', ',']) {
        Some((whole, zeros)) if is_zeros(zeros) && is_whole(whole) => whole,
        _ => cell,
    }
}

/// `491605600005.5` or `4915112345678.0`: an amount, whose point does not part groups of digits. Nobody writes so many digits
/// without a break and then one short group; `151.23456789` and `1415555.2671` are numbers.
pub(super) fn has_fraction(cell: &str) -> bool {
    let Some((whole, fraction)) = cell.split_once(['.', ',']) else { return false };
    let whole = whole.strip_prefix('+').unwrap_or(whole);
    // Seven digits or more behind a comma are another number.
    let at_most = match whole.len() {
        0..7 => return false,
        7..10 => 3,
        _ => 6,
    };
    fraction.len() <= at_most && is_whole_number(whole) && is_whole_number(fraction)
        || without_fraction(cell) != cell
}

/// `4.91511E+12`, or `4,91511E+12`: a spreadsheet took a number for an amount, and its last digits may be lost.
pub fn is_scientific(cell: &str) -> bool {
    let Some((amount, exponent)) = cell.trim().split_once(['e', 'E']) else { return false };
    let is_number = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    is_number(amount)
        && amount.bytes().all(|byte| byte.is_ascii_digit() || b"+-.,".contains(&byte))
        && is_whole_number(exponent.trim_start_matches(['+', '-']))
}

fn is_zeros(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'0')
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (7..=15).contains(&digits.len()) && is_whole_number(digits)
}

fn is_whole_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_before_few_digits_makes_an_amount_and_points_between_groups_do_not() {
        for amount in [
            "4915112345678.0",
            "491605600005.5",
            "+491605600005.5",
            "4915123456.7",
            "4915123456,75",
            "4915123456.000001",
            "1234567.5",
            "01511234567.5",
        ] {
            assert!(has_fraction(amount), "{amount}");
        }
        for number in [
            "0151.234.567.89",
            "+49.151.23456789",
            "151.23456789",
            "0151.23456789",
            "415.5552671",
            "1415555.2671",
            "+1415555.2671",
            "030.1234.0",
            "15551234567.",
            "4915112345671,4915112345672",
            "+1 415 555 26.71",
            "",
        ] {
            assert!(!has_fraction(number), "{number}");
        }
    }

    #[test]
    fn a_number_that_a_spreadsheet_took_for_an_amount_is_known() {
        for (cell, number) in [
            ("4915112345678.0", "4915112345678"),
            ("+491511000000.00", "+491511000000"),
            ("491511000000,0", "491511000000"),
            ("491511000000.5", "491511000000.5"),
            ("030.1234.0", "030.1234.0"),
            ("123456.0", "123456.0"),
            ("1234567890123456.0", "1234567890123456.0"),
            ("0151.23456789", "0151.23456789"),
            ("15551234567.", "15551234567."),
            ("", ""),
        ] {
            assert_eq!(without_fraction(cell), number, "{cell}");
        }
        for cell in ["4.91511E+12", "4,91511E+12", "4.915112345678e12", "5E+11", " +4.9E12 "] {
            assert!(is_scientific(cell), "{cell}");
        }
        for cell in ["4915112345678", "E12", "4E", "Anne", "4.9Ex12", ""] {
            assert!(!is_scientific(cell), "{cell}");
        }
    }
}
