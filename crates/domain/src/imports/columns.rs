//! What a column means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Characters of a custom field's name.
pub const FIELD_NAME: usize = 64;

/// What the cells of a column become.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    Phone,
    Name,
    FirstName,
    LastName,
    Language,
    TimeZone,
    Tags,
    /// Yes or no.
    OptedIn,
    /// Where the consent was given, in words.
    ConsentSource,
    ConsentTime,
    ConsentEvidence,
    /// A custom field of this name.
    Field(String),
    /// A JSON object of custom fields.
    Fields,
    /// Row number and reason of an earlier report: not read, and not repeated in the next one.
    Report,
    Ignore,
}

impl Target {
    /// Whether two columns may mean it.
    fn may_repeat(&self) -> bool {
        matches!(self, Self::Field(_) | Self::Report | Self::Ignore | Self::Tags)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phone => "phone",
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Language => "language",
            Self::TimeZone => "time_zone",
            Self::Tags => "tags",
            Self::OptedIn => "opted_in",
            Self::ConsentSource => "consent_source",
            Self::ConsentTime => "consent_time",
            Self::ConsentEvidence => "consent_evidence",
            Self::Field(name) => return write!(f, "fields.{name}"),
            Self::Fields => "fields",
            Self::Report => "report",
            Self::Ignore => "ignore",
        })
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("fields.") {
            let length = name.trim().chars().count();
            return match length {
                1..=FIELD_NAME => Ok(Self::Field(name.trim().to_owned())),
                _ => Err(format!("a field's name must have 1 to {FIELD_NAME} characters")),
            };
        }
        Ok(match text {
            "phone" => Self::Phone,
            "name" => Self::Name,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "language" => Self::Language,
            "time_zone" => Self::TimeZone,
            "tags" => Self::Tags,
            "opted_in" => Self::OptedIn,
            "consent_source" => Self::ConsentSource,
            "consent_time" => Self::ConsentTime,
            "consent_evidence" => Self::ConsentEvidence,
            "fields" => Self::Fields,
            "report" => Self::Report,
            "ignore" => Self::Ignore,
            _ => {
                return Err(
                    "must be phone, name, first_name, last_name, language, time_zone, tags, opted_in, \
                            consent_source, consent_time, consent_evidence, fields, fields.NAME or ignore"
                        .into(),
                );
            }
        })
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

type Make = fn() -> Target;

/// Headings in lower case with nothing but letters and digits. Of several that mean the same, the one named first
/// here is taken: "WhatsApp" before "Mobile" before "Phone".
const KNOWN: [(Make, &[&str]); 12] = [
    (
        || Target::Phone,
        &[
            "whatsapp",
            "whatsappnumber",
            "whatsappphone",
            "whatsappnummer",
            "waid",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "mobil",
            "mobilnummer",
            "mobiltelefon",
            "handy",
            "handynummer",
            "cell",
            "cellphone",
            "cellular",
            "celular",
            "telefonocelular",
            "movil",
            "móvil",
            "portable",
            "phone",
            "phonenumber",
            "contactphone",
            "contactnumber",
            "phone1value",
            "msisdn",
            "e164",
            "telephone",
            "tel",
            "telefon",
            "telefonnummer",
            "telefono",
            "teléfono",
            "telefone",
            "téléphone",
            "numero",
            "número",
            "number",
            "rufnummer",
            "nomor",
            "nomorhp",
            "هاتف",
            "फोन",
        ],
    ),
    (
        || Target::Name,
        &[
            "name",
            "fullname",
            "contactname",
            "displayname",
            "customername",
            "kundenname",
            "nombre",
            "nombrecompleto",
            "nom",
            "nomcomplet",
            "nome",
            "nomecompleto",
            "nama",
        ],
    ),
    (
        || Target::FirstName,
        &["firstname", "givenname", "vorname", "prenom", "prénom", "primeironome", "primernombre"],
    ),
    (
        || Target::LastName,
        &[
            "lastname",
            "surname",
            "familyname",
            "nachname",
            "familienname",
            "apellido",
            "apellidos",
            "sobrenome",
            "nomdefamille",
            "cognome",
        ],
    ),
    (|| Target::Language, &["language", "lang", "locale", "sprache", "idioma", "langue", "lingua", "bahasa"]),
    (|| Target::TimeZone, &["timezone", "tz", "zeitzone", "zonahoraria", "fusohorario"]),
    (
        || Target::Tags,
        &[
            "tags",
            "tag",
            "labels",
            "label",
            "groups",
            "groupmembership",
            "etiquetas",
            "schlagworte",
            "segmente",
        ],
    ),
    (
        || Target::OptedIn,
        &[
            "optedin",
            "optin",
            "consent",
            "whatsappoptin",
            "marketingconsent",
            "hasconsent",
            "consented",
            "subscribed",
            "einwilligung",
            "zustimmung",
            "consentimiento",
            "consentimento",
            "consentement",
        ],
    ),
    (
        || Target::ConsentSource,
        &["consentsource", "optinsource", "optedinsource", "sourceofconsent", "quelledereinwilligung"],
    ),
    (
        || Target::ConsentTime,
        &[
            "consenttime",
            "consentat",
            "consentdate",
            "consenttimestamp",
            "consentgivenat",
            "optintime",
            "optinat",
            "optindate",
            "optedinat",
            "optindatum",
            "einwilligungam",
            "datumdereinwilligung",
        ],
    ),
    (
        || Target::ConsentEvidence,
        &["consentevidence", "evidence", "optinevidence", "consentproof", "proof", "nachweis"],
    ),
    (|| Target::Fields, &["fields", "customfields"]),
];

