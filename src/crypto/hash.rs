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
#[expect(missing_docs, reason = "the names say it")]
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
