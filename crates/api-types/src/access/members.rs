//! Members, roles and permissions.

use std::borrow::Cow;

use domain::access::permissions;
use domain::access::roles;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::read::Change;

/// One thing that may be done; each route names the one that it needs in `x-required-permission`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission(pub permissions::Permission);

impl std::str::FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

crate::read_by_word!(Permission);

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ToSchema for Permission {
    fn name() -> Cow<'static, str> {
        "Permission".into()
    }
}

impl PartialSchema for Permission {
    fn schema() -> RefOr<Schema> {
        let words = permissions::Permission::ALL.iter().map(|permission| permission.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("One thing that may be done; each route names the one that it needs in `x-required-permission`."))
            .enum_values(Some(words))
            .into()
    }
}

/// Each of a set.
pub fn each(set: permissions::Permissions) -> Vec<Permission> {
    set.iter().map(Permission).collect()
}

words! {
    /// A role that every tenant has.
    RoleName = roles::Role {
        /// Everything. A tenant that has an owner keeps one.
        Owner = "owner",
        /// Everything but making and unmaking owners.
        Admin = "admin",
        /// Contacts, templates and broadcasts.
        Marketer = "marketer",
        /// Conversations with single customers.
        Agent = "agent",
        /// Looks at everything, changes nothing.
        Auditor = "auditor",
        /// Looks at everything, sends, links numbers, makes API keys for reading and sending.
        Developer = "developer",
    }
}

words! {
    /// Whether a member may come in.
    MemberState = roles::MemberState {
        /// Asked to come, not here yet.
        Invited = "invited",
        Active = "active",
        /// Kept out until made active again.
        Disabled = "disabled",
    }
}

/// A member of the tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub id: i64,
    #[schema(example = "ada@example.com")]
    pub email: String,
    pub name: Option<String>,
    /// `null`: the role is one of the tenant's own.
    pub role: Option<RoleName>,
    /// The tenant's own role.
    pub role_id: Option<i64>,
    /// What the role grants now.
    pub permissions: Vec<Permission>,
    pub state: MemberState,
    /// A second factor is asked for at login.
    pub two_factor: bool,
    pub invited_at: Timestamp,
    /// Until when the invitation can be accepted; `null` once it was.
    pub invited_until: Option<Timestamp>,
    pub joined_at: Option<Timestamp>,
}

words! {
    /// Where the link of an invitation went.
    InvitationSent {
        /// To the member, by e-mail.
        Mailed = "mailed",
        /// This server sends no e-mail: hand over `invitation_link`. Whoever has it can accept.
        Link = "link",
        /// The mail server did not take it: invite again.
        Failed = "failed",
    }
}

/// A member who was invited.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvitedMember {
    #[serde(flatten)]
    pub member: Member,
    pub invitation: InvitationSent,
    /// Only where this server sends no e-mail, and shown this once: the page at which the invitation is accepted, the
    /// token behind `#token=`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invitation_link: Option<String>,
}

impl std::fmt::Debug for InvitedMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvitedMember").field("member", &self.member).finish_non_exhaustive()
    }
}

request! {
    /// Somebody to be asked to come: `role` or `role_id`.
    InviteMember {
        #[schema(example = "ada@example.com")]
        email: String [1, 254],
        name: Option<String> [1, 100],
        /// A role that every tenant has.
        role: Option<RoleName>,
        /// One of the tenant's own.
        role_id: Option<i64>,
    }
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateMember {
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        name: Change<String> [1, 100],
        /// A role that every tenant has.
        role: Option<RoleName>,
        /// One of the tenant's own.
        role_id: Option<i64>,
        /// `active` or `disabled`.
        state: Option<MemberState>,
    }
}

/// A role: one that every tenant has, or one of the tenant's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    /// `null`: every tenant has it, and it cannot be changed.
    pub id: Option<i64>,
    #[schema(example = "agent")]
    pub name: String,
    pub permissions: Vec<Permission>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

request! {
    /// A role to be made.
    CreateRole {
        name: String [1, 100],
        /// At least one, and none that the caller does not have.
        permissions: Vec<Permission>,
    }
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateRole {
        name: Option<String> [1, 100],
        permissions: Option<Vec<Permission>>,
    }
}
