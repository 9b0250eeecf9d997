//! The envelope of connect-mongo 3.2, to be read only. Its facts were read off the published package and confirmed with
//! sessions that it wrote (`__test__/vectors`).
//!
//! The key is text: the beginning of an encoded PBKDF2 output, under a salt made of the secret. The iv and the associated
//! data are used as text too, not decoded. Only ciphers that authenticate ever worked.

use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Plaintext, Refusal,
    derive::Derivation,
    encoding::Encoding,
    json,
    keys::{Effort, Key, KeyRing, KeySource},
    kruptein::{Options, encoding_of},
};

const ROUNDS: u32 = 10_000;
/// Of the PBKDF2 output, in bytes.
const DERIVED_LEN: usize = 64;
/// Of the salt, in characters.
const SALT_LEN: usize = 16;

/// An envelope, taken apart.
#[derive(Deserialize)]
pub struct Envelope {
    hmac: String,
    ct: String,
    at: Buffer,
    aad: String,
    iv: String,
}

/// A Buffer as JSON has it.
#[derive(Deserialize)]
struct Buffer {
    data: Vec<u8>,
}

impl Envelope {
    /// Takes an envelope apart; `None` for what is none. With `stringify: true` the text was made JSON once more; with
    /// `stringify: false` it became a document of one character a field, which is to be put together again.
    #[must_use]
    pub fn parse(stored: &str) -> Option<Self> {
        if stored.starts_with('"') {
            return serde_json::from_str(&json::parse_string(stored)?).ok();
        }
        if stored.starts_with('{') {
            return serde_json::from_str(stored).ok();
        }
        None
    }

    /// Opens the envelope with the secret at this position of the ring.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open(
        &self,
        options: &Options,
        keys: &KeyRing,
        secret: usize,
        effort: Effort,
    ) -> Result<Plaintext, Refusal> {
        let encoding = encoding_of(&self.hmac, options.encoding, options.hash);
        let encoding = encoding.ok_or(Refusal::Refused)?;
        let source = key_source(options, encoding, keys, secret)?;
        keys.with_key(source, effort, |derived| {
            self.open_with(options, encoding, derived)
        })
    }

    fn open_with(
        &self,
        options: &Options,
        encoding: Encoding,
        derived: &Key,
    ) -> Result<Plaintext, Refusal> {
        let encoded = Zeroizing::new(encoding.encode(derived));
        let key = encoded.as_bytes();
        let key = key
            .get(..options.cipher.key_len())
            .ok_or(Refusal::Refused)?;

        let mac = encoding.encode(&options.hash.hmac(key, &[self.ct.as_bytes()]));
        let is_signed = bool::from(mac.as_bytes().ct_eq(self.hmac.as_bytes()));
        let tag = &self.at.data;
        if !is_signed || !options.cipher.is_aead() || tag.len() != options.later_tag_len {
            return Err(Refusal::Refused);
        }
        let ciphertext = encoding.decode(&self.ct).ok_or(Refusal::Refused)?;
        let (iv, associated_data) = (self.iv.as_bytes(), self.aad.as_bytes());
        let decrypted = options
            .cipher
            .decrypt(key, iv, associated_data, &ciphertext, tag)?;
        let text = std::str::from_utf8(&decrypted).map_err(|_| Refusal::Refused)?;
        Ok(Plaintext::of_text(text.to_owned()))
    }
}

fn key_source(
    options: &Options,
    encoding: Encoding,
    keys: &KeyRing,
    secret: usize,
) -> Result<KeySource, Refusal> {
    let digest = encoding.encode(&options.hash.digest(&keys.secret(secret)?));
    let salt: String = digest.chars().take(SALT_LEN).collect();
    Ok(KeySource {
        secret,
        salt: salt.into_bytes(),
        derivation: Derivation::Pbkdf2 {
            hash: options.hash,
            rounds: ROUNDS,
        },
        key_len: DERIVED_LEN,
    })
}
