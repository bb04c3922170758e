//! Sealing: secrets lie in the database under AES-256-GCM, bound to their tenant, table and column, so that a sealed
//! value copied to another place does not open.
//!
//! Layout: one byte version, four bytes key id, twelve bytes nonce, ciphertext with its tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use domain::TenantId;
use secrecy::{ExposeSecret, SecretString};

use crate::db::Fault;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 12;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// The keys: the first one seals, all of them open.
pub(crate) struct Keyring {
    keys: Vec<([u8; KEY_ID], RandomizedNonceKey)>,
}

/// Where a secret lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

impl Place {
    fn aad(self) -> Aad<Vec<u8>> {
        Aad::from(format!("{}/{}/{}", self.tenant, self.table, self.column).into_bytes())
    }
}

impl Keyring {
    /// Out of raw keys, at least one.
    pub(crate) fn new(keys: &[[u8; 32]]) -> Result<Self, Fault> {
        if keys.is_empty() {
            return Err(Fault::internal("a store needs a key to seal secrets with"));
        }
        let keys = keys.iter().map(|key| {
            let cipher =
                RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Fault::internal("bad key"))?;
            Ok((key_id(key), cipher))
        });
        Ok(Self { keys: keys.collect::<Result<_, Fault>>()? })
    }

    /// Seals with the first key.
    pub(crate) fn seal(&self, place: Place, secret: &SecretString) -> Result<Vec<u8>, Fault> {
        let (id, key) = &self.keys[0];
        let mut text = secret.expose_secret().as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(place.aad(), &mut text)
            .map_err(|_| Fault::internal("sealing failed"))?;
        Ok([&[VERSION][..], id, nonce.as_ref(), &text].concat())
    }

    /// Opens with whichever key sealed it.
    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Result<SecretString, Fault> {
        let damaged =
            || Fault::internal(format!("the secret in {}.{} does not open", place.table, place.column));
        if sealed.len() < HEADER || sealed[0] != VERSION {
            return Err(damaged());
        }
        let id = &sealed[1..=KEY_ID];
        let (_, key) = self.keys.iter().find(|(known, _)| known == id).ok_or_else(|| {
            Fault::internal(format!(
                "the key that sealed {}.{} is not in the ring",
                place.table, place.column
            ))
        })?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed[1 + KEY_ID..HEADER]).map_err(|_| damaged())?;
        let mut text = zeroize::Zeroizing::new(sealed[HEADER..].to_vec());
        let open = key.open_in_place(nonce, place.aad(), &mut text).map_err(|_| damaged())?;
        String::from_utf8(open.to_vec()).map(SecretString::from).map_err(|_| damaged())
    }

    /// Whether it was sealed with another key than the first.
    pub(crate) fn is_outdated(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_ID) != Some(&self.keys[0].0[..])
    }
}

fn key_id(key: &[u8; 32]) -> [u8; KEY_ID] {
    let mut id = [0; KEY_ID];
    id.copy_from_slice(&digest::digest(&digest::SHA256, key).as_ref()[..KEY_ID]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { tenant: TenantId(1), table: "connections", column: "access_token" };

    #[test]
    fn a_secret_opens_in_its_place_and_nowhere_else() {
        let ring = Keyring::new(&[[1; 32]]).unwrap();
        let sealed = ring.seal(PLACE, &"token".into()).unwrap();
        assert_eq!(ring.open(PLACE, &sealed).unwrap().expose_secret(), "token");
        for wrong in [Place { tenant: TenantId(2), ..PLACE }, Place { column: "app_secret", ..PLACE }] {
            assert!(ring.open(wrong, &sealed).is_err());
        }
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let ring = Keyring::new(&[[1; 32]]).unwrap();
        assert_ne!(ring.seal(PLACE, &"token".into()).unwrap(), ring.seal(PLACE, &"token".into()).unwrap());
    }

    #[test]
    fn an_old_key_opens_what_it_sealed_until_it_leaves_the_ring() {
        let sealed = Keyring::new(&[[1; 32]]).unwrap().seal(PLACE, &"token".into()).unwrap();
        let both = Keyring::new(&[[2; 32], [1; 32]]).unwrap();
        assert_eq!(both.open(PLACE, &sealed).unwrap().expose_secret(), "token");
        assert!(both.is_outdated(&sealed));
        assert!(!both.is_outdated(&both.seal(PLACE, &"token".into()).unwrap()));
        assert!(Keyring::new(&[[2; 32]]).unwrap().open(PLACE, &sealed).is_err());
    }

    #[test]
    fn no_changed_or_cut_byte_goes_unnoticed() {
        let ring = Keyring::new(&[[1; 32]]).unwrap();
        let sealed = ring.seal(PLACE, &"token".into()).unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(ring.open(PLACE, &changed).is_err(), "byte {index}");
            assert!(ring.open(PLACE, &sealed[..index]).is_err(), "cut at {index}");
        }
    }
}
