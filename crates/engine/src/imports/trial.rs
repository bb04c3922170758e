//! What would become of the first rows of a file.

use std::collections::{HashMap, HashSet};

use domain::consent::{ConsentKind, ConsentState};
use domain::contacts::Identity;
use domain::imports::agreement::{Agreement, Heard};
use domain::imports::problems;
use domain::phone::PhoneNumber;
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
        let mut judge = Judge::new(&plan, ImportId(0), self.deps.clock.now());
        let judged: Vec<_> = rows.into_iter().take(read::SAMPLE).map(|row| judge.judge(row)).collect();
        let mut kept = self.kept_of(tenant, judged.iter().flatten()).await?;
        let mut rows_tried = Vec::with_capacity(judged.len());
        let mut seen = HashSet::new();
        for judged in judged {
            rows_tried.push(match judged {
                Err(bad) => TriedRow { row: bad.row, phone: bad.phone, outcome: Err(bad.error) },
                Ok(good) => {
                    let identity = Identity::of_phone(good.phone.clone());
                    let known = self.deps.store.contact_by_identity(tenant, &identity).await?;
                    let is_repeated = !seen.insert(good.phone.clone());
                    let is_duplicate = is_repeated || (known.is_some() && plan.options.skip_duplicates);
                    let (row, phone) = (good.row, good.written.clone());
                    let outcome = match known {
                        _ if is_duplicate => Err(problems::DUPLICATE.to_owned()),
                        Some(known) => changed(good, known),
                        None => {
                            let kept = kept.remove(&good.phone);
                            Ok(made(good, kept))
                        }
                    };
                    TriedRow { row, phone, outcome }
                }
            });
        }
        Ok(Trial { plan, rows: rows_tried })
    }

    /// What is kept of persons of these numbers who were erased.
    async fn kept_of(
        &self,
        tenant: TenantId,
        rows: impl Iterator<Item = &GoodRow>,
    ) -> Result<HashMap<PhoneNumber, ConsentState>, ImportError> {
        let phones: Vec<PhoneNumber> = rows.map(|row| row.phone.clone()).collect();
        let identities: Vec<Identity> = phones.iter().cloned().map(Identity::of_phone).collect();
        let kept = self.deps.store.kept_consent(tenant, &identities).await?;
        Ok(phones.into_iter().zip(kept).filter_map(|(phone, kept)| Some((phone, kept?))).collect())
    }
}

/// What stands in the row.
fn written(row: GoodRow, is_update: bool) -> Tried {
    Tried {
        phone: row.phone.to_string(),
        name: row.name,
        language: row.language,
        time_zone: row.time_zone,
        tags: row.tags,
        fields: row.fields,
        opted_in: false,
        is_update,
        consent_refused: false,
        opts_out: false,
    }
}

/// A contact of the row's own. Whoever was erased after a no is out, whatever the row says.
fn made(mut row: GoodRow, kept: Option<ConsentState>) -> Tried {
    let consent = row.consent.take();
    let is_out = kept.is_some_and(|kept| kept.explicitly_out());
    let says_yes = consent.as_ref().is_some_and(|consent| consent.says == Agreement::Yes);
    let state = consent.filter(|_| !is_out).map(|consent| consent.of_new()).unwrap_or_default();
    Tried {
        opted_in: state.opted_in,
        opts_out: state.explicitly_out(),
        consent_refused: is_out && says_yes,
        ..written(row, false)
    }
}

/// The row with what the contact is already.
fn changed(mut row: GoodRow, mut known: Contact) -> Result<Tried, String> {
    let consent = row.consent.take();
    let mut tried = written(row, true);
    if !domain::contacts::join(&mut known.tags, &mut known.fields, &tried.tags, &tried.fields) {
        return Err(problems::OUTGROWN.to_owned());
    }
    if let Some(consent) = consent {
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
