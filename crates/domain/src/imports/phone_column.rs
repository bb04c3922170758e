//! Which column of a list holds the telephone numbers: what its heading says, and what its cells look like.
//!
//! A wrong one would bring strangers into the house. So a column of numbers is not enough where another one is as
//! likely, and what numbers something else (customers, orders) is a telephone number only where it is written like one.

use super::cells::without_apostrophe;
use super::columns;
use super::dates::{self, NoMoment};
use crate::phone::PhoneNumber;

/// Why no column is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// None holds numbers.
    None,
    /// These two are about as likely.
    Between(usize, usize),
}

/// What is known of a column.
#[derive(Debug, Clone, Copy)]
pub struct Column<'c> {
    /// Blank where there is none.
    pub heading: &'c str,
    /// The client did not say what it is.
    pub is_free: bool,
}

/// Parts of headings, and which of them is the better guess: WhatsApp before mobile before any telephone.
const STEMS: [&[&str]; 3] = [
    &["whatsapp", "واتساب", "واتس"],
    &[
        "mobil",
        "móvil",
        "movil",
        "handy",
        "cellul",
        "cellphone",
        "celular",
        "smartphone",
        "portable",
        "мобильн",
        "جوال",
        "محمول",
        "موبايل",
        "मोबाइल",
        "手机",
        "手機",
        "携帯",
        "휴대",
        "ponsel",
        "natel",
    ],
    &[
        "phone",
        "telefon",
        "teléfon",
        "telefón",
        "téléphon",
        "telephon",
        "telepon",
        "fernsprech",
        "rufnummer",
        "msisdn",
        "nomorhp",
        "contactno",
        "contactnumber",
        "kontaktnummer",
        "kontaktnr",
        "телефон",
        "هاتف",
        "फोन",
        "फ़ोन",
        "电话",
        "電話",
        "전화",
    ],
];
/// The same, too short to be a part of any word.
const WORDS: [&[&str]; 3] =
    [&["wa"], &["mob", "cel", "cell", "gsm", "hp"], &["tel", "tlf", "fon", "telnr", "ph"]];
/// Numbers, and nothing said of whose.
const PLAIN: [&str; 10] =
    ["number", "numbers", "numero", "número", "numéro", "nummer", "nomor", "num", "nr", "no"];
/// Ends of headings of what numbers something else.
const OF_OTHERS: [&str; 9] = ["number", "nummer", "numero", "número", "nr", "id", "code", "fax", "plz"];
const WORDS_OF_OTHERS: [&str; 14] = [
    "no", "num", "ref", "key", "zip", "date", "datum", "fecha", "iban", "vat", "amount", "betrag", "price",
    "preis",
];
/// Scores nearer than this are about the same.
const NEAR: f64 = 0.4;
/// What a heading costs that speaks of numbers, but not of telephones.
const COST: f64 = 0.75;

/// What a heading says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heading {
    /// One that is known, by its rank: the lower the better.
    Known(usize),
    /// It speaks of telephones.
    Stem(usize),
    Plain,
    OfOthers,
    Other,
}

impl Heading {
    fn read(heading: &str) -> Self {
        if let Some(rank) = columns::phone_rank(heading) {
            return Self::Known(rank);
        }
        let bare = columns::bare(heading);
        let words: Vec<String> =
            heading.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase).collect();
        let is_word = |word: &&str| words.iter().any(|other| other == word);
        if bare.contains("fax") {
            return Self::OfOthers;
        }
        let class = (0..STEMS.len()).find(|class| {
            STEMS[*class].iter().any(|stem| bare.contains(stem)) || WORDS[*class].iter().any(is_word)
        });
        if let Some(class) = class {
            return Self::Stem(class);
        }
        if PLAIN.contains(&bare.as_str()) {
            return Self::Plain;
        }
        let is_of_others = columns::is_known(heading)
            || OF_OTHERS.iter().any(|end| bare.ends_with(end))
            || words
                .iter()
                .rfind(|word| !word.is_empty())
                .is_some_and(|last| WORDS_OF_OTHERS.contains(&last.as_str()));
        if is_of_others { Self::OfOthers } else { Self::Other }
    }
}

#[derive(Debug)]
struct Candidate {
    column: usize,
    heading: Heading,
    /// Cells that are not blank.
    filled: usize,
    /// Of these: how many read as numbers; half for one that can be none in the country.
    numbers: f64,
    /// Of these: how many begin as no other number does.
    international: usize,
}

