//! The envelopes of kruptein 2.2 to 3.4, which connect-mongo 4 to 6 write with their `crypto` option. Facts were read off the
//! published packages and confirmed with sessions that they wrote (`__test__/vectors`).
//!
//! | kruptein | envelope | key | MAC over |
//! |---|---|---|---|
//! | 2.2 | JSON | PBKDF2, 15,000 rounds | the ciphertext, as text |
//! | 3.0 (connect-mongo 6) | DER, of text | PBKDF2, 15,000 rounds | the ciphertext, as text |
//! | 3.1.1 | DER, of text | PBKDF2, 15,000 rounds | the ciphertext as text, salt and iv |
//! | 3.1.3 to 3.3 | DER, of text; JSON without `use_asn1` | PBKDF2, 20,000 rounds | the ciphertext as text, salt and iv |
//! | 3.4 | DER, of bytes; JSON without `use_asn1` | PBKDF2, 20,000 rounds | ciphertext, salt and iv |
//!
//! All encrypt and then MAC with the same key. A cipher that authenticates has as its associated data the HMAC of the
//! plaintext under a key that is thrown away.

use std::sync::Arc;

use der::{
    Decode, Encode, Reader, SliceReader, Tag,
    asn1::{AnyRef, OctetStringRef},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Plaintext, Refusal,
    cipher::CipherAlgorithm,
    derive::Derivation,
    encoding::Encoding,
    first_success,
    hash::HashAlgorithm,
    json,
    keys::{Effort, Key, KeyRing, KeySource},
    random,
};

/// The rounds of PBKDF2 up to kruptein 3.1.1, connect-mongo 6 among its users.
const ROUNDS: u32 = 15_000;
/// The rounds of PBKDF2 from kruptein 3.1.3 on.
const LATER_ROUNDS: u32 = 20_000;
/// The length of a salt, in bytes, and of the key for the associated data.
pub const SALT_LEN: usize = 128;

/// How kruptein was told to make keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDerivation {
    /// By default.
    Pbkdf2,
    /// `use_scrypt`.
    Scrypt,
    /// `use_argon2`, of which kruptein 3.1.4 and later take notice where Node has argon2.
    Argon2id,
}

/// kruptein's options, complete. Lengths are in bytes.
pub struct Options {
    /// `algorithm`.
    pub cipher: CipherAlgorithm,
    /// `hashing`.
    pub hash: HashAlgorithm,
    /// `encodeas`.
    pub encoding: Encoding,
    /// `use_scrypt` and `use_argon2`.
    pub derivation: KeyDerivation,
    /// `_iv_size`, or what the cipher has by default.
    pub iv_len: usize,
    /// `_at_size`, or 16.
    pub tag_len: usize,
    /// `_key_size`, or what the cipher has by default.
    pub key_len: usize,
    /// `at_size`, which kruptein takes notice of from 3.4 on.
    pub later_tag_len: usize,
    /// `key_size`, likewise.
    pub later_key_len: usize,
}

/// What is under the MAC, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mac {
    Text,
    TextSaltAndIv,
    Bytes,
}

/// An envelope, taken apart. Without `is_text` every field holds the bytes themselves; with it `ciphertext`, `mac` and
/// `associated_data` hold encoded text.
pub struct Envelope {
    is_text: bool,
    encoding: Encoding,
    ciphertext: Vec<u8>,
    mac: Vec<u8>,
    iv: Vec<u8>,
    salt: Vec<u8>,
    tag: Vec<u8>,
    associated_data: Vec<u8>,
    is_der: bool,
}

/// A field that is an encoded text, or a Buffer as JSON has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonBytes {
    Text(String),
    Buffer { data: Vec<u8> },
}

#[derive(Deserialize)]
struct JsonEnvelope {
    ct: String,
    hmac: String,
    iv: JsonBytes,
    salt: JsonBytes,
    at: Option<JsonBytes>,
    aad: Option<String>,
}

