//! See `ports::contacts`.

mod delete;
mod list;
pub(crate) mod row;
pub(crate) mod search;
mod write;

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::contacts::Identity;
use domain::{ContactId, TenantId, Timestamp};
use ports::contacts::{
    Contact, ContactFilter, ContactPatch, ContactStore, CreatedContact, NewContact, UpdatedContact,
};
use ports::{Page, Paging, StoreResult};

use crate::SqlStore;
use crate::db::{self, micros};

#[async_trait]
impl ContactStore for SqlStore {
    async fn create_contact(
        &self,
        tenant: TenantId,
        contact: NewContact,
        at: Timestamp,
    ) -> StoreResult<CreatedContact> {
        Ok(db::again(|| write::create(self, tenant, &contact, at)).await?)
    }

    async fn contact(&self, tenant: TenantId, contact: ContactId) -> StoreResult<Option<Contact>> {
        Ok(row::find(self.reader(), tenant, contact).await?)
    }

    async fn contact_by_identity(
        &self,
        tenant: TenantId,
        identity: &Identity,
    ) -> StoreResult<Option<Contact>> {
        let found = row::find_by_identity(self.reader(), tenant, identity).await?;
        Ok(found.into_iter().next())
    }

    async fn contacts(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Contact>> {
        Ok(list::page(self, tenant, filter, paging).await?)
    }

    async fn update_contact(
        &self,
        tenant: TenantId,
        contact: ContactId,
        patch: ContactPatch,
        at: Timestamp,
    ) -> StoreResult<UpdatedContact> {
        Ok(db::again(|| write::update(self, tenant, contact, &patch, at)).await?)
    }

    async fn clear_review(
        &self,
        tenant: TenantId,
        contact: ContactId,
        at: Timestamp,
    ) -> StoreResult<Option<Contact>> {
        let tx = self.begin().await?;
        let Some(mut contact) = row::find_for_update(&tx, tenant, contact).await? else { return Ok(None) };
        if contact.review.take().is_some() {
            contact.updated_at = contact.updated_at.max(at);
            let sql = "UPDATE contacts SET review_reason = NULL, review_code = NULL, review_at = NULL, \
                       updated_at = $3 WHERE tenant_id = $1 AND id = $2";
            db::run(&*tx, sql, [tenant.0.into(), contact.id.0.into(), micros(contact.updated_at).into()])
                .await?;
            tx.note(tenant, NewEntry::about(Action::ContactReviewed, "contact", contact.id).at(at));
            tx.commit().await?;
        }
        Ok(Some(contact))
    }

    async fn delete_contact(&self, tenant: TenantId, contact: ContactId, at: Timestamp) -> StoreResult<bool> {
        Ok(db::again(|| delete::delete(self, tenant, contact, at)).await?)
    }
}
