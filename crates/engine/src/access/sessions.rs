//! Sessions: from a token to whose it is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;
use domain::access::people::{SESSION, SESSION_IDLE};
use domain::access::roles::MemberState;
use domain::{AccountId, SessionId, SignedDuration, TenantId, Timestamp};
use ports::StoreError;
use ports::access::accounts::{Account, KnownSession, Membership, NewSession, Session};
use secrecy::SecretString;

use super::login::{Client, LoginError};
use super::{Access, Authenticated, TRUST, Who, token};

/// A session that was just opened: the only time that its token is shown.
#[derive(Clone)]
pub struct OpenedSession {
    pub token: SecretString,
    /// What a page that uses the session by cookie sends with each change.
    pub csrf: String,
    pub session: Session,
}

/// Somebody with a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    pub account_id: AccountId,
    pub email: String,
    pub session: Session,
    /// What a page that uses the session by cookie sends with each change.
    pub csrf: String,
    /// Active ones, by tenant.
    pub memberships: Vec<Membership>,
}

impl SignedIn {
    /// As a member of this tenant; `None`: is not one who may come in.
    pub fn at(&self, tenant: TenantId, address: Option<IpAddr>) -> Option<Authenticated> {
        let membership = self.memberships.iter().find(|membership| membership.tenant_id == tenant)?;
        let who = Who::Member {
            id: membership.member_id,
            account: self.account_id,
            email: self.email.clone(),
            name: membership.name.clone(),
            session: self.session.id,
        };
        let permissions = membership.permissions;
        Some(Authenticated { tenant_id: tenant, who, permissions, address, request_id: None })
    }
}

/// Sessions that were looked up a moment ago, and when each was last used.
#[derive(Default)]
pub(super) struct Sessions {
    known: DashMap<[u8; 32], (KnownSession, Timestamp)>,
    used: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Sessions {
    fn recall(&self, hash: &[u8; 32], now: Timestamp) -> Option<KnownSession> {
        let entry = self.known.get(hash)?;
        let (session, looked_up) = entry.value();
        fresh(*looked_up, now).then(|| session.clone())
    }

    fn note_use(&self, session: SessionId, at: Timestamp) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(session, at);
    }

    /// Looks everybody up anew: somebody's rights have changed.
    pub(super) fn forget(&self) {
        self.known.clear();
    }

    /// Last uses since the last time; what was looked up long ago is forgotten.
    pub(super) fn take_used(&self, now: Timestamp) -> Vec<(SessionId, Timestamp)> {
        self.known.retain(|_, (_, looked_up)| fresh(*looked_up, now));
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

fn fresh(looked_up: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(looked_up);
    age >= SignedDuration::ZERO && age < TRUST
}

/// Longest name of a browser that is kept, in characters.
const USER_AGENT: usize = 300;

impl Access {
    /// Whether it could be a session's token at all.
    pub fn is_session(presented: &str) -> bool {
        token::plausible(presented, token::SESSION)
    }

    /// Whose session it is; `None`: nobody's, or over, or of somebody who may come in nowhere.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn session(&self, presented: &str) -> Result<Option<SignedIn>, StoreError> {
        if !Self::is_session(presented) {
            return Ok(None);
        }
        let now = self.deps.clock.now();
        let Some(known) = self.find_session(token::hash(presented), now).await? else { return Ok(None) };
        self.sessions.note_use(known.session.id, now);
        Ok(signed_in(known, token::csrf(presented)))
    }

    /// The session with this hash, if it is not over.
    pub(super) async fn find_session(
        &self,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<KnownSession>, StoreError> {
        if let Some(known) = self.sessions.recall(&hash, now) {
            return Ok(Some(known).filter(|known| !is_over(&known.session, now)));
        }
        let found = self.deps.store.session_by_hash(&hash).await?;
        let found = found.filter(|known| !is_over(&known.session, now));
        match &found {
            Some(known) => self.sessions.known.insert(hash, (known.clone(), now)),
            None => self.sessions.known.remove(&hash).map(|(_, kept)| kept),
        };
        Ok(found)
    }

    /// Opens a session for somebody who has proved who they are.
    pub(super) async fn open_session(
        &self,
        account: &Account,
        client: &Client,
    ) -> Result<OpenedSession, LoginError> {
        let (secret, at) =
            (token::generate(self.deps.entropy.as_ref(), token::SESSION), self.deps.clock.now());
        let new = NewSession {
            hash: token::hash(&secret),
            address: client.address.map(|address| address.to_string()),
            user_agent: client.user_agent.as_ref().map(|name| name.chars().take(USER_AGENT).collect()),
            at,
            expires_at: at.saturating_add(SESSION).unwrap_or(Timestamp::MAX),
        };
        let session = self.deps.store.open_session(account.id, new).await?;
        Ok(OpenedSession { csrf: token::csrf(&secret), token: secret.into(), session })
    }

    /// Sessions of an account that are not over, the one used last first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        let now = self.deps.clock.now();
        let mut sessions = self.deps.store.sessions(account, now).await?;
        sessions.retain(|session| !is_over(session, now));
        Ok(sessions)
    }

    /// Ends a session: at once on this node, within two seconds on others.
    ///
    /// # Errors
    /// [`LoginError::NotFound`], or the store's.
    pub async fn end_session(&self, account: AccountId, session: SessionId) -> Result<(), LoginError> {
        let ended = self.deps.store.end_session(account, session).await?;
        self.sessions.forget();
        if ended { Ok(()) } else { Err(LoginError::NotFound) }
    }

    /// Ends all sessions of an account but one; answers how many.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn end_other_sessions(&self, account: AccountId, but: SessionId) -> Result<u64, StoreError> {
        let ended = self.deps.store.end_other_sessions(account, Some(but)).await?;
        self.sessions.forget();
        Ok(ended)
    }
}

fn is_over(session: &Session, now: Timestamp) -> bool {
    session.expires_at <= now || now.duration_since(session.last_used_at) >= SESSION_IDLE
}

fn signed_in(known: KnownSession, csrf: String) -> Option<SignedIn> {
    let KnownSession { session, account_id, email, mut memberships } = known;
    memberships.retain(|membership| membership.state == MemberState::Active);
    (!memberships.is_empty()).then_some(SignedIn { account_id, email, session, csrf, memberships })
}
