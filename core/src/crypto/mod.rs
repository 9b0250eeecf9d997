//! Encrypted sessions: every format that some connect-mongo wrote, and one of our own. Pure: no I/O, no clock but for the
//! age of a key.
//!
//! - [`Envelopes`]: encrypts in the format of the options, decrypts whatever it is given
//! - [`kruptein`], [`v3`], [`web_crypto`]: the formats of connect-mongo 4 to 6, 3.2 and of its Web Crypto adapter
//! - [`sealed`]: our own, docs/sealed-format.md
//! - [`keys`]: secrets, and keys derived from them
//! - [`refused`]: messages that no secret opened
//! - [`stack`]: what they leave behind
//! - [`cipher`], [`hash`], [`derive`]: primitives under the names that Node has for them
//! - [`encoding`], [`json`]: text

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use keys::{Effort, Key, KeyRing, KeySource};
use refused::{MessageId, RefusedMessages};

pub mod cipher;
pub mod derive;
pub mod encoding;
pub mod hash;
pub mod json;
pub mod keys;
pub mod kruptein;
mod refused;
pub mod sealed;
mod stack;
#[cfg(test)]
mod tests;
pub mod v3;
pub mod web_crypto;

/// Far below the 2³² messages that NIST SP 800-38D §8.3 allows a key with random nonces of 12 bytes.
const MOST_MESSAGES: u32 = 1 << 30;
const LONGEST_USE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a session has, as frameworks have them, and the JSON of an encrypted one has not.
pub const SESSION_FIELD: &str = "cookie";

/// Why something was not encrypted or decrypted. What was wrong with a message is never told apart: that would help whoever
/// altered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A key would have to be derived first: the same call with [`Effort::Derive`] does so.
    #[error("A key has to be derived first")]
    NeedsKey,
    /// No secret opens this, or it was altered. The words are connect-mongo's.
    #[error("Encrypted session was tampered with!")]
    Refused,
    /// It is no message of any format, but a session, and nobody has said that such count.
    #[error(
        "The session is not encrypted: acceptPlaintext: true reads sessions from before the encryption"
    )]
    NotEncrypted,
    /// There are no random bytes, or the options ask for what the cipher cannot do.
    #[error("The session cannot be encrypted")]
    Impossible,
}

impl Refusal {
    /// What JavaScript knows it by.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused | Self::NotEncrypted => "ERR_SESSION_DECRYPT",
            Self::NeedsKey | Self::Impossible => "ERR_SESSION_ENCRYPT",
        }
    }
}

impl From<cipher::CipherError> for Refusal {
    fn from(_: cipher::CipherError) -> Self {
        Self::Refused
    }
}

impl From<der::Error> for Refusal {
    fn from(_: der::Error) -> Self {
        Self::Refused
    }
}

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// What connect-mongo's `crypto` writes.
    Kruptein,
    /// What connect-mongo's `createWebCryptoAdapter` writes.
    WebCrypto,
    /// Our own.
    Sealed,
}

/// What [`Envelopes`] need to know. Formats that are not written are read with their defaults.
pub struct Options {
    /// What is written.
    pub format: Format,
    /// For kruptein's formats and that of connect-mongo 3.2.
    pub kruptein: kruptein::Options,
    /// For the Web Crypto format.
    pub web_crypto: web_crypto::Options,
    /// For the sealed format.
    pub sealed: sealed::KeyDerivation,
    /// Whether what is not encrypted counts as a session. Whoever can write the collection can then make sessions up.
    pub accept_plaintext: bool,
}

/// A session as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<T = String, B = Vec<u8>> {
    /// A BSON string.
    Text(T),
    /// BSON binary data.
    Binary(B),
}

