//! Sessions that connect-mongo 3.2 to 6 wrote, and their altered twins. The Node tests read all of `__test__/vectors`; here are
//! the 56 of its table and each Web Crypto session.

use std::{fs, path::Path};

use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    Envelopes, Format, Options, Plaintext, Refusal, Stored,
    cipher::CipherAlgorithm,
    encoding::Encoding,
    hash::HashAlgorithm,
    keys::{Effort, KeyRing},
    kruptein, sealed, web_crypto,
};

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../__test__/vectors");
    let text = fs::read_to_string(path.join(file)).expect("the file is there");
    let mut json: Value = serde_json::from_str(&text).expect("the file is JSON");
    let vectors = json["vectors"].take();
    serde_json::from_value(vectors).expect("there are vectors")
}

fn text_of<'a>(options: &'a Value, name: &str, default: &'a str) -> &'a str {
    options[name].as_str().unwrap_or(default)
}

fn len_of(options: &Value, name: &str, default: usize) -> usize {
    let given = options[name].as_u64();
    given.map_or(default, |len| usize::try_from(len).expect("it is small"))
}

/// Bytes are `{ "$binary": { "base64": … } }`.
fn bytes_of(value: &Value, default: &str) -> Vec<u8> {
    let base64 = value["$binary"]["base64"].as_str();
    base64.map_or_else(
        || value.as_str().unwrap_or(default).as_bytes().to_vec(),
        |base64| Encoding::Base64.decode(base64).expect("it is base64"),
    )
}

fn cipher(name: &str) -> CipherAlgorithm {
    CipherAlgorithm::from_name(name).expect("the cipher is known")
}

fn kruptein_options(options: &Value) -> kruptein::Options {
    let cipher = cipher(text_of(options, "algorithm", "aes-256-gcm"));
    kruptein::Options {
        cipher,
        hash: HashAlgorithm::from_name(text_of(options, "hashing", "sha512"))
            .expect("the hash is known"),
        encoding: Encoding::from_name(text_of(options, "encodeas", "base64"))
            .expect("the encoding is known"),
        derivation: kruptein::KeyDerivation::Pbkdf2,
        iv_len: if cipher.is_aead() { 12 } else { 16 },
        tag_len: 16,
        key_len: cipher.key_len(),
        later_tag_len: len_of(options, "at_size", 16),
        later_key_len: len_of(options, "key_size", 32),
    }
}

fn web_crypto_options(options: &Value) -> web_crypto::Options {
    let is_cbc = options["algorithm"] == "AES-CBC";
    let (gcm, cbc) = (cipher("aes-256-gcm"), cipher("aes-256-cbc"));
    web_crypto::Options {
        cipher: if is_cbc { cbc } else { gcm },
        gcm,
        hash: HashAlgorithm::Sha256,
        encoding: Encoding::from_name(text_of(options, "encoding", "base64"))
            .expect("the encoding is known"),
        iv_len: len_of(options, "ivLength", if is_cbc { 16 } else { 12 }),
        salt: bytes_of(&options["salt"], "connect-mongo:webcrypto-default-salt"),
        rounds: u32::try_from(len_of(options, "iterations", 310_000)).expect("it is small"),
    }
}

fn crypter(format: Format, options: &Value, secret: &[u8]) -> Envelopes {
    let none = Value::Null;
    let is_web = format == Format::WebCrypto;
    let options = Options {
        format,
        kruptein: kruptein_options(if is_web { &none } else { options }),
        web_crypto: web_crypto_options(if is_web { options } else { &none }),
        sealed: sealed::KeyDerivation::Pbkdf2Sha512 { rounds: 1_000 },
        accept_plaintext: false,
    };
    Envelopes::new(options, KeyRing::new(vec![Zeroizing::new(secret.to_vec())]))
}

fn crypter_of(vector: &Value) -> Envelopes {
    let options = &vector["options"];
    let format = match vector["adapter"].as_str() {
        Some("webcrypto") => Format::WebCrypto,
        _ => Format::Kruptein,
    };
    crypter(format, options, &bytes_of(&options["secret"], ""))
}

/// What is stored: text, or with 3.2 and `stringify: false` a document of one character a field.
fn stored_text(vector: &Value) -> String {
    let stored = &vector["stored"];
    let spread = || {
        let fields = stored.as_object().expect("it is a document");
        let characters = (0..fields.len()).filter_map(|index| fields[&index.to_string()].as_str());
        characters.collect()
    };
    stored.as_str().map_or_else(spread, str::to_owned)
}

fn open(crypter: &Envelopes, text: &str, effort: Effort) -> Result<Plaintext, Refusal> {
    crypter.decrypt("sid", Stored::Text(text), effort)
}

