//! The configuration of encryption as JavaScript gives it, complete (lib/crypto/options.js).
//!
//! Ciphers, hashes and encodings are strings, for there are many: an unknown one is told in the words of connect-mongo's options.
//! Of the short lists only the format is an enum, since each costs WebAssembly 1 to 1.5 kB; the others become enums below.

use connect_mongo_native_core::crypto::{
    Format, Options, cipher::CipherAlgorithm, encoding::Encoding, hash::HashAlgorithm, kruptein,
    sealed, web_crypto,
};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

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

/// What is written.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum SessionFormat {
    /// What connect-mongo's `crypto` writes.
    #[napi(value = "kruptein")]
    Kruptein,
    /// What connect-mongo's `createWebCryptoAdapter` writes.
    #[napi(value = "web-crypto")]
    WebCrypto,
    /// Our own.
    #[napi(value = "sealed")]
    Sealed,
}

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
    pub format: SessionFormat,
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

/// What the configuration asks for.
///
/// # Errors
/// A cipher, hash or encoding that is not known, or a length that the cipher does not take, in the words of connect-mongo's
/// options.
pub fn envelope_options(config: &CrypterConfig) -> Result<Options, String> {
    if config.secrets.is_empty() {
        return Err("There is no secret".to_owned());
    }
    let format = match config.format {
        SessionFormat::Kruptein => Format::Kruptein,
        SessionFormat::WebCrypto => Format::WebCrypto,
        SessionFormat::Sealed => Format::Sealed,
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
    let name = config.algorithm.as_str();
    let cipher_name = match name {
        "AES-GCM" => "aes-256-gcm",
        "AES-CBC" => "aes-256-cbc",
        other => return Err(format!("The algorithm {other:?} is not known")),
    };
    let options = web_crypto::Options {
        cipher: cipher(cipher_name)?,
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
        "{name} does not take an ivLength of {}",
        config.iv_length
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