impl Stored {
    /// The same, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> Stored<&str, &[u8]> {
        match self {
            Self::Text(text) => Stored::Text(text),
            Self::Binary(bytes) => Stored::Binary(bytes),
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// A decrypted session.
#[derive(Debug, PartialEq, Eq)]
pub struct Plaintext {
    /// What the serializer returned, or its JSON.
    pub text: String,
    /// Whether the serializer is known to have returned this very text.
    pub is_serialized: bool,
    /// Whether it was stored in the format that is written today, under the newest secret.
    pub is_current: bool,
}

impl Plaintext {
    fn of_text(text: String) -> Self {
        Self {
            text,
            is_serialized: true,
            is_current: false,
        }
    }

    fn of_json(text: String) -> Self {
        Self {
            text,
            is_serialized: false,
            is_current: false,
        }
    }
}

/// Encrypts and decrypts the sessions of a store.
pub struct Envelopes {
    options: Options,
    keys: KeyRing,
    write_key: Mutex<Option<WriteKey>>,
    /// Held by who derives another.
    deriving: Mutex<()>,
    refused: RefusedMessages,
}

/// The key of this process for what it writes.
struct WriteKey {
    salt: Vec<u8>,
    key: Key,
    messages_left: u32,
    since: Instant,
}

/// What is known to have been written.
#[derive(Clone, Copy)]
enum EnvelopeKind {
    V3,
    Kruptein,
    WebCrypto,
    Sealed,
}

/// An envelope of any format, taken apart.
enum Envelope<'a> {
    V3(v3::Envelope),
    Kruptein(kruptein::Envelope),
    WebCrypto(Vec<u8>),
    Sealed(sealed::Envelope<'a>),
}

impl<'a> Envelope<'a> {
    /// `None` for what is not of this kind.
    fn parse(
        kind: EnvelopeKind,
        options: &Options,
        stored: Stored<&'a str, &'a [u8]>,
    ) -> Option<Self> {
        match (kind, stored) {
            (EnvelopeKind::V3, Stored::Text(text)) => v3::Envelope::parse(text).map(Self::V3),
            (EnvelopeKind::Kruptein, Stored::Text(text)) => {
                kruptein::Envelope::parse(&options.kruptein, text).map(Self::Kruptein)
            }
            (EnvelopeKind::WebCrypto, Stored::Text(text)) => {
                web_crypto::parse(&options.web_crypto, text).map(Self::WebCrypto)
            }
            (EnvelopeKind::Sealed, Stored::Binary(bytes)) => {
                sealed::Envelope::parse(bytes).map(Self::Sealed)
            }
            _ => None,
        }
    }
}

impl Envelopes {
    /// For these options and secrets, of which there is at least one.
    #[must_use]
    pub fn new(options: Options, keys: KeyRing) -> Self {
        Self {
            options,
            keys,
            write_key: Mutex::new(None),
            deriving: Mutex::default(),
            refused: RefusedMessages::default(),
        }
    }

    /// How many derived keys are at hand.
    #[must_use]
    pub fn remembered_keys(&self) -> usize {
        self.keys.at_hand()
    }

    /// Wipes the secrets and keys: from now on nothing is encrypted or decrypted.
    pub fn close(&self) {
        self.keys.close();
        *self.lock_write_key() = None;
    }

    /// Encrypts what the serializer returned.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn encrypt(&self, storage_id: &str, text: &str, effort: Effort) -> Result<Stored, Refusal> {
        stack::wiped(|| self.encrypt_now(storage_id, text, effort))
    }

    fn encrypt_now(&self, storage_id: &str, text: &str, effort: Effort) -> Result<Stored, Refusal> {
        let (salt, key) = self.write_key(effort)?;
        let encrypted = match self.options.format {
            Format::Kruptein => {
                kruptein::encrypt(&self.options.kruptein, &key, &salt, text).map(Stored::Text)
            }
            Format::WebCrypto => {
                web_crypto::encrypt(&self.options.web_crypto, &key, text).map(Stored::Text)
            }
            Format::Sealed => {
                let derivation = self.options.sealed;
                sealed::seal(&key, derivation, &salt, storage_id, text.as_bytes())
                    .map(Stored::Binary)
                    .map_err(|_| Refusal::Impossible)
            }
        };
        encrypted.map_err(|_| Refusal::Impossible)
    }

    /// Decrypts a session of any format, with any of the secrets.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decrypt(
        &self,
        storage_id: &str,
        stored: Stored<&str, &[u8]>,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let remembered = self.decrypt_with(storage_id, stored, Effort::Remembered);
        if remembered != Err(Refusal::NeedsKey) {
            return remembered;
        }
        let message = MessageId::new(storage_id, stored);
        if self.refused.contains(&message) {
            return Err(Refusal::Refused);
        }
        if effort == Effort::Remembered {
            return remembered;
        }
        let decrypted = self.decrypt_with(storage_id, stored, effort);
        if decrypted == Err(Refusal::Refused) {
            self.refused.add(message);
        }
        decrypted
    }

