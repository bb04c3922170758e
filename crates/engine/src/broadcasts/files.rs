//! Files that the parameters of recipients name: those of a page are looked up in one trip.

use std::collections::{BTreeSet, HashMap};

use domain::messages::content::MediaKind;
use domain::templates::Params;
use domain::{MediaId, TenantId};
use ports::StoreResult;

use super::Broadcasts;

/// What is known of the files of a page, by their type.
#[derive(Debug, Default)]
pub(super) struct Files(HashMap<MediaId, String>);

impl Broadcasts {
    /// Looks up what these parameters name; asks nobody when they name nothing.
    pub(super) async fn files_of(
        &self,
        tenant: TenantId,
        params: impl Iterator<Item = &Params>,
    ) -> StoreResult<Files> {
        let named: BTreeSet<MediaId> = params.flat_map(Params::own_files).map(|(file, _)| file).collect();
        if named.is_empty() {
            return Ok(Files::default());
        }
        let named: Vec<MediaId> = named.into_iter().collect();
        let found = self.deps.store.media_of(tenant, &named).await?;
        Ok(Files(found.into_iter().map(|file| (file.id, file.mime_type)).collect()))
    }
}

impl Files {
    /// Why these parameters cannot be sent.
    pub(super) fn fault(&self, params: &Params) -> Option<String> {
        params.own_files().into_iter().find_map(|(file, shown_as)| match self.0.get(&file) {
            None => Some(format!("there is no file {file}")),
            Some(mime_type) => {
                MediaKind::misfit(mime_type, shown_as).map(|misfit| format!("file {file} {misfit}"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_must_be_there_and_be_what_it_is_shown_as() {
        let files =
            Files([(MediaId(7), "image/png".to_owned()), (MediaId(8), "video/mp4".to_owned())].into());
        let fault = |header: serde_json::Value| {
            files.fault(&Params::read(&json!({ "header": header })).expect("params"))
        };
        assert_eq!(fault(json!({ "image": { "media_id": 7 } })), None);
        assert_eq!(fault(json!({ "document": { "media_id": 7 } })), None, "any file can be a document");
        assert_eq!(fault(json!({ "gif": { "media_id": 8 } })), None);
        assert_eq!(fault(json!({ "image": { "link": "https://example.com/9.png" } })), None);
        assert_eq!(fault(json!({ "image": { "media_id": 9 } })).as_deref(), Some("there is no file 9"));
        assert_eq!(
            fault(json!({ "image": { "media_id": 8 } })).as_deref(),
            Some("file 8 is video/mp4, which cannot be shown as image")
        );
    }
}