/// connect-mongo 6 makes JSON of a session twice with `stringify: false`.
fn json_of(plaintext: &Plaintext) -> Value {
    // serde_json refuses half a surrogate pair, which is in every session here.
    let text = plaintext.text.replace("\\ud800", "\\ufffd");
    let value: Value = serde_json::from_str(&text).expect("it is JSON");
    match value.as_str() {
        Some(text) => serde_json::from_str(text).expect("it is JSON"),
        None => value,
    }
}

fn assert_reads(vector: &Value) {
    let id = &vector["id"];
    let crypter = crypter_of(vector);
    let stored = stored_text(vector);
    let plaintext =
        open(&crypter, &stored, Effort::Derive).unwrap_or_else(|refusal| panic!("{id}: {refusal}"));
    let session = vector["session"]
        .as_str()
        .expect("it is text")
        .replace("\\ud800", "\\ufffd");
    let session: Value = serde_json::from_str(&session).expect("it is JSON");
    assert_eq!(json_of(&plaintext), session, "{id}");

    // In the middle is the ciphertext, whatever the format.
    let middle = stored.char_indices().nth(stored.chars().count() / 2);
    let (index, character) = middle.expect("it is not empty");
    let mut altered = stored.clone();
    let other = if character == '1' { "2" } else { "1" };
    altered.replace_range(index..index + character.len_utf8(), other);
    let reopened = open(&crypter, &altered, Effort::Remembered);
    // Nothing authenticates CBC in the Web Crypto format.
    let is_accepted = reopened.is_ok_and(|again| again.text == plaintext.text);
    assert!(!is_accepted, "{id} was altered");
}

fn table(file: &str) -> Vec<Value> {
    let is_in_table = |vector: &Value| vector["table"] == true;
    vectors(file).into_iter().filter(is_in_table).collect()
}

#[test]
fn sessions_of_connect_mongo_3_are_read() {
    table("v3.json").iter().for_each(assert_reads);
}

#[test]
fn sessions_of_connect_mongo_4_and_5_are_read() {
    for file in ["kruptein-2.json", "kruptein-3.0.json", "kruptein-3.4.json"] {
        table(file).iter().for_each(assert_reads);
    }
}

#[test]
fn sessions_of_connect_mongo_6_are_read() {
    let ours = ["secret", "algorithm", "hashing", "encodeas"];
    let is_usual = |vector: &&Value| {
        let options = vector["options"].as_object().expect("there are options");
        let is_ours = |(name, value): (&String, &Value)| {
            // Without a value kruptein's own defaults apply, which JavaScript knows.
            ours.contains(&name.as_str()) && value.is_string()
        };
        vector["custom"].is_null() && options.iter().all(is_ours)
    };
    let vectors = vectors("connect-mongo-6.json");
    let usual: Vec<_> = vectors.iter().filter(is_usual).collect();
    assert!(usual.len() > 50);
    usual.into_iter().for_each(assert_reads);
}

#[test]
fn there_are_56_sessions_in_the_table() {
    let files = [
        "v3.json",
        "kruptein-2.json",
        "kruptein-3.0.json",
        "kruptein-3.4.json",
    ];
    let count: usize = files.iter().map(|file| table(file).len()).sum();
    assert_eq!(count, 56);
}

#[test]
fn sessions_of_the_web_crypto_adapter_are_read() {
    let plain =
        |vector: &&Value| vector["custom"].is_null() && vector["options"]["iterations"].is_u64();
    vectors("web-crypto.json")
        .iter()
        .filter(plain)
        .for_each(assert_reads);
}

#[test]
fn what_is_written_is_read_and_bound_to_what_the_format_binds() {
    for format in [Format::Kruptein, Format::WebCrypto, Format::Sealed] {
        let options = serde_json::json!({ "iterations": 2 });
        let ours = crypter(format, &options, b"secret");
        let stored = ours
            .encrypt("a", "{\"n\":1}", Effort::Derive)
            .expect("it is encrypted");
        let opened = ours
            .decrypt("a", stored.as_ref(), Effort::Remembered)
            .expect("it is read");
        assert_eq!(
            (opened.text.as_str(), opened.is_current),
            ("{\"n\":1}", true)
        );

        let elsewhere = ours.decrypt("b", stored.as_ref(), Effort::Derive);
        assert_eq!(elsewhere.is_ok(), format != Format::Sealed);
        let others = crypter(format, &options, b"other");
        assert_eq!(
            others.decrypt("a", stored.as_ref(), Effort::Derive),
            Err(Refusal::Refused)
        );
    }
}

