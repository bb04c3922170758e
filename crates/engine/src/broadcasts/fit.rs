//! Whether a plan's parameters fit its template, and name files that are there.

use domain::broadcasts::Plan;
use domain::broadcasts::recipe::{Recipe, Source};
use domain::messages::content::MediaKind;
use domain::templates::{Params, ParamsMismatch};
use domain::{MediaId, TenantId};
use ports::broadcasts::{Broadcast, Screened};
use serde_json::Value;

use super::freeze::screen_of;
use super::plan::Outlook;
use super::{BroadcastError, Broadcasts};
use crate::faults::Faults;

/// What is tried in every place: short, no word and no number alone, so that it fits wherever a recipient's might.
const TRIED: &str = "1";

impl Broadcasts {
    /// The parameters, tried with a text in every place. What a recipient brings is judged when its turn comes.
    pub(super) async fn must_fit(&self, outlook: &Outlook, plan: &Plan) -> Result<(), BroadcastError> {
        let params = read(&outlook.recipe)?;
        for row in outlook.wanted_rows() {
            let definition = self.messages.definitions().of_row(row).await;
            definition.bind(&params).map_err(|mismatch| BroadcastError::ParamsMismatch {
                template_name: plan.template.name.clone(),
                mismatch: in_language(mismatch, &row.language),
            })?;
        }
        Ok(())
    }

    /// A column that is not there leaves everybody out: then nothing would be sent, and nobody would know why. What reaches
    /// anybody has its columns.
    pub(super) async fn must_fill_rows(
        &self,
        known: &Broadcast,
        plan: &Plan,
        outlook: &Outlook,
    ) -> Result<(), BroadcastError> {
        let recipe = &outlook.recipe;
        if of_rows(recipe).next().is_none() {
            return Ok(());
        }
        if !plan.audience.list {
            return Ok(faults_of(recipe, of_rows(recipe).map(|(source, _)| (source, no_list(source))))?);
        }
        let (store, tenant) = (&self.deps.store, known.tenant_id);
        let Some(category) = outlook.category() else { return Ok(()) };
        let (plan, meant) = &self.fixed(tenant, plan).await?;
        let screen = screen_of(plan, meant, Some(known.id), outlook, &category, self.deps.clock.now());
        if !store.sample(tenant, &screen, 1).await?.is_empty() {
            return Ok(());
        }
        let Screened { empty_for_all, columns, .. } = store.screen(tenant, &screen).await?;
        let missing = of_rows(recipe)
            .filter(|(source, column)| empty_for_all.contains(source) && !columns.contains(column));
        Ok(faults_of(recipe, missing.map(|(source, _)| (source, no_column(source, &columns))))?)
    }

    /// Files that the plan itself names.
    pub(super) async fn must_have_files(&self, tenant: TenantId, plan: &Plan) -> Result<(), BroadcastError> {
        let mut faults = Faults::default();
        let mut files = Vec::new();
        files_in(&plan.params, &mut "/template_params".to_owned(), &mut files);
        for file in files {
            let Some(media) = self.deps.store.media(tenant, file.id).await? else {
                faults.add(file.pointer, "there is no such file");
                continue;
            };
            if let Some(misfit) = MediaKind::misfit(&media.mime_type, &file.kind) {
                faults.add(file.pointer, misfit);
            }
        }
        faults.check().map_err(Into::into)
    }
}

/// The parameters name columns that the list has.
pub(super) fn must_have_columns(recipe: &Recipe, columns: &[String]) -> Result<(), Faults> {
    let missing = of_rows(recipe).filter(|(_, column)| !columns.contains(column));
    faults_of(recipe, missing.map(|(source, _)| (source, no_column(source, columns))))
}

/// Sources without a fallback that are columns of a list.
pub(super) fn of_rows(recipe: &Recipe) -> impl Iterator<Item = (&Source, &String)> {
    recipe.needed().iter().filter_map(|source| match source {
        Source::Row(column) => Some((source, column)),
        _ => None,
    })
}

/// The audience has no columns at all.
pub(super) fn no_list(source: &Source) -> String {
    format!("{{{{{source}}}}} is empty for everybody: the audience is no list")
}

/// The list has others.
pub(super) fn no_column(source: &Source, columns: &[String]) -> String {
    let columns = if columns.is_empty() { "none".to_owned() } else { columns.join(", ") };
    format!("{{{{{source}}}}} is empty for everybody: the list has no such column; it has {columns}")
}

/// Wherever parameters name one of these.
fn faults_of<'a>(recipe: &Recipe, found: impl Iterator<Item = (&'a Source, String)>) -> Result<(), Faults> {
    let mut faults = Faults::default();
    for (source, problem) in found {
        for pointer in recipe.places(source) {
            faults.add(format!("/template_params{pointer}"), problem.clone());
        }
    }
    faults.check()
}

/// A template may have several languages, which differ.
fn in_language(mut mismatch: ParamsMismatch, language: &str) -> ParamsMismatch {
    for problem in &mut mismatch.problems {
        *problem = format!("{language}: {problem}");
    }
    mismatch
}

fn read(recipe: &Recipe) -> Result<Params, BroadcastError> {
    Params::read(&recipe.trial(TRIED)).map_err(|found| {
        let mut faults = Faults::default();
        for fault in found {
            faults.add(format!("/template_params{}", fault.pointer), fault.problem);
        }
        faults.into()
    })
}

/// A file of ours, where the plan names it.
struct File {
    pointer: String,
    /// `image`, `video`, `document` or `gif`.
    kind: String,
    id: MediaId,
}

/// In whichever of the forms: a file always stands in a member of its kind's name.
fn files_in(value: &Value, at: &mut String, found: &mut Vec<File>) {
    let length = at.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                files_in(item, at, found);
                at.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                match member.get("media_id").and_then(number) {
                    Some(id) if matches!(name.as_str(), "image" | "video" | "document" | "gif") => {
                        found.push(File { pointer: format!("{at}/media_id"), kind: name.clone(), id });
                    }
                    _ => files_in(member, at, found),
                }
                at.truncate(length);
            }
        }
        _ => {}
    }
}

fn number(value: &Value) -> Option<MediaId> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).map(MediaId)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_found_in_every_form_and_those_of_a_recipient_are_not() {
        let params = json!({
            "header": { "image": { "media_id": 7 } },
            "cards": [
                { "header": { "type": "video", "video": { "media_id": "8" } } },
                { "header": { "image": { "media_id": "{{row.m}}" } } },
                { "header": { "image": { "link": "https://example.com/a.png" } } },
            ],
        });
        let mut found = Vec::new();
        files_in(&params, &mut "/template_params".to_owned(), &mut found);
        let found: Vec<_> =
            found.iter().map(|file| (file.pointer.as_str(), file.kind.as_str(), file.id.0)).collect();
        assert_eq!(
            found,
            [
                ("/template_params/header/image/media_id", "image", 7),
                ("/template_params/cards/0/header/video/media_id", "video", 8),
            ]
        );
    }
}
