//! `demo.env`: what a script needs to play with the demo, as shell variables.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::{ConnectionId, TenantId};

use crate::private;

/// Values hold neither spaces nor quotes, so that a shell and a simple reader read the same.
pub(super) struct Handles {
    pub(super) url: String,
    pub(super) tenant: TenantId,
    pub(super) api_key: String,
    pub(super) connection: ConnectionId,
    pub(super) app_secret: String,
    pub(super) verify_token: String,
    pub(super) sim_url: String,
    pub(super) phone_number_id: String,
    pub(super) waba_id: String,
    pub(super) access_token: String,
}

impl Handles {
    /// Writes the file whole: whoever sees it can use it at once. Only its owner may read it.
    pub(super) fn write(&self, data: &Path) -> Result<()> {
        let path = file(data);
        let draft = path.with_extension("env.draft");
        let written = write_private(&draft, &self.text()).and_then(|()| std::fs::rename(&draft, &path));
        written.with_context(|| format!("{} cannot be written", path.display()))
    }

    fn text(&self) -> String {
        let lines = [
            ("WAXWING_URL", self.url.clone()),
            ("WAXWING_TENANT", self.tenant.to_string()),
            ("WAXWING_API_KEY", self.api_key.clone()),
            ("WAXWING_CONNECTION", self.connection.to_string()),
            ("WAXWING_APP_SECRET", self.app_secret.clone()),
            ("WAXWING_VERIFY_TOKEN", self.verify_token.clone()),
            ("SIM_URL", self.sim_url.clone()),
            ("SIM_PHONE_NUMBER_ID", self.phone_number_id.clone()),
            ("SIM_WABA_ID", self.waba_id.clone()),
            ("SIM_ACCESS_TOKEN", self.access_token.clone()),
        ];
        lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

/// Where the file is.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("demo.env")
}

/// The key is kept aside while the file is away.
fn aside(data: &Path) -> PathBuf {
    data.join("demo.env.last")
}

/// Takes the file away, before the demo starts and when it stops: it is there while everything answers.
pub(super) fn remove(data: &Path) -> Result<()> {
    match std::fs::rename(file(data), aside(data)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be moved", file(data).display()))
        }
        _ => Ok(()),
    }
}

/// The API key of the last start.
pub(super) fn kept_key(data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(aside(data)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("WAXWING_API_KEY=")).map(str::to_owned)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = private::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_ten_handles_and_gives_the_key_back_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let handles = Handles {
            url: "http://127.0.0.1:8080".into(),
            tenant: TenantId(1),
            api_key: "wx_secret".into(),
            connection: ConnectionId(2),
            app_secret: "app".into(),
            verify_token: "verify".into(),
            sim_url: "http://127.0.0.1:8090".into(),
            phone_number_id: "106".into(),
            waba_id: "102".into(),
            access_token: "EAA".into(),
        };
        handles.write(folder.path()).unwrap();
        let text = std::fs::read_to_string(file(folder.path())).unwrap();
        assert_eq!(
            text,
            "WAXWING_URL=http://127.0.0.1:8080\nWAXWING_TENANT=1\nWAXWING_API_KEY=wx_secret\nWAXWING_CONNECTION=2\n\
             WAXWING_APP_SECRET=app\nWAXWING_VERIFY_TOKEN=verify\nSIM_URL=http://127.0.0.1:8090\n\
             SIM_PHONE_NUMBER_ID=106\nSIM_WABA_ID=102\nSIM_ACCESS_TOKEN=EAA\n"
        );
        assert!(!crate::keys::readable_by_others(&file(folder.path())));
        remove(folder.path()).unwrap();
        assert!(!file(folder.path()).exists());
        assert_eq!(kept_key(folder.path()).as_deref(), Some("wx_secret"));
        remove(folder.path()).unwrap();
    }
}
