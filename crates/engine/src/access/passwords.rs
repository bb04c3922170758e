//! Passwords: argon2id, off the async threads, only some at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use domain::Entropy;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Memory in KiB, rounds, lanes (OWASP, "Password Storage Cheat Sheet", Argon2id).
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// As many wait for their turn; who comes then is sent away, so that a flood of logins does not fill the memory.
const WAITING: usize = 64;

/// Costs as much to check as any other and fits no password: for accounts that do not exist.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Too many are at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Hashes and checks; clones share their turns.
#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Passwords {
    fn default() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
        Self { turns: Arc::new(Semaphore::new(at_once)), waiting: Arc::default() }
    }
}

impl Passwords {
    /// The text to be kept.
    pub(super) async fn hash(
        &self,
        password: &SecretString,
        entropy: &dyn Entropy,
    ) -> Result<SecretString, Busy> {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let password = password.clone();
        self.in_turn(move || hash_now(&password, &salt)).await
    }

    /// Whether the password is the one of `kept`; without any it takes as long and is none.
    pub(super) async fn fits(
        &self,
        password: &SecretString,
        kept: Option<&SecretString>,
    ) -> Result<bool, Busy> {
        let password = password.clone();
        let kept = kept.cloned().unwrap_or_else(|| NOBODY.into());
        self.in_turn(move || fits_now(&password, &kept)).await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _place = Place::take(&self.waiting).ok_or(Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        worked.await.map_err(|_| Busy)
    }
}

/// One who waits or is at it.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // A place not to be had is given back when it is dropped.
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2id() -> Argon2<'static> {
    let (memory, rounds, lanes) = COST;
    let params = Params::new(memory, rounds, lanes, None).expect("the cost lies within the bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &SecretString, salt: &[u8; 16]) -> SecretString {
    let salt = SaltString::encode_b64(salt).expect("16 bytes are a salt");
    let hash = argon2id().hash_password(password.expose_secret().as_bytes(), &salt);
    hash.expect("a password within its longest length can be hashed").to_string().into()
}

fn fits_now(password: &SecretString, kept: &SecretString) -> bool {
    PasswordHash::new(kept.expose_secret())
        .is_ok_and(|kept| argon2id().verify_password(password.expose_secret().as_bytes(), &kept).is_ok())
}

#[cfg(test)]
mod tests {
    use domain::SystemEntropy;

    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone_and_each_hash_is_another() {
        let passwords = Passwords::default();
        let password = SecretString::from("correct horse battery");
        let kept = passwords.hash(&password, &SystemEntropy).await.unwrap();
        assert!(kept.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_ne!(
            kept.expose_secret(),
            passwords.hash(&password, &SystemEntropy).await.unwrap().expose_secret()
        );
        assert!(passwords.fits(&password, Some(&kept)).await.unwrap());
        assert!(!passwords.fits(&"correct horse batterz".into(), Some(&kept)).await.unwrap());
        assert!(!passwords.fits(&password, None).await.unwrap());
        assert!(PasswordHash::new(NOBODY).is_ok(), "checked as long as any other");
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away() {
        let passwords = Passwords::default();
        passwords.waiting.store(WAITING, Ordering::Relaxed);
        let refused = passwords.fits(&"any".into(), None).await;
        assert_eq!(refused, Err(Busy));
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), WAITING);
    }
}