impl Options {
    /// How `encrypt` makes its key: as kruptein 3.0 does, which knows nothing of `use_argon2`.
    #[must_use]
    pub fn write_derivation(&self) -> Derivation {
        match self.derivation {
            KeyDerivation::Scrypt => SCRYPT,
            KeyDerivation::Pbkdf2 | KeyDerivation::Argon2id => self.pbkdf2(ROUNDS),
        }
    }

    /// Whether what [`encrypt`] writes can be read again.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let (key, salt) = (
            Arc::new(Zeroizing::new(vec![0; self.key_len])),
            [0; SALT_LEN],
        );
        encrypt(self, &key, &salt, "")
            .ok()
            .and_then(|text| Envelope::parse(self, &text))
            .is_some_and(|envelope| envelope.open_with(self, &key, Mac::Text).is_ok())
    }

    fn pbkdf2(&self, rounds: u32) -> Derivation {
        Derivation::Pbkdf2 {
            hash: self.hash,
            rounds,
        }
    }

    /// Every way in which some kruptein with these options would have made an envelope of this kind, the most likely first.
    fn attempts(&self, envelope: &Envelope) -> Vec<(Derivation, Mac)> {
        let pbkdf2 = |rounds| self.pbkdf2(rounds);
        match (self.derivation, envelope.is_text) {
            (KeyDerivation::Pbkdf2, true) => vec![
                (pbkdf2(ROUNDS), Mac::Text),
                (pbkdf2(LATER_ROUNDS), Mac::TextSaltAndIv),
                (pbkdf2(ROUNDS), Mac::TextSaltAndIv),
            ],
            (KeyDerivation::Scrypt, true) => {
                vec![(SCRYPT, Mac::Text), (SCRYPT, Mac::TextSaltAndIv)]
            }
            (KeyDerivation::Argon2id, true) => vec![
                (pbkdf2(ROUNDS), Mac::Text),
                (ARGON2ID, Mac::TextSaltAndIv),
                (pbkdf2(LATER_ROUNDS), Mac::TextSaltAndIv),
                (pbkdf2(ROUNDS), Mac::TextSaltAndIv),
            ],
            (KeyDerivation::Pbkdf2, false) => vec![(pbkdf2(LATER_ROUNDS), Mac::Bytes)],
            (KeyDerivation::Scrypt, false) => vec![(SCRYPT, Mac::Bytes)],
            (KeyDerivation::Argon2id, false) => {
                vec![(ARGON2ID, Mac::Bytes), (pbkdf2(LATER_ROUNDS), Mac::Bytes)]
            }
        }
    }
}

/// Node's defaults for scrypt.
const SCRYPT: Derivation = Derivation::Scrypt {
    log_n: 14,
    r: 8,
    p: 1,
};
/// What kruptein gives Node's argon2.
const ARGON2ID: Derivation = Derivation::Argon2id {
    memory_kib: 65_536,
    passes: 3,
    parallelism: 4,
};

/// Encrypts as kruptein 3.0.8 does, and so connect-mongo 6.
///
/// # Errors
/// A cipher that does not take these lengths, or no random bytes.
pub fn encrypt(options: &Options, key: &[u8], salt: &[u8], text: &str) -> Result<String, Refusal> {
    let Options {
        cipher,
        hash,
        encoding,
        ..
    } = *options;
    let plaintext = json::stringify(text);
    let iv = random(options.iv_len)?;
    let associated_data = if cipher.is_aead() {
        hash.hmac(&random(SALT_LEN)?, &[plaintext.as_bytes()])
    } else {
        Vec::new()
    };
    let encrypted = cipher.encrypt(
        key,
        &iv,
        &associated_data,
        options.tag_len,
        plaintext.as_bytes(),
    )?;
    let ciphertext = encoding.encode(&encrypted.ciphertext);
    let mac = encoding.encode(&hash.hmac(key, &[ciphertext.as_bytes()]));
    let associated_data = encoding.encode(&associated_data);
    let mut fields = vec![ciphertext.as_bytes(), mac.as_bytes(), &iv, salt];
    if cipher.is_aead() {
        fields.extend([encrypted.tag.as_slice(), associated_data.as_bytes()]);
    }
    Ok(encoding.encode(&write_der(&fields)?))
}

