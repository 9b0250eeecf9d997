//! What was encrypted or signed with the right key, whatever it holds: the code behind MACs and tags. An envelope that is whole opens as
//! what it holds; one that was altered before it was signed opens only where no cipher authenticates.
#![no_main]

use std::sync::LazyLock;

use connect_mongo_native_core::crypto::{
    Envelopes, Format, Options, Stored,
    cipher::CipherAlgorithm,
    derive::Derivation,
    encoding::Encoding,
    hash::HashAlgorithm,
    json,
    keys::{Effort, KeyRing},
    kruptein, sealed, web_crypto,
};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"secret";
const STORAGE_ID: &str = "sid";
const SALT: [u8; kruptein::SALT_LEN] = [7; kruptein::SALT_LEN];
const SEALED_SALT: [u8; sealed::SALT_LEN] = [7; sealed::SALT_LEN];
const SEALED_DERIVATION: sealed::KeyDerivation =
    sealed::KeyDerivation::Pbkdf2Sha512 { rounds: 1_000 };
const HASH: HashAlgorithm = HashAlgorithm::Sha256;
const ENCODING: Encoding = Encoding::Base64;
/// With an iv of this length each.
const CIPHERS: [(&str, usize); 5] = [
    ("aes-256-gcm", 12),
    ("aes-256-ocb", 12),
    ("aes-256-cbc", 16),
    ("aes-256-cfb8", 16),
    ("chacha20", 16),
];

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    V3,
    KrupteinText,
    KrupteinBytes,
    WebCrypto,
    Sealed,
}

const KINDS: [Kind; 5] = [
    Kind::V3,
    Kind::KrupteinText,
    Kind::KrupteinBytes,
    Kind::WebCrypto,
    Kind::Sealed,
];

#[derive(Arbitrary, Debug)]
enum Field {
    Ciphertext,
    Iv,
    Tag,
    AssociatedData,
}

#[derive(Arbitrary, Debug)]
struct Message<'a> {
    kind: Kind,
    cipher: u8,
    iv: [u8; 16],
    associated_data: &'a [u8],
    /// Written instead of what encryption made.
    altered: Option<(Field, &'a [u8])>,
    plaintext: &'a [u8],
}

/// The fields of an envelope.
#[derive(Clone)]
struct Fields {
    ciphertext: Vec<u8>,
    iv: Vec<u8>,
    tag: Vec<u8>,
    associated_data: Vec<u8>,
}

struct Keys {
    v3: String,
    text: Zeroizing<Vec<u8>>,
    bytes: Zeroizing<Vec<u8>>,
    web_crypto: Zeroizing<Vec<u8>>,
    sealed: Zeroizing<Vec<u8>>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let derive = |hash, rounds, salt: &[u8], len| {
        let derivation = Derivation::Pbkdf2 { hash, rounds };
        derivation.derive(SECRET, salt, len).expect("it is derived")
    };
    let v3_salt = &ENCODING.encode(&HASH.digest(SECRET))[..16];
    let v3_key = ENCODING.encode(&derive(HASH, 10_000, v3_salt.as_bytes(), 64));
    Keys {
        v3: v3_key[..32].to_owned(),
        text: derive(HASH, 15_000, &SALT, 32),
        bytes: derive(HASH, 20_000, &SALT, 32),
        web_crypto: derive(HASH, 1, &SALT, 32),
        sealed: derive(HashAlgorithm::Sha512, 1_000, &SEALED_SALT, 32),
    }
});

fn cipher(name: &str) -> CipherAlgorithm {
    CipherAlgorithm::from_name(name).expect("it is known")
}

fn store((cipher_name, iv_len): (&str, usize)) -> Envelopes {
    let options = Options {
        format: Format::Kruptein,
        kruptein: kruptein::Options {
            cipher: cipher(cipher_name),
            hash: HASH,
            encoding: ENCODING,
            derivation: kruptein::KeyDerivation::Pbkdf2,
            iv_len,
            tag_len: 16,
            key_len: 32,
            later_tag_len: 16,
            later_key_len: 32,
        },
        web_crypto: web_crypto::Options {
            cipher: cipher(cipher_name),
            gcm: cipher("aes-256-gcm"),
            hash: HASH,
            encoding: ENCODING,
            iv_len,
            salt: SALT.to_vec(),
            rounds: 1,
        },
        sealed: SEALED_DERIVATION,
        accept_plaintext: false,
    };
    let keys = KeyRing::new(vec![Zeroizing::new(SECRET.to_vec())]);
    Envelopes::new(options, keys)
}

/// Each with all keys at hand.
static STORES: LazyLock<Vec<Envelopes>> = LazyLock::new(|| {
    let stores: Vec<_> = CIPHERS.into_iter().map(store).collect();
    for (index, store) in (0..).zip(&stores) {
        for kind in KINDS {
            let message = Message {
                kind,
                cipher: index,
                iv: [1; 16],
                associated_data: b"associated",
                altered: None,
                plaintext: br#"{"type":"json","value":1}"#,
            };
            if let Some((_, stored)) = message.envelope() {
                let opened = store.decrypt(STORAGE_ID, stored.as_ref(), Effort::Derive);
                // Connect-mongo 3.2 could read nothing that did not authenticate.
                assert!(opened.is_ok() || kind == Kind::V3, "{message:?}");
            }
        }
    }
    stores
});

