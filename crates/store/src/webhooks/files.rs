//! Files of inbound messages, to be fetched.

use domain::MediaId;
use domain::messages::Content;
use domain::templates::params::MediaSource;
use ports::webhooks::{Inbound, InboundMedia};

use super::project::Projecting;
use crate::db::{self, Fault, micros};
use crate::sets::{param, set};

/// From now on the file is asked for here, not at Meta.
pub(super) fn ask_here(content: &mut Content, media: i64) {
    if let Content::Media(file) = content {
        file.source = MediaSource::Ours(MediaId(media));
    }
}

set! {
    FileRow {
        id: Int i64,
        connection: Int i64,
        mime_type: Text String,
        filename: Text Option<String>,
        sha256: Text Option<String>,
        meta_id: Text String,
        expires_at: Int i64,
    }
}

pub(super) fn row(file: &InboundMedia, id: i64, message: &Inbound) -> FileRow {
    FileRow {
        id,
        connection: message.connection_id.0,
        mime_type: file.mime_type.clone(),
        filename: file.filename.clone(),
        sha256: file.sha256.clone(),
        meta_id: file.meta_id.clone(),
        expires_at: micros(file.expires_at),
    }
}

pub(super) async fn keep(projecting: &Projecting<'_>, rows: &[FileRow]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = projecting.tx.dialect.set::<FileRow>(1, "r");
    let sql = format!(
        "INSERT INTO media (tenant_id, id, connection_id, direction, mime_type, filename, size, sha256, meta_id, \
         meta_expires_at, fetch_at, attempts, created_at) \
         SELECT $2, r.id, r.connection, 'inbound', r.mime_type, r.filename, 0, r.sha256, r.meta_id, r.expires_at, \
         $3, 0, $3 FROM {set}"
    );
    let values = [param(rows)?, projecting.tenant.0.into(), micros(projecting.now).into()];
    db::run(&**projecting.tx, &sql, values).await?;
    Ok(())
}
