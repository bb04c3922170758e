//! Who is meant, and why somebody is left out: one relation and one expression, for freezing, counting and samples.
//!
//! The expression says what `domain::messages::gate` says, asked before anything is queued and about all numbers of the
//! broadcast: the gate itself is asked again when the message is made and when it is claimed, and has the last word.

use domain::broadcasts::LeftOut;
use domain::broadcasts::recipe::Source;
use domain::{SignedDuration, TenantId, Timestamp};
use ports::broadcasts::{Screen, Suspicion, ZoneSet};
use sea_orm::Value;

use super::cap::{marketing_since, start};
use crate::db::{clean, micros};
use crate::dialect::{As, Dialect};
use crate::segments::compile;

/// A part of an audience, as SQL with its values.
pub(super) struct Audience<'a> {
    pub(super) dialect: Dialect,
    tenant: TenantId,
    screen: &'a Screen,
    pub(super) values: Vec<Value>,
}

/// Which part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Contacts with these ids, rows with these numbers: from behind the first up to the second.
    Between(i64, i64),
}

/// IANA name of the contact, else the two letters of its country.
pub(super) const ZONE: &str = "COALESCE(c.time_zone, c.country)";

impl<'a> Audience<'a> {
    /// Its first value is the tenant.
    pub(super) fn new(dialect: Dialect, tenant: TenantId, screen: &'a Screen) -> Self {
        Self { dialect, tenant, screen, values: vec![tenant.0.into()] }
    }

    /// Another value, and its name in the statement.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// `FROM` and `WHERE`: contacts as `c`; with a list its rows as `w`, each with or without a contact.
    pub(super) fn relation(&mut self, part: Part) -> String {
        match self.screen.list {
            None => self.contacts(part),
            Some(list) => self.rows(list.0, part),
        }
    }

    fn contacts(&mut self, part: Part) -> String {
        let between = self.between("c.id", part);
        let rule = self.rule();
        format!("FROM contacts c WHERE c.tenant_id = $1{between} AND c.merged_into IS NULL AND {rule}")
    }

    fn rows(&mut self, list: i64, part: Part) -> String {
        let list = self.bind(list);
        let between = self.between("i.row_number", part);
        let rule = self.rule();
        format!(
            "FROM (SELECT i.row_number, i.phone, i.columns, \
             ROW_NUMBER() OVER (PARTITION BY i.phone ORDER BY i.row_number) AS nth FROM broadcast_rows i \
             WHERE i.tenant_id = $1 AND i.list_id = (SELECT b.list_id FROM broadcasts b WHERE b.tenant_id = $1 \
             AND b.id = {list}){between}) AS w \
             LEFT JOIN contacts c ON c.tenant_id = $1 AND c.phone = w.phone WHERE (c.id IS NULL OR {rule})"
        )
    }

    fn between(&mut self, column: &str, part: Part) -> String {
        match part {
            Part::Whole => String::new(),
            Part::Between(after, upto) => {
                let (after, upto) = (self.bind(after), self.bind(upto));
                format!(" AND {column} > {after} AND {column} <= {upto}")
            }
        }
    }

    fn rule(&mut self) -> String {
        compile::condition(&self.screen.rule, self.tenant, self.screen.at, self.dialect, &mut self.values)
    }

    /// Why somebody of [`relation`](Self::relation) is left out, or NULL: the first reason in the order of
    /// [`LeftOut`]. `frozen`: an expression that says whether the contact was frozen already, from an earlier row.
    pub(super) fn reason(&mut self, frozen: Option<String>) -> String {
        let mut reasons = Vec::new();
        if self.screen.list.is_some() {
            let again = frozen.map_or(String::new(), |frozen| format!(" OR {frozen}"));
            reasons.push((LeftOut::InvalidNumber, "w.phone IS NULL".to_owned()));
            reasons.push((LeftOut::UnknownContact, "c.id IS NULL".to_owned()));
            reasons.push((LeftOut::Duplicate, format!("w.nth > 1{again}")));
        }
        let window = self.window_open();
        reasons.extend(self.consent());
        reasons.push((LeftOut::NotOnWhatsapp, format!("c.review_at IS NOT NULL AND NOT {window}")));
        if !self.screen.needed.is_empty() {
            reasons.push((LeftOut::MissingParameter, self.something_is_empty()));
        }
        if let Some(cap) = self.screen.cap {
            let had = marketing_since("$1", start(self.screen.at, cap.days), "c.id");
            reasons.push((LeftOut::FrequencyCap, format!("{had} >= {}", cap.messages)));
        }
        for (reason, set) in
            [(LeftOut::TimePassed, &self.screen.passed), (LeftOut::QuietHours, &self.screen.quiet)]
        {
            if !set.is_empty() {
                reasons.push((reason, self.is_in(set)));
            }
        }
        let cases: Vec<String> =
            reasons.iter().map(|(reason, so)| format!("WHEN {so} THEN '{}'", reason.as_str())).collect();
        format!("CASE {} END", cases.join(" "))
    }

