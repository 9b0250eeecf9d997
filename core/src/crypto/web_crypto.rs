//! The envelope of connect-mongo 6's `createWebCryptoAdapter`: iv, ciphertext and, with AES-GCM, tag, one after the other and
//! encoded. Facts: <https://github.com/jdesboeufs/connect-mongo/blob/v6.0.0/src/lib/cryptoAdapters.ts>.

use super::{
    Plaintext, Refusal,
    cipher::CipherAlgorithm,
    derive::Derivation,
    encoding::Encoding,
    hash::HashAlgorithm,
    keys::{Effort, KeyRing, KeySource},
    random,
};

const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// The default of `ivLength` with AES-GCM.
const GCM_IV_LEN: usize = 12;

/// The adapter's options, complete.
pub struct Options {
    /// `algorithm`: AES-256-GCM or AES-256-CBC.
    pub cipher: CipherAlgorithm,
    /// AES-256-GCM, which is read in any case.
    pub gcm: CipherAlgorithm,
    /// SHA-256, for the key.
    pub hash: HashAlgorithm,
    /// `encoding`.
    pub encoding: Encoding,
    /// `ivLength`, in bytes.
    pub iv_len: usize,
    /// `salt`: one for all sessions.
    pub salt: Vec<u8>,
    /// `iterations` of PBKDF2.
    pub rounds: u32,
}

impl Options {
    /// Whether what [`encrypt`] writes can be read again.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let key = [0; KEY_LEN];
        encrypt(self, &key, "a")
            .ok()
            .and_then(|text| parse(self, &text))
            .is_some_and(|message| decrypt(self.cipher, &key, self.iv_len, &message).is_ok())
    }

    /// Where the key comes from that the secret at this position has.
    #[must_use]
    pub fn key_source(&self, secret: usize) -> KeySource {
        KeySource {
            secret,
            salt: self.salt.clone(),
            derivation: Derivation::Pbkdf2 {
                hash: self.hash,
                rounds: self.rounds,
            },
            key_len: KEY_LEN,
        }
    }
}

/// Encrypts as the adapter of connect-mongo 6 does.
///
/// # Errors
/// A cipher that does not take an iv of this length, or no random bytes.
pub fn encrypt(options: &Options, key: &[u8], text: &str) -> Result<String, Refusal> {
    let mut message = random(options.iv_len)?;
    let encrypted = options
        .cipher
        .encrypt(key, &message, &[], TAG_LEN, text.as_bytes())?;
    message.extend(encrypted.ciphertext);
    message.extend(encrypted.tag);
    Ok(options.encoding.encode(&message))
}

/// The bytes of an envelope; `None` for what cannot be one.
#[must_use]
pub fn parse(options: &Options, stored: &str) -> Option<Vec<u8>> {
    let bytes = options.encoding.decode(stored)?;
    (bytes.len() > options.iv_len).then_some(bytes)
}

/// Opens an envelope with the secret at this position of the ring.
///
/// # Errors
/// [`Refusal`].
pub fn open(
    options: &Options,
    message: &[u8],
    keys: &KeyRing,
    secret: usize,
    effort: Effort,
) -> Result<Plaintext, Refusal> {
    // One key for the whole collection: worth its place whatever becomes of this message.
    let key = keys.key(options.key_source(secret), effort)?;
    if let Ok(text) = decrypt(options.cipher, &key, options.iv_len, message) {
        let mut plaintext = Plaintext::of_json(text);
        plaintext.is_current = true;
        return Ok(plaintext);
    }
    // Never the other way round: GCM shows pairs of blocks and their encryptions to whoever can read the collection, and of
    // these messages can be made for CBC under the same key, which nothing authenticates.
    decrypt(options.gcm, &key, GCM_IV_LEN, message).map(Plaintext::of_json)
}

fn decrypt(
    cipher: CipherAlgorithm,
    key: &[u8],
    iv_len: usize,
    message: &[u8],
) -> Result<String, Refusal> {
    let tag_len = if cipher.is_aead() { TAG_LEN } else { 0 };
    let (iv, rest) = message.split_at_checked(iv_len).ok_or(Refusal::Refused)?;
    let ciphertext_len = rest.len().checked_sub(tag_len).ok_or(Refusal::Refused)?;
    let (ciphertext, tag) = rest.split_at(ciphertext_len);
    let decrypted = cipher.decrypt(key, iv, &[], ciphertext, tag)?;
    let text = std::str::from_utf8(&decrypted).map_err(|_| Refusal::Refused)?;
    Ok(text.to_owned())
}
