//! Keys from secrets.

use std::hint::black_box;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::hash::HashAlgorithm;

/// The most memory that a derivation may take. The largest known writer takes 64 MiB. Without a limit an absurd
/// parameter would end the process: Linux grants memory that it does not have, and then kills.
const MOST_MEMORY_BYTES: usize = 1 << 30;

/// How a key is derived from a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Derivation {
    /// PBKDF2 with HMAC: RFC 8018.
    Pbkdf2 {
        /// The hash of the HMAC.
        hash: HashAlgorithm,
        /// How often the HMAC is applied. At least 1.
        rounds: u32,
    },
    /// scrypt: RFC 7914. Takes 128 · r · N bytes of memory.
    Scrypt {
        /// The binary logarithm of the cost N. At least 1.
        log_n: u8,
        /// The block size.
        r: u32,
        /// The parallelization. The work is done in one thread.
        p: u32,
    },
    /// Argon2id, version 1.3: RFC 9106.
    Argon2id {
        /// The memory, in KiB. At least 8 for each lane.
        memory_kib: u32,
        /// The number of passes over the memory.
        passes: u32,
        /// The number of lanes. The work is done in one thread.
        parallelism: u32,
    },
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// The algorithm does not take a parameter, or the length of the salt or of the key.
    #[error("A parameter of the key derivation is out of range")]
    Parameter,
    /// The derivation needs more memory than there is, or than 1 GiB.
    #[error("The key derivation needs too much memory")]
    Memory,
}