impl Candidate {
    fn fits(&self) -> bool {
        self.numbers > 0.0 && self.numbers * 2.0 >= self.filled as f64
    }

    fn is_international(&self) -> bool {
        self.international > 0 && self.international * 2 >= self.filled
    }

    fn score(&self) -> f64 {
        let cost = if self.heading == Heading::Other { 0.0 } else { COST };
        (self.numbers + self.international as f64) / self.filled.max(1) as f64 - cost
    }
}

/// The column of the numbers, by its place. `cells` are those of a column in the first rows; `country` is the one of
/// numbers without `+`.
///
/// # Errors
/// [`Doubt`]: it has to be told.
pub fn find<'c>(
    columns: &[Column<'c>],
    cells: impl Fn(usize) -> Vec<&'c str>,
    country: Option<&str>,
) -> Result<usize, Doubt> {
    let candidates: Vec<Candidate> = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.is_free)
        .map(|(place, column)| candidate(place, Heading::read(column.heading), &cells(place), country))
        .collect();
    let fitting = || candidates.iter().filter(|candidate| candidate.fits());
    let known = |candidate: &&Candidate| matches!(candidate.heading, Heading::Known(_));
    if let Some(best) = fitting().filter(known).min_by_key(|candidate| candidate.heading) {
        return Ok(best.column);
    }
    if let Some(found) = by_stem(columns, fitting().collect()) {
        return found;
    }
    let by_cells = by_cells(fitting().collect());
    // Its cells are blank, or no numbers: the rows will say so, unless the numbers plainly stand elsewhere.
    let named = candidates
        .iter()
        .filter(|candidate| matches!(candidate.heading, Heading::Known(_) | Heading::Stem(_)));
    let Some(named) = named.min_by_key(|candidate| candidate.heading) else { return by_cells };
    let is_named = matches!(named.heading, Heading::Known(_)) || named.numbers > 0.0 || named.filled == 0;
    match by_cells {
        Ok(_) if !is_named => by_cells,
        Ok(other) if named.filled > 0 || matches!(named.heading, Heading::Stem(_)) => {
            Err(Doubt::Between(named.column, other))
        }
        _ => Ok(named.column),
    }
}

fn candidate(column: usize, heading: Heading, cells: &[&str], country: Option<&str>) -> Candidate {
    let mut candidate = Candidate { column, heading, filled: 0, numbers: 0.0, international: 0 };
    for cell in cells {
        let cell = without_apostrophe(cell.trim()).trim();
        if cell.is_empty() {
            continue;
        }
        candidate.filled += 1;
        if !looks_like_a_number(cell) {
            continue;
        }
        let may_be_none = country.is_some() && PhoneNumber::parse(cell, country).is_err();
        candidate.numbers += if may_be_none { 0.5 } else { 1.0 };
        candidate.international += usize::from(cell.starts_with('+') || cell.starts_with("00"));
    }
    candidate
}

