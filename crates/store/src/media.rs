//! See `ports::media`.

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::messages::Direction;
use domain::{ConnectionId, MediaId, TenantId, Timestamp};
use ports::StoreResult;
use ports::media::{Media, MediaStore, NewMedia};
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, clean, micros};
use crate::ids::{self, Kind};

/// The columns that [`from_row`] reads.
pub(crate) const COLUMNS: &str = "id, connection_id, direction, mime_type, filename, size, sha256, meta_id, \
     meta_expires_at, path, failure, created_at";

/// A file out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Media, Fault> {
    let inbound = row.get::<String>("direction")? == Direction::Inbound.as_str();
    Ok(Media {
        id: MediaId(row.get("id")?),
        connection_id: ConnectionId(row.get("connection_id")?),
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        mime_type: row.get("mime_type")?,
        filename: row.get("filename")?,
        size: row.get("size")?,
        sha256: row.get("sha256")?,
        meta_id: row.get("meta_id")?,
        meta_expires_at: row.time_opt("meta_expires_at")?,
        path: row.get("path")?,
        failure: row.get("failure")?,
        created_at: row.time("created_at")?,
    })
}

impl SqlStore {
    /// Changes one file, in its own commit; nothing when there is none.
    async fn set_media(
        &self,
        tenant: TenantId,
        media: MediaId,
        set: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<(), Fault> {
        let sql = format!("UPDATE media SET {set} WHERE tenant_id = $1 AND id = $2");
        let ids: [Value; 2] = [tenant.0.into(), media.0.into()];
        let tx = self.begin().await?;
        db::run(&*tx, &sql, ids.into_iter().chain(values)).await?;
        tx.commit().await
    }
}

#[async_trait]
impl MediaStore for SqlStore {
    async fn create_media(&self, tenant: TenantId, media: NewMedia) -> StoreResult<Media> {
        let sql = format!(
            "INSERT INTO media (tenant_id, id, connection_id, direction, mime_type, filename, size, sha256, \
             meta_id, meta_expires_at, path, fetch_at, attempts, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13) RETURNING {COLUMNS}"
        );
        let to_fetch = media.direction == Direction::Inbound && media.path.is_none();
        let tx = self.begin().await?;
        let values: [Value; 13] = [
            tenant.0.into(),
            ids::take_one(&tx, Kind::Media).await?.into(),
            media.connection_id.0.into(),
            media.direction.as_str().into(),
            clean(&media.mime_type).into_owned().into(),
            media.filename.map(|name| clean(&name).into_owned()).into(),
            media.size.into(),
            media.sha256.into(),
            media.meta_id.into(),
            media.meta_expires_at.map(micros).into(),
            media.path.into(),
            to_fetch.then(|| micros(media.at)).into(),
            micros(media.at).into(),
        ];
        let row = db::one(&*tx, &sql, values).await?;
        let row = row.ok_or_else(|| Fault::internal("a new file gave no row"))?;
        let made = from_row(&row)?;
        if made.direction == Direction::Outbound {
            let told =
                serde_json::json!({ "mime_type": made.mime_type, "size": made.size, "sha256": made.sha256 });
            let entry = NewEntry::about(Action::MediaUploaded, "media", made.id).at(made.created_at);
            tx.note(tenant, entry.after(told));
        }
        tx.commit().await?;
        Ok(made)
    }

    async fn media(&self, tenant: TenantId, media: MediaId) -> StoreResult<Option<Media>> {
        let sql = format!("SELECT {COLUMNS} FROM media WHERE tenant_id = $1 AND id = $2");
        let row = db::one(self.reader(), &sql, [tenant.0.into(), media.0.into()]).await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    async fn media_of(&self, tenant: TenantId, media: &[MediaId]) -> StoreResult<Vec<Media>> {
        let ids: Vec<i64> = media.iter().map(|id| id.0).collect();
        let (is_one, ids) = self.dialect().is_one_of("id", &ids);
        let sql = format!("SELECT {COLUMNS} FROM media WHERE tenant_id = $2 AND {is_one}");
        let rows = db::all(self.reader(), &sql, [ids, tenant.0.into()]).await?;
        Ok(rows.iter().map(from_row).collect::<Result<_, Fault>>()?)
    }

    async fn set_media_uploaded(
        &self,
        tenant: TenantId,
        media: MediaId,
        meta_id: &str,
        expires_at: Timestamp,
    ) -> StoreResult<()> {
        let set = "meta_id = $3, meta_expires_at = $4";
        Ok(self.set_media(tenant, media, set, [meta_id.into(), micros(expires_at).into()]).await?)
    }

    async fn set_media_fetched(
        &self,
        tenant: TenantId,
        media: MediaId,
        path: &str,
        size: i64,
        sha256: &str,
    ) -> StoreResult<()> {
        let set = "path = $3, size = $4, sha256 = $5, failure = NULL, fetch_at = NULL";
        Ok(self.set_media(tenant, media, set, [path.into(), size.into(), sha256.into()]).await?)
    }

    async fn touch_media(&self, tenant: TenantId, media: MediaId, at: Timestamp) -> StoreResult<()> {
        let set = "used_at = CASE WHEN used_at > $3 THEN used_at ELSE $3 END";
        Ok(self.set_media(tenant, media, set, [micros(at).into()]).await?)
    }

    async fn set_media_failed(
        &self,
        tenant: TenantId,
        media: MediaId,
        failure: &str,
        next_at: Option<Timestamp>,
    ) -> StoreResult<()> {
        let set = "failure = $3, fetch_at = $4";
        let failure = clean(failure).into_owned();
        Ok(self.set_media(tenant, media, set, [failure.into(), next_at.map(micros).into()]).await?)
    }
}
