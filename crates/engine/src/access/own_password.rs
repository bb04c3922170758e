//! The password of one's own account.

use domain::{AccountId, SessionId};
use secrecy::{ExposeSecret, SecretString};

use super::Access;
use super::login::{Client, LoginError, Proof};
use crate::faults::Faults;

impl Access {
    /// Puts another password into the place of the one that `proof` proves; every session of the account but `session`
    /// ends, and every link that sets a password. Answers how many sessions ended. Wrong proofs are slowed down like
    /// wrong logins.
    ///
    /// # Errors
    /// [`LoginError::Invalid`] for a weak password, those of a login, or the store's.
    pub async fn change_password(
        &self,
        account: AccountId,
        session: SessionId,
        proof: &Proof,
        password: &SecretString,
        client: &Client,
    ) -> Result<u64, LoginError> {
        const NEW: &str = "/new_password";
        let known = self.account(account).await?;
        Self::good_password(NEW, password, &known.email)?;
        if password.expose_secret() == proof.password.expose_secret() {
            return Err(Faults::one(NEW, "must be another one than before").into());
        }
        let account = self.prove(&known.email, proof, client).await?;
        let proved = account.password.ok_or(LoginError::Refused)?;
        let kept = self.passwords.hash(password, self.deps.entropy.as_ref()).await?;
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let ended = store.change_password(account.id, &proved, &kept, session, now).await?;
        self.sessions.forget();
        ended.ok_or(LoginError::Refused)
    }
}