impl Envelope {
    /// Takes an envelope apart; `None` for what is none.
    #[must_use]
    pub fn parse(options: &Options, stored: &str) -> Option<Self> {
        if stored.starts_with('{') {
            return Self::from_json(options, stored);
        }
        // Up to 4.2.0 connect-mongo encoded as hex by default.
        let (encoding, fields) =
            [options.encoding, Encoding::Hex]
                .into_iter()
                .find_map(|encoding| {
                    let bytes = encoding.decode(stored)?;
                    Some((encoding, read_der(&bytes).ok()?))
                })?;
        let mut fields = fields.into_iter();
        let mut next = || fields.next();
        let (ciphertext, mac, iv, salt) = (next()?, next()?, next()?, next()?);
        Some(Self {
            // Text is longer than the bytes that it stands for, but for Latin-1 without any byte from 0x80 on.
            is_text: mac.len() != options.hash.output_len(),
            encoding,
            ciphertext,
            mac,
            iv,
            salt,
            tag: next().unwrap_or_default(),
            associated_data: next().unwrap_or_default(),
            is_der: true,
        })
    }

    fn from_json(options: &Options, stored: &str) -> Option<Self> {
        let envelope: JsonEnvelope = serde_json::from_str(stored).ok()?;
        let encoding = encoding_of(&envelope.hmac, options.encoding, options.hash)?;
        let is_text = matches!(envelope.iv, JsonBytes::Buffer { .. });
        let bytes = |field| match field {
            JsonBytes::Text(text) => encoding.decode(&text),
            JsonBytes::Buffer { data } => Some(data),
        };
        let text = |field: String| {
            if is_text {
                Some(field.into_bytes())
            } else {
                encoding.decode(&field)
            }
        };
        Some(Self {
            is_text,
            encoding,
            ciphertext: text(envelope.ct)?,
            mac: text(envelope.hmac)?,
            iv: bytes(envelope.iv)?,
            salt: bytes(envelope.salt)?,
            tag: envelope.at.map_or(Some(Vec::new()), bytes)?,
            associated_data: envelope.aad.map_or(Some(Vec::new()), text)?,
            is_der: false,
        })
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
        let attempts = options.attempts(self).into_iter();
        first_success(attempts.map(|(derivation, mac)| {
            let is_current = derivation == options.write_derivation();
            let source = KeySource {
                secret,
                salt: self.salt.clone(),
                derivation,
                key_len: if self.is_text {
                    options.key_len
                } else {
                    options.later_key_len
                },
            };
            let mut plaintext =
                keys.with_key(source, effort, |key| self.open_with(options, key, mac))?;
            plaintext.is_current &= is_current;
            Ok(plaintext)
        }))
    }

    fn open_with(&self, options: &Options, key: &Key, mac: Mac) -> Result<Plaintext, Refusal> {
        if !self.is_signed(options, key, mac) {
            return Err(Refusal::Refused);
        }
        let tag_len = match (options.cipher.is_aead(), self.is_text) {
            (false, _) => 0,
            (true, true) => options.tag_len,
            (true, false) => options.later_tag_len,
        };
        // A shorter tag is easier to forge.
        if self.tag.len() != tag_len {
            return Err(Refusal::Refused);
        }
        let decrypted = options.cipher.decrypt(
            key,
            &self.iv,
            &self.decoded(&self.associated_data)?,
            &self.decoded(&self.ciphertext)?,
            &self.tag,
        )?;
        let text = std::str::from_utf8(&decrypted).map_err(|_| Refusal::Refused)?;
        let mut plaintext = match mac {
            Mac::Bytes => unwrap(text).ok_or(Refusal::Refused)?,
            Mac::Text | Mac::TextSaltAndIv => serialized(text).ok_or(Refusal::Refused)?,
        };
        plaintext.is_current = mac == Mac::Text
            && self.is_der
            && self.encoding == options.encoding
            && self.iv.len() == options.iv_len;
        Ok(plaintext)
    }

