//! Logging in: an address, a password, a second factor where there is one; guesses are slowed down before anything is
//! hashed, and no answer tells whether an address has an account.

use std::net::IpAddr;

use dashmap::DashMap;
use domain::access::people::{Email, address_group};
use domain::access::roles::MemberState;
use domain::access::throttle::Throttle;
use domain::{TenantId, Timestamp};
use ports::StoreError;
use ports::access::NOBODYS;
use ports::access::accounts::{Account, Guessed, Paused, Totp};
use secrecy::{ExposeSecret, SecretString};

use super::door::{Refusal, kinds};
use super::passwords::Busy;
use super::sessions::OpenedSession;
use super::{Access, token, totp};
use crate::faults::Faults;

/// How coming in fails.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Address, password or code is not right, or may not come in: which of them is not told.
    #[error("e-mail, password or code is not right")]
    Refused,
    /// All is right so far, and a code is needed besides.
    #[error("a code of the second factor is needed")]
    SecondFactorNeeded,
    /// Nothing was looked at.
    #[error("too many tries; the next one in {seconds} s")]
    Throttled { seconds: u64 },
    #[error("too many are logging in at the moment")]
    Busy,
    /// Unknown, used, or too old.
    #[error("the link is not valid any more")]
    LinkNotValid,
    #[error("there is no such session")]
    NotFound,
    /// The second factor is not in the state for this; the word says in which it is.
    #[error("the second factor is {0}")]
    SecondFactor(&'static str),
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Busy> for LoginError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
}

/// What somebody knows and has.
#[derive(Debug, Clone)]
pub struct Proof {
    pub password: SecretString,
    pub second: Option<Second>,
}

/// A second factor.
#[derive(Debug, Clone)]
pub enum Second {
    /// Of an app, by time.
    Code(String),
    /// One of the ten.
    Recovery(String),
}

/// Pauses that this node has seen, so that a guess within one costs no look into the store.
#[derive(Default)]
pub(super) struct Pauses(DashMap<String, (Timestamp, Vec<TenantId>)>);

/// More than these are not remembered; then the store is asked.
const REMEMBERED: usize = 10_000;

impl Pauses {
    fn of(&self, subjects: &[Guessed], now: Timestamp) -> Option<(Paused, Vec<TenantId>)> {
        subjects.iter().find_map(|one| {
            let entry = self.0.get(&one.subject)?;
            let (until, tenants) = entry.value();
            let paused = Paused { subject: one.subject.clone(), until: *until };
            (*until > now).then(|| (paused, tenants.clone()))
        })
    }

    fn remember(&self, paused: &Paused, tenants: Vec<TenantId>, now: Timestamp) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, (until, _)| *until > now);
        }
        if self.0.len() < REMEMBERED {
            self.0.insert(paused.subject.clone(), (paused.until, tenants));
        }
    }
}

impl Access {
    /// Logs somebody in.
    ///
    /// # Errors
    /// [`LoginError::Refused`], [`LoginError::SecondFactorNeeded`], [`LoginError::Throttled`], [`LoginError::Busy`],
    /// or the store's.
    pub async fn login(
        &self,
        email: &str,
        proof: &Proof,
        client: &Client,
    ) -> Result<(Account, OpenedSession), LoginError> {
        let email: Email = email.parse().map_err(|_| LoginError::Refused)?;
        let account = self.prove(&email, proof, client).await?;
        if !account.memberships.iter().any(|membership| membership.state == MemberState::Active) {
            self.refuse(Some(&account), kinds::LOGIN_FAILED, &format!("{email}: may not come in"), client);
            return Err(LoginError::Refused);
        }
        let opened = self.open_session(&account, client).await?;
        Ok((account, opened))
    }

    /// The account of somebody who knows its password and has its second factor.
    pub(super) async fn prove(
        &self,
        email: &Email,
        proof: &Proof,
        client: &Client,
    ) -> Result<Account, LoginError> {
        let subjects = login_subjects(email, client);
        self.admit(email, &subjects, client).await?;
        let account = self.deps.store.account_by_email(email).await?;
        let kept = account.as_ref().and_then(|account| account.password.as_ref());
        let fits = self.passwords.fits(&proof.password, kept).await?;
        let Some(account) = account.filter(|_| fits) else {
            self.note_failure(email, client).await?;
            return Err(LoginError::Refused);
        };
        match self.second_fits(&account, proof.second.as_ref()).await? {
            Some(true) => {}
            Some(false) => {
                self.note_failure(email, client).await?;
                return Err(LoginError::Refused);
            }
            None => return Err(LoginError::SecondFactorNeeded),
        }
        self.deps.store.forgive_try(&subjects, true).await?;
        Ok(account)
    }

