//! The class through which JavaScript encrypts: given to a native store, which does it inside its own calls, or used by
//! itself beside the JavaScript driver.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use connect_mongo_native_core::crypto::{
    Envelopes, Plaintext, Refusal, Stored,
    keys::{Effort, KeyRing},
};
use napi::{
    Env, Task,
    bindgen_prelude::{AsyncTask, Buffer, Either, Uint8Array},
};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::edge::crypter_config::{CrypterConfig, envelope_options};

/// What is encrypted on the calling thread at most, in bytes: a fraction of a millisecond.
const MOST_BYTES_AT_ONCE: usize = 64 * 1024;

/// A decrypted session.
#[napi(object, object_from_js = false)]
pub struct DecryptedSession {
    /// What the serializer returned, or its JSON.
    pub text: String,
    /// Whether the serializer is known to have returned this very text.
    pub is_serialized: bool,
    /// Whether it was stored in the format that is written today, under the newest secret.
    pub is_current: bool,
}

/// Encrypts sessions, and decrypts them whatever connect-mongo wrote them.
#[napi]
pub struct SessionCrypter {
    envelopes: Arc<Envelopes>,
}

#[napi]
impl SessionCrypter {
    /// How many derived keys are at hand.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn remembered_keys(&self) -> u32 {
        u32::try_from(self.envelopes.remembered_keys()).unwrap_or(u32::MAX)
    }

    /// Derives no key yet.
    ///
    /// # Errors
    /// A cipher, hash or encoding that is not known, or a length that the cipher does not take.
    #[napi(constructor, catch_unwind)]
    pub fn new(config: CrypterConfig) -> napi::Result<Self> {
        let secrets = config.secrets.iter();
        let keys = KeyRing::new(
            secrets
                .map(|secret| Zeroizing::new(secret.to_vec()))
                .collect(),
        );
        let options = envelope_options(&config).map_err(napi::Error::from_reason)?;
        Ok(Self {
            envelopes: Arc::new(Envelopes::new(options, keys)),
        })
    }

    /// Encrypts at once; `null` when that would keep the thread busy, because a key has to be derived or the text is long.
    ///
    /// # Errors
    /// No random bytes.
    #[napi(catch_unwind)]
    pub fn try_encrypt(
        &self,
        storage_id: String,
        text: String,
    ) -> napi::Result<Option<Either<String, Buffer>>> {
        if text.len() > MOST_BYTES_AT_ONCE {
            return Ok(None);
        }
        match self
            .envelopes
            .encrypt(&storage_id, &text, Effort::Remembered)
        {
            Err(Refusal::NeedsKey) => Ok(None),
            encrypted => encrypted.map(to_js).map(Some).map_err(to_error),
        }
    }

    /// Encrypts on another thread.
    ///
    /// # Errors
    /// No random bytes.
    #[napi(catch_unwind, ts_return_type = "Promise<string | Buffer>")]
    #[must_use]
    pub fn encrypt(&self, storage_id: String, text: String) -> AsyncTask<EncryptTask> {
        AsyncTask::new(EncryptTask {
            envelopes: Arc::clone(&self.envelopes),
            storage_id,
            text,
        })
    }

    /// Decrypts at once; `null` when that would keep the thread busy.
    ///
    /// # Errors
    /// No secret opens it, or it was altered.
    #[napi(catch_unwind)]
    pub fn try_decrypt(
        &self,
        storage_id: String,
        stored: Either<String, Uint8Array>,
    ) -> napi::Result<Option<DecryptedSession>> {
        let stored = to_stored(stored);
        if stored.byte_len() > MOST_BYTES_AT_ONCE {
            return Ok(None);
        }
        match self
            .envelopes
            .decrypt(&storage_id, stored.as_ref(), Effort::Remembered)
        {
            Err(Refusal::NeedsKey) => Ok(None),
            decrypted => decrypted.map(|one| Some(one.into())).map_err(to_error),
        }
    }

    /// Decrypts on another thread; `null` when a key has to be derived and may not be.
    ///
    /// # Errors
    /// No secret opens it, or it was altered.
    #[napi(catch_unwind, ts_return_type = "Promise<DecryptedSession | null>")]
    #[must_use]
    pub fn decrypt(
        &self,
        storage_id: String,
        stored: Either<String, Uint8Array>,
        may_derive: bool,
    ) -> AsyncTask<DecryptTask> {
        AsyncTask::new(DecryptTask {
            envelopes: Arc::clone(&self.envelopes),
            storage_id,
            stored: to_stored(stored),
            effort: if may_derive {
                Effort::Derive
            } else {
                Effort::Remembered
            },
        })
    }

    /// Wipes the secrets and keys: from now on nothing is encrypted or decrypted.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.envelopes.close();
    }
}

impl SessionCrypter {
    /// For the store that does its encryption itself.
    #[must_use]
    pub fn envelopes(&self) -> Arc<Envelopes> {
        Arc::clone(&self.envelopes)
    }
}

/// An encryption on a thread of its own.
pub struct EncryptTask {
    envelopes: Arc<Envelopes>,
    storage_id: String,
    text: String,
}

impl Task for EncryptTask {
    type Output = Stored;
    type JsValue = Either<String, Buffer>;

    fn compute(&mut self) -> napi::Result<Stored> {
        without_panic(|| {
            self.envelopes
                .encrypt(&self.storage_id, &self.text, Effort::Derive)
        })
    }

    fn resolve(&mut self, _: Env, encrypted: Stored) -> napi::Result<Self::JsValue> {
        Ok(to_js(encrypted))
    }
}

/// A decryption on a thread of its own.
pub struct DecryptTask {
    envelopes: Arc<Envelopes>,
    storage_id: String,
    stored: Stored,
    effort: Effort,
}

impl Task for DecryptTask {
    type Output = Option<Plaintext>;
    type JsValue = Option<DecryptedSession>;

    fn compute(&mut self) -> napi::Result<Option<Plaintext>> {
        without_panic(|| {
            let stored = self.stored.as_ref();
            match self
                .envelopes
                .decrypt(&self.storage_id, stored, self.effort)
            {
                Err(Refusal::NeedsKey) => Ok(None),
                decrypted => decrypted.map(Some),
            }
        })
    }

    fn resolve(&mut self, _: Env, decrypted: Option<Plaintext>) -> napi::Result<Self::JsValue> {
        Ok(decrypted.map(DecryptedSession::from))
    }
}

impl From<Plaintext> for DecryptedSession {
    fn from(plaintext: Plaintext) -> Self {
        Self {
            text: plaintext.text,
            is_serialized: plaintext.is_serialized,
            is_current: plaintext.is_current,
        }
    }
}

/// A panic on a thread of Node's pool would end the process.
fn without_panic<T>(work: impl FnOnce() -> Result<T, Refusal>) -> napi::Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Refusal::Impossible));
    result.map_err(to_error)
}

fn to_error(refusal: Refusal) -> napi::Error {
    napi::Error::from_reason(refusal.to_string())
}

fn to_js(stored: Stored) -> Either<String, Buffer> {
    match stored {
        Stored::Text(text) => Either::A(text),
        Stored::Binary(bytes) => Either::B(bytes.into()),
    }
}

fn to_stored(stored: Either<String, Uint8Array>) -> Stored {
    match stored {
        Either::A(text) => Stored::Text(text),
        Either::B(bytes) => Stored::Binary(bytes.to_vec()),
    }
}