impl Derivation {
    /// A key of `key_len` bytes.
    ///
    /// # Errors
    /// See [`DeriveError`]. PBKDF2 and scrypt take any salt, Argon2id one of 8 bytes or more.
    pub fn derive(
        &self,
        secret: &[u8],
        salt: &[u8],
        key_len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, DeriveError> {
        if key_len == 0 {
            return Err(DeriveError::Parameter);
        }
        let mut key = Zeroizing::new(reserved(key_len)?);
        key.resize(key_len, 0);
        match *self {
            Self::Pbkdf2 { rounds: 0, .. } => return Err(DeriveError::Parameter),
            Self::Pbkdf2 { hash, rounds } => hash.pbkdf2(secret, salt, rounds, &mut key),
            Self::Scrypt { log_n, r, p } => scrypt(secret, salt, (log_n, r, p), &mut key)?,
            Self::Argon2id {
                memory_kib,
                passes,
                parallelism,
            } => {
                let params = Params::new(memory_kib, passes, parallelism, Some(key_len))
                    .map_err(|_| DeriveError::Parameter)?;
                argon2id(secret, salt, params, &mut key)?;
            }
        }
        Ok(key)
    }
}

/// As the crate allocates by itself, and a failure there would end the process, the memory is taken once before. Without
/// `black_box` the compiler may leave that out.
fn scrypt(
    secret: &[u8],
    salt: &[u8],
    (log_n, r, p): (u8, u32, u32),
    key: &mut [u8],
) -> Result<(), DeriveError> {
    if log_n == 0 {
        return Err(DeriveError::Parameter);
    }
    let bytes = 1_u64
        .checked_shl(log_n.into())
        .and_then(|n| n.checked_add(u64::from(p) + 1))
        .and_then(|blocks| blocks.checked_mul(128 * u64::from(r)))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or(DeriveError::Memory)?;
    black_box(reserved::<u8>(bytes)?);

    let params = scrypt::Params::new(log_n, r, p).map_err(|_| DeriveError::Parameter)?;
    scrypt::scrypt(secret, salt, &params, key).map_err(|_| DeriveError::Parameter)
}

fn argon2id(secret: &[u8], salt: &[u8], params: Params, key: &mut [u8]) -> Result<(), DeriveError> {
    let blocks = params.block_count();
    let mut memory = Zeroizing::new(reserved(blocks)?);
    memory.resize(blocks, Block::new());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(secret, salt, key, &mut *memory)
        .map_err(|_| DeriveError::Parameter)
}

/// An empty vector that has room for `len` items.
fn reserved<T>(len: usize) -> Result<Vec<T>, DeriveError> {
    let bytes = len.checked_mul(size_of::<T>());
    if bytes.is_none_or(|bytes| bytes > MOST_MEMORY_BYTES) {
        return Err(DeriveError::Memory);
    }
    let mut items = Vec::new();
    items
        .try_reserve_exact(len)
        .map_err(|_| DeriveError::Memory)?;
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::{Derivation, DeriveError};
    use crate::crypto::hash::HashAlgorithm;

    fn pbkdf2(rounds: u32) -> Derivation {
        let hash = HashAlgorithm::Sha256;
        Derivation::Pbkdf2 { hash, rounds }
    }

    fn scrypt(log_n: u8, r: u32, p: u32) -> Derivation {
        Derivation::Scrypt { log_n, r, p }
    }

    fn argon2id(memory_kib: u32, passes: u32, parallelism: u32) -> Derivation {
        Derivation::Argon2id {
            memory_kib,
            passes,
            parallelism,
        }
    }

    fn check(derivation: &Derivation, secret: &str, salt: &str, expected: &str) {
        let key = derivation.derive(secret.as_bytes(), salt.as_bytes(), expected.len() / 2);
        let key = key.expect("the parameters are right");
        assert_eq!(hex::encode(&*key), expected);
    }

    /// RFC 7914, section 11.
    #[test]
    fn pbkdf2_of_the_rfc() {
        check(
            &pbkdf2(1),
            "passwd",
            "salt",
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        );
    }

    /// RFC 7914, section 12, without the one that takes 1 GiB.
    #[test]
    fn scrypt_of_the_rfc() {
        check(
            &scrypt(4, 1, 1),
            "",
            "",
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442\
             fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
        );
        check(
            &scrypt(10, 8, 16),
            "password",
            "NaCl",
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
             2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
        );
        check(
            &scrypt(14, 8, 1),
            "pleaseletmein",
            "SodiumChloride",
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
             d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
        );
    }

    /// From the tests of the reference implementation: RFC 9106 has only one with a key and data of Argon2's own.
    #[test]
    fn argon2id_of_the_reference_implementation() {
        let cases = [
            (
                argon2id(65_536, 2, 1),
                "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7",
            ),
            (
                argon2id(256, 2, 1),
                "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
            ),
            (
                argon2id(256, 2, 2),
                "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037",
            ),
            (
                argon2id(65_536, 1, 1),
                "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98",
            ),
        ];
        for (derivation, expected) in cases {
            check(&derivation, "password", "somesalt", expected);
        }
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        use DeriveError::{Memory, Parameter};
        let cases = [
            (pbkdf2(0), Parameter),
            (scrypt(0, 8, 1), Parameter),
            (scrypt(14, 0, 1), Parameter),
            (scrypt(14, 8, 0), Parameter),
            (scrypt(20, 8, 1), Memory),
            (scrypt(63, 8, 1), Memory),
            (scrypt(64, 8, 1), Memory),
            (scrypt(14, u32::MAX, 1), Memory),
            (scrypt(14, 8, u32::MAX), Memory),
            (argon2id(7, 1, 1), Parameter),
            (argon2id(31, 1, 4), Parameter),
            (argon2id(32, 0, 4), Parameter),
            (argon2id(32, 1, 0), Parameter),
            (argon2id(1 << 21, 1, 1), Memory),
            (argon2id(u32::MAX, 1, 1), Memory),
        ];
        for (case, (derivation, expected)) in cases.into_iter().enumerate() {
            let refusal = derivation.derive(b"secret", b"saltsalt", 32).err();
            assert_eq!(refusal, Some(expected), "case {case}");
        }
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        for derivation in [pbkdf2(1), scrypt(4, 1, 1), argon2id(32, 1, 4)] {
            let refusal = |key_len| derivation.derive(b"secret", b"saltsalt", key_len).err();
            assert_eq!(refusal(0), Some(DeriveError::Parameter));
            assert_eq!(refusal(usize::MAX), Some(DeriveError::Memory));
        }
        let refusal = |salt, key_len| argon2id(32, 1, 4).derive(b"secret", salt, key_len).err();
        assert_eq!(refusal(b"saltsalt", 3), Some(DeriveError::Parameter));
        assert_eq!(refusal(b"saltsal", 32), Some(DeriveError::Parameter));
    }
}