    /// `None`: one is needed and none was given.
    async fn second_fits(
        &self,
        account: &Account,
        second: Option<&Second>,
    ) -> Result<Option<bool>, StoreError> {
        let Some(Totp { secret, .. }) = account.totp.as_ref().filter(|totp| totp.confirmed) else {
            return Ok(Some(true));
        };
        let store = &self.deps.store;
        Ok(match second {
            None => None,
            Some(Second::Code(code)) => {
                match totp::step_of(secret.expose_secret(), code, self.deps.clock.now()) {
                    Some(step) => Some(store.take_totp_step(account.id, step).await?),
                    None => Some(false),
                }
            }
            Some(Second::Recovery(code)) => {
                Some(store.take_recovery_code(account.id, &totp::recovery_hash(code)).await?)
            }
        })
    }

    /// Counts the try, or refuses it before anything is hashed.
    async fn admit(&self, email: &Email, subjects: &[Guessed], client: &Client) -> Result<(), LoginError> {
        let now = self.deps.clock.now();
        let (paused, tenants) = match self.pauses.of(subjects, now) {
            Some(known) => known,
            None => {
                let Some(paused) = self.deps.store.admit_try(subjects, now).await? else { return Ok(()) };
                let account = self.deps.store.account_by_email(email).await?;
                let tenants = tenants(account.as_ref());
                self.pauses.remember(&paused, tenants.clone(), now);
                (paused, tenants)
            }
        };
        for tenant_id in tenants {
            let reason = match tenant_id {
                NOBODYS => "too many logins with addresses that nobody has".to_owned(),
                _ => format!("too many logins: {}", paused.subject.trim_start_matches("login/")),
            };
            let address = client.address.map(|address| address.to_string());
            self.door.note(Refusal { tenant_id, kind: kinds::LOGIN_THROTTLED, address, reason, at: now });
        }
        let seconds = paused.until.duration_since(now).as_secs().max(0).unsigned_abs() + 1;
        Err(LoginError::Throttled { seconds })
    }

    async fn note_failure(&self, email: &Email, client: &Client) -> Result<(), StoreError> {
        let account = self.deps.store.account_by_email(email).await?;
        let reason = match account {
            Some(_) => format!("{email}: password or code is not right"),
            // Whoever tries one address after the other makes one event with a count, not one event for each.
            None => "nobody has this address".to_owned(),
        };
        self.refuse(account.as_ref(), kinds::LOGIN_FAILED, &reason, client);
        Ok(())
    }

    fn refuse(&self, account: Option<&Account>, kind: &'static str, reason: &str, client: &Client) {
        let at = self.deps.clock.now();
        for tenant_id in tenants(account) {
            let address = client.address.map(|address| address.to_string());
            self.door.note(Refusal { tenant_id, kind, address, reason: reason.to_owned(), at });
        }
    }
}

/// Those that are told of it: where the account is a member, in whatever state. Of an account that nobody has it is
/// nobody in particular.
fn tenants(account: Option<&Account>) -> Vec<TenantId> {
    match account {
        Some(account) => account.memberships.iter().map(|membership| membership.tenant_id).collect(),
        None => vec![NOBODYS],
    }
}

fn login_subjects(email: &Email, client: &Client) -> Vec<Guessed> {
    let mut subjects =
        vec![Guessed { subject: format!("login/account/{email}"), rule: Throttle::LOGIN_ACCOUNT }];
    if let Some(address) = client.address {
        let subject = format!("login/address/{}", address_group(address));
        subjects.push(Guessed { subject, rule: Throttle::LOGIN_ADDRESS });
    }
    subjects
}

/// Who asks for letters that set passwords, and for whom.
pub(super) fn reset_subjects(email: &Email, client: &Client) -> (Guessed, Option<Guessed>) {
    let account = Guessed { subject: format!("reset/account/{email}"), rule: Throttle::RESET_ACCOUNT };
    let address = client.address.map(|address| Guessed {
        subject: format!("reset/address/{}", address_group(address)),
        rule: Throttle::RESET_ADDRESS,
    });
    (account, address)
}

impl Access {
    /// The hash of a link's token; `Err` for what cannot be one.
    pub(super) fn link_hash(presented: &str) -> Result<[u8; 32], LoginError> {
        if token::plausible(presented, token::LINK) {
            Ok(token::hash(presented))
        } else {
            Err(LoginError::LinkNotValid)
        }
    }
}
