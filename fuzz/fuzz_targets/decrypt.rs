//! Anything at all as a stored session, with keys at hand and with the secrets of connect-mongo's formats. The keys of the seeds are
//! at hand, so that what is altered is refused by a MAC or a tag and not for want of a key; `signed` goes behind these.
#![no_main]

use std::{collections::HashSet, fs, path::Path, sync::LazyLock};

use connect_mongo_native_core::crypto::{
    Envelopes, Format, Options, Plaintext, Refusal, Stored,
    cipher::CipherAlgorithm,
    encoding::Encoding,
    hash::HashAlgorithm,
    keys::{Effort, KeyRing},
    kruptein, sealed, web_crypto,
};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

/// Made by scripts/fuzz-seeds.js, which has the same secret and storage id.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/decrypt");
const SECRET: &[u8] = b"Correct-Horse-42-Battery!";
const STORAGE_ID: &str = "sid";

/// A store, and the encoding of what it writes.
struct Store {
    /// The names of its seeds begin with it.
    name: &'static str,
    envelopes: Envelopes,
    encoding: Encoding,
    is_authenticated: bool,
}

fn cipher(name: &str) -> CipherAlgorithm {
    CipherAlgorithm::from_name(name).expect("it is known")
}

/// With connect-mongo's defaults, but for the rounds of the Web Crypto format.
fn store(name: &'static str, cipher_name: &str, encoding: Encoding) -> Store {
    let cipher_of_both = cipher(cipher_name);
    let iv_len = if cipher_of_both.is_aead() { 12 } else { 16 };
    let options = Options {
        format: Format::Kruptein,
        kruptein: kruptein::Options {
            cipher: cipher_of_both,
            hash: HashAlgorithm::Sha512,
            encoding,
            derivation: kruptein::KeyDerivation::Pbkdf2,
            iv_len,
            tag_len: 16,
            key_len: 32,
            later_tag_len: 16,
            later_key_len: 32,
        },
        web_crypto: web_crypto::Options {
            cipher: cipher_of_both,
            gcm: cipher("aes-256-gcm"),
            hash: HashAlgorithm::Sha256,
            encoding,
            iv_len,
            salt: b"connect-mongo:webcrypto-default-salt".to_vec(),
            rounds: 1_000,
        },
        sealed: sealed::KeyDerivation::Pbkdf2Sha512 { rounds: 1_000 },
        accept_plaintext: false,
    };
    let keys = KeyRing::new(vec![Zeroizing::new(SECRET.to_vec())]);
    Store {
        name,
        envelopes: Envelopes::new(options, keys),
        encoding,
        is_authenticated: cipher_of_both.is_aead(),
    }
}

impl Store {
    /// Bytes, the text that they are encoded as, and the text that they are.
    fn open(
        &self,
        data: &[u8],
        effort: Effort,
    ) -> impl Iterator<Item = Result<Plaintext, Refusal>> {
        let text = |text: &str| {
            self.envelopes
                .decrypt(STORAGE_ID, Stored::Text(text), effort)
        };
        let binary = self
            .envelopes
            .decrypt(STORAGE_ID, Stored::Binary(data), effort);
        let encoded = text(&self.encoding.encode(data));
        let plain = std::str::from_utf8(data).map(text);
        [binary, encoded].into_iter().chain(plain.ok())
    }
}

static STORES: LazyLock<[Store; 3]> = LazyLock::new(|| {
    [
        store("gcm", "aes-256-gcm", Encoding::Base64),
        store("latin1", "aes-256-gcm", Encoding::Latin1),
        store("cbc", "aes-256-cbc", Encoding::Base64),
    ]
});

/// What is in a seed. Afterwards its keys are at hand.
fn open_seed(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut stores = STORES.iter();
    let store = stores.find(|store| name.starts_with(store.name));
    let seed = fs::read(path).expect("a seed can be read");
    let mut opened = store
        .expect("each seed is for a store")
        .open(&seed, Effort::Derive);
    let text = opened.find_map(|opened| Some(opened.ok()?.text));
    text.unwrap_or_else(|| panic!("{name} is opened"))
}

static TEXTS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let files = fs::read_dir(SEEDS).expect("the seeds are there");
    files
        .map(|file| open_seed(&file.expect("the seeds are there").path()))
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let texts = &*TEXTS;
    for store in STORES.iter() {
        for opened in store.open(data, Effort::Remembered).flatten() {
            let is_known = texts.contains(&opened.text);
            assert!(is_known || !store.is_authenticated, "nobody encrypted it");
        }
    }
});
