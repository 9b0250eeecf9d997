//! The class through which JavaScript encrypts: given to a native store, which does it inside its own calls, or used by
//! itself beside the JavaScript driver.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use napi::{
    Env, Task,
    bindgen_prelude::{AsyncTask, Buffer, Either, Uint8Array},
};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::crypto::{
    Crypter, Format, Options, Plaintext, Refusal, Stored,
    cipher::CipherAlgorithm,
    encoding::Encoding,
    hash::HashAlgorithm,
    keys::{Effort, KeyRing},
    kruptein, sealed, web_crypto,
};

/// What is encrypted on the calling thread at most, in bytes: a fraction of a millisecond.
const MOST_BYTES_AT_ONCE: usize = 64 * 1024;

/// For error messages: each hash by the best known of its names.
const HASHES: &[&str] = &[
    "blake2b512",
    "blake2s256",
    "md5",
    "md5-sha1",
    "ripemd160",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha512-224",
    "sha512-256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "sm3",
];
const ENCODINGS: &[&str] = &["base64", "base64url", "binary", "hex", "latin1"];

/// kruptein's options. Lengths are in bytes.
#[napi(object, object_to_js = false)]
pub struct KrupteinConfig {
    /// A cipher of `crypto.getCiphers()`.
    pub algorithm: String,
    /// A hash of `crypto.getHashes()`.
    pub hashing: String,
    /// `hex`, `base64`, `base64url`, `latin1` or `binary`.
    pub encoding: String,
    /// How keys are derived.
    #[napi(ts_type = "'pbkdf2' | 'scrypt' | 'argon2id'")]
    pub derivation: String,
    /// The length of an iv.
    pub iv_length: u32,
    /// The length of an authentication tag.
    pub tag_length: u32,
    /// The length of a key.
    pub key_length: u32,
    /// The length of an authentication tag to kruptein 3.4, and to connect-mongo 3.2.
    pub later_tag_length: u32,
    /// The length of a key to kruptein 3.4.
    pub later_key_length: u32,
}

/// The options of the Web Crypto format.
#[napi(object, object_to_js = false)]
pub struct WebCryptoConfig {
    /// The cipher.
    #[napi(ts_type = "'AES-GCM' | 'AES-CBC'")]
    pub algorithm: String,
    /// `base64`, `base64url` or `hex`.
    pub encoding: String,
    /// The length of an iv, in bytes.
    pub iv_length: u32,
    /// One for all sessions.
    pub salt: Uint8Array,
    /// The rounds of PBKDF2.
    pub iterations: u32,
}

/// How the sealed format derives its keys.
#[napi(object, object_to_js = false)]
pub struct SealedConfig {
    /// The function.
    #[napi(ts_type = "'pbkdf2' | 'argon2id'")]
    pub derivation: String,
    /// The rounds of PBKDF2.
    pub iterations: u32,
    /// The memory of Argon2id, in KiB.
    pub memory_kib: u32,
    /// The passes of Argon2id.
    pub passes: u32,
    /// The lanes of Argon2id.
    pub parallelism: u32,
}

/// What a `SessionCrypter` needs to know.
#[napi(object, object_to_js = false)]
pub struct CrypterConfig {
    /// What is written.
    #[napi(ts_type = "'kruptein' | 'web-crypto' | 'sealed'")]
    pub format: String,
    /// The newest first; at least one.
    pub secrets: Vec<Uint8Array>,
    /// Whether sessions that are not encrypted are read.
    pub accept_plaintext: bool,
    /// The formats of connect-mongo's `crypto`.
    pub kruptein: KrupteinConfig,
    /// The format of `createWebCryptoAdapter`.
    pub web_crypto: WebCryptoConfig,
    /// Our own format.
    pub sealed: SealedConfig,
}

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
    crypter: Arc<Crypter>,
}