    fn decrypt_with(
        &self,
        storage_id: &str,
        stored: Stored<&str, &[u8]>,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let opened = stack::wiped(|| {
            first_success(
                self.envelopes(stored)
                    .map(|envelope| self.open_with_any(&envelope, storage_id, effort)),
            )
        });
        match (opened, stored) {
            (Err(Refusal::Refused), Stored::Text(text)) if self.may_be_plaintext(stored) => {
                self.plaintext(text)
            }
            (opened, _) => opened,
        }
    }

    /// Whether what did not open can be what is not encrypted. Any base64 could be a message of the Web Crypto format.
    fn may_be_plaintext(&self, stored: Stored<&str, &[u8]>) -> bool {
        let is_mere_base64 = |envelope: Envelope<'_>| {
            matches!(envelope, Envelope::WebCrypto(_)) && self.options.format != Format::WebCrypto
        };
        self.envelopes(stored).all(is_mere_base64)
    }

    fn plaintext(&self, text: &str) -> Result<Plaintext, Refusal> {
        if self.options.accept_plaintext {
            Ok(Plaintext::of_text(text.to_owned()))
        } else if json::has_field(text, SESSION_FIELD) {
            Err(Refusal::NotEncrypted)
        } else {
            Err(Refusal::Refused)
        }
    }

    /// Whether what is not encrypted counts as a session.
    #[must_use]
    pub fn accepts_plaintext(&self) -> bool {
        self.options.accept_plaintext
    }

    /// What this can be, the most likely first. Each is taken apart only when its turn comes.
    fn envelopes<'a>(
        &self,
        stored: Stored<&'a str, &'a [u8]>,
    ) -> impl Iterator<Item = Envelope<'a>> {
        let mut kinds = [
            EnvelopeKind::Kruptein,
            EnvelopeKind::WebCrypto,
            EnvelopeKind::V3,
            EnvelopeKind::Sealed,
        ];
        if self.options.format == Format::WebCrypto {
            kinds.swap(0, 1);
        }
        kinds
            .into_iter()
            .filter_map(move |kind| Envelope::parse(kind, &self.options, stored))
    }

    fn open_with_any(
        &self,
        envelope: &Envelope<'_>,
        storage_id: &str,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let secrets = self.keys.positions();
        first_success(secrets.map(|secret| self.open(envelope, storage_id, secret, effort)))
    }

    fn open(
        &self,
        envelope: &Envelope<'_>,
        storage_id: &str,
        secret: usize,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let (options, keys) = (&self.options, &self.keys);
        let (format, opened) = match envelope {
            Envelope::V3(envelope) => {
                (None, envelope.open(&options.kruptein, keys, secret, effort))
            }
            Envelope::Kruptein(envelope) => (
                Some(Format::Kruptein),
                envelope.open(&options.kruptein, keys, secret, effort),
            ),
            Envelope::WebCrypto(message) => (
                Some(Format::WebCrypto),
                web_crypto::open(&options.web_crypto, message, keys, secret, effort),
            ),
            Envelope::Sealed(envelope) => (
                Some(Format::Sealed),
                self.open_sealed(envelope, storage_id, secret, effort),
            ),
        };
        let mut plaintext = opened?;
        plaintext.is_current &= secret == 0 && format == Some(options.format);
        Ok(plaintext)
    }

    fn open_sealed(
        &self,
        envelope: &sealed::Envelope<'_>,
        storage_id: &str,
        secret: usize,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let source = sealed_source(secret, envelope.salt.to_vec(), envelope.derivation);
        let open = |key: &Key| envelope.open(key, storage_id).ok_or(Refusal::Refused);
        let opened = self.keys.with_key(source, effort, open)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Refusal::Refused)?;
        let mut plaintext = Plaintext::of_text(text.to_owned());
        plaintext.is_current = envelope.derivation == self.options.sealed;
        Ok(plaintext)
    }

    fn write_key(&self, effort: Effort) -> Result<(Vec<u8>, Key), Refusal> {
        if let Some(key) = self.take_write_key() {
            return Ok(key);
        }
        if effort == Effort::Remembered {
            return Err(Refusal::NeedsKey);
        }
        // Each thread would make a salt of its own, whose key every reader would have to derive.
        let _turn = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = self.take_write_key() {
            return Ok(key);
        }
        let source = self.new_write_source()?;
        let made = WriteKey {
            salt: source.salt.clone(),
            key: self.keys.key(source, effort)?,
            messages_left: MOST_MESSAGES,
            since: Instant::now(),
        };
        *self.lock_write_key() = Some(made);
        self.take_write_key().ok_or(Refusal::Impossible)
    }

    /// The key, for one more message; `None` when there is none yet or it has been used enough.
    fn take_write_key(&self) -> Option<(Vec<u8>, Key)> {
        let mut write_key = self.lock_write_key();
        let current = write_key.as_mut()?;
        // The Web Crypto format has one salt for ever, and the sealed format a key of its own for each message.
        if self.options.format == Format::Kruptein {
            current.messages_left = current.messages_left.checked_sub(1)?;
            if current.since.elapsed() > LONGEST_USE {
                return None;
            }
        }
        Some((current.salt.clone(), Arc::clone(&current.key)))
    }

    fn new_write_source(&self) -> Result<KeySource, Refusal> {
        const NEWEST: usize = 0;
        Ok(match self.options.format {
            Format::Kruptein => KeySource {
                secret: NEWEST,
                salt: random(kruptein::SALT_LEN)?,
                derivation: self.options.kruptein.write_derivation(),
                key_len: self.options.kruptein.key_len,
            },
            Format::WebCrypto => self.options.web_crypto.key_source(NEWEST),
            Format::Sealed => sealed_source(NEWEST, random(sealed::SALT_LEN)?, self.options.sealed),
        })
    }

    fn lock_write_key(&self) -> std::sync::MutexGuard<'_, Option<WriteKey>> {
        // A key is there or it is not, wherever a panic could leave the lock.
        self.write_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn sealed_source(secret: usize, salt: Vec<u8>, derivation: sealed::KeyDerivation) -> KeySource {
    let derivation = match derivation {
        sealed::KeyDerivation::Pbkdf2Sha512 { rounds } => derive::Derivation::Pbkdf2 {
            hash: hash::HashAlgorithm::Sha512,
            rounds,
        },
        sealed::KeyDerivation::Argon2id {
            memory_kib,
            passes,
            parallelism,
        } => derive::Derivation::Argon2id {
            memory_kib,
            passes,
            parallelism,
        },
    };
    KeySource {
        secret,
        salt,
        derivation,
        key_len: sealed::KEY_LEN,
    }
}

/// The first success; without any, whether a key that has to be derived first could bring one.
fn first_success<T>(results: impl Iterator<Item = Result<T, Refusal>>) -> Result<T, Refusal> {
    let mut refusal = Refusal::Refused;
    for result in results {
        match result {
            Err(Refusal::NeedsKey) => refusal = Refusal::NeedsKey,
            Err(_) => {}
            success => return success,
        }
    }
    Err(refusal)
}

fn random(len: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::Impossible)?;
    Ok(bytes)
}
