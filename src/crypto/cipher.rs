//! Ciphers under the names that Node's `crypto` module has for them, with OpenSSL's conventions.
//!
//! Every mode runs over one type-erased block cipher, so that it is compiled once and not once for each cipher. GCM, OCB
//! and CFB1 are put together here: their crates fix the lengths of iv and tag at compile time, or do not exist.

use std::mem;

use aes::{Aes128, Aes192, Aes256};
use aria::Aria256;
use camellia::Camellia256;
use chacha20::{ChaCha20Legacy, ChaCha20LegacyCore};
use cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser,
    InnerIvInit, KeyInit, KeyIvInit, ParBlocks, ParBlocksSizeUser, StreamCipher, StreamCipherError,
    array::Array,
    block_padding::{self, Pkcs7},
    common::InvalidLength,
    consts::{U8, U16},
    inout::{InOut, InOutBuf},
};
use ctr::{Ctr32BE, Ctr128BE, CtrCore};
use ghash::{GHash, universal_hash::UniversalHash};
use ofb::{Ofb, OfbCore};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

type Block = Array<u8, U16>;

/// The key, the iv, the tag, the padding or a length is wrong. Which of them is not told: that would help whoever
/// altered the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The cipher refused its input")]
pub struct CipherError;

impl From<InvalidLength> for CipherError {
    fn from(_: InvalidLength) -> Self {
        Self
    }
}

impl From<StreamCipherError> for CipherError {
    fn from(_: StreamCipherError) -> Self {
        Self
    }
}

impl From<block_padding::Error> for CipherError {
    fn from(_: block_padding::Error) -> Self {
        Self
    }
}

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