#[napi]
impl SessionCrypter {
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
        let options = options(&config).map_err(napi::Error::from_reason)?;
        Ok(Self {
            crypter: Arc::new(Crypter::new(options, keys)),
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
        match self.crypter.encrypt(&storage_id, &text, Effort::Remembered) {
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
    pub fn encrypt(&self, storage_id: String, text: String) -> AsyncTask<Encryption> {
        AsyncTask::new(Encryption {
            crypter: Arc::clone(&self.crypter),
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
            .crypter
            .decrypt(&storage_id, stored.as_ref(), Effort::Remembered)
        {
            Err(Refusal::NeedsKey) => Ok(None),
            decrypted => decrypted.map(|one| Some(one.into())).map_err(to_error),
        }
    }

    /// Decrypts on another thread.
    ///
    /// # Errors
    /// No secret opens it, or it was altered.
    #[napi(catch_unwind, ts_return_type = "Promise<DecryptedSession>")]
    #[must_use]
    pub fn decrypt(
        &self,
        storage_id: String,
        stored: Either<String, Uint8Array>,
    ) -> AsyncTask<Decryption> {
        AsyncTask::new(Decryption {
            crypter: Arc::clone(&self.crypter),
            storage_id,
            stored: to_stored(stored),
        })
    }
}

impl SessionCrypter {
    /// For the store that does its encryption itself.
    #[must_use]
    pub fn crypter(&self) -> Arc<Crypter> {
        Arc::clone(&self.crypter)
    }
}

/// An encryption on a thread of its own.
pub struct Encryption {
    crypter: Arc<Crypter>,
    storage_id: String,
    text: String,
}

impl Task for Encryption {
    type Output = Stored;
    type JsValue = Either<String, Buffer>;

    fn compute(&mut self) -> napi::Result<Stored> {
        without_panic(|| {
            self.crypter
                .encrypt(&self.storage_id, &self.text, Effort::Derive)
        })
    }

    fn resolve(&mut self, _: Env, encrypted: Stored) -> napi::Result<Self::JsValue> {
        Ok(to_js(encrypted))
    }
}

/// A decryption on a thread of its own.
pub struct Decryption {
    crypter: Arc<Crypter>,
    storage_id: String,
    stored: Stored,
}

impl Task for Decryption {
    type Output = Plaintext;
    type JsValue = DecryptedSession;

    fn compute(&mut self) -> napi::Result<Plaintext> {
        without_panic(|| {
            self.crypter
                .decrypt(&self.storage_id, self.stored.as_ref(), Effort::Derive)
        })
    }

    fn resolve(&mut self, _: Env, decrypted: Plaintext) -> napi::Result<DecryptedSession> {
        Ok(decrypted.into())
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

fn options(config: &CrypterConfig) -> Result<Options, String> {
    if config.secrets.is_empty() {
        return Err("There is no secret".to_owned());
    }
    let format = match config.format.as_str() {
        "kruptein" => Format::Kruptein,
        "web-crypto" => Format::WebCrypto,
        "sealed" => Format::Sealed,
        other => return Err(format!("The format {other:?} is not known")),
    };
    Ok(Options {
        format,
        kruptein: kruptein_options(&config.kruptein)?,
        web_crypto: web_crypto_options(&config.web_crypto)?,
        sealed: sealed_derivation(&config.sealed)?,
        accept_plaintext: config.accept_plaintext,
    })
}

fn kruptein_options(config: &KrupteinConfig) -> Result<kruptein::Options, String> {
    let options = kruptein::Options {
        cipher: cipher(&config.algorithm)?,
        hash: hash(&config.hashing)?,
        encoding: encoding(&config.encoding)?,
        derivation: match config.derivation.as_str() {
            "pbkdf2" => kruptein::KeyDerivation::Pbkdf2,
            "scrypt" => kruptein::KeyDerivation::Scrypt,
            "argon2id" => kruptein::KeyDerivation::Argon2id,
            other => return Err(format!("The key derivation {other:?} is not known")),
        },
        iv_len: length(config.iv_length),
        tag_len: length(config.tag_length),
        key_len: length(config.key_length),
        later_tag_len: length(config.later_tag_length),
        later_key_len: length(config.later_key_length),
    };
    if options.is_usable() {
        return Ok(options);
    }
    Err(format!(
        "crypto.algorithm {:?} does not take a key of {} bytes, an iv of {} and a tag of {}; connect-mongo 6 cannot use it \
         with these options either: use one with a key of 32 bytes, such as aes-256-gcm, without _key_size, _iv_size \
         and _at_size",
        config.algorithm, config.key_length, config.iv_length, config.tag_length
    ))
}

fn web_crypto_options(config: &WebCryptoConfig) -> Result<web_crypto::Options, String> {
    let name = match config.algorithm.as_str() {
        "AES-GCM" => "aes-256-gcm",
        "AES-CBC" => "aes-256-cbc",
        other => return Err(format!("The algorithm {other:?} is not known")),
    };
    let options = web_crypto::Options {
        cipher: cipher(name)?,
        gcm: cipher("aes-256-gcm")?,
        hash: HashAlgorithm::Sha256,
        encoding: encoding(&config.encoding)?,
        iv_len: length(config.iv_length),
        salt: config.salt.to_vec(),
        rounds: config.iterations,
    };
    if options.is_usable() {
        return Ok(options);
    }
    Err(format!(
        "{} does not take an ivLength of {}",
        config.algorithm, config.iv_length
    ))
}

fn sealed_derivation(config: &SealedConfig) -> Result<sealed::KeyDerivation, String> {
    let derivation = match config.derivation.as_str() {
        "pbkdf2" => sealed::KeyDerivation::Pbkdf2Sha512 {
            rounds: config.iterations,
        },
        "argon2id" => sealed::KeyDerivation::Argon2id {
            memory_kib: config.memory_kib,
            passes: config.passes,
            parallelism: config.parallelism,
        },
        other => return Err(format!("The key derivation {other:?} is not known")),
    };
    if derivation.is_within_bounds() {
        Ok(derivation)
    } else {
        Err("The cost of the key derivation is out of bounds".to_owned())
    }
}

fn cipher(name: &str) -> Result<CipherAlgorithm, String> {
    CipherAlgorithm::from_name(name).ok_or_else(|| {
        let names: Vec<_> = CipherAlgorithm::names().collect();
        unknown("algorithm", name, &names)
    })
}

fn hash(name: &str) -> Result<HashAlgorithm, String> {
    HashAlgorithm::from_name(name).ok_or_else(|| unknown("hashing", name, HASHES))
}

fn encoding(name: &str) -> Result<Encoding, String> {
    Encoding::from_name(name).ok_or_else(|| unknown("encodeas", name, ENCODINGS))
}

fn unknown(option: &str, value: &str, known: &[&str]) -> String {
    let known = known.join(", ");
    format!(
        "crypto.{option} {value:?} is not supported: connect-mongo 6 has no use for it with these options either; these work: {known}"
    )
}

fn length(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
