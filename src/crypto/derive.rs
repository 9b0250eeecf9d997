//! Keys from secrets.

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

/// As the crate allocates by itself, and a failure there would end the process, the memory is taken once before.
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
    reserved::<u8>(bytes)?;

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
