//! What becomes of each recipient whose turn has come: decided without touching anything.

use std::collections::HashMap;
use std::sync::Arc;

use domain::broadcasts::LeftOut;
use domain::broadcasts::recipe::{Facts, Recipe};
use domain::broadcasts::schedule::{self, FrequencyCap, QuietHours, ThenQuiet};
use domain::messages::Content;
use domain::messages::gate::{self, Intent, Refusal, TemplateFacts};
use domain::templates::Params;
use domain::{TemplateId, Timestamp};
use jiff::tz::TimeZone;
use ports::broadcasts::{DueRecipient, Turn};
use ports::contacts::Contact;
use ports::templates::Template;
use serde_json::{Map, Value};

use super::languages::Languages;
use crate::messages::definitions::{Definition, Definitions};

/// Whom the tenant does not want to disturb.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) quiet: Option<QuietHours>,
    pub(super) cap: Option<FrequencyCap>,
    /// Where somebody is taken to live whose zone is not known.
    pub(super) home: TimeZone,
}

impl Rules {
    /// Nobody is disturbed by looking.
    pub(super) fn none() -> Self {
        Self { quiet: None, cap: None, home: TimeZone::UTC }
    }
}

/// Everything that a decision needs besides the recipient.
pub(super) struct Decider<'a> {
    recipe: &'a Recipe,
    languages: &'a Languages,
    definitions: HashMap<TemplateId, Arc<Definition>>,
    /// When the recipe is the same for everybody: its parameters, by template, as far as they fit.
    fixed: HashMap<TemplateId, Result<Params, String>>,
    rules: Rules,
}

impl<'a> Decider<'a> {
    /// Parses what will be bound.
    pub(super) async fn new(
        recipe: &'a Recipe,
        languages: &'a Languages,
        definitions: &Definitions,
        rules: Rules,
    ) -> Self {
        let mut known = HashMap::new();
        for row in languages.wanted() {
            known.insert(row.id, definitions.of_row(row).await);
        }
        let mut decider = Self { recipe, languages, definitions: known, fixed: HashMap::new(), rules };
        if recipe.is_fixed() {
            let empty = Map::new();
            let nobody =
                Facts { name: None, phone: None, language: None, username: None, fields: &empty, row: None };
            let rows = languages.wanted().iter();
            decider.fixed = rows.map(|row| (row.id, decider.filled(row.id, &nobody).map_err(told))).collect();
        }
        decider
    }

    /// Whether everybody gets the same.
    pub(super) fn is_fixed(&self) -> bool {
        self.recipe.is_fixed()
    }

    /// Decides. `None`: nothing can be sent in any language now, so it stays where it is.
    pub(super) fn turn(&self, due: &DueRecipient, now: Timestamp) -> Option<Turn> {
        let row = self.languages.choose(due.contact.language.as_deref())?;
        if let Err(refusal) = gate::check(&due.gate, &Intent::Broadcast(facts_of(row)), now) {
            return reason_of(&refusal).map(|reason| Turn::LeaveOut { reason, detail: None });
        }
        if row.category.is_marketing()
            && let Some(turn) = self.disturbs(due, now)
        {
            return Some(turn);
        }
        Some(match self.params(row.id, &due.contact, due.row.as_ref()) {
            Ok(params) => Turn::Send {
                content: Content::Template { name: row.name.clone(), language: row.language.clone(), params },
                template_id: row.id,
            },
            Err((reason, detail)) => Turn::LeaveOut { reason, detail: Some(detail) },
        })
    }

    fn disturbs(&self, due: &DueRecipient, now: Timestamp) -> Option<Turn> {
        if self.rules.cap.is_some_and(|cap| due.marketing_sent >= i64::from(cap.messages)) {
            return Some(Turn::LeaveOut { reason: LeftOut::FrequencyCap, detail: None });
        }
        let hours = self.rules.quiet?;
        let until = schedule::quiet(&schedule::zone_or(due.zone.as_deref(), &self.rules.home), now, &hours)?;
        Some(match hours.then {
            ThenQuiet::Wait => Turn::Wait { until },
            ThenQuiet::LeaveOut => Turn::LeaveOut { reason: LeftOut::QuietHours, detail: None },
        })
    }

    /// The parameters of one contact, or why there are none.
    pub(super) fn params(
        &self,
        template: TemplateId,
        contact: &Contact,
        row: Option<&Map<String, Value>>,
    ) -> Result<Params, (LeftOut, String)> {
        if let Some(fixed) = self.fixed.get(&template) {
            return fixed.clone().map_err(|detail| (LeftOut::InvalidParameter, detail));
        }
        let facts = Facts {
            name: contact.name.as_deref(),
            phone: contact.identity.phone.as_ref().map(|phone| phone.as_str()),
            language: contact.language.as_deref(),
            username: contact.username.as_deref(),
            fields: &contact.fields,
            row,
        };
        self.filled(template, &facts)
    }

    fn filled(&self, template: TemplateId, facts: &Facts<'_>) -> Result<Params, (LeftOut, String)> {
        let filled = self.recipe.fill(facts).map_err(|source| {
            (LeftOut::MissingParameter, format!("{source} is empty and has no fallback"))
        })?;
        let invalid = |detail| (LeftOut::InvalidParameter, detail);
        let params = Params::read(&filled).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            invalid(faults.join("; "))
        })?;
        if let Some(definition) = self.definitions.get(&template) {
            definition.bind(&params).map_err(|mismatch| invalid(mismatch.problems.join("; ")))?;
        }
        Ok(params)
    }
}

fn told((_, detail): (LeftOut, String)) -> String {
    detail
}

/// What the gate asks of a template.
pub(super) fn facts_of(row: &Template) -> TemplateFacts {
    TemplateFacts {
        id: row.id,
        name: row.name.clone(),
        status: row.status.clone(),
        category: row.category.clone(),
        rejection_reason: row.rejection_reason.clone(),
    }
}

/// What the gate's refusal means for a recipient; `None`: it is not the recipient's.
pub(super) fn reason_of(refusal: &Refusal) -> Option<LeftOut> {
    match refusal {
        Refusal::NotOptedIn { opted_out_at: Some(_), opted_in: false, .. } => Some(LeftOut::OptedOut),
        Refusal::NotOptedIn { marketing_stopped: true, opted_in: true, .. } => Some(LeftOut::MarketingStop),
        Refusal::NotOptedIn { .. } => Some(LeftOut::NoConsent),
        Refusal::Unreachable { .. } => Some(LeftOut::NotOnWhatsapp),
        Refusal::TemplateNotApproved { .. } | Refusal::WindowExpired { .. } => None,
    }
}