    fn is_signed(&self, options: &Options, key: &Key, mac: Mac) -> bool {
        let text = |field| String::from_utf8_lossy(field).into_owned().into_bytes();
        let (salt, iv) = match mac {
            Mac::Text => (Vec::new(), Vec::new()),
            Mac::TextSaltAndIv => (text(&self.salt), text(&self.iv)),
            Mac::Bytes => (self.salt.clone(), self.iv.clone()),
        };
        let expected = options.hash.hmac(key, &[&self.ciphertext, &salt, &iv]);
        if self.is_text {
            let expected = self.encoding.encode(&expected);
            expected.as_bytes().ct_eq(&self.mac).into()
        } else {
            expected.ct_eq(&self.mac).into()
        }
    }

    fn decoded(&self, field: &[u8]) -> Result<Vec<u8>, Refusal> {
        if !self.is_text {
            return Ok(field.to_vec());
        }
        let text = std::str::from_utf8(field).map_err(|_| Refusal::Refused)?;
        self.encoding.decode(text).ok_or(Refusal::Refused)
    }
}

/// The encoding of an encoded MAC: the one of the options, or one that a MAC of this length has. Up to 4.2.0 connect-mongo
/// had another default, and 3.2 too.
#[must_use]
pub fn encoding_of(mac: &str, preferred: Encoding, hash: HashAlgorithm) -> Option<Encoding> {
    let candidates = [
        preferred,
        Encoding::Hex,
        Encoding::Base64,
        Encoding::Base64Url,
    ];
    candidates.into_iter().find(|encoding| {
        let bytes = encoding.decode(mac);
        bytes.is_some_and(|bytes| bytes.len() == hash.output_len())
    })
}

/// What the store's serializer had returned: text in a JSON string of its own, other values (connect-mongo 4 and 5 with
/// `stringify: false`) as they are.
fn serialized(plaintext: &str) -> Option<Plaintext> {
    if plaintext.starts_with('"') {
        json::parse_string(plaintext).map(Plaintext::of_text)
    } else {
        Some(Plaintext::of_json(plaintext.to_owned()))
    }
}

/// kruptein 3.4 wraps the value by its type.
fn unwrap(plaintext: &str) -> Option<Plaintext> {
    let plaintext = plaintext.strip_suffix('}')?;
    if let Some(string) = plaintext.strip_prefix(r#"{"type":"string","value":"#) {
        return json::parse_string(string).map(Plaintext::of_text);
    }
    let value = plaintext.strip_prefix(r#"{"type":"json","value":"#)?;
    Some(Plaintext::of_json(value.to_owned()))
}

fn read_der(bytes: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    let mut reader = SliceReader::new(bytes)?;
    let fields = reader.sequence(|sequence| {
        let mut fields = Vec::new();
        while !sequence.is_finished() {
            fields.push(<&OctetStringRef>::decode(sequence)?.as_bytes().to_vec());
        }
        Ok::<_, der::Error>(fields)
    })?;
    reader.finish()?;
    match fields.len() {
        4 | 6 => Ok(fields),
        _ => Err(Tag::Sequence.length_error().into()),
    }
}

fn write_der(fields: &[&[u8]]) -> der::Result<Vec<u8>> {
    let mut body = Vec::new();
    for field in fields {
        OctetStringRef::new(field)?.encode_to_vec(&mut body)?;
    }
    AnyRef::new(Tag::Sequence, &body)?.to_der()
}
