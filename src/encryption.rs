//! Sessions, encrypted on their way to the database and decrypted on their way back.

use std::sync::{Arc, LazyLock};

use mongodb::bson::{RawBsonRef, RawDocument, spec::BinarySubtype};
use tokio::{sync::Semaphore, task};

use crate::{
    crypto::{Crypter, Plaintext, Refusal, Stored, keys::Effort},
    error::StoreError,
    session::{Found, Payload, spread_text},
};

/// Keys that are derived at a time. A derivation is tens of milliseconds of work: one processor is left to JavaScript, and
/// who comes second for the same salt finds the key that the first derived.
static DERIVATIONS: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((processors - 1).max(1))
});

/// The encryption of a store, which may have none.
#[derive(Clone)]
pub struct Encryption(Option<Arc<Crypter>>);

/// Whether a stored session is as it would be written today.
pub enum State {
    /// It is.
    Current,
    /// It is encrypted in another way, or not at all: what the serializer returned, or its JSON.
    Outdated(String),
    /// It is not encrypted, and no text.
    Plain,
}

impl Encryption {
    /// With this crypter; without one, sessions are stored as they are.
    #[must_use]
    pub fn new(crypter: Option<Arc<Crypter>>) -> Self {
        Self(crypter)
    }

    /// What to store for a session.
    ///
    /// # Errors
    /// No random bytes.
    pub async fn prepare(&self, storage_id: &str, payload: Payload) -> Result<Payload, StoreError> {
        let (Some(crypter), Payload::Text(text)) = (&self.0, &payload) else {
            return Ok(payload);
        };
        let encrypted = match crypter.encrypt(storage_id, text, Effort::Remembered) {
            Err(Refusal::NeedsKey) => {
                let (crypter, id, text) =
                    (Arc::clone(crypter), storage_id.to_owned(), text.clone());
                deriving(move || crypter.encrypt(&id, &text, Effort::Derive)).await?
            }
            encrypted => encrypted?,
        };
        Ok(match encrypted {
            Stored::Text(text) => Payload::Text(text),
            Stored::Binary(bytes) => Payload::Binary(bytes),
        })
    }

    /// The session that was found, decrypted.
    ///
    /// # Errors
    /// No secret opens it, or it was altered.
    pub async fn reveal(&self, storage_id: &str, found: Found) -> Result<Found, StoreError> {
        let Some(plaintext) = self.decrypt(storage_id, &found).await? else {
            return Ok(found);
        };
        Ok(Found {
            payload: Some(Payload::Text(plaintext.text)),
            is_serialized: Some(plaintext.is_serialized),
            ..found
        })
    }

    /// Whether a stored session is as it would be written today.
    ///
    /// # Errors
    /// As [`Self::reveal`].
    pub async fn state(&self, storage_id: &str, found: &Found) -> Result<State, StoreError> {
        Ok(match self.decrypt(storage_id, found).await? {
            Some(plaintext) if plaintext.is_current => State::Current,
            Some(plaintext) => State::Outdated(plaintext.text),
            None if found.payload.as_ref().is_some_and(is_null) => {
                return Err(Refusal::Refused.into());
            }
            None => State::Plain,
        })
    }

    /// `None` for what is not encrypted and need not be.
    async fn decrypt(
        &self,
        storage_id: &str,
        found: &Found,
    ) -> Result<Option<Plaintext>, StoreError> {
        let (Some(crypter), Some(payload)) = (&self.0, &found.payload) else {
            return Ok(None);
        };
        if is_null(payload) {
            return Ok(None);
        }
        let Some(stored) = stored(payload) else {
            let is_accepted = crypter.accepts_plaintext();
            return is_accepted.then_some(None).ok_or(Refusal::Refused.into());
        };
        let decrypted = match crypter.decrypt(storage_id, stored.as_ref(), Effort::Remembered) {
            Err(Refusal::NeedsKey) => {
                let (crypter, id) = (Arc::clone(crypter), storage_id.to_owned());
                deriving(move || crypter.decrypt(&id, stored.as_ref(), Effort::Derive)).await?
            }
            decrypted => decrypted?,
        };
        Ok(Some(decrypted))
    }
}

fn is_null(payload: &Payload) -> bool {
    first_value(payload).is_some_and(|value| value == RawBsonRef::Null)
}

fn first_value(payload: &Payload) -> Option<RawBsonRef<'_>> {
    let Payload::Bson(bytes) = payload else {
        return None;
    };
    let element = RawDocument::from_bytes(bytes).ok()?.iter().next()?;
    element.ok().map(|(_, value)| value)
}

/// `None` for a value that no format has.
fn stored(payload: &Payload) -> Option<Stored> {
    match payload {
        Payload::Text(text) => return Some(Stored::Text(text.clone())),
        Payload::Binary(bytes) => return Some(Stored::Binary(bytes.clone())),
        Payload::Bson(_) => {}
    }
    match first_value(payload)? {
        RawBsonRef::Binary(binary) if binary.subtype == BinarySubtype::Generic => {
            Some(Stored::Binary(binary.bytes.to_vec()))
        }
        RawBsonRef::Document(document) => spread_text(document).map(Stored::Text),
        _ => None,
    }
}

async fn deriving<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, StoreError> {
    // The semaphore is never closed; without a permit there is only more load.
    let _permit = DERIVATIONS.acquire().await;
    match task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(StoreError::Panic(error.to_string())),
    }
}
