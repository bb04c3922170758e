//! Whom a broadcast means, as it is frozen.

use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Meant, State};
use domain::templates::Category;
use domain::{BroadcastId, ConnectionId, ListId, Timestamp};
use serde_json::{Map, Value};

use super::Broadcast;
use crate::contacts::Contact;

/// A row of an uploaded list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRow {
    /// As a person sees it in the file, from 1.
    pub row_number: i64,
    /// The number as given.
    pub given: String,
    /// E.164, when it could be read.
    pub phone: Option<String>,
    /// Texts by column name.
    pub columns: Map<String, Value>,
}

/// A part of a list on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPart {
    /// What the first part was answered; `None`: this is the first.
    pub upload: Option<ListId>,
    pub rows: Vec<ListRow>,
    /// There is no other behind it: from its commit on this is the broadcast's list.
    pub last: bool,
    pub at: Timestamp,
}

/// What came of a part of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum ListPut {
    /// Kept; the others name this.
    Kept(ListId),
    /// That was the last: it is the broadcast's list.
    Done(Broadcast),
    NotFound,
    /// The broadcast's state does not allow it; it keeps the list that it has.
    InvalidState(State),
    /// There is no such upload (any more).
    NoUpload,
}

/// Whom a broadcast would reach, and why not the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    pub rule: Meant,
    /// Only rows of this broadcast's list.
    pub list: Option<BroadcastId>,
    /// Marketing needs an opt-in and no marketing stop; the others pass the gate's rules.
    pub category: Category,
    /// Must not be empty.
    pub needed: Vec<Source>,
    /// For marketing: the cap.
    pub cap: Option<FrequencyCap>,
    /// Leave out who lives there: it is night.
    pub quiet: ZoneSet,
    /// Leave out who lives there: the hour of the plan has passed.
    pub passed: ZoneSet,
    /// The numbers that it is sent from: a window counts as open when it is one of theirs. None: any of the tenant.
    pub numbers: Vec<ConnectionId>,
    /// The moment of asking.
    pub at: Timestamp,
}

/// Some of the zones on earth: those that have these names (see [`DueTimes`]), or with `otherwise` all but those. Who has
/// no zone has none of these names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneSet {
    pub names: Vec<String>,
    pub otherwise: bool,
}

impl ZoneSet {
    /// Out of what is so in each zone, where it differs from what is so otherwise.
    pub fn of((zones, otherwise): (Vec<(String, bool)>, bool)) -> Self {
        Self { names: zones.into_iter().map(|(name, _)| name).collect(), otherwise }
    }

    /// There is no zone in it.
    pub fn is_empty(&self) -> bool {
        !self.otherwise && self.names.is_empty()
    }
}

/// When recipients are due: by their zone (IANA name of the contact, else the two letters of its country).
#[derive(Debug, Clone, PartialEq)]
pub struct DueTimes {
    pub zones: Vec<(String, Timestamp)>,
    /// For everybody else.
    pub otherwise: Timestamp,
}

/// How many there are of each kind. A repeat may differ: people change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Screened {
    /// Everybody meant, left out or not.
    pub meant: i64,
    pub recipients: i64,
    pub left_out: Vec<(LeftOut, i64)>,
    /// Of the recipients: by country (two letters; `None`: not known).
    pub countries: Vec<(Option<String>, i64)>,
    /// Of the recipients: by language.
    pub languages: Vec<(Option<String>, i64)>,
    /// Of the recipients: by zone (see [`DueTimes`]).
    pub zones: Vec<(Option<String>, i64)>,
    /// Of the recipients: those whom Meta's limit on new contacts does not touch, because they had a template from this
    /// tenant within 24 hours or have an open window.
    pub known_today: i64,
    /// Of what must not be empty: what is empty for everybody meant.
    pub empty_for_all: Vec<Source>,
    /// With a list: the columns of its first rows.
    pub columns: Vec<String>,
}

/// Of whom it must be asked whether their parameters fit: of everybody else it is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Where texts come from.
    pub sources: Vec<Source>,
    /// A text with one of these characters is suspect, as is one with two spaces in a row …
    pub odd: String,
    /// … or with more characters than this.
    pub longest: u32,
    /// Those of the sources that are suspect when they are empty.
    pub empty: Vec<Source>,
    /// Everybody is suspect.
    pub everybody: bool,
}

/// Someone whose parameters must be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// Where it stands in the audience: for the next page.
    pub key: i64,
    pub contact: Contact,
    pub row: Option<Map<String, Value>>,
    /// See [`DueTimes`].
    pub zone: Option<String>,
    /// See [`Screened::known_today`].
    pub known_today: bool,
}

/// Someone whom a broadcast would reach, for a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    pub contact: Contact,
    pub row: Option<Map<String, Value>>,
}

/// What came of freezing a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrozenPage {
    pub recipients: i64,
    pub left_out: i64,
    /// That was the last page: the broadcast is frozen.
    pub done: bool,
}
