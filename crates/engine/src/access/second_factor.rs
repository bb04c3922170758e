//! The second factor of one's own account.

use domain::AccountId;
use ports::access::accounts::Account;
use secrecy::{ExposeSecret, SecretString};

use super::login::{Client, LoginError, Proof};
use super::{Access, totp};

/// A second factor on its way: nothing is asked for before it is confirmed.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// In base32, to be typed into an app.
    pub secret: SecretString,
    /// The same as an address, for a QR code.
    pub uri: SecretString,
}

impl Access {
    /// The account with this id, for whoever is logged in to it.
    ///
    /// # Errors
    /// [`LoginError::NotFound`], or the store's.
    pub async fn account(&self, account: AccountId) -> Result<Account, LoginError> {
        self.deps.store.account(account).await?.ok_or(LoginError::NotFound)
    }

    /// Makes a shared secret; a repeat before it is confirmed makes another.
    ///
    /// # Errors
    /// [`LoginError::SecondFactor`] when there is one already, those of a login when the password is not right, or the
    /// store's.
    pub async fn enroll_totp(
        &self,
        account: AccountId,
        password: SecretString,
        client: &Client,
    ) -> Result<Enrolled, LoginError> {
        let known = self.account(account).await?;
        if is_on(&known) {
            return Err(LoginError::SecondFactor("on"));
        }
        let account = self.prove(&known.email, &Proof { password, second: None }, client).await?;
        let secret = totp::secret(self.deps.entropy.as_ref());
        let uri = totp::uri(account.email.as_str(), &secret);
        let secret = SecretString::from(secret);
        if !self.deps.store.enroll_totp(account.id, &secret).await? {
            return Err(LoginError::SecondFactor("on"));
        }
        Ok(Enrolled { secret, uri: uri.into() })
    }

    /// Confirms it by its first code; answers the recovery codes, shown this once.
    ///
    /// # Errors
    /// [`LoginError::SecondFactor`] when none waits, [`LoginError::Refused`] for a wrong code, or the store's.
    pub async fn confirm_totp(&self, account: AccountId, code: &str) -> Result<Vec<String>, LoginError> {
        let known = self.account(account).await?;
        let waiting = known.totp.as_ref().filter(|totp| !totp.confirmed);
        let state = if is_on(&known) { "on" } else { "off" };
        let totp = waiting.ok_or(LoginError::SecondFactor(state))?;
        let step = totp::step_of(totp.secret.expose_secret(), code, self.deps.clock.now());
        let step = step.ok_or(LoginError::Refused)?;
        let codes = totp::recovery_codes(self.deps.entropy.as_ref());
        if !self.deps.store.confirm_totp(account, step, &hashes(&codes)).await? {
            return Err(LoginError::SecondFactor("on"));
        }
        Ok(codes)
    }

    /// Takes it away.
    ///
    /// # Errors
    /// [`LoginError::SecondFactor`] when there is none, those of a login, or the store's.
    pub async fn disable_totp(
        &self,
        account: AccountId,
        proof: &Proof,
        client: &Client,
    ) -> Result<(), LoginError> {
        let known = self.proved(account, proof, client).await?;
        Ok(self.deps.store.disable_totp(known.id).await?)
    }

    /// Other recovery codes in the place of all earlier ones.
    ///
    /// # Errors
    /// As of [`Access::disable_totp`].
    pub async fn new_recovery_codes(
        &self,
        account: AccountId,
        proof: &Proof,
        client: &Client,
    ) -> Result<Vec<String>, LoginError> {
        let known = self.proved(account, proof, client).await?;
        let codes = totp::recovery_codes(self.deps.entropy.as_ref());
        if !self.deps.store.set_recovery_codes(known.id, &hashes(&codes)).await? {
            return Err(LoginError::SecondFactor("off"));
        }
        Ok(codes)
    }

    /// The account, its second factor on, of somebody who proves it again.
    async fn proved(
        &self,
        account: AccountId,
        proof: &Proof,
        client: &Client,
    ) -> Result<Account, LoginError> {
        let known = self.account(account).await?;
        if !is_on(&known) {
            return Err(LoginError::SecondFactor("off"));
        }
        self.prove(&known.email, proof, client).await
    }
}

fn is_on(account: &Account) -> bool {
    account.totp.as_ref().is_some_and(|totp| totp.confirmed)
}

fn hashes(codes: &[String]) -> Vec<[u8; 32]> {
    codes.iter().map(|code| totp::recovery_hash(code)).collect()
}
