//! Members of a tenant, and the roles that it made itself.

use async_trait::async_trait;
use domain::access::people::Email;
use domain::access::permissions::{Permission, Permissions};
use domain::access::roles::{MemberState, Role};
use domain::{AccountId, MemberId, RoleId, TenantId, Timestamp};

use crate::StoreResult;

/// What a member may do, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenRole {
    /// One that every tenant has.
    BuiltIn(Role),
    /// One that the tenant made.
    Own(RoleId),
}

/// Somebody's membership of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub id: MemberId,
    pub tenant_id: TenantId,
    pub account_id: AccountId,
    pub email: String,
    /// As this tenant calls them.
    pub name: Option<String>,
    pub role: GivenRole,
    /// Of the role, as it is now.
    pub permissions: Permissions,
    pub state: MemberState,
    /// A second factor is asked for at login.
    pub two_factor: bool,
    pub invited_at: Timestamp,
    /// Until when the invitation can be accepted; `None` once it was, or was withdrawn.
    pub invited_until: Option<Timestamp>,
    pub joined_at: Option<Timestamp>,
}

/// A link to be kept: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// SHA-256 of the token (256 random bits need no slow hash).
    pub hash: [u8; 32],
    pub expires_at: Timestamp,
}

/// Somebody to be asked to come.
#[derive(Debug, Clone)]
pub struct NewMember {
    pub email: Email,
    pub name: Option<String>,
    pub role: GivenRole,
    pub link: NewLink,
    pub at: Timestamp,
}

/// What came of inviting.
#[derive(Debug, Clone, PartialEq)]
pub enum Invited {
    Invited(Member),
    /// A member already, in whatever state.
    Exists(MemberId),
    /// The tenant has no such role.
    NoRole,
    /// The role may do this, which is more than who invites.
    Beyond(Permission),
}

/// What to change of a member; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberPatch {
    pub name: Option<Option<String>>,
    pub role: Option<GivenRole>,
    /// Active or disabled.
    pub state: Option<MemberState>,
}

/// What came of changing or removing a member.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangedMember {
    /// As it is now; of one removed, as it was.
    Changed(Member),
    NotFound,
    /// The tenant would have no active owner left.
    LastOwner,
    /// The tenant has no such role.
    NoRole,
    /// The member has, or would have, this, which is more than who changes.
    Beyond(Permission),
    /// In this state it cannot be done: the invitation was not accepted yet, or was already.
    Wrong(MemberState),
}

/// A role that a tenant made.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRole {
    pub id: RoleId,
    pub name: String,
    pub permissions: Permissions,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What came of making or changing a role.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangedRole {
    Changed(OwnRole),
    NotFound,
    /// This one has the name.
    Taken(RoleId),
    /// It may do this, which is more than who changes it.
    Beyond(Permission),
    /// So many members have it.
    InUse(u64),
}

/// Verbs on members and roles. `by` is what the one who changes may do: nobody gives or takes more. All changes of one
/// tenant's members and roles follow each other, so that two who demote the last two owners do not both succeed.
#[async_trait]
pub trait MemberStore: Send + Sync {
    /// All of them, by id.
    async fn members(&self, tenant: TenantId) -> StoreResult<Vec<Member>>;
    /// One of them.
    async fn member(&self, tenant: TenantId, member: MemberId) -> StoreResult<Option<Member>>;
    /// The one with this address.
    async fn member_by_email(&self, tenant: TenantId, email: &Email) -> StoreResult<Option<Member>>;
    /// Keeps the membership, the link, and the account when the address has none yet; one commit.
    async fn invite_member(&self, tenant: TenantId, new: NewMember, by: Permissions) -> StoreResult<Invited>;
    /// Puts another link into the place of an invitation that was not accepted.
    async fn invite_again(
        &self,
        tenant: TenantId,
        member: MemberId,
        link: NewLink,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedMember>;
    /// Changes a member. Making one active who never accepted is [`ChangedMember::Wrong`].
    async fn change_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        patch: MemberPatch,
        by: Permissions,
    ) -> StoreResult<ChangedMember>;
    /// Removes a member with open invitations; with the last membership goes the account, its sessions and links.
    async fn remove_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        by: Permissions,
    ) -> StoreResult<ChangedMember>;
    /// The tenant's own roles, by name.
    async fn roles(&self, tenant: TenantId) -> StoreResult<Vec<OwnRole>>;
    /// Makes a role.
    async fn create_role(
        &self,
        tenant: TenantId,
        name: &str,
        permissions: Permissions,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedRole>;
    /// Changes name or permissions; members who have the role have the new ones at once.
    async fn update_role(
        &self,
        tenant: TenantId,
        role: RoleId,
        name: Option<String>,
        permissions: Option<Permissions>,
        by: Permissions,
        at: Timestamp,
    ) -> StoreResult<ChangedRole>;
    /// Removes a role that nobody has.
    async fn delete_role(&self, tenant: TenantId, role: RoleId, by: Permissions) -> StoreResult<ChangedRole>;
}