#[test]
fn a_ring_writes_with_the_newest_secret_and_reads_with_any() {
    let ring = |secrets: &[&str]| {
        let Envelopes { options, .. } = crypter(Format::Kruptein, &Value::Null, b"");
        let secrets = secrets
            .iter()
            .map(|one| Zeroizing::new(one.as_bytes().to_vec()));
        Envelopes::new(options, KeyRing::new(secrets.collect()))
    };
    let old = ring(&["old"])
        .encrypt("a", "{}", Effort::Derive)
        .expect("it is encrypted");
    let both = ring(&["new", "old"]);
    assert!(
        both.decrypt("a", old.as_ref(), Effort::Derive)
            .is_ok_and(|opened| !opened.is_current)
    );
    let new = both
        .encrypt("a", "{}", Effort::Derive)
        .expect("it is encrypted");
    assert!(
        ring(&["new"])
            .decrypt("a", new.as_ref(), Effort::Derive)
            .is_ok_and(|opened| opened.is_current)
    );
    assert_eq!(
        ring(&["old"]).decrypt("a", new.as_ref(), Effort::Derive),
        Err(Refusal::Refused)
    );
}

#[test]
fn without_the_key_at_hand_it_says_so_and_derives_nothing() {
    let crypter = crypter(Format::Kruptein, &Value::Null, b"secret");
    assert_eq!(
        crypter.encrypt("a", "{}", Effort::Remembered),
        Err(Refusal::NeedsKey)
    );
    let stored = crypter
        .encrypt("a", "{}", Effort::Derive)
        .expect("it is encrypted");
    assert!(crypter.encrypt("a", "{}", Effort::Remembered).is_ok());
    let Envelopes { options, .. } = self::crypter(Format::Kruptein, &Value::Null, b"");
    let cold = Envelopes::new(
        options,
        KeyRing::new(vec![Zeroizing::new(b"secret".to_vec())]),
    );
    assert_eq!(
        cold.decrypt("a", stored.as_ref(), Effort::Remembered),
        Err(Refusal::NeedsKey)
    );
}

#[test]
fn plaintext_is_read_only_when_asked_for() {
    let Envelopes { mut options, .. } = crypter(Format::Kruptein, &Value::Null, b"");
    let keys = || KeyRing::new(vec![Zeroizing::new(b"secret".to_vec())]);
    let strict = crypter(Format::Kruptein, &Value::Null, b"secret");
    let refusals = [
        ("{\"n\":1,\"cookie\":{}}", Refusal::NotEncrypted),
        // What can be anything, and what is left of an envelope.
        ("{\"n\":1}", Refusal::Refused),
        ("{\"hmac\":1}", Refusal::Refused),
        ("[\"cookie\"]", Refusal::Refused),
        ("cookie", Refusal::Refused),
    ];
    for (text, refusal) in refusals {
        assert_eq!(open(&strict, text, Effort::Derive), Err(refusal), "{text}");
    }
    options.accept_plaintext = true;
    let lenient = Envelopes::new(options, keys());
    assert_eq!(
        open(&lenient, "{\"n\":1}", Effort::Derive).map(|opened| opened.text),
        Ok("{\"n\":1}".to_owned())
    );
    let foreign =
        crypter(Format::Kruptein, &Value::Null, b"other").encrypt("sid", "{}", Effort::Derive);
    let foreign = foreign.expect("it is encrypted");
    assert_eq!(
        lenient.decrypt("sid", foreign.as_ref(), Effort::Derive),
        Err(Refusal::Refused)
    );
}

/// In CTR mode, which GCM is, text that is known tells what the key makes of a block, and so what CBC makes text of.
#[test]
fn no_message_for_cbc_can_be_made_of_one_for_gcm() {
    let options = serde_json::json!({ "iterations": 2 });
    let gcm = crypter(Format::WebCrypto, &options, b"secret");
    let known = b"{\"cookie\":{\"orig";
    let stored = gcm
        .encrypt("a", "{\"cookie\":{\"originalMaxAge\":1}}", Effort::Derive)
        .expect("it is encrypted");
    let Stored::Text(text) = stored else {
        panic!("the format is text")
    };
    let message = Encoding::Base64.decode(&text).expect("it is base64");
    let counter = [&message[..12], &[0, 0, 0, 2]].concat();
    let keystream = message[12..28].iter().zip(known).map(|(a, b)| a ^ b);
    let wish = b"{\"admin\":true}\x02\x02";
    let iv = counter.iter().zip(wish).map(|(a, b)| a ^ b);
    let forged = Encoding::Base64.encode(&iv.chain(keystream).collect::<Vec<_>>());

    let cbc_options = serde_json::json!({ "iterations": 2, "algorithm": "AES-CBC" });
    let cbc = crypter(Format::WebCrypto, &cbc_options, b"secret");
    let taken = open(&cbc, &forged, Effort::Derive).map(|opened| opened.text);
    assert_eq!(
        taken,
        Ok("{\"admin\":true}".to_owned()),
        "the forgery is one"
    );
    assert_eq!(open(&gcm, &forged, Effort::Derive), Err(Refusal::Refused));
    assert!(
        open(&cbc, &text, Effort::Derive).is_ok(),
        "GCM is read in any case"
    );
}
