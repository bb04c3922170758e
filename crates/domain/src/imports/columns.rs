//! What a column means.

use std::collections::HashSet;
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
    /// Whether the person opted out; then nothing else counts.
    OptedOut,
    /// When the person opted out: whoever has such a time, and none of a later consent, is out.
    OptedOutAt,
    /// A custom field of this name.
    Field(String),
    /// A JSON object of custom fields.
    Fields,
    /// Row number and reason of an earlier report: not read, and not repeated in the next one.
    Report,
    Ignore,
}

impl Target {
    /// Whether two columns may mean it; of two fields of one name the first would be lost.
    fn may_repeat(&self) -> bool {
        matches!(self, Self::Report | Self::Ignore | Self::Tags)
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
            Self::OptedOut => "opted_out",
            Self::OptedOutAt => "opted_out_at",
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
            "opted_out" => Self::OptedOut,
            "opted_out_at" => Self::OptedOutAt,
            "fields" => Self::Fields,
            "report" => Self::Report,
            "ignore" => Self::Ignore,
            _ => {
                return Err(
                    "must be phone, name, first_name, last_name, language, time_zone, tags, opted_in, \
                            consent_source, consent_time, consent_evidence, opted_out, opted_out_at, fields, fields.NAME or ignore"
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
const KNOWN: [(Make, &[&str]); 14] = [
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
            "rufnummer",
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
            "имя",
            "الاسم",
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
            "apelido",
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
            "schlagwörter",
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
            "fechadeconsentimiento",
            "datadeconsentimento",
        ],
    ),
    (
        || Target::ConsentEvidence,
        &["consentevidence", "evidence", "optinevidence", "consentproof", "proof", "nachweis"],
    ),
    (
        || Target::OptedOut,
        &[
            "optedout",
            "optout",
            "whatsappoptout",
            "marketingoptout",
            "hasoptedout",
            "unsubscribed",
            "unsubscribe",
            "isunsubscribed",
            "donotcontact",
            "donotdisturb",
            "donotmessage",
            "dnc",
            "dnd",
            "abgemeldet",
            "abbestellt",
            "werbesperre",
            "widerrufen",
            "désabonné",
            "désinscrit",
            "desinscrit",
            "desuscrito",
            "descadastrado",
            "disiscritto",
        ],
    ),
    (
        || Target::OptedOutAt,
        &[
            "optedoutat",
            "optoutat",
            "optouttime",
            "optoutdate",
            "optoutdatum",
            "unsubscribedat",
            "unsubscribedate",
            "unsubscribetime",
            "abgemeldetam",
        ],
    ),
    (|| Target::Fields, &["fields", "customfields"]),
];

pub(super) fn bare(heading: &str) -> String {
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

/// Whether it is a heading that means something here.
pub fn is_known(heading: &str) -> bool {
    known(heading).is_some()
}

/// Of a heading that is known as one of telephone numbers: the lower the better.
pub(super) fn phone_rank(heading: &str) -> Option<usize> {
    known(heading).filter(|(target, _)| *target == Target::Phone).map(|(_, rank)| rank)
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

/// What each column means: what was told, else what its heading says. No two are a field of one name: the second
/// `note` is `note_2`.
pub fn targets<S: AsRef<str>>(headings: &[S], told: &[Option<Target>], unknown: Unknown) -> Vec<Target> {
    let mut targets: Vec<Option<Target>> =
        (0..headings.len()).map(|column| told.get(column).cloned().flatten()).collect();
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
    if unknown == Unknown::Ignore {
        return targets.into_iter().map(|target| target.unwrap_or(Target::Ignore)).collect();
    }
    fields_of_the_rest(headings, &mut targets);
    targets.into_iter().map(|target| target.unwrap_or(Target::Ignore)).collect()
}

fn fields_of_the_rest<S: AsRef<str>>(headings: &[S], targets: &mut [Option<Target>]) {
    let field = |target: &Target| if let Target::Field(name) = target { Some(name.clone()) } else { None };
    let mut taken: HashSet<String> = targets.iter().flatten().filter_map(field).collect();
    let mut repeated = Vec::new();
    for (column, target) in targets.iter_mut().enumerate().filter(|(_, target)| target.is_none()) {
        let heading = headings[column].as_ref().trim();
        // As our own reports write it.
        let name = heading.strip_prefix("fields.").unwrap_or(heading);
        let name = if name.is_empty() { format!("column_{}", column + 1) } else { name.to_owned() };
        let short: String = name.chars().take(FIELD_NAME).collect();
        if taken.insert(short.clone()) {
            *target = Some(Target::Field(short));
        } else {
            repeated.push((column, name));
        }
    }
    for (column, name) in repeated {
        let name = unique(&name, FIELD_NAME, |name| taken.contains(name));
        taken.insert(name.clone());
        targets[column] = Some(Target::Field(name));
    }
}

/// The name, of at most so many characters; with a number behind it when it is taken.
pub fn unique(name: &str, most: usize, is_taken: impl Fn(&str) -> bool) -> String {
    let cut = |most: usize| name.trim().chars().take(most).collect::<String>();
    let name = cut(most);
    if !is_taken(&name) {
        return name;
    }
    let numbered = (2_u64..).map(|number| {
        let end = format!("_{number}");
        format!("{}{end}", cut(most.saturating_sub(end.len())))
    });
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(name)
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
    fn words_of_other_languages_are_known() {
        assert_eq!(
            guessed(&["имя", "Apelido", "Schlagwörter", "Fecha de consentimiento"]),
            ["name", "last_name", "tags", "consent_time"]
        );
        assert_eq!(guessed(&["الاسم", "Data de consentimento"]), ["name", "consent_time"]);
    }

    #[test]
    fn a_column_of_opt_outs_is_known() {
        assert_eq!(guessed(&["phone", "Opt-out", "Unsubscribed at"]), ["phone", "opted_out", "opted_out_at"]);
        assert_eq!(guessed(&["phone", "DND"]), ["phone", "opted_out"]);
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
    fn the_second_column_of_a_name_becomes_a_field_of_its_own() {
        assert_eq!(
            guessed(&["phone", "note", "note", "note_2", "fields.note", ""]),
            ["phone", "fields.note_3", "fields.note_4", "fields.note_2", "fields.note", "fields.column_6"]
        );
        assert_eq!(guessed(&["phone", "row", "error"]), ["phone", "fields.row", "fields.error"]);
        assert_eq!(guessed(&["tags", "labels", "Phone", "Phone"]), ["tags", "tags", "phone", "fields.Phone"]);
        let long = "x".repeat(100);
        let found = guessed(&[&long, &long]);
        assert_eq!((found[0].len(), &found[1][69..]), (71, "_2"));
        assert_eq!(
            told_twice(&[Some(Target::Field("a".into())), Some(Target::Field("a".into()))]),
            Some(&Target::Field("a".into()))
        );
    }

    #[test]
    fn every_target_is_read_back_from_its_word() {
        let words = "phone name first_name last_name language time_zone tags opted_in consent_source consent_time \
                     consent_evidence opted_out opted_out_at fields fields.city ignore report";
        for word in words.split_whitespace() {
            assert_eq!(word.parse::<Target>().unwrap().to_string(), word);
        }
        assert!("phones".parse::<Target>().is_err());
        assert!("fields.".parse::<Target>().is_err());
    }
}
