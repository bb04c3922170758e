//! See `ports::conversations`.

mod canned_replies;
mod list;
mod notes;
pub(crate) mod row;

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::{CannedReplyId, ConversationId, TenantId, Timestamp};
use ports::conversations::{
    CannedReply, Conversation, ConversationFilter, ConversationPatch, ConversationStore, MarkedRead, Note,
};
use ports::{Page, Paging, StoreResult};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query};

use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx, clean};

#[async_trait]
impl ConversationStore for SqlStore {
    async fn conversations(
        &self,
        tenant: TenantId,
        filter: &ConversationFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Conversation>> {
        Ok(list::page(self, tenant, filter, paging).await?)
    }

    async fn conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Conversation>> {
        Ok(find(self.reader(), tenant, conversation).await?)
    }

    async fn update_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        patch: ConversationPatch,
    ) -> StoreResult<Option<Conversation>> {
        let tx = self.begin().await?;
        let before = find(&*tx, tenant, conversation).await?;
        set(&tx, tenant, conversation, patch).await?;
        let updated = find(&*tx, tenant, conversation).await?;
        if let (Some(before), Some(after)) = (&before, &updated) {
            let entry = NewEntry::about(Action::ConversationChanged, "conversation", conversation);
            tx.note(tenant, entry.changed(&tell::conversation(before), &tell::conversation(after)));
        }
        tx.commit().await?;
        Ok(updated)
    }

    async fn mark_conversation_read(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        _at: Timestamp,
    ) -> StoreResult<Option<MarkedRead>> {
        let tx = self.begin().await?;
        let ids = [tenant.0.into(), conversation.0.into()];
        let sql = format!(
            "SELECT v.last_inbound_wamid, v.read_wamid, v.unread FROM conversations v \
             WHERE v.tenant_id = $1 AND v.id = $2{}",
            tx.dialect.for_update("v")
        );
        let Some(before) = db::one(&*tx, &sql, ids.clone()).await? else { return Ok(None) };
        let newest = before.get::<Option<String>>("last_inbound_wamid")?;
        let told = before.get::<Option<String>>("read_wamid")?;
        if newest != told || before.get::<i64>("unread")? != 0 {
            let sql = "UPDATE conversations SET unread = 0, read_wamid = last_inbound_wamid \
                       WHERE tenant_id = $1 AND id = $2";
            db::run(&*tx, sql, ids).await?;
        }
        let conversation = find(&*tx, tenant, conversation).await?;
        tx.commit().await?;
        let newest_wamid = newest.filter(|newest| Some(newest) != told.as_ref());
        Ok(conversation.map(|conversation| MarkedRead { conversation, newest_wamid }))
    }

    async fn add_note(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        author: &str,
        text: &str,
        at: Timestamp,
    ) -> StoreResult<Option<Note>> {
        Ok(notes::add(self, tenant, conversation, author, text, at).await?)
    }

    async fn notes(&self, tenant: TenantId, conversation: ConversationId) -> StoreResult<Vec<Note>> {
        Ok(notes::all(self, tenant, conversation).await?)
    }

    async fn canned_replies(&self, tenant: TenantId) -> StoreResult<Vec<CannedReply>> {
        Ok(canned_replies::all(self, tenant).await?)
    }

    async fn create_canned_reply(
        &self,
        tenant: TenantId,
        shortcut: &str,
        text: &str,
        at: Timestamp,
    ) -> StoreResult<Result<CannedReply, CannedReplyId>> {
        Ok(db::again(|| canned_replies::create(self, tenant, shortcut, text, at)).await?)
    }

    async fn delete_canned_reply(&self, tenant: TenantId, reply: CannedReplyId) -> StoreResult<bool> {
        Ok(canned_replies::delete(self, tenant, reply).await?)
    }
}

async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    conversation: ConversationId,
) -> Result<Option<Conversation>, Fault> {
    let sql = format!("SELECT {} FROM conversations v WHERE v.tenant_id = $1 AND v.id = $2", row::COLUMNS);
    let found = db::one(on, &sql, [tenant.0.into(), conversation.0.into()]).await?;
    found.as_ref().map(row::from_row).transpose()
}

async fn set(
    tx: &Tx,
    tenant: TenantId,
    conversation: ConversationId,
    patch: ConversationPatch,
) -> Result<(), Fault> {
    let mut update = Query::update();
    update.table("conversations");
    if let Some(status) = patch.status {
        update.value("status", status.as_str());
    }
    if let Some(assignee) = patch.assignee {
        update.value("assignee", assignee.map(|name| clean(&name).into_owned()));
    }
    if let Some(labels) = patch.labels {
        let labels: Vec<_> = labels.iter().map(|label| clean(label)).collect();
        update.value("labels", db::to_json(&labels)?);
    }
    if !update.get_values().is_empty() {
        update.and_where(Expr::col("tenant_id").eq(tenant.0)).and_where(Expr::col("id").eq(conversation.0));
        tx.execute(&update).await?;
    }
    Ok(())
}
