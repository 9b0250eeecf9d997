//! Sessions, encrypted on their way to the database and decrypted on their way back.

use std::sync::Arc;

use connect_mongo_native_core::{
    crypto::{Envelopes, Plaintext, Refusal, SESSION_FIELD, Stored, keys::Effort},
    document::{Found, Payload, spread_text},
};
use mongodb::bson::{RawBsonRef, RawDocument, spec::BinarySubtype};

use crate::engine::{
    errors::StoreError,
    heavy::{MOST_BYTES_AT_ONCE, on_another_thread, with_key_of, with_own_key},
};

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
        let Some(envelopes) = &self.0 else {
            return Ok(payload);
        };
        let Payload::Text(text) = payload else {
            return Ok(payload);
        };
        if text.len() <= MOST_BYTES_AT_ONCE {
            match envelopes.encrypt(storage_id, &text, Effort::Remembered) {
                Err(Refusal::NeedsKey) => {}
                encrypted => return Ok(to_payload(encrypted?)),
            }
        }
        let (envelopes, id) = (Arc::clone(envelopes), storage_id.to_owned());
        let work = Arc::new(move |effort| envelopes.encrypt(&id, &text, effort));
        let encrypted = match with_remembered_key(&work).await? {
            Some(encrypted) => encrypted,
            None => with_own_key(move || work(Effort::Derive)).await?,
        };
        Ok(to_payload(encrypted))
    }

    /// The session that was found, decrypted. No key is derived for it once it `is_gone`: once nobody waits for it.
    ///
    /// # Errors
    /// No secret opens it, or it was altered.
    pub async fn reveal(
        &self,
        storage_id: &str,
        found: Found,
        is_gone: impl Fn() -> bool,
    ) -> Result<Found, StoreError> {
        let Some(plaintext) = self.decrypt(storage_id, &found, is_gone).await? else {
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
        is_gone: impl Fn() -> bool,
    ) -> Result<Option<Plaintext>, StoreError> {
        let (Some(envelopes), Some(payload)) = (&self.0, &found.payload) else {
            return Ok(None);
        };
        if is_null(payload) {
            return Ok(None);
        }
        let Some(stored) = stored(payload) else {
            if envelopes.accepts_plaintext() {
                return Ok(None);
            }
            return Err(refusal_of(payload).into());
        };
        if stored.byte_len() <= MOST_BYTES_AT_ONCE {
            match envelopes.decrypt(storage_id, stored.as_ref(), Effort::Remembered) {
                Err(Refusal::NeedsKey) => {}
                decrypted => return Ok(Some(decrypted?)),
            }
        }
        let (envelopes, id) = (Arc::clone(envelopes), storage_id.to_owned());
        let work = Arc::new(move |effort| envelopes.decrypt(&id, stored.as_ref(), effort));
        if let Some(decrypted) = with_remembered_key(&work).await? {
            return Ok(Some(decrypted));
        }
        let decrypted = with_key_of(storage_id, is_gone, move || work(Effort::Derive));
        Ok(Some(decrypted.await?))
    }
}

/// On another thread; `None` when a key has to be derived first.
async fn with_remembered_key<T: Send + 'static>(
    work: &Arc<impl Fn(Effort) -> Result<T, Refusal> + Send + Sync + 'static>,
) -> Result<Option<T>, StoreError> {
    let work = Arc::clone(work);
    match on_another_thread(move || work(Effort::Remembered)).await {
        Err(StoreError::Encryption(Refusal::NeedsKey)) => Ok(None),
        result => result.map(Some),
    }
}

fn to_payload(encrypted: Stored) -> Payload {
    match encrypted {
        Stored::Text(text) => Payload::Text(text),
        Stored::Binary(bytes) => Payload::Binary(bytes),
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

/// Of a value that no format has.
fn refusal_of(payload: &Payload) -> Refusal {
    match first_value(payload) {
        Some(RawBsonRef::Document(document))
            if document
                .get(SESSION_FIELD)
                .is_ok_and(|field| field.is_some()) =>
        {
            Refusal::NotEncrypted
        }
        _ => Refusal::Refused,
    }
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
