//! The secrets of a store, and the keys derived from them. Both are wiped from memory when they are dropped.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use lru::LruCache;
use zeroize::Zeroizing;

use super::{Refusal, derive::Derivation};

/// Derived keys that are remembered. A key is needed for each salt, and each process that writes has a salt of its own;
/// connect-mongo has one for each session.
const MOST_KEYS: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");

/// Salts are 128 bytes at most in every format; a longer one was not written by any.
const LONGEST_SALT: usize = 1024;

/// A derived key.
pub type Key = Arc<Zeroizing<Vec<u8>>>;

/// What a key is derived from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeySource {
    /// The position of the secret in the ring.
    pub secret: usize,
    /// Any bytes that are not secret.
    pub salt: Vec<u8>,
    /// How.
    pub derivation: Derivation,
    /// The length of the key in bytes.
    pub key_len: usize,
}

/// Whether a call may take the milliseconds that it takes to derive a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Keys that are remembered, and no others.
    Remembered,
    /// Any key.
    Derive,
}

/// The secrets, newest first, and the keys of late. Neither is left once it is closed.
pub struct KeyRing {
    count: usize,
    secrets: RwLock<Vec<Zeroizing<Vec<u8>>>>,
    keys: Mutex<LruCache<KeySource, Key>>,
}

impl KeyRing {
    /// A ring of these secrets, newest first.
    #[must_use]
    pub fn new(secrets: Vec<Zeroizing<Vec<u8>>>) -> Self {
        Self {
            count: secrets.len(),
            secrets: RwLock::new(secrets),
            keys: Mutex::new(LruCache::new(MOST_KEYS)),
        }
    }

    /// The positions of the secrets, newest first.
    pub fn positions(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.count
    }

    /// A copy of the secret at a position.
    ///
    /// # Errors
    /// There is none, or the ring is closed.
    pub fn secret(&self, position: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let secrets = self.secrets();
        secrets.get(position).cloned().ok_or(Refusal::Refused)
    }

    /// How many keys are at hand.
    #[must_use]
    pub fn at_hand(&self) -> usize {
        self.lock().len()
    }

    /// Wipes the secrets and keys: from now on there are none.
    pub fn close(&self) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.clear();
        self.lock().clear();
    }

    /// What `open` makes with the key of this source. The key is kept at hand if that succeeds: one that opens nothing is not
    /// worth a place, as whoever can write the collection could push out all others.
    ///
    /// # Errors
    /// [`Refusal::NeedsKey`] when it would have to be derived and may not be; [`Refusal::Refused`] for a source that no
    /// format has; what `open` refuses.
    pub fn with_key<T>(
        &self,
        source: KeySource,
        effort: Effort,
        open: impl FnOnce(&Key) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if source.salt.len() > LONGEST_SALT {
            return Err(Refusal::Refused);
        }
        if let Some(key) = self.remembered(&source) {
            return open(&key);
        }
        if effort == Effort::Remembered {
            return Err(Refusal::NeedsKey);
        }
        let secret = self.secret(source.secret)?;
        let derived = source
            .derivation
            .derive(&secret, &source.salt, source.key_len);
        let key = Arc::new(derived.map_err(|_| Refusal::Refused)?);
        let opened = open(&key)?;
        // Held until the key is in its place: it may be closed meanwhile.
        let secrets = self.secrets();
        if !secrets.is_empty() {
            self.lock().put(source, key);
        }
        Ok(opened)
    }

    /// The key of this source, kept at hand whatever it is for.
    ///
    /// # Errors
    /// As [`Self::with_key`].
    pub fn key(&self, source: KeySource, effort: Effort) -> Result<Key, Refusal> {
        self.with_key(source, effort, |key| Ok(Arc::clone(key)))
    }

    fn remembered(&self, source: &KeySource) -> Option<Key> {
        self.lock().get(source).map(Arc::clone)
    }

    fn secrets(&self) -> RwLockReadGuard<'_, Vec<Zeroizing<Vec<u8>>>> {
        // The list is whole or empty wherever a panic could leave the lock.
        self.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<KeySource, Key>> {
        // The cache is whole wherever a panic could leave the lock.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash::HashAlgorithm;

    fn ring() -> KeyRing {
        KeyRing::new(vec![
            Zeroizing::new(b"new".to_vec()),
            Zeroizing::new(b"old".to_vec()),
        ])
    }

    fn source(secret: usize, salt: &[u8]) -> KeySource {
        let derivation = Derivation::Pbkdf2 {
            hash: HashAlgorithm::from_name("sha256").expect("it is known"),
            rounds: 2,
        };
        KeySource {
            secret,
            salt: salt.to_vec(),
            derivation,
            key_len: 32,
        }
    }

    #[test]
    fn a_key_is_derived_when_it_may_be_and_remembered_when_it_was_good() {
        let ring = ring();
        let source = source(0, b"salt");
        let refuse = |_: &Key| Err::<(), _>(Refusal::Refused);
        let needs_key = Some(Refusal::NeedsKey);
        assert_eq!(
            ring.key(source.clone(), Effort::Remembered).err(),
            needs_key
        );
        let refused = ring.with_key(source.clone(), Effort::Derive, refuse);
        assert_eq!(refused, Err(Refusal::Refused));
        assert_eq!(
            ring.key(source.clone(), Effort::Remembered).err(),
            needs_key
        );
        let key = ring
            .key(source.clone(), Effort::Derive)
            .expect("it can be derived");
        assert!(
            ring.key(source, Effort::Remembered)
                .is_ok_and(|again| Arc::ptr_eq(&again, &key))
        );
    }

    #[test]
    fn each_secret_and_salt_has_a_key_of_its_own() {
        let ring = ring();
        let keys = [source(0, b"a"), source(1, b"a"), source(0, b"b")].map(|source| {
            ring.key(source, Effort::Derive)
                .expect("it can be derived")
                .to_vec()
        });
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    }

    #[test]
    fn a_closed_ring_has_no_keys() {
        let ring = ring();
        ring.key(source(0, b"a"), Effort::Derive)
            .expect("it can be derived");
        ring.close();
        for salt in [b"a", b"b"] {
            let key = ring.key(source(0, salt), Effort::Derive);
            assert_eq!(key.err(), Some(Refusal::Refused));
        }
        assert_eq!(ring.lock().len(), 0);
    }

    #[test]
    fn a_salt_that_no_format_has_is_refused() {
        let source = source(0, &[0; LONGEST_SALT + 1]);
        assert_eq!(
            ring().key(source, Effort::Derive).err(),
            Some(Refusal::Refused)
        );
    }

    #[test]
    fn no_more_keys_are_kept_than_there_are_places() {
        let ring = ring();
        let source = |salt: usize| source(0, &salt.to_be_bytes());
        for salt in 0..=MOST_KEYS.get() {
            ring.key(source(salt), Effort::Derive)
                .expect("it can be derived");
        }
        assert_eq!(ring.lock().len(), MOST_KEYS.get());
        assert_eq!(
            ring.key(source(0), Effort::Remembered).err(),
            Some(Refusal::NeedsKey)
        );
    }
}
