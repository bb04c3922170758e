//! Imports: lists of contacts out of files that people and programs made.
//!
//! What a column means is guessed from its heading ([`columns`]), a cell is read as people write it ([`cells`]). Which
//! bytes make a row is not known here.

pub mod agreement;
pub mod cells;
pub mod columns;
pub mod dates;
pub mod lines;
pub mod phone_column;
pub mod report;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use columns::Target;

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Rows are read and written, or wait for a node to do so.
    Running,
    /// Every row was read.
    Completed,
    /// Somebody stopped it; what was written stays.
    Cancelled,
    /// The file cannot be read on; what was written stays.
    Failed,
}

impl ImportState {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing happens any more.
    pub fn is_over(self) -> bool {
        self != Self::Running
    }
}

impl FromStr for ImportState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "running" => Ok(Self::Running),
            "completed" => Ok(Self::Completed),
            "cancelled" => Ok(Self::Cancelled),
            "failed" => Ok(Self::Failed),
            other => Err(format!("\"{other}\" is not a state of an import")),
        }
    }
}

/// What is said of rows that did not become contacts (product owner's document, case 11).
pub mod problems {
    /// The number cannot be one.
    pub const INVALID_PHONE: &str = "Invalid phone format";
    /// It has no country code, and nobody said which country it is of.
    pub const NO_COUNTRY: &str = "Invalid phone format: the number has no country code. Begin it with + and the code, or say \
                                  default_country";
    /// A spreadsheet wrote the number as an amount, `4.91511E+12`.
    pub const SCIENTIFIC: &str = "Invalid phone format: a spreadsheet has cut the number short. Format the column as text there \
                                  and write the number anew";
    /// There is no number.
    pub const NO_PHONE: &str = "Phone number required";
    /// The number stood in an earlier row, or belongs to a contact already.
    pub const DUPLICATE: &str = "Duplicate number";
    /// The row would make its contact larger than a contact may be.
    pub const OUTGROWN: &str = "The contact would have too many tags or fields";

    /// Beginnings of what else is said: of rows that cannot be read, and of columns, which are named first.
    const BEGINNINGS: [&str; 20] = [
        INVALID_PHONE,
        NO_PHONE,
        DUPLICATE,
        "The contact ",
        "The row ",
        "A quotation mark ",
        "Must be an object",
        "Unknown member ",
        "phone ",
        "name ",
        "language ",
        "time_zone ",
        "tags",
        "fields",
        "opted_in ",
        "opted_out ",
        "opted_out_at ",
        "consent_source ",
        "consent_time ",
        "consent_evidence ",
    ];

    /// Whether a report of ours could say this.
    pub fn is_ours(text: &str) -> bool {
        BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
    }
}

/// What is said of rows that became a contact, though not all that they say was taken.
pub mod notes {
    /// The person had opted out, and no list undoes that.
    pub const CONSENT_REFUSED: &str = "The contact has opted out: the yes of this row was not taken";
}

/// How far an import has come and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    pub rows_per_second: f64,
    /// `None` while nothing can be said.
    pub seconds_left: Option<f64>,
    /// 0 to 100, by bytes.
    pub percent: f64,
}

/// The pace of an import of which `rows` rows and `bytes` of `size` bytes were read, the last `rows_of_run` of them
/// within `seconds`.
pub fn pace(rows: u64, rows_of_run: u64, seconds: f64, bytes: u64, size: u64) -> Pace {
    let share = if size == 0 { 1.0 } else { (bytes as f64 / size as f64).min(1.0) };
    let rows_per_second = if seconds > 0.0 { rows_of_run as f64 / seconds } else { 0.0 };
    let seconds_left = (share > 0.0 && rows_per_second > 0.0).then(|| {
        let all = rows as f64 / share;
        (all - rows as f64) / rows_per_second
    });
    Pace { rows_per_second, seconds_left, percent: share * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_the_share_of_bytes() {
        let pace = pace(1_000, 500, 5.0, 250, 1_000);
        assert_eq!((pace.rows_per_second, pace.percent), (100.0, 25.0));
        assert_eq!(pace.seconds_left, Some(30.0));
        assert_eq!(super::pace(0, 0, 0.0, 0, 1_000).seconds_left, None);
        assert_eq!(super::pace(0, 0, 0.0, 0, 0).percent, 100.0);
    }

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for state in
            [ImportState::Running, ImportState::Completed, ImportState::Cancelled, ImportState::Failed]
        {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("paused".parse::<ImportState>().is_err());
    }
}
