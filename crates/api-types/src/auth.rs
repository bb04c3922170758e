//! Logging in: sessions, second factor, passwords, invitations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::members::Permission;
use crate::read::Secret;

words! {
    /// How a session is carried.
    SessionBy {
        /// `Authorization: Bearer …`; the token stands in the answer.
        Bearer = "bearer",
        /// A cookie that scripts cannot read. Calls that change something need the header `X-CSRF-Token` besides.
        Cookie = "cookie",
    }
}

request! {
    /// A login. With a second factor: `code` or `recovery_code` besides.
    Login {
        #[schema(example = "ada@example.com")]
        email: String [1, 254],
        #[schema(value_type = String, format = Password)]
        password: Secret [1, 1000],
        /// Six digits, of an app.
        #[schema(value_type = Option<String>, format = Password)]
        code: Option<Secret> [1, 20],
        /// One of the ten, each good once.
        #[schema(value_type = Option<String>, format = Password)]
        recovery_code: Option<Secret> [1, 50],
        /// `bearer` by default.
        session: Option<SessionBy>,
    }
}

/// A session as it can be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub id: i64,
    /// The client's address as seen at login.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// To within some seconds.
    pub last_used_at: Timestamp,
    /// Whatever happens, it is over then; earlier when it is not used for twelve hours.
    pub expires_at: Timestamp,
    /// The one that this call came by.
    pub current: bool,
}

/// What the account is a member of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    pub tenant_id: i64,
    pub tenant_name: String,
    pub member_id: i64,
    pub name: Option<String>,
    /// The role's name.
    #[schema(example = "agent")]
    pub role: String,
    pub permissions: Vec<Permission>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    #[schema(example = "ada@example.com")]
    pub email: String,
    pub two_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
    pub memberships: Vec<Membership>,
    pub session: Session,
    /// For the header `X-CSRF-Token`, where the session is carried by a cookie.
    pub csrf_token: String,
}

/// A session that was just opened.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoggedIn {
    #[serde(flatten)]
    pub me: Me,
    /// Of a session by `bearer`: keep it now, it is not shown again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(example = "wxs_3f9a…")]
    pub token: Option<String>,
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedIn").field("me", &self.me).finish_non_exhaustive()
    }
}

request! {
    /// An address that may have an account.
    ForgotPassword {
        #[schema(example = "ada@example.com")]
        email: String [1, 254],
    }
}

request! {
    /// A new password, by the link of a letter.
    ResetPassword {
        /// What stands behind `#token=` in the link.
        #[schema(value_type = String, format = Password)]
        token: Secret [1, 100],
        /// 12 to 200 characters, at least 5 different ones, not made of the address.
        #[schema(value_type = String, format = Password)]
        password: Secret [1, 1000],
    }
}

request! {
    /// Another password, by somebody who is logged in: the one they have once more, and the second factor where there is one
    /// (`code` or `recovery_code`).
    ChangePassword {
        #[schema(value_type = String, format = Password)]
        current_password: Secret [1, 1000],
        /// 12 to 200 characters, at least 5 different ones, not made of the address.
        #[schema(value_type = String, format = Password)]
        new_password: Secret [1, 1000],
        #[schema(value_type = Option<String>, format = Password)]
        code: Option<Secret> [1, 20],
        #[schema(value_type = Option<String>, format = Password)]
        recovery_code: Option<Secret> [1, 50],
    }
}

request! {
    /// An invitation to be accepted.
    AcceptInvitation {
        /// What stands behind `#token=` in the link.
        #[schema(value_type = String, format = Password)]
        token: Secret [1, 100],
        name: Option<String> [1, 100],
        /// A new one: 12 to 200 characters, at least 5 different ones, not made of the address. Of somebody who is a
        /// member of another tenant already, the one they have.
        #[schema(value_type = String, format = Password)]
        password: Secret [1, 1000],
        /// Where an account that is there already asks for one.
        #[schema(value_type = Option<String>, format = Password)]
        code: Option<Secret> [1, 20],
        #[schema(value_type = Option<String>, format = Password)]
        recovery_code: Option<Secret> [1, 50],
    }
}

/// A tenant that was joined; log in now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    pub tenant_id: i64,
    pub member_id: i64,
    pub email: String,
}

request! {
    /// The password once more.
    EnrollTotp {
        #[schema(value_type = String, format = Password)]
        password: Secret [1, 1000],
    }
}

/// A second factor on its way: it is asked for once it is confirmed.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnrolledTotp {
    /// In base32, to be typed into an app.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// The same, for a QR code.
    #[schema(example = "otpauth://totp/Waxwing:ada%40example.com?secret=…")]
    pub uri: String,
}

impl std::fmt::Debug for EnrolledTotp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolledTotp").finish_non_exhaustive()
    }
}

request! {
    /// The first code.
    ConfirmTotp {
        #[schema(value_type = String, format = Password)]
        code: Secret [1, 20],
    }
}

request! {
    /// Password and second factor once more: `code` or `recovery_code`.
    ProveTotp {
        #[schema(value_type = String, format = Password)]
        password: Secret [1, 1000],
        #[schema(value_type = Option<String>, format = Password)]
        code: Option<Secret> [1, 20],
        #[schema(value_type = Option<String>, format = Password)]
        recovery_code: Option<Secret> [1, 50],
    }
}

/// Recovery codes, each good once; shown this once.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveryCodes").finish_non_exhaustive()
    }
}

/// Nothing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Done {}
