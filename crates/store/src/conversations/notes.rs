//! Notes for colleagues.

use domain::audit::{Action, NewEntry};
use domain::{ConversationId, NoteId, TenantId, Timestamp};
use ports::conversations::Note;
use sea_orm::{QueryResult, Value};

use crate::SqlStore;
use crate::db::{self, Fault, Row, clean, micros};
use crate::ids::{self, Kind};

const COLUMNS: &str = "id, conversation_id, author, text, created_at";

fn from_row(row: &QueryResult) -> Result<Note, Fault> {
    Ok(Note {
        id: NoteId(row.get("id")?),
        conversation_id: ConversationId(row.get("conversation_id")?),
        author: row.get("author")?,
        text: row.get("text")?,
        created_at: row.time("created_at")?,
    })
}

pub(super) async fn add(
    store: &SqlStore,
    tenant: TenantId,
    conversation: ConversationId,
    author: &str,
    text: &str,
    at: Timestamp,
) -> Result<Option<Note>, Fault> {
    let tx = store.begin().await?;
    // Held, so that a contact removed at the same time takes this note along.
    let sql = format!(
        "SELECT v.id FROM conversations v WHERE v.tenant_id = $1 AND v.id = $2{}",
        tx.dialect.for_share("v")
    );
    if db::one(&*tx, &sql, [tenant.0.into(), conversation.0.into()]).await?.is_none() {
        return Ok(None);
    }
    let sql = format!(
        "INSERT INTO notes (tenant_id, conversation_id, id, author, text, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}"
    );
    let values: [Value; 6] = [
        tenant.0.into(),
        conversation.0.into(),
        ids::take_one(&tx, Kind::Note).await?.into(),
        clean(author).into_owned().into(),
        clean(text).into_owned().into(),
        micros(at).into(),
    ];
    let row = db::one(&*tx, &sql, values).await?;
    tx.note(tenant, NewEntry::about(Action::NoteAdded, "conversation", conversation).at(at));
    tx.commit().await?;
    row.as_ref().map(from_row).transpose()
}

pub(super) async fn all(
    store: &SqlStore,
    tenant: TenantId,
    conversation: ConversationId,
) -> Result<Vec<Note>, Fault> {
    let sql =
        format!("SELECT {COLUMNS} FROM notes WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id");
    let rows = db::all(store.reader(), &sql, [tenant.0.into(), conversation.0.into()]).await?;
    rows.iter().map(from_row).collect()
}
