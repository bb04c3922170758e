//! The file that --errors names.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use crate::client::Client;
use crate::commands::output::remark;
use crate::private;

/// Open for writing, and as it was until there is something to write.
pub(super) struct ErrorsFile {
    path: PathBuf,
    file: File,
    /// It was not there before, and nothing is in it yet: then nothing is left of it when the import comes to nothing.
    is_ours: bool,
}

impl ErrorsFile {
    /// Makes sure that it can be written, and that it is not the list itself.
    pub(super) fn prepare(path: &Path, list: &Path) -> Result<Self> {
        let shown = path.display();
        if let (Ok(one), Ok(other)) = (path.canonicalize(), list.canonicalize())
            && one == other
        {
            bail!("--errors {shown} is the list itself: name another file");
        }
        let is_ours = !path.exists();
        let file = private::open_or_create(path).with_context(|| format!("{shown} cannot be written"))?;
        Ok(Self { path: path.to_owned(), file, is_ours })
    }

    /// Writes the rows that became no contact.
    pub(super) async fn save(mut self, client: &Client, report: &Value) -> Result<()> {
        let path = format!("/contacts/import/{}/errors.csv", report["import_id"]);
        let bytes = client.answer(client.request(Method::GET, &path)).await?.bytes().await?;
        self.is_ours = false;
        let shown = self.path.display();
        let written = self.file.set_len(0).and_then(|()| self.file.write_all(&bytes));
        written.with_context(|| format!("{shown} cannot be written"))?;
        remark!("rows that became no contact are in {shown}");
        Ok(())
    }
}

impl Drop for ErrorsFile {
    fn drop(&mut self) {
        if self.is_ours {
            // An empty file that stays is no harm.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_not_overwritten_and_nothing_is_left_of_what_was_not_needed() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.csv");
        std::fs::write(&list, "phone\n").unwrap();
        let same = folder.path().join(".").join("list.csv");
        let refused = ErrorsFile::prepare(&same, &list).err().unwrap().to_string();
        assert!(refused.contains("is the list itself"), "{refused}");
        assert_eq!(std::fs::read_to_string(&list).unwrap(), "phone\n");
        let nowhere =
            ErrorsFile::prepare(&folder.path().join("no/errors.csv"), &list).err().unwrap().to_string();
        assert!(nowhere.contains("cannot be written"), "{nowhere}");
        let errors = folder.path().join("errors.csv");
        drop(ErrorsFile::prepare(&errors, &list).unwrap());
        assert!(!errors.exists());
        std::fs::write(&errors, "of yesterday").unwrap();
        drop(ErrorsFile::prepare(&errors, &list).unwrap());
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), "of yesterday");
    }
}