/// The ways to make a stream cipher of a block cipher.
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
    /// The lengths are those that Node takes: an iv of 16 bytes (GCM: 1 or more, OCB: 1 to 15) and a tag of 4, 8 or 12
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
        let mut data = Zeroizing::new(plaintext.to_vec());
        let mut tag = Vec::new();
        match self.0 {
            Mode::Cbc(cipher) => {
                let cbc = cbc::Encryptor::inner_iv_slice_init(cipher.with_key(key)?, iv)?;
                *data = cbc.encrypt_padded_vec::<Pkcs7>(plaintext);
            }
            Mode::Gcm(cipher) => {
                check_gcm_tag_len(tag_len)?;
                let cipher = cipher.with_key(key)?;
                let mut gcm = Gcm::new(&cipher, iv)?;
                gcm.apply_keystream(&mut data)?;
                tag.extend_from_slice(&gcm.tag(aad, &data)[..tag_len]);
            }
            Mode::Ocb(cipher) => {
                let ocb = Ocb::new(cipher.with_key(key)?);
                let full_tag = ocb.encrypt(iv, aad, tag_len, &mut data)?;
                tag.extend_from_slice(&full_tag[..tag_len]);
            }
            Mode::Stream(mode, cipher) => {
                mode.apply(cipher.with_key(key)?, iv, &mut data, Direction::Encrypt)?;
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
                let cbc = cbc::Decryptor::inner_iv_slice_init(cipher.with_key(key)?, iv)?;
                let plaintext_len = cbc.decrypt_padded::<Pkcs7>(&mut data)?.len();
                data.truncate(plaintext_len);
            }
            Mode::Gcm(cipher) => {
                check_gcm_tag_len(tag.len())?;
                let cipher = cipher.with_key(key)?;
                let mut gcm = Gcm::new(&cipher, iv)?;
                check_tag(&gcm.tag(aad, &data), tag)?;
                gcm.apply_keystream(&mut data)?;
            }
            Mode::Ocb(cipher) => {
                let ocb = Ocb::new(cipher.with_key(key)?);
                let full_tag = ocb.decrypt(iv, aad, tag.len(), &mut data)?;
                check_tag(&full_tag, tag)?;
            }
            Mode::Stream(mode, cipher) => {
                mode.apply(cipher.with_key(key)?, iv, &mut data, Direction::Decrypt)?;
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

    fn with_key(self, key: &[u8]) -> Result<KeyedCipher, InvalidLength> {
        let functions: Box<dyn BlockFunctions> = match self {
            Self::Aes128 => Box::new(Aes128::new_from_slice(key)?),
            Self::Aes192 => Box::new(Aes192::new_from_slice(key)?),
            Self::Aes256 => Box::new(Aes256::new_from_slice(key)?),
            Self::Aria256 => Box::new(Aria256::new_from_slice(key)?),
            Self::Camellia256 => Box::new(Camellia256::new_from_slice(key)?),
        };
        Ok(KeyedCipher(functions))
    }
}

impl StreamMode {
    fn apply(
        self,
        cipher: KeyedCipher,
        iv: &[u8],
        data: &mut [u8],
        direction: Direction,
    ) -> Result<(), CipherError> {
        use Direction::{Decrypt, Encrypt};
        match (self, direction) {
            (Self::Cfb, Encrypt) => {
                cfb_mode::Encryptor::inner_iv_slice_init(cipher, iv)?.encrypt(data);
            }
            (Self::Cfb, Decrypt) => {
                cfb_mode::Decryptor::inner_iv_slice_init(cipher, iv)?.decrypt(data);
            }
            (Self::Cfb8, Encrypt) => {
                cfb8::Encryptor::inner_iv_slice_init(cipher, iv)?.encrypt(data);
            }
            (Self::Cfb8, Decrypt) => {
                cfb8::Decryptor::inner_iv_slice_init(cipher, iv)?.decrypt(data);
            }
            (Self::Cfb1, _) => cfb1(&cipher, iv, data, direction)?,
            (Self::Ctr, _) => {
                Ctr128BE::from_core(CtrCore::inner_iv_slice_init(cipher, iv)?)
                    .try_apply_keystream(data)?;
            }
            (Self::Ofb, _) => Ofb::from_core(OfbCore::inner_iv_slice_init(cipher, iv)?)
                .try_apply_keystream(data)?,
        }
        Ok(())
    }
}

/// CFB with segments of one bit, the highest of a byte first: NIST SP 800-38A, section 6.3.
fn cfb1(
    cipher: &KeyedCipher,
    iv: &[u8],
    data: &mut [u8],
    direction: Direction,
) -> Result<(), CipherError> {
    let mut register = u128::from_be_bytes(iv.try_into().map_err(|_| CipherError)?);
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
    Ok(())
}

/// OpenSSL's `ChaCha20`: the iv is a block counter of 64 bits, little-endian, and a nonce of 8 bytes.
fn chacha20(key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<(), CipherError> {
    let (counter, nonce) = iv.split_first_chunk().ok_or(CipherError)?;
    let mut core = ChaCha20LegacyCore::new_from_slices(key, nonce)?;
    core.set_block_pos(u64::from_le_bytes(*counter));
    ChaCha20Legacy::from_core(core).try_apply_keystream(data)?;
    Ok(())
}

/// GCM with an iv of any length: NIST SP 800-38D.
struct Gcm<'a> {
    ghash: GHash,
    counter: Ctr32BE<&'a KeyedCipher>,
    tag_mask: Block,
}

impl<'a> Gcm<'a> {
    fn new(cipher: &'a KeyedCipher, iv: &[u8]) -> Result<Self, CipherError> {
        if iv.is_empty() {
            return Err(CipherError);
        }
        let mut hash_key = Block::from(cipher.encipher(0).to_be_bytes());
        let ghash = GHash::new(&hash_key);
        hash_key.zeroize();

        let mut counter =
            Ctr32BE::from_core(CtrCore::inner_iv_init(cipher, &initial_counter(&ghash, iv)));
        let mut tag_mask = Block::default();
        counter.try_apply_keystream(&mut tag_mask)?;
        Ok(Self {
            ghash,
            counter,
            tag_mask,
        })
    }

    fn apply_keystream(&mut self, data: &mut [u8]) -> Result<(), CipherError> {
        Ok(self.counter.try_apply_keystream(data)?)
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> Block {
        let mut ghash = self.ghash.clone();
        ghash.update_padded(aad);
        ghash.update_padded(ciphertext);
        ghash.update(&[lengths_block(aad.len(), ciphertext.len())]);
        let mut tag = ghash.finalize();
        for (byte, mask) in tag.iter_mut().zip(&self.tag_mask) {
            *byte ^= mask;
        }
        tag
    }
}

fn initial_counter(ghash: &GHash, iv: &[u8]) -> Block {
    if iv.len() == 12 {
        let mut counter = Block::default();
        counter[..12].copy_from_slice(iv);
        counter[15] = 1;
        return counter;
    }
    let mut ghash = ghash.clone();
    ghash.update_padded(iv);
    ghash.update(&[lengths_block(0, iv.len())]);
    ghash.finalize()
}

/// Both lengths in bits.
fn lengths_block(first_len: usize, second_len: usize) -> Block {
    let bits = ((first_len as u128) << 67) | ((second_len as u128) << 3);
    bits.to_be_bytes().into()
}

/// The lengths that OpenSSL takes for GCM, in bytes.
fn check_gcm_tag_len(tag_len: usize) -> Result<(), CipherError> {
    match tag_len {
        4 | 8 | 12..=16 => Ok(()),
        _ => Err(CipherError),
    }
}

/// `tag` may be cut short to a length that the mode allows, which the caller has checked.
fn check_tag(full_tag: &[u8], tag: &[u8]) -> Result<(), CipherError> {
    if full_tag[..tag.len()].ct_eq(tag).into() {
        Ok(())
    } else {
        Err(CipherError)
    }
}

/// OCB, with the names of RFC 7253. Blocks are big-endian numbers.
struct Ocb {
    cipher: KeyedCipher,
    l_star: u128,
    l_dollar: u128,
}

impl Ocb {
    fn new(cipher: KeyedCipher) -> Self {
        let l_star = cipher.encipher(0);
        Self {
            cipher,
            l_star,
            l_dollar: double(l_star),
        }
    }

    /// Encrypts in place and gives the tag in full length.
    fn encrypt(
        &self,
        nonce: &[u8],
        aad: &[u8],
        tag_len: usize,
        data: &mut [u8],
    ) -> Result<[u8; 16], CipherError> {
        let checksum = checksum(data);
        let offset = self.initial_offset(nonce, tag_len)?;
        let offset = self.apply(offset, data, |block| self.cipher.encipher(block));
        Ok(self.tag(checksum, offset, aad))
    }

    /// Decrypts in place and gives the tag in full length, without which the result is not to be trusted.
    fn decrypt(
        &self,
        nonce: &[u8],
        aad: &[u8],
        tag_len: usize,
        data: &mut [u8],
    ) -> Result<[u8; 16], CipherError> {
        let offset = self.initial_offset(nonce, tag_len)?;
        let offset = self.apply(offset, data, |block| self.cipher.decipher(block));
        Ok(self.tag(checksum(data), offset, aad))
    }

    /// Gives the offset of the last block.
    fn apply(&self, mut offset: u128, data: &mut [u8], function: impl Fn(u128) -> u128) -> u128 {
        let (blocks, rest) = data.as_chunks_mut();
        for (number, block) in (1_u64..).zip(blocks) {
            offset ^= self.l(number);
            let output = function(u128::from_be_bytes(*block) ^ offset) ^ offset;
            *block = output.to_be_bytes();
        }
        if !rest.is_empty() {
            offset ^= self.l_star;
            let pad = self.cipher.encipher(offset).to_be_bytes();
            rest.iter_mut()
                .zip(pad)
                .for_each(|(byte, pad)| *byte ^= pad);
        }
        offset
    }

    fn tag(&self, checksum: u128, offset: u128, aad: &[u8]) -> [u8; 16] {
        let tag = self.cipher.encipher(checksum ^ offset ^ self.l_dollar) ^ self.hash(aad);
        tag.to_be_bytes()
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

    fn initial_offset(&self, nonce: &[u8], tag_len: usize) -> Result<u128, CipherError> {
        if !(1..=15).contains(&nonce.len()) || !(1..=16).contains(&tag_len) {
            return Err(CipherError);
        }
        let mut block = [0; 16];
        block[16 - nonce.len()..].copy_from_slice(nonce);
        block[15 - nonce.len()] |= 1;
        let tag_bits = (tag_len as u128 * 8) % 128;
        let block = u128::from_be_bytes(block) | (tag_bits << 121);

        let bottom = (block & 63) as u32;
        let top = self.cipher.encipher(block & !63);
        let stretch = (top ^ (top << 8)) >> 64;
        Ok((top << bottom) | (stretch >> (64 - bottom)))
    }

    /// What the offset of the block with this number, from 1 on, differs by from the one before.
    fn l(&self, number: u64) -> u128 {
        (0..=number.trailing_zeros()).fold(self.l_dollar, |l, _| double(l))
    }
}

impl Drop for Ocb {
    fn drop(&mut self) {
        self.l_star.zeroize();
        self.l_dollar.zeroize();
    }
}

fn checksum(plaintext: &[u8]) -> u128 {
    let (blocks, rest) = plaintext.as_chunks();
    let sum = blocks
        .iter()
        .fold(0, |sum, block| sum ^ u128::from_be_bytes(*block));
    if rest.is_empty() {
        sum
    } else {
        sum ^ padded(rest)
    }
}

/// A block that is not full, with a one bit after it and zeros to the end.
fn padded(rest: &[u8]) -> u128 {
    let mut block = [0; 16];
    block[..rest.len()].copy_from_slice(rest);
    block[rest.len()] = 0x80;
    u128::from_be_bytes(block)
}

/// Multiplication by x in GF(2^128), in constant time.
fn double(value: u128) -> u128 {
    (value << 1) ^ ((value >> 127) * 0x87)
}

/// What the modes need of a block cipher.
trait BlockFunctions {
    fn encrypt_block(&self, block: InOut<'_, '_, Block>);
    fn encrypt_blocks(&self, blocks: InOutBuf<'_, '_, Block>);
    fn decrypt_block(&self, block: InOut<'_, '_, Block>);
    fn decrypt_blocks(&self, blocks: InOutBuf<'_, '_, Block>);
}

impl<C> BlockFunctions for C
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    fn encrypt_block(&self, block: InOut<'_, '_, Block>) {
        self.encrypt_block_inout(block);
    }

    fn encrypt_blocks(&self, blocks: InOutBuf<'_, '_, Block>) {
        self.encrypt_blocks_inout(blocks);
    }

    fn decrypt_block(&self, block: InOut<'_, '_, Block>) {
        self.decrypt_block_inout(block);
    }

    fn decrypt_blocks(&self, blocks: InOutBuf<'_, '_, Block>) {
        self.decrypt_blocks_inout(blocks);
    }
}

/// A block cipher that is chosen at run time, in a form that the modes' crates take.
struct KeyedCipher(Box<dyn BlockFunctions>);

impl KeyedCipher {
    /// Encrypts one block, given as a big-endian number.
    fn encipher(&self, block: u128) -> u128 {
        let mut block = Block::from(block.to_be_bytes());
        self.0.encrypt_block((&mut block).into());
        u128::from_be_bytes(block.into())
    }

    /// Decrypts one block, given as a big-endian number.
    fn decipher(&self, block: u128) -> u128 {
        let mut block = Block::from(block.to_be_bytes());
        self.0.decrypt_block((&mut block).into());
        u128::from_be_bytes(block.into())
    }
}

impl BlockSizeUser for KeyedCipher {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for KeyedCipher {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        f.call(&Backend(&*self.0));
    }
}

impl BlockCipherDecrypt for KeyedCipher {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U16>) {
        f.call(&Backend(&*self.0));
    }
}

struct Backend<'a>(&'a dyn BlockFunctions);

impl BlockSizeUser for Backend<'_> {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Backend<'_> {
    /// What AES works on at a time where the processor has instructions for it.
    type ParBlocksSize = U8;
}

impl BlockCipherEncBackend for Backend<'_> {
    fn encrypt_block(&self, block: InOut<'_, '_, Block>) {
        self.0.encrypt_block(block);
    }

    fn encrypt_par_blocks(&self, blocks: InOut<'_, '_, ParBlocks<Self>>) {
        self.0.encrypt_blocks(blocks.into_buf());
    }
}

impl BlockCipherDecBackend for Backend<'_> {
    fn decrypt_block(&self, block: InOut<'_, '_, Block>) {
        self.0.decrypt_block(block);
    }

    fn decrypt_par_blocks(&self, blocks: InOut<'_, '_, ParBlocks<Self>>) {
        self.0.decrypt_blocks(blocks.into_buf());
    }
}
