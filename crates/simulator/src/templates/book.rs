//! All templates, found by account and name on the sending path and by id on the management path.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Template;

const THIRTY_DAYS_MS: i64 = 30 * 24 * 3_600_000;

#[derive(Default)]
pub(crate) struct Templates {
    /// By WABA, then name: one template a language.
    by_name: HashMap<String, HashMap<String, Vec<Arc<Template>>>>,
    /// Id to (WABA, name), oldest first: lists are paged in this order.
    by_id: BTreeMap<u64, (String, String)>,
    /// Names of deleted approved templates and when they were deleted.
    held_names: HashMap<(String, String), i64>,
    /// Creations per WABA (milliseconds), for the hourly quota.
    pub(crate) creations: HashMap<String, Vec<i64>>,
}

impl Templates {
    pub(crate) fn put(&mut self, template: Template) {
        if let Ok(id) = template.id.parse() {
            self.by_id.insert(id, (template.waba_id.clone(), template.name.clone()));
        }
        let names = self.by_name.entry(template.waba_id.clone()).or_default();
        let languages = names.entry(template.name.clone()).or_default();
        match languages.iter_mut().find(|known| known.id == template.id) {
            Some(known) => *known = Arc::new(template),
            None => languages.push(Arc::new(template)),
        }
    }

    /// Every language of a name.
    pub(crate) fn named(&self, waba_id: &str, name: &str) -> &[Arc<Template>] {
        self.by_name.get(waba_id).and_then(|names| names.get(name)).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn in_language(&self, waba_id: &str, name: &str, language: &str) -> Option<&Arc<Template>> {
        self.named(waba_id, name).iter().find(|template| template.language == language)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<Template>> {
        let (waba_id, name) = self.by_id.get(&id.parse().ok()?)?;
        self.named(waba_id, name).iter().find(|template| template.id == id)
    }

    /// Changes a template in place; None when there is none with this id.
    pub(crate) fn change<T>(&mut self, id: &str, change: impl FnOnce(&mut Template) -> T) -> Option<T> {
        let (waba_id, name) = self.by_id.get(&id.parse().ok()?)?.clone();
        let languages = self.by_name.get_mut(&waba_id)?.get_mut(&name)?;
        languages
            .iter_mut()
            .find(|template| template.id == id)
            .map(|template| change(Arc::make_mut(template)))
    }

    /// Templates of an account, oldest first.
    pub(crate) fn of(&self, waba_id: &str) -> impl DoubleEndedIterator<Item = &Arc<Template>> {
        let ids = self.by_id.iter().filter(move |(_, (waba, _))| waba == waba_id);
        ids.filter_map(|(id, (waba, name))| {
            let id = id.to_string();
            self.named(waba, name).iter().find(|template| template.id == id)
        })
    }

    /// Takes a template out; the name of an approved one is held for 30 days.
    pub(crate) fn remove(&mut self, id: &str, now_ms: i64) -> Option<Arc<Template>> {
        let gone = self.by_id(id)?.clone();
        self.by_id.remove(&id.parse().ok()?);
        let names = self.by_name.get_mut(&gone.waba_id)?;
        if let Some(languages) = names.get_mut(&gone.name) {
            languages.retain(|template| template.id != id);
            if languages.is_empty() {
                names.remove(&gone.name);
            }
        }
        if gone.status == "APPROVED" {
            self.held_names.insert((gone.waba_id.clone(), key(&gone.name, &gone.language)), now_ms);
        }
        Some(gone)
    }

    /// Whether a deleted template still holds its name in this language.
    pub(crate) fn name_held(&self, waba_id: &str, name: &str, language: &str, now_ms: i64) -> bool {
        let held = self.held_names.get(&(waba_id.to_owned(), key(name, language)));
        held.is_some_and(|deleted| now_ms - deleted < THIRTY_DAYS_MS)
    }

    pub(crate) fn next_id(&self, waba_id: &str) -> String {
        let last = self.by_id.keys().next_back().copied().unwrap_or(0);
        let first = 1_000_000_000_000_000 + waba_id.bytes().map(u64::from).sum::<u64>() * 1_000_003;
        (last + 7_919).max(first).to_string()
    }
}

fn key(name: &str, language: &str) -> String {
    format!("{name}/{language}")
}