/// Of columns whose headings speak of telephones the best; `None`: there are none.
fn by_stem(columns: &[Column<'_>], mut fitting: Vec<&Candidate>) -> Option<Result<usize, Doubt>> {
    fitting.retain(|candidate| matches!(candidate.heading, Heading::Stem(_)));
    let best = fitting.iter().min_by_key(|candidate| candidate.heading)?;
    let letters = |column: usize| -> String {
        columns::bare(columns[column].heading).chars().filter(|letter| !letter.is_numeric()).collect()
    };
    let rival = fitting.iter().find(|other| {
        // "Phone 1" and "Phone 2" are a series, whose first is meant.
        other.column != best.column
            && other.heading == best.heading
            && letters(other.column) != letters(best.column)
    });
    Some(rival.map_or(Ok(best.column), |rival| Err(Doubt::Between(best.column, rival.column))))
}

/// Whose headings say nothing of telephones.
fn by_cells(mut fitting: Vec<&Candidate>) -> Result<usize, Doubt> {
    fitting.retain(|candidate| match candidate.heading {
        Heading::Plain | Heading::Other => true,
        Heading::OfOthers => candidate.is_international(),
        Heading::Known(_) | Heading::Stem(_) => false,
    });
    fitting.sort_by(|one, other| other.score().total_cmp(&one.score()));
    match fitting[..] {
        [] => Err(Doubt::None),
        [best, next, ..] if best.score() - next.score() < NEAR => {
            Err(Doubt::Between(best.column.min(next.column), best.column.max(next.column)))
        }
        [best, ..] => Ok(best.column),
    }
}

/// Seven digits or more, and little else; no date.
pub fn looks_like_a_number(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let cell = cell.trim();
    let is_date = || {
        !cell.bytes().all(|byte| byte.is_ascii_digit())
            && dates::moment(cell, None) != Err(NoMoment::Unreadable)
    };
    let is_plain = || cell.chars().all(|letter| letter.is_ascii_digit() || "+-()./ '".contains(letter));
    PhoneNumber::parse(cell, None).is_ok() || ((7..=20).contains(&digits) && is_plain() && !is_date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headings: &[&str], rows: &[&[&str]], country: Option<&str>) -> Result<usize, Doubt> {
        let columns: Vec<Column<'_>> =
            headings.iter().map(|heading| Column { heading, is_free: true }).collect();
        find(&columns, |column| rows.iter().filter_map(|row| row.get(column).copied()).collect(), country)
    }

    #[test]
    fn what_numbers_something_else_is_no_telephone_number() {
        let customers: &[&[&str]] =
            &[&["301234567", "Ann", "0151 23456789"], &["301234568", "Bob", "0151 23456780"]];
        assert_eq!(found(&["Kunden-Nr", "Kunde", "Handynr."], customers, Some("DE")), Ok(2));
        assert_eq!(found(&["Número", "Nombre", "Teléfono móvil"], customers, Some("ES")), Ok(2));
        assert_eq!(found(&["id", "who", "contact"], customers, None), Ok(2));
        assert_eq!(found(&["Kunden-Nr", "Kunde"], customers, Some("DE")), Err(Doubt::None));
        assert_eq!(found(&["id", "name"], &[&["+4915123456789", "Ann"]], None), Ok(0));
        assert_eq!(found(&["number", "name"], &[&["15551234567", "Ann"]], None), Ok(0));
        assert_eq!(found(&["Date", "Contact"], &[&["2026-11-22", "01512345678"]], None), Ok(1));
    }

    #[test]
    fn of_two_that_are_about_as_likely_none_is_taken() {
        let two: &[&[&str]] = &[&["+4915123456789", "+4915123456780"]];
        assert_eq!(found(&["Vater", "Mutter"], two, None), Err(Doubt::Between(0, 1)));
        assert_eq!(found(&["Telefon privat", "Telefon Büro"], two, None), Err(Doubt::Between(0, 1)));
        assert_eq!(found(&["Phone 1", "Phone 2"], two, None), Ok(0));
        assert_eq!(found(&["Telefon Büro", "Handy (privat)"], two, None), Ok(1));
        assert_eq!(found(&["Fax", "Kontakt"], two, None), Ok(1));
        assert_eq!(
            found(&["", ""], &[&["301234567", "0151 23456789"]], Some("DE")),
            Err(Doubt::Between(0, 1))
        );
        assert_eq!(found(&["", ""], &[&["301234567", "+4915123456789"]], None), Ok(1));
    }

    #[test]
    fn cells_contradict_a_heading_and_a_heading_outlives_bad_cells() {
        let rows: &[&[&str]] = &[&["yes", "+4915123456789"], &["no", "+4915123456780"]];
        assert_eq!(found(&["WhatsApp", "Phone"], rows, None), Ok(1));
        assert_eq!(found(&["WhatsApp", "Kontakt"], rows, None), Err(Doubt::Between(0, 1)));
        assert_eq!(found(&["Phone type", "Kontakt"], rows, None), Ok(1));
        assert_eq!(found(&["phone", "name"], &[&["+1555", "Ann"], &["n/a", "Bob"]], None), Ok(0));
        assert_eq!(found(&["phone", "emergency contact"], &[&["", "+4915123456789"]], None), Ok(0));
        assert_eq!(found(&["Handynr.", "Betrag"], &[&["", "1234567"]], None), Ok(0));
        assert_eq!(found(&["a", "b"], &[&["x", "y"]], None), Err(Doubt::None));
        assert_eq!(found(&["Mobile", "Phone"], &[&["", "+4915123456789"]], None), Ok(1));
    }
}
