//! The verbs of members, roles and accounts, each in its own file beside this one.

use async_trait::async_trait;
use domain::access::people::Email;
use domain::access::permissions::Permissions;
use domain::{AccountId, MemberId, RoleId, SessionId, TenantId, Timestamp};
use ports::StoreResult;
use ports::access::accounts::{
    Account, AccountStore, Guessed, KnownSession, NewSession, OpenInvitation, Paused, Session,
};
use ports::access::members::{
    ChangedMember, ChangedRole, Invited, Member, MemberPatch, MemberStore, NewLink, NewMember, OwnRole,
};
use secrecy::SecretString;

use super::{accounts, links, members, roles, sessions, tries};
use crate::SqlStore;
use crate::db::again;

#[async_trait]
impl MemberStore for SqlStore {
    async fn members(&self, tenant: TenantId) -> StoreResult<Vec<Member>> {
        Ok(members::list(self, tenant).await?)
    }

    async fn member(&self, tenant: TenantId, member: MemberId) -> StoreResult<Option<Member>> {
        Ok(members::find(self.reader(), tenant, member).await?)
    }

    async fn member_by_email(&self, tenant: TenantId, email: &Email) -> StoreResult<Option<Member>> {
        Ok(members::by_email(self.reader(), tenant, email).await?)
    }

    async fn invite_member(&self, tenant: TenantId, new: NewMember, by: Permissions) -> StoreResult<Invited> {
        Ok(again(|| members::invite(self, tenant, &new, by)).await?)
    }

    async fn invite_again(
        &self,
        tenant: TenantId,
        member: MemberId,
        link: NewLink,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedMember> {
        Ok(again(|| members::invite_again(self, tenant, member, &link, by, at)).await?)
    }

    async fn change_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        patch: MemberPatch,
        by: Permissions,
    ) -> StoreResult<ChangedMember> {
        Ok(again(|| members::change(self, tenant, member, &patch, by)).await?)
    }

    async fn remove_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        by: Permissions,
    ) -> StoreResult<ChangedMember> {
        Ok(again(|| members::remove(self, tenant, member, by)).await?)
    }

    async fn roles(&self, tenant: TenantId) -> StoreResult<Vec<OwnRole>> {
        Ok(roles::list(self, tenant).await?)
    }

    async fn create_role(
        &self,
        tenant: TenantId,
        name: &str,
        permissions: Permissions,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedRole> {
        Ok(again(|| roles::create(self, tenant, name, permissions, by, at)).await?)
    }

    async fn update_role(
        &self,
        tenant: TenantId,
        role: RoleId,
        name: Option<String>,
        permissions: Option<Permissions>,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedRole> {
        Ok(again(|| roles::update(self, tenant, role, (name.as_deref(), permissions), by, at)).await?)
    }

    async fn delete_role(&self, tenant: TenantId, role: RoleId, by: Permissions) -> StoreResult<ChangedRole> {
        Ok(again(|| roles::delete(self, tenant, role, by)).await?)
    }
}

#[async_trait]
impl AccountStore for SqlStore {
    async fn admit_try(&self, subjects: &[Guessed], now: Timestamp) -> StoreResult<Option<Paused>> {
        Ok(again(|| tries::admit(self, subjects, now)).await?)
    }

    async fn forgive_try(&self, subjects: &[Guessed], clear: bool) -> StoreResult<()> {
        Ok(again(|| tries::forgive(self, subjects, clear)).await?)
    }

    async fn account_by_email(&self, email: &Email) -> StoreResult<Option<Account>> {
        Ok(accounts::by_email(self, email).await?)
    }

    async fn account(&self, account: AccountId) -> StoreResult<Option<Account>> {
        Ok(accounts::by_id(self, account).await?)
    }

    async fn enroll_totp(&self, account: AccountId, secret: &SecretString) -> StoreResult<bool> {
        Ok(accounts::enroll(self, account, secret).await?)
    }

    async fn confirm_totp(
        &self,
        account: AccountId,
        step: i64,
        recovery_codes: &[[u8; 32]],
    ) -> StoreResult<bool> {
        Ok(accounts::confirm(self, account, step, recovery_codes).await?)
    }

    async fn take_totp_step(&self, account: AccountId, step: i64) -> StoreResult<bool> {
        Ok(accounts::take_step(self, account, step).await?)
    }

    async fn take_recovery_code(&self, account: AccountId, hash: &[u8; 32]) -> StoreResult<bool> {
        Ok(accounts::take_code(self, account, hash).await?)
    }

    async fn set_recovery_codes(&self, account: AccountId, codes: &[[u8; 32]]) -> StoreResult<bool> {
        Ok(accounts::set_codes(self, account, codes).await?)
    }

    async fn disable_totp(&self, account: AccountId) -> StoreResult<()> {
        Ok(accounts::disable(self, account).await?)
    }

    async fn open_session(&self, account: AccountId, new: NewSession) -> StoreResult<Session> {
        Ok(again(|| sessions::open(self, account, &new)).await?)
    }

    async fn session_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<KnownSession>> {
        Ok(sessions::by_hash(self, hash).await?)
    }

    async fn sessions(&self, account: AccountId, now: Timestamp) -> StoreResult<Vec<Session>> {
        Ok(sessions::list(self, account, now).await?)
    }

    async fn end_session(&self, account: AccountId, session: SessionId) -> StoreResult<bool> {
        Ok(sessions::end(self, account, session).await?)
    }

    async fn end_other_sessions(&self, account: AccountId, but: Option<SessionId>) -> StoreResult<u64> {
        Ok(sessions::end_others(self, account, but).await?)
    }

    async fn change_password(
        &self,
        account: AccountId,
        known: &SecretString,
        password: &SecretString,
        but: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<u64>> {
        Ok(again(|| links::change_password(self, account, (known, password), but, now)).await?)
    }

    async fn touch_sessions(&self, used: Vec<(SessionId, Timestamp)>) -> StoreResult<()> {
        Ok(again(|| sessions::touch(self, &used)).await?)
    }

    async fn open_invitation(&self, hash: &[u8; 32], now: Timestamp) -> StoreResult<Option<OpenInvitation>> {
        Ok(links::open_invitation(self, hash, now).await?)
    }

    async fn accept_invitation(
        &self,
        hash: &[u8; 32],
        name: Option<&str>,
        password: Option<&SecretString>,
        now: Timestamp,
    ) -> StoreResult<Option<Member>> {
        Ok(again(|| links::accept(self, hash, name, password, now)).await?)
    }

    async fn keep_reset(&self, account: AccountId, link: NewLink) -> StoreResult<()> {
        Ok(again(|| links::keep_reset(self, account, &link)).await?)
    }

    async fn open_reset(&self, hash: &[u8; 32], now: Timestamp) -> StoreResult<Option<Account>> {
        Ok(links::open_reset(self, hash, now).await?)
    }

    async fn reset_password(
        &self,
        hash: &[u8; 32],
        password: &SecretString,
        now: Timestamp,
    ) -> StoreResult<Option<AccountId>> {
        Ok(again(|| links::reset_password(self, hash, password, now)).await?)
    }
}
