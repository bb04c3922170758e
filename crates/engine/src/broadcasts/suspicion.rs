//! Whose parameters may not fit.
//!
//! What a recipient gets is judged by one rule, the template's own ([`Decider::params`]), when its turn comes. A preview
//! asks the same rule, of those alone of whom it is not certain: whether plain texts fit is tried out, up to which length
//! too, so that the store can pass over everybody whose texts are plain and short enough.

use std::sync::Arc;

use domain::TenantId;
use domain::broadcasts::LeftOut;
use domain::broadcasts::recipe::{Facts, Recipe, Source};
use domain::templates::Params;
use ports::broadcasts::{Screen, Screened, Suspect, Suspicion};
use serde_json::{Map, Value};

use super::languages::Languages;
use super::plan::Outlook;
use super::turns::{Decider, Rules};
use super::{BroadcastError, Broadcasts};
use crate::messages::definitions::{Definition, Definitions};

/// Every blank but the plain space.
const BLANKS: &str = "\u{9}\u{a}\u{b}\u{c}\u{d}\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
                      \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
/// What people and systems write in one word. Where one of them does not fit, a number or an address is wanted, and everybody
/// is looked at.
const WORDS: [&str; 4] = ["a", "Zoe\u{301}9", "a-b_c.d/e:f?g=h&i%j", "\u{5c71}"];
/// No text of a recipient that is longer than this is taken for certain.
const LONGEST: usize = 4_096;
/// Suspects who are read at once.
const PAGE: u32 = 2_000;
/// How many of them a preview looks at.
pub(super) const MOST: usize = 50_000;

/// How certain it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    AtAll,
    /// There were too many to look at each of them.
    AtMany,
}

impl Broadcasts {
    /// Moves those whose parameters do not fit from the recipients to those left out.
    pub(super) async fn sift(
        &self,
        tenant: TenantId,
        outlook: &Outlook,
        screen: &Screen,
        screened: &mut Screened,
    ) -> Result<Looked, BroadcastError> {
        let Some(languages) = outlook.numbers.first().and_then(|entry| outlook.languages(entry)) else {
            return Ok(Looked::AtAll);
        };
        if outlook.recipe.is_fixed() {
            return Ok(Looked::AtAll);
        }
        let definitions = self.messages.definitions();
        let suspicion = Probe::new(&outlook.recipe, languages, definitions).await.suspicion();
        let decider = Decider::new(&outlook.recipe, languages, definitions, Rules::none()).await;
        let (mut after, mut looked_at) = (i64::MIN, 0);
        while looked_at < MOST {
            let page = self.deps.store.suspects(tenant, screen, &suspicion, after, PAGE).await?;
            let filled: Vec<_> = page.iter().map(|suspect| filled(&decider, languages, suspect)).collect();
            let params = filled.iter().filter_map(|filled| filled.as_ref()?.as_ref().ok());
            let files = self.files_of(tenant, params).await?;
            for (suspect, filled) in page.iter().zip(&filled) {
                match filled {
                    Some(Err(reason)) => take_out(screened, suspect, *reason),
                    Some(Ok(params)) if files.fault(params).is_some() => {
                        take_out(screened, suspect, LeftOut::InvalidParameter);
                    }
                    _ => {}
                }
            }
            looked_at += page.len();
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = last.key,
                _ => return Ok(Looked::AtAll),
            }
        }
        Ok(Looked::AtMany)
    }
}

/// The parameters of one of them, or why there are none; `None`: there is no template either.
fn filled(
    decider: &Decider<'_>,
    languages: &Languages,
    suspect: &Suspect,
) -> Option<Result<Params, LeftOut>> {
    let template = languages.shown(suspect.contact.language.as_deref())?;
    let params = decider.params(template.id, &suspect.contact, suspect.row.as_ref());
    Some(params.map_err(|(reason, _)| reason))
}

fn take_out(screened: &mut Screened, suspect: &Suspect, reason: LeftOut) {
    let less = |counts: &mut Vec<(Option<String>, i64)>, of: Option<&str>| {
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known.as_deref() == of) {
            *count -= 1;
        }
        counts.retain(|(_, count)| *count > 0);
    };
    less(&mut screened.countries, suspect.contact.country.as_deref());
    less(&mut screened.languages, suspect.contact.language.as_deref());
    less(&mut screened.zones, suspect.zone.as_deref());
    screened.recipients -= 1;
    screened.known_today -= i64::from(suspect.known_today);
    match screened.left_out.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, count)) => *count += 1,
        None => screened.left_out.push((reason, 1)),
    }
    screened.left_out.sort_unstable();
}

/// Tries texts out.
struct Probe<'a> {
    recipe: &'a Recipe,
    definitions: Vec<Arc<Definition>>,
}

impl<'a> Probe<'a> {
    async fn new(recipe: &'a Recipe, languages: &Languages, definitions: &Definitions) -> Self {
        let mut known = Vec::new();
        for row in languages.wanted() {
            known.push(definitions.of_row(row).await);
        }
        Self { recipe, definitions: known }
    }

    fn suspicion(&self) -> Suspicion {
        let sources: Vec<Source> = self.recipe.sources().iter().cloned().collect();
        let everybody = !WORDS.iter().all(|word| self.fits(word));
        let spaces_fit = self.fits("a a");
        let longest = if everybody { 0 } else { self.longest() };
        let odd = if spaces_fit { BLANKS.to_owned() } else { format!("{BLANKS} ") };
        let is_plain = |text: &str| {
            !text.trim().is_empty()
                && text.chars().count() <= longest
                && !text.contains("  ")
                && !text.contains(|letter| odd.contains(letter))
        };
        // Whatever stands in for an empty text is judged like one.
        let all_plain = self.recipe.fallbacks().into_iter().all(is_plain);
        let empty = sources.iter().filter(|source| !all_plain && !self.recipe.needed().contains(source));
        Suspicion {
            empty: empty.cloned().collect(),
            sources,
            odd,
            longest: u32::try_from(longest).unwrap_or(u32::MAX),
            everybody,
        }
    }

    /// How long a text may be in every place at once.
    fn longest(&self) -> usize {
        let (mut fits, mut too_long) = (1, LONGEST + 1);
        while too_long - fits > 1 {
            let middle = fits + (too_long - fits) / 2;
            if self.fits(&"a".repeat(middle)) { fits = middle } else { too_long = middle }
        }
        fits
    }

    /// Whether this text fits in every place and every language.
    fn fits(&self, text: &str) -> bool {
        let (mut fields, mut row) = (Map::new(), Map::new());
        for source in self.recipe.sources() {
            let of = match source {
                Source::Field(name) => fields.insert(name.clone(), Value::from(text)),
                Source::Row(name) => row.insert(name.clone(), Value::from(text)),
                _ => None,
            };
            debug_assert!(of.is_none(), "a source is there once");
        }
        let all = Some(text);
        let facts =
            Facts { name: all, phone: all, language: all, username: all, fields: &fields, row: Some(&row) };
        let filled = self.recipe.fill(&facts).ok();
        let params = filled.and_then(|filled| Params::read(&filled).ok());
        params
            .is_some_and(|params| self.definitions.iter().all(|definition| definition.bind(&params).is_ok()))
    }
}
