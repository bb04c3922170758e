//! Accounts: a person with one e-mail address and one password, member of one tenant or of several; their sessions,
//! and the guesses made at them. Crosses tenants: who logs in has not said which tenant is meant.

use async_trait::async_trait;
use domain::access::people::Email;
use domain::access::permissions::Permissions;
use domain::access::roles::MemberState;
use domain::access::throttle::Throttle;
use domain::{AccountId, MemberId, SessionId, TenantId, Timestamp};
use secrecy::SecretString;

use super::members::{Member, NewLink};
use crate::StoreResult;

/// One membership of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub member_id: MemberId,
    pub name: Option<String>,
    /// The role's name.
    pub role: String,
    pub permissions: Permissions,
    pub state: MemberState,
}

/// The second factor of an account.
#[derive(Debug, Clone)]
pub struct Totp {
    /// The shared secret, in base32.
    pub secret: SecretString,
    /// Whether it was confirmed by a first code: only then it is asked for.
    pub confirmed: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
}

/// An account as it is kept.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub email: Email,
    /// As `argon2` writes it; `None` until the first invitation is accepted.
    pub password: Option<SecretString>,
    pub totp: Option<Totp>,
    /// By tenant, in every state.
    pub memberships: Vec<Membership>,
}

/// A session to be kept.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub at: Timestamp,
    /// Whatever happens, it is over then.
    pub expires_at: Timestamp,
}

/// A session as it can be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// To within some seconds.
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownSession {
    pub session: Session,
    pub account_id: AccountId,
    pub email: String,
    pub memberships: Vec<Membership>,
}

/// An invitation that can still be accepted.
#[derive(Debug, Clone)]
pub struct OpenInvitation {
    pub member: Member,
    pub tenant_name: String,
    /// Who has a password already proves it; who has none chooses one.
    pub has_password: bool,
}

/// Who guesses, or is guessed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guessed {
    /// E.g. `login/address/192.0.2.1`.
    pub subject: String,
    pub rule: Throttle,
}

/// A subject that has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    pub subject: String,
    pub until: Timestamp,
}

/// Verbs on accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Counts a try for every subject, before it is known whether it is a good one, or, when one of them is paused,
    /// counts none and answers the longest pause. One commit; tries of one subject follow each other.
    async fn admit_try(&self, subjects: &[Guessed], now: Timestamp) -> StoreResult<Option<Paused>>;
    /// Takes back one try of each, which was a good one; `clear` forgets the first subject's altogether.
    async fn forgive_try(&self, subjects: &[Guessed], clear: bool) -> StoreResult<()>;
    /// The account of an address.
    async fn account_by_email(&self, email: &Email) -> StoreResult<Option<Account>>;
    /// The account with this id.
    async fn account(&self, account: AccountId) -> StoreResult<Option<Account>>;

    /// Keeps a secret that is to become the second factor; false when there is a confirmed one.
    async fn enroll_totp(&self, account: AccountId, secret: &SecretString) -> StoreResult<bool>;
    /// Confirms the second factor with the code of this step, and puts recovery codes (their SHA-256) in the place of
    /// earlier ones; false when none waits to be confirmed.
    async fn confirm_totp(
        &self,
        account: AccountId,
        step: i64,
        recovery_codes: &[[u8; 32]],
    ) -> StoreResult<bool>;
    /// Takes the code of this step, once: false when this one, or a later one, was taken before.
    async fn take_totp_step(&self, account: AccountId, step: i64) -> StoreResult<bool>;
    /// Takes a recovery code, once.
    async fn take_recovery_code(&self, account: AccountId, hash: &[u8; 32]) -> StoreResult<bool>;
    /// Puts others in the place of all recovery codes; false without a confirmed second factor.
    async fn set_recovery_codes(&self, account: AccountId, codes: &[[u8; 32]]) -> StoreResult<bool>;
    /// Takes the second factor away, and the recovery codes with it.
    async fn disable_totp(&self, account: AccountId) -> StoreResult<()>;

    /// Keeps a session.
    async fn open_session(&self, account: AccountId, new: NewSession) -> StoreResult<Session>;
    /// The session with this hash, over or not (the caller tells them apart), and what its account is a member of.
    async fn session_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<KnownSession>>;
    /// Sessions of an account that are not past their last end, the one used last first.
    async fn sessions(&self, account: AccountId, now: Timestamp) -> StoreResult<Vec<Session>>;
    /// Ends one; false when there is no such session of this account.
    async fn end_session(&self, account: AccountId, session: SessionId) -> StoreResult<bool>;
    /// Ends all but one; answers how many.
    async fn end_other_sessions(&self, account: AccountId, but: Option<SessionId>) -> StoreResult<u64>;
    /// Puts a password into the place of `known`, which its owner has just proved, and ends every session but the one that
    /// is kept, and every link that sets a password; answers how many sessions ended. `None`: it is not the password any
    /// more, and nothing is done. One commit.
    async fn change_password(
        &self,
        account: AccountId,
        known: &SecretString,
        password: &SecretString,
        but: SessionId,
        now: Timestamp,
    ) -> StoreResult<Option<u64>>;
    /// Notes when sessions were last used; one commit, lossy.
    async fn touch_sessions(&self, used: Vec<(SessionId, Timestamp)>) -> StoreResult<()>;

    /// The invitation of a link that was not used and is not too old.
    async fn open_invitation(&self, hash: &[u8; 32], now: Timestamp) -> StoreResult<Option<OpenInvitation>>;
    /// Uses up the link and makes the member active; `password` is set when the account has none, and must be `None`
    /// when it has one: else, and when the link is no longer good, nothing is done and this is `None`. One commit.
    async fn accept_invitation(
        &self,
        hash: &[u8; 32],
        name: Option<&str>,
        password: Option<&SecretString>,
        now: Timestamp,
    ) -> StoreResult<Option<Member>>;
    /// Keeps a link that sets a new password, in the place of earlier ones.
    async fn keep_reset(&self, account: AccountId, link: NewLink) -> StoreResult<()>;
    /// The account whose password a link can set.
    async fn open_reset(&self, hash: &[u8; 32], now: Timestamp) -> StoreResult<Option<Account>>;
    /// Uses up the link, sets the password, ends every session of the account; `None` when the link is no longer good.
    async fn reset_password(
        &self,
        hash: &[u8; 32],
        password: &SecretString,
        now: Timestamp,
    ) -> StoreResult<Option<AccountId>>;
}
