//! Members of a tenant, and the roles that it makes.

use domain::access::people::{Email, INVITATION};
use domain::access::permissions::{Permission, Permissions};
use domain::access::roles::MemberState;
use domain::{MemberId, RoleId, TenantId, Timestamp};
use ports::StoreError;
use ports::access::members::{
    ChangedMember, ChangedRole, GivenRole, Invited, Member, MemberPatch, NewLink, NewMember, OwnRole,
};
use ports::mail::{Mail, MailError};

use super::{Access, token};
use crate::faults::Faults;

/// Longest name of a member or a role, in characters.
const NAME: usize = 100;

/// How dealing with members and roles fails.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error("there is no such member")]
    NotFound,
    #[error("there is no such role")]
    RoleNotFound,
    /// A member already.
    #[error("this address is the one of member {0}")]
    Duplicate(MemberId),
    #[error("role {0} has this name")]
    DuplicateRole(RoleId),
    #[error("the tenant would have no owner left")]
    LastOwner,
    /// Nobody gives or takes what they do not have.
    #[error("this needs the permission {0}")]
    Beyond(Permission),
    #[error("not possible while the member is {}", .0.as_str())]
    Wrong(MemberState),
    #[error("{0} members have this role")]
    RoleInUse(u64),
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody to be asked to come.
#[derive(Debug, Clone)]
pub struct Invite {
    pub email: String,
    pub name: Option<String>,
    pub role: GivenRole,
}

/// How an invitation reaches its member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// By e-mail; where none is configured, whoever invites.
    Mail,
    /// Whoever invites.
    Hand,
}

/// Where the link of an invitation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Mailed,
    /// To be handed over: whoever has it can accept.
    Link(String),
    /// The mail server did not take it; inviting again tries again.
    Failed(String),
}

/// An invitation that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    pub member: Member,
    pub delivery: Delivery,
}

impl Access {
    /// All members, by id.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn members(&self, tenant: TenantId) -> Result<Vec<Member>, MemberError> {
        Ok(self.deps.store.members(tenant).await?)
    }

    /// One member.
    ///
    /// # Errors
    /// [`MemberError::NotFound`], or the store's.
    pub async fn member(&self, tenant: TenantId, member: MemberId) -> Result<Member, MemberError> {
        self.deps.store.member(tenant, member).await?.ok_or(MemberError::NotFound)
    }

    /// The member with this address.
    ///
    /// # Errors
    /// [`MemberError::NotFound`], also for what is no address, or the store's.
    pub async fn member_by_email(&self, tenant: TenantId, email: &str) -> Result<Member, MemberError> {
        let email: Email = email.parse().map_err(|_| MemberError::NotFound)?;
        self.deps.store.member_by_email(tenant, &email).await?.ok_or(MemberError::NotFound)
    }

    /// Invites somebody; `by` is what the one who invites may do.
    ///
    /// # Errors
    /// [`MemberError`], or the store's. A letter that does not go out is no error.
    pub async fn invite(
        &self,
        tenant: TenantId,
        wanted: Invite,
        by: Permissions,
        bearer: Bearer,
    ) -> Result<Invitation, MemberError> {
        let mut faults = Faults::default();
        let email = wanted.email.parse::<Email>().map_err(|problem| faults.add("/email", problem));
        if let Some(name) = &wanted.name {
            faults.required("/name", name, NAME);
        }
        let Ok(email) = email else { return Err(faults.into()) };
        faults.check()?;
        let (secret, link, at) = self.new_link(INVITATION);
        let name = wanted.name.map(|name| name.trim().to_owned());
        let new = NewMember { email, name, role: wanted.role, link, at };
        match self.deps.store.invite_member(tenant, new, by).await? {
            Invited::Invited(member) => self.deliver(member, &secret, bearer).await,
            Invited::Exists(id) => Err(MemberError::Duplicate(id)),
            Invited::NoRole => Err(MemberError::RoleNotFound),
            Invited::Beyond(permission) => Err(MemberError::Beyond(permission)),
        }
    }

    /// Sends an invitation that was not accepted again; earlier links end.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn invite_again(
        &self,
        tenant: TenantId,
        member: MemberId,
        by: Permissions,
        bearer: Bearer,
    ) -> Result<Invitation, MemberError> {
        let (secret, link, at) = self.new_link(INVITATION);
        let member = changed(self.deps.store.invite_again(tenant, member, link, by, at).await?)?;
        self.deliver(member, &secret, bearer).await
    }

    /// Changes name, role or state: at once on this node, within two seconds on others.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn change_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        patch: MemberPatch,
        by: Permissions,
    ) -> Result<Member, MemberError> {
        let mut faults = Faults::default();
        if let Some(Some(name)) = &patch.name {
            faults.required("/name", name, NAME);
        }
        if patch.state == Some(MemberState::Invited) {
            faults.add("/state", "must be active or disabled");
        }
        faults.check()?;
        let member = changed(self.deps.store.change_member(tenant, member, patch, by).await?)?;
        self.sessions.forget();
        Ok(member)
    }

    /// Removes a member; answers whom.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn remove_member(
        &self,
        tenant: TenantId,
        member: MemberId,
        by: Permissions,
    ) -> Result<Member, MemberError> {
        let member = changed(self.deps.store.remove_member(tenant, member, by).await?)?;
        self.sessions.forget();
        Ok(member)
    }

    /// The tenant's own roles, by name.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn roles(&self, tenant: TenantId) -> Result<Vec<OwnRole>, MemberError> {
        Ok(self.deps.store.roles(tenant).await?)
    }

    /// Makes a role out of permissions, of which `by` has each.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn create_role(
        &self,
        tenant: TenantId,
        name: &str,
        permissions: Permissions,
        by: Permissions,
    ) -> Result<OwnRole, MemberError> {
        check_role(Some(name), Some(permissions))?;
        let at = self.deps.clock.now();
        changed_role(self.deps.store.create_role(tenant, name.trim(), permissions, by, at).await?)
    }

    /// Changes a role; who has it has the new permissions at once on this node, within two seconds on others.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn update_role(
        &self,
        tenant: TenantId,
        role: RoleId,
        name: Option<String>,
        permissions: Option<Permissions>,
        by: Permissions,
    ) -> Result<OwnRole, MemberError> {
        check_role(name.as_deref(), permissions)?;
        let (name, at) = (name.map(|name| name.trim().to_owned()), self.deps.clock.now());
        let role = self.deps.store.update_role(tenant, role, name, permissions, by, at).await?;
        self.sessions.forget();
        changed_role(role)
    }

    /// Removes a role that nobody has; answers which.
    ///
    /// # Errors
    /// [`MemberError`], or the store's.
    pub async fn delete_role(
        &self,
        tenant: TenantId,
        role: RoleId,
        by: Permissions,
    ) -> Result<OwnRole, MemberError> {
        changed_role(self.deps.store.delete_role(tenant, role, by).await?)
    }

    /// A token for a letter, what is kept of it, and now.
    pub(super) fn new_link(&self, life: domain::SignedDuration) -> (String, NewLink, Timestamp) {
        let (secret, at) = (token::generate(self.deps.entropy.as_ref(), token::LINK), self.deps.clock.now());
        let expires_at = at.saturating_add(life).unwrap_or(Timestamp::MAX);
        let link = NewLink { hash: token::hash(&secret), expires_at };
        (secret, link, at)
    }

    /// The address of a page of ours. The token stands behind `#`: what stands there is sent to no server.
    pub(super) fn page(&self, name: &str, secret: &str) -> String {
        let base = self.deps.settings.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
        format!("{base}/{name}#token={secret}")
    }

    async fn deliver(&self, member: Member, secret: &str, bearer: Bearer) -> Result<Invitation, MemberError> {
        let link = self.page("invitation", secret);
        if bearer == Bearer::Hand {
            return Ok(Invitation { member, delivery: Delivery::Link(link) });
        }
        let tenant = self.deps.store.tenant(member.tenant_id).await?;
        let tenant = tenant.map_or_else(String::new, |tenant| tenant.name);
        let delivery = match self.deps.mailer.send(letter(&member, &tenant, &link)).await {
            Ok(()) => Delivery::Mailed,
            Err(MailError::NotConfigured) => Delivery::Link(link),
            Err(error) => {
                tracing::warn!(%error, tenant.id = member.tenant_id.0, "an invitation was not sent");
                Delivery::Failed(error.to_string())
            }
        };
        Ok(Invitation { member, delivery })
    }
}

