//! Sessions, encrypted on their way to the database and decrypted on their way back.

use std::sync::{Arc, LazyLock};

use connect_mongo_native_core::{
    crypto::{Envelopes, Plaintext, Refusal, Stored, keys::Effort},
    document::{Found, Payload, spread_text},
};
use mongodb::bson::{RawBsonRef, RawDocument, spec::BinarySubtype};
use tokio::{sync::Semaphore, task};

use crate::engine::errors::StoreError;

/// Keys that are derived at a time. A derivation is tens of milliseconds of work: one processor is left to JavaScript, and
/// who comes second for the same salt finds the key that the first derived.
static DERIVATIONS: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((processors - 1).max(1))
});

/// The encryption of a store, which may have none.
#[derive(Clone)]
pub struct SessionEncryption(Option<Arc<Envelopes>>);

impl SessionEncryption {
    /// In these envelopes; without any, sessions are stored as they are.
    #[must_use]
    pub fn new(envelopes: Option<Arc<Envelopes>>) -> Self {
        Self(envelopes)
    }

    /// What to store for a session.
    ///
    /// # Errors
    /// No random bytes.
    pub async fn prepare(&self, storage_id: &str, payload: Payload) -> Result<Payload, StoreError> {
        let (Some(envelopes), Payload::Text(text)) = (&self.0, &payload) else {
            return Ok(payload);
        };
        let encrypted = match envelopes.encrypt(storage_id, text, Effort::Remembered) {
            Err(Refusal::NeedsKey) => {
                let (envelopes, id, text) =
                    (Arc::clone(envelopes), storage_id.to_owned(), text.clone());
                deriving(move || envelopes.encrypt(&id, &text, Effort::Derive)).await?
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
            is_current: Some(plaintext.is_current),
            ..found
        })
    }

    /// `None` for what is not encrypted and need not be.
    async fn decrypt(
        &self,
        storage_id: &str,
        found: &Found,
    ) -> Result<Option<Plaintext>, StoreError> {
        let (Some(envelopes), Some(payload)) = (&self.0, &found.payload) else {
            return Ok(None);
        };
        if is_null(payload) {
            return Ok(None);
        }
        let Some(stored) = stored(payload) else {
            let is_accepted = envelopes.accepts_plaintext();
            return is_accepted.then_some(None).ok_or(Refusal::Refused.into());
        };
        let decrypted = match envelopes.decrypt(storage_id, stored.as_ref(), Effort::Remembered) {
            Err(Refusal::NeedsKey) => {
                let (envelopes, id) = (Arc::clone(envelopes), storage_id.to_owned());
                deriving(move || envelopes.decrypt(&id, stored.as_ref(), Effort::Derive)).await?
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
