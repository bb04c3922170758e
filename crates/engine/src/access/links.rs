//! Links in letters: accepting an invitation, choosing a new password.

use domain::access::people::{Email, RESET, weakness};
use domain::access::roles::MemberState;
use domain::{MemberId, TenantId};
use ports::access::accounts::Account;
use ports::access::members::Member;
use ports::mail::Mail;
use secrecy::{ExposeSecret, SecretString};

use super::Access;
use super::login::{Client, LoginError, Proof, Second, reset_subjects};
use crate::faults::Faults;

/// Longest name of a member, in characters.
const NAME: usize = 100;

/// An invitation to be accepted.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Of the link.
    pub token: String,
    /// As the tenant shall call them; `None` stays as it is.
    pub name: Option<String>,
    /// A new one; of somebody who has an account already, theirs.
    pub password: SecretString,
    /// Where the account that is there already asks for one.
    pub second: Option<Second>,
}

impl Access {
    /// Accepts an invitation, once. Who has an account proves it by its password, so that an invitation read by others
    /// opens no account of another tenant.
    ///
    /// # Errors
    /// [`LoginError::LinkNotValid`], [`LoginError::Invalid`] for a weak password, those of a login for an account that
    /// is there already, or the store's.
    pub async fn accept(&self, wanted: Accept, client: &Client) -> Result<Member, LoginError> {
        let mut faults = Faults::default();
        if let Some(name) = &wanted.name {
            faults.required("/name", name, NAME);
        }
        faults.check()?;
        let hash = Self::link_hash(&wanted.token)?;
        let store = &self.deps.store;
        let found = store.open_invitation(&hash, self.deps.clock.now()).await?;
        let invitation = found.ok_or(LoginError::LinkNotValid)?;
        let email: Email = invitation.member.email.parse().map_err(|_| LoginError::LinkNotValid)?;
        let password = if invitation.has_password {
            let proof = Proof { password: wanted.password, second: wanted.second };
            self.prove(&email, &proof, client).await?;
            None
        } else {
            Some(self.new_password(&wanted.password, &email).await?)
        };
        let name = wanted.name.as_deref().map(str::trim);
        let now = self.deps.clock.now();
        let joined = store.accept_invitation(&hash, name, password.as_ref(), now).await?;
        self.sessions.forget();
        joined.ok_or(LoginError::LinkNotValid)
    }

    /// Sends a letter with a link that sets a new password, if the address has an account. The answer, and when it
    /// comes, is the same whether it has one.
    ///
    /// # Errors
    /// [`LoginError::Throttled`] by the client's address alone, or the store's.
    pub async fn forgot_password(&self, email: &str, client: &Client) -> Result<(), LoginError> {
        let email: Email = email.parse().map_err(|problem: String| Faults::one("/email", problem))?;
        let (account, address) = reset_subjects(&email, client);
        let now = self.deps.clock.now();
        if let Some(address) = address
            && let Some(paused) = self.deps.store.admit_try(&[address], now).await?
        {
            let seconds = paused.until.duration_since(now).as_secs().max(0).unsigned_abs() + 1;
            return Err(LoginError::Throttled { seconds });
        }
        let access = self.clone();
        tokio::spawn(async move {
            match access.deps.store.admit_try(&[account], now).await {
                Ok(None) => access.send_reset(&email).await,
                Ok(Some(_)) => tracing::info!("too many letters for a new password to one address"),
                Err(error) => tracing::warn!(%error, "a letter for a new password was not sent"),
            }
        });
        Ok(())
    }

    async fn send_reset(&self, email: &Email) {
        let written = match self.deps.store.account_by_email(email).await {
            Ok(Some(account)) if may_reset(&account) => {
                self.reset_link(&account).await.map(|link| letter(&account, &link))
            }
            Ok(_) => return,
            Err(error) => Err(error.into()),
        };
        let sent = match written {
            Ok(letter) => self.deps.mailer.send(letter).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            tracing::warn!(error, "a letter for a new password was not sent");
        }
    }

    async fn reset_link(&self, account: &Account) -> Result<String, LoginError> {
        let (secret, link, _) = self.new_link(RESET);
        self.deps.store.keep_reset(account.id, link).await?;
        Ok(self.page("password", &secret))
    }

    /// A link that sets a new password of a member, to be handed over by whoever runs the server; with
    /// `without_second` the second factor is taken away. It opens the account in every tenant: no tenant's
    /// administrator gets it.
    ///
    /// # Errors
    /// [`LoginError::NotFound`] for one who is no member or never accepted, or the store's.
    pub async fn reset_by_operator(
        &self,
        tenant: TenantId,
        member: MemberId,
        without_second: bool,
    ) -> Result<String, LoginError> {
        let found = self.deps.store.member(tenant, member).await?;
        let member = found.filter(|member| member.joined_at.is_some()).ok_or(LoginError::NotFound)?;
        let account = self.deps.store.account(member.account_id).await?.ok_or(LoginError::NotFound)?;
        if without_second {
            self.deps.store.disable_totp(account.id).await?;
        }
        self.reset_link(&account).await
    }

    /// Sets a new password by a link, once; every session of the account ends.
    ///
    /// # Errors
    /// [`LoginError::LinkNotValid`], [`LoginError::Invalid`] for a weak password, or the store's.
    pub async fn reset_password(&self, presented: &str, password: &SecretString) -> Result<(), LoginError> {
        let hash = Self::link_hash(presented)?;
        let found = self.deps.store.open_reset(&hash, self.deps.clock.now()).await?;
        let account = found.ok_or(LoginError::LinkNotValid)?;
        let kept = self.new_password(password, &account.email).await?;
        let set = self.deps.store.reset_password(&hash, &kept, self.deps.clock.now()).await?;
        self.sessions.forget();
        set.map(drop).ok_or(LoginError::LinkNotValid)
    }

    /// What is kept of a password that is good enough.
    async fn new_password(&self, password: &SecretString, email: &Email) -> Result<SecretString, LoginError> {
        Self::good_password("/password", password, email)?;
        Ok(self.passwords.hash(password, self.deps.entropy.as_ref()).await?)
    }

    /// Whether it is good enough; `pointer` says where it stood.
    pub(super) fn good_password(
        pointer: &str,
        password: &SecretString,
        email: &Email,
    ) -> Result<(), LoginError> {
        match weakness(password.expose_secret(), email) {
            Some(problem) => Err(Faults::one(pointer, problem).into()),
            None => Ok(()),
        }
    }
}

/// Who never chose a password accepts an invitation instead; who may come in nowhere needs none.
fn may_reset(account: &Account) -> bool {
    account.password.is_some()
        && account.memberships.iter().any(|membership| membership.state == MemberState::Active)
}

fn letter(account: &Account, link: &str) -> Mail {
    Mail {
        to: account.email.to_string(),
        subject: "A new password".to_owned(),
        text: format!(
            "Somebody asked for a new password for this address.\n\n\
             Choose it here, within an hour:\n{link}\n\n\
             If it was not you, do nothing: your password stays as it is.\n"
        ),
    }
}