    fn consent(&self) -> Vec<(LeftOut, String)> {
        let mut reasons = vec![
            (LeftOut::OptedOut, "NOT c.opted_in AND c.opted_out_at IS NOT NULL".to_owned()),
            (LeftOut::NoConsent, "NOT c.opted_in".to_owned()),
        ];
        if self.screen.category.is_marketing() {
            reasons.push((LeftOut::MarketingStop, "c.marketing_stopped".to_owned()));
        }
        reasons
    }

    /// Whether the contact lives there. Who has no zone is in no list of names: it would not do to ask for that alone.
    fn is_in(&mut self, set: &ZoneSet) -> String {
        let zones = self.bind(serde_json::json!(set.names).to_string());
        let zones = self.dialect.elements(&zones, "q");
        let named = format!("COALESCE({ZONE} IN (SELECT q.value FROM {zones}), FALSE)");
        if set.otherwise { format!("NOT {named}") } else { named }
    }

    fn window_open(&mut self) -> String {
        let now = micros(self.screen.at);
        let numbers: Vec<String> = self.screen.numbers.iter().map(|number| number.0.to_string()).collect();
        let own = match numbers.is_empty() {
            true => String::new(),
            false => format!(" AND v.connection_id IN ({})", numbers.join(", ")),
        };
        format!(
            "EXISTS (SELECT 1 FROM conversations v WHERE v.tenant_id = $1 AND v.contact_id = c.id{own} \
             AND v.window_expires_at > {now})"
        )
    }

    fn something_is_empty(&mut self) -> String {
        let sources = self.screen.needed.clone();
        let empty: Vec<String> = sources.iter().map(|source| self.is_empty(source)).collect();
        format!("({})", empty.join(" OR "))
    }

    /// Whether somebody has no such text.
    pub(super) fn is_empty(&mut self, source: &Source) -> String {
        let text = self.text(source);
        format!("COALESCE({}, '') = ''", self.dialect.trimmed(&text))
    }

    /// See [`Suspicion`].
    pub(super) fn suspect(&mut self, suspicion: &Suspicion) -> String {
        if suspicion.everybody {
            return "TRUE".to_owned();
        }
        let odd = self.bind(self.dialect.any_of(&suspicion.odd));
        let mut suspect: Vec<String> = suspicion.empty.iter().map(|source| self.is_empty(source)).collect();
        for source in &suspicion.sources {
            let text = self.text(source);
            let text = format!("COALESCE({}, '')", self.dialect.trimmed(&text));
            let holds = self.dialect.holds_any(&text, &odd);
            let spaces = self.dialect.position(&text, "'  '");
            suspect.push(format!("({holds} OR {spaces} > 0 OR length({text}) > {})", suspicion.longest));
        }
        if suspect.is_empty() { "FALSE".to_owned() } else { format!("({})", suspect.join(" OR ")) }
    }

    fn text(&mut self, source: &Source) -> String {
        match source {
            Source::Name => "c.name".to_owned(),
            Source::Phone => "c.phone".to_owned(),
            Source::Language => "c.language".to_owned(),
            Source::Username => "c.username".to_owned(),
            Source::Field(name) => self.member("c.fields", name),
            Source::Row(_) if self.screen.list.is_none() => "NULL".to_owned(),
            Source::Row(name) => self.member("w.columns", name),
        }
    }

    fn member(&mut self, of: &str, name: &str) -> String {
        let plain = self.dialect.is_plain_member(name);
        let name = self.bind(clean(name).into_owned());
        self.dialect.member(of, &name, plain)
    }

    /// Whether Meta's limit on new contacts does not touch the contact: it had a template outside a window within 24
    /// hours, or a window is open.
    pub(super) fn known_today(&self) -> String {
        let (now, since) = (micros(self.screen.at), micros(a_day_before(self.screen.at)));
        format!(
            "EXISTS (SELECT 1 FROM conversations v WHERE v.tenant_id = $1 AND v.contact_id = c.id \
             AND (v.last_initiated_at > {since} OR v.window_expires_at > {now}))"
        )
    }
}

/// 24 hours ago.
pub(super) fn a_day_before(now: Timestamp) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN)
}

/// The zones of a table of due times, for [`Dialect::rows`].
pub(super) const ZONES: [(&str, As); 2] = [("zone", As::Text), ("at", As::Int)];