fn bare(heading: &str) -> String {
    heading.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a heading means, and how good a guess it is: the lower the better.
fn known(heading: &str) -> Option<(Target, usize)> {
    // As our own reports write it.
    if let Some(Ok(field)) = heading.starts_with("fields.").then(|| heading.parse()) {
        return Some((field, 0));
    }
    let bare = bare(heading);
    KNOWN.iter().find_map(|(target, names)| {
        let rank = names.iter().position(|name| *name == bare)?;
        Some((target(), rank))
    })
}

/// Whether a row looks like headings.
pub fn are_headings<S: AsRef<str>>(cells: &[S]) -> bool {
    cells.iter().any(|cell| known(cell.as_ref()).is_some())
}

/// What becomes of columns that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Custom fields, named by their headings.
    #[default]
    Fields,
    Ignore,
}

/// What each column means: what was told, else what its heading says.
pub fn targets<S: AsRef<str>>(headings: &[S], told: &[Option<Target>], unknown: Unknown) -> Vec<Target> {
    let mut targets: Vec<Option<Target>> =
        (0..headings.len()).map(|column| told.get(column).cloned().flatten()).collect();
    report_columns(headings, &mut targets);
    let mut guesses: Vec<(usize, usize, Target)> = headings
        .iter()
        .enumerate()
        .filter(|(column, _)| targets[*column].is_none())
        .filter_map(|(column, heading)| known(heading.as_ref()).map(|(target, rank)| (rank, column, target)))
        .collect();
    guesses.sort_by_key(|(rank, column, _)| (*rank, *column));
    for (_, column, target) in guesses {
        let taken = targets.iter().flatten().any(|other| *other == target);
        if !taken || target.may_repeat() {
            targets[column] = Some(target);
        }
    }
    headings
        .iter()
        .zip(targets)
        .enumerate()
        .map(|(column, (heading, target))| target.unwrap_or_else(|| rest(column, heading.as_ref(), unknown)))
        .collect()
}

/// The last two columns of a report that was sent back.
fn report_columns<S: AsRef<str>>(headings: &[S], targets: &mut [Option<Target>]) {
    if let [.., row, error] = headings
        && row.as_ref() == "row"
        && error.as_ref() == "error"
    {
        let last = targets.len() - 2;
        targets[last..].iter_mut().for_each(|target| *target = target.take().or(Some(Target::Report)));
    }
}

fn rest(column: usize, heading: &str, unknown: Unknown) -> Target {
    match unknown {
        Unknown::Ignore => Target::Ignore,
        Unknown::Fields => {
            let name: String = heading.trim().chars().take(FIELD_NAME).collect();
            Target::Field(if name.is_empty() { format!("column_{}", column + 1) } else { name })
        }
    }
}

/// The first target that is told twice and may be told once.
pub fn told_twice(targets: &[Option<Target>]) -> Option<&Target> {
    let told: Vec<&Target> = targets.iter().flatten().collect();
    told.iter().enumerate().find_map(|(index, target)| {
        (!target.may_repeat() && told[..index].contains(target)).then_some(*target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(headings: &[&str]) -> Vec<String> {
        targets(headings, &[], Unknown::Fields).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_are_known_by_their_headings_in_several_languages() {
        assert_eq!(
            guessed(&["Vorname", "Nachname", "Handy-Nummer", "Sprache", "Opt-In", "Stadt"]),
            ["first_name", "last_name", "phone", "language", "opted_in", "fields.Stadt"]
        );
        assert_eq!(guessed(&["Teléfono", "Nombre completo", "Etiquetas"]), ["phone", "name", "tags"]);
        assert_eq!(
            guessed(&["Phone Number", "consent_at", "Time zone"]),
            ["phone", "consent_time", "time_zone"]
        );
    }

    #[test]
    fn of_several_numbers_the_whatsapp_one_is_taken_and_the_others_are_kept_as_fields() {
        assert_eq!(guessed(&["Phone", "Mobile", "WhatsApp"]), ["fields.Phone", "fields.Mobile", "phone"]);
        assert_eq!(guessed(&["Phone", "Mobile"]), ["fields.Phone", "phone"]);
    }

    #[test]
    fn what_is_told_outranks_what_is_guessed() {
        let told = [None, Some(Target::Phone), Some(Target::Ignore)];
        let targets = targets(&["Phone", "Kontakt", "Name"], &told, Unknown::Ignore);
        assert_eq!(targets, [Target::Ignore, Target::Phone, Target::Ignore]);
        assert_eq!(told_twice(&[Some(Target::Phone), None, Some(Target::Phone)]), Some(&Target::Phone));
        assert_eq!(told_twice(&[Some(Target::Ignore), Some(Target::Ignore)]), None);
    }

    #[test]
    fn the_columns_of_a_report_are_left_out_when_it_comes_back() {
        assert_eq!(guessed(&["phone", "city", "row", "error"]), ["phone", "fields.city", "report", "report"]);
        assert_eq!(guessed(&["phone", "row"]), ["phone", "fields.row"]);
        assert_eq!(guessed(&["phone", "fields.city"]), ["phone", "fields.city"]);
    }

    #[test]
    fn every_target_is_read_back_from_its_word() {
        let words = "phone name first_name last_name language time_zone tags opted_in consent_source consent_time \
                     consent_evidence fields fields.city ignore report";
        for word in words.split_whitespace() {
            assert_eq!(word.parse::<Target>().unwrap().to_string(), word);
        }
        assert!("phones".parse::<Target>().is_err());
        assert!("fields.".parse::<Target>().is_err());
    }

    #[test]
    fn a_row_of_values_is_no_row_of_headings() {
        assert!(are_headings(&["Name", "Telefon"]));
        assert!(!are_headings(&["Ann", "+15551234567"]));
    }
}