fn letter(member: &Member, tenant: &str, link: &str) -> Mail {
    let until = member.invited_until.map(|until| format!("{until:.0}")).unwrap_or_default();
    Mail {
        to: member.email.clone(),
        subject: format!("You are invited to {}", one_line(tenant)),
        text: format!(
            "You are invited to work with {tenant} on WhatsApp.\n\n\
             Accept here, until {until}:\n{link}\n\n\
             If you did not expect this, do nothing: without the link nobody can come in.\n"
        ),
    }
}

/// A name as it may stand in the head of a letter.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn changed(outcome: ChangedMember) -> Result<Member, MemberError> {
    match outcome {
        ChangedMember::Changed(member) => Ok(member),
        ChangedMember::NotFound => Err(MemberError::NotFound),
        ChangedMember::LastOwner => Err(MemberError::LastOwner),
        ChangedMember::NoRole => Err(MemberError::RoleNotFound),
        ChangedMember::Beyond(permission) => Err(MemberError::Beyond(permission)),
        ChangedMember::Wrong(state) => Err(MemberError::Wrong(state)),
    }
}

fn check_role(name: Option<&str>, permissions: Option<Permissions>) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if let Some(name) = name {
        faults.required("/name", name, NAME);
        if name.trim().parse::<domain::access::roles::Role>().is_ok() {
            faults.add("/name", "is the name of a role that every tenant has");
        }
    }
    if permissions.is_some_and(Permissions::is_empty) {
        faults.add("/permissions", "must name at least one permission");
    }
    faults.check()
}

fn changed_role(outcome: ChangedRole) -> Result<OwnRole, MemberError> {
    match outcome {
        ChangedRole::Changed(role) => Ok(role),
        ChangedRole::NotFound => Err(MemberError::RoleNotFound),
        ChangedRole::Taken(id) => Err(MemberError::DuplicateRole(id)),
        ChangedRole::Beyond(permission) => Err(MemberError::Beyond(permission)),
        ChangedRole::InUse(members) => Err(MemberError::RoleInUse(members)),
    }
}
