//! Anything at all as a stored session, with keys at hand and with the secrets of connect-mongo's formats.
#![no_main]

use std::sync::LazyLock;

use connect_mongo_native_core::crypto::{
    Envelopes, Format, Options, Stored,
    cipher::CipherAlgorithm,
    encoding::Encoding,
    hash::HashAlgorithm,
    keys::{Effort, KeyRing},
    kruptein, sealed, web_crypto,
};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

const PLAINTEXT: &str = "{\"cookie\":{}}";

fn cipher(name: &str) -> CipherAlgorithm {
    CipherAlgorithm::from_name(name).expect("it is known")
}

fn crypter(format: Format, cipher_name: &str, encoding: Encoding) -> Envelopes {
    let options = Options {
        format,
        kruptein: kruptein::Options {
            cipher: cipher(cipher_name),
            hash: HashAlgorithm::Sha256,
            encoding,
            derivation: kruptein::KeyDerivation::Pbkdf2,
            iv_len: if cipher(cipher_name).is_aead() {
                12
            } else {
                16
            },
            tag_len: 16,
            key_len: 32,
            later_tag_len: 16,
            later_key_len: 32,
        },
        web_crypto: web_crypto::Options {
            cipher: cipher("aes-256-gcm"),
            gcm: cipher("aes-256-gcm"),
            hash: HashAlgorithm::Sha256,
            encoding: Encoding::Base64,
            iv_len: 12,
            salt: b"salt".to_vec(),
            rounds: 1,
        },
        sealed: sealed::KeyDerivation::Pbkdf2Sha512 { rounds: 1_000 },
        accept_plaintext: false,
    };
    let keys = KeyRing::new(vec![Zeroizing::new(b"secret".to_vec())]);
    let crypter = Envelopes::new(options, keys);
    let stored = crypter
        .encrypt("sid", PLAINTEXT, Effort::Derive)
        .expect("it is encrypted");
    crypter
        .decrypt("sid", stored.as_ref(), Effort::Derive)
        .expect("it is read");
    crypter
}

static CRYPTERS: LazyLock<[Envelopes; 5]> = LazyLock::new(|| {
    [
        crypter(Format::Kruptein, "aes-256-gcm", Encoding::Base64),
        crypter(Format::Kruptein, "aes-256-cbc", Encoding::Hex),
        crypter(Format::Kruptein, "chacha20", Encoding::Latin1),
        crypter(Format::WebCrypto, "aes-256-gcm", Encoding::Base64Url),
        crypter(Format::Sealed, "aes-256-ocb", Encoding::Base64),
    ]
});

fuzz_target!(|data: &[u8]| {
    for crypter in CRYPTERS.iter() {
        let binary = crypter.decrypt("sid", Stored::Binary(data), Effort::Remembered);
        assert!(binary.is_err(), "nothing here was sealed");
        // Any text, and the text of any bytes: an envelope below its encoding.
        let encoded =
            [Encoding::Base64, Encoding::Hex, Encoding::Latin1].map(|one| one.encode(data));
        let texts = encoded.iter().map(String::as_str);
        for text in texts.chain(std::str::from_utf8(data)) {
            let opened = crypter.decrypt("sid", Stored::Text(text), Effort::Remembered);
            assert!(opened.is_err(), "nothing here was encrypted");
        }
    }
});
