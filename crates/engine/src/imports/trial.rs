//! What would become of the first rows of a file.

use std::collections::HashSet;

use domain::consent::{ConsentKind, ConsentState};
use domain::contacts::Identity;
use domain::imports::agreement::Heard;
use domain::imports::problems;
use domain::{ImportId, TenantId};
use ports::contacts::Contact;
use ports::imports::GoodRow;
use serde_json::{Map, Value};

use super::judge::Judge;
use super::{ImportError, Imports, Order, Plan, Received, read};

/// What would become of the first rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub plan: Plan,
    pub rows: Vec<TriedRow>,
}

/// A row of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedRow {
    pub row: u64,
    /// As it stands in the file.
    pub phone: String,
    /// The contact that it would make, or what it would make of one; else what is wrong.
    pub outcome: Result<Tried, String>,
}

/// A contact as it would be then.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    pub phone: String,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    pub fields: Map<String, Value>,
    pub opted_in: bool,
    /// A contact has the number already, and would be changed.
    pub is_update: bool,
    /// The row says yes, and the contact has opted out: that would not be taken.
    pub consent_refused: bool,
    /// The row would opt the contact out.
    pub opts_out: bool,
}

impl Imports {
    /// Reads and judges the first rows; writes nothing.
    ///
    /// # Errors
    /// [`ImportError::Invalid`]: the file is no list, or the order does not fit it.
    pub async fn try_out(
        &self,
        tenant: TenantId,
        received: &Received,
        order: Order,
    ) -> Result<Trial, ImportError> {
        let (plan, rows) = self.plan(tenant, received, order).await?;
        let now = self.deps.clock.now();
        let mut rows_tried = Vec::with_capacity(rows.len());
        let mut judge = Judge::new(&plan, ImportId(0), now);
        let mut seen = HashSet::new();
        for row in rows.into_iter().take(read::SAMPLE) {
            rows_tried.push(match judge.judge(row) {
                Err(bad) => TriedRow { row: bad.row, phone: bad.phone, outcome: Err(bad.error) },
                Ok(good) => {
                    let identity = Identity::of_phone(good.phone.clone());
                    let known = self.deps.store.contact_by_identity(tenant, &identity).await?;
                    let is_repeated = !seen.insert(good.phone.clone());
                    let is_duplicate = is_repeated || (known.is_some() && plan.options.skip_duplicates);
                    let (row, phone) = (good.row, good.written.clone());
                    let outcome =
                        if is_duplicate { Err(problems::DUPLICATE.to_owned()) } else { tried(good, known) };
                    TriedRow { row, phone, outcome }
                }
            });
        }
        Ok(Trial { plan, rows: rows_tried })
    }
}

/// The row with what the contact is already.
fn tried(row: GoodRow, known: Option<Contact>) -> Result<Tried, String> {
    let mut tried = Tried {
        phone: row.phone.to_string(),
        name: row.name,
        language: row.language,
        time_zone: row.time_zone,
        tags: row.tags,
        fields: row.fields,
        opted_in: false,
        is_update: known.is_some(),
        consent_refused: false,
        opts_out: false,
    };
    let Some(mut known) = known else {
        let state = row.consent.map_or_else(ConsentState::default, |consent| consent.of_new());
        return Ok(Tried { opted_in: state.opted_in, opts_out: state.explicitly_out(), ..tried });
    };
    if !domain::contacts::join(&mut known.tags, &mut known.fields, &tried.tags, &tried.fields) {
        return Err(problems::OUTGROWN.to_owned());
    }
    if let Some(consent) = row.consent {
        let heard = consent.says.apply_to(&mut known.consent, consent.at);
        tried.consent_refused = heard == Heard::Refused;
        tried.opts_out = heard == Heard::Taken(ConsentKind::OptOut);
    }
    Ok(Tried {
        name: tried.name.or(known.name),
        language: tried.language.or(known.language),
        time_zone: tried.time_zone.or(known.time_zone),
        tags: known.tags,
        fields: known.fields,
        opted_in: known.consent.opted_in,
        ..tried
    })
}