impl Message<'_> {
    fn cipher(&self) -> (&'static str, usize) {
        CIPHERS[usize::from(self.cipher) % CIPHERS.len()]
    }

    fn is_authenticated(&self) -> bool {
        cipher(self.cipher().0).is_aead()
    }

    /// Whether it was altered, and what is stored; `None` for what cannot be encrypted.
    fn envelope(&self) -> Option<(bool, Stored)> {
        if self.kind == Kind::Sealed {
            let sealed = sealed::seal(
                &KEYS.sealed,
                SEALED_DERIVATION,
                &SEALED_SALT,
                STORAGE_ID,
                self.plaintext,
            );
            return Some((false, Stored::Binary(sealed.expect("it is sealed"))));
        }
        let whole = self.fields()?;
        let mut fields = whole.clone();
        match &self.altered {
            None => {}
            Some((Field::Ciphertext, bytes)) => fields.ciphertext = bytes.to_vec(),
            Some((Field::Iv, bytes)) => fields.iv = bytes.to_vec(),
            Some((Field::Tag, bytes)) => fields.tag = bytes.to_vec(),
            Some((Field::AssociatedData, bytes)) => fields.associated_data = bytes.to_vec(),
        }
        let stored = self.signed(&fields);
        Some((stored != self.signed(&whole), Stored::Text(stored)))
    }

    fn fields(&self) -> Option<Fields> {
        let (name, iv_len) = self.cipher();
        let iv = self.iv[..iv_len].to_vec();
        let is_web_crypto = self.kind == Kind::WebCrypto;
        let associated_data = if is_web_crypto {
            &[]
        } else {
            self.associated_data
        };
        let encoded = [&iv, associated_data].map(|field| ENCODING.encode(field));
        let (iv_bytes, data_bytes) = match self.kind {
            Kind::V3 => (encoded[0].as_bytes(), encoded[1].as_bytes()),
            _ => (iv.as_slice(), associated_data),
        };
        let encrypted = cipher(name)
            .encrypt(self.key(), iv_bytes, data_bytes, 16, self.plaintext)
            .ok()?;
        Some(Fields {
            ciphertext: encrypted.ciphertext,
            tag: encrypted.tag,
            associated_data: associated_data.to_vec(),
            iv,
        })
    }

    fn key(&self) -> &'static [u8] {
        match self.kind {
            Kind::V3 => KEYS.v3.as_bytes(),
            Kind::KrupteinText => &KEYS.text,
            Kind::KrupteinBytes => &KEYS.bytes,
            Kind::WebCrypto => &KEYS.web_crypto,
            Kind::Sealed => &KEYS.sealed,
        }
    }

    /// The envelope with a MAC, where its format has one.
    fn signed(&self, fields: &Fields) -> String {
        let Fields {
            ciphertext,
            iv,
            tag,
            associated_data,
        } = fields;
        let text = |bytes: &[u8]| ENCODING.encode(bytes);
        let (ct, aad) = (text(ciphertext), text(associated_data));
        let mac = |parts: &[&[u8]]| text(&HASH.hmac(self.key(), parts));
        match self.kind {
            Kind::V3 => format!(
                r#"{{"hmac":"{}","ct":"{ct}","at":{{"data":{tag:?}}},"aad":"{aad}","iv":"{}"}}"#,
                mac(&[ct.as_bytes()]),
                text(iv)
            ),
            Kind::KrupteinText => format!(
                r#"{{"hmac":"{}","ct":"{ct}","at":{{"data":{tag:?}}},"aad":"{aad}","iv":{{"data":{iv:?}}},"salt":{{"data":{SALT:?}}}}}"#,
                mac(&[ct.as_bytes()])
            ),
            Kind::KrupteinBytes => format!(
                r#"{{"hmac":"{}","ct":"{ct}","at":"{}","aad":"{aad}","iv":"{}","salt":"{}"}}"#,
                mac(&[ciphertext, &SALT, iv]),
                text(tag),
                text(iv),
                text(&SALT)
            ),
            Kind::WebCrypto | Kind::Sealed => text(&[&**iv, &**ciphertext, &**tag].concat()),
        }
    }

    /// What a whole envelope holds; `None` for what no store reads.
    fn text(&self) -> Option<String> {
        let text = std::str::from_utf8(self.plaintext).ok()?;
        match self.kind {
            Kind::V3 if !self.is_authenticated() => None,
            // It is no longer than its iv.
            Kind::WebCrypto if text.is_empty() && self.cipher().0 != "aes-256-cbc" => {
                self.is_authenticated().then(String::new)
            }
            Kind::KrupteinText if text.starts_with('"') => json::parse_string(text),
            Kind::KrupteinBytes => {
                let text = text.strip_suffix('}')?;
                let string = text.strip_prefix(r#"{"type":"string","value":"#);
                let json = text.strip_prefix(r#"{"type":"json","value":"#);
                string.map_or_else(|| json.map(str::to_owned), json::parse_string)
            }
            _ => Some(text.to_owned()),
        }
    }
}

fuzz_target!(|message: Message<'_>| {
    let store = &STORES[usize::from(message.cipher) % CIPHERS.len()];
    let Some((is_altered, stored)) = message.envelope() else {
        return;
    };
    let opened = store.decrypt(STORAGE_ID, stored.as_ref(), Effort::Remembered);
    let text = opened.map(|plaintext| plaintext.text);
    if !is_altered {
        assert_eq!(text.ok(), message.text(), "{message:?}");
    } else if message.is_authenticated() {
        assert!(text.is_err(), "nobody encrypted this: {message:?}");
    }
});
