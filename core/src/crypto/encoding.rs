//! Text encodings under the names that Node's `Buffer` has for them.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two lower-case digits a byte.
    Hex,
    /// RFC 4648 §4, padded.
    Base64,
    /// RFC 4648 §5, not padded.
    Base64Url,
    /// One character, U+0000 to U+00FF, a byte; `binary` is another name of it.
    Latin1,
}

impl Encoding {
    /// The encoding of this name, in any case, as Node reads it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            "latin1" | "binary" => Self::Latin1,
            _ => return None,
        })
    }

    /// The text of these bytes.
    #[must_use]
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
            Self::Latin1 => {
                // With room for two bytes a character: it can be a key, and growing leaves what was there behind.
                let mut text = String::with_capacity(2 * bytes.len());
                text.extend(bytes.iter().copied().map(char::from));
                text
            }
        }
    }

    /// The bytes of this text; `None` for anything that [`Self::encode`] does not write with one or the other of the base64
    /// encodings.
    #[must_use]
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            // Node reads either alphabet under either name.
            Self::Base64 | Self::Base64Url => {
                let padded = STANDARD.decode(text);
                padded.or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()
            }
            Self::Latin1 => text.chars().map(|one| u8::try_from(one).ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encoding; 4] = [
        Encoding::Hex,
        Encoding::Base64,
        Encoding::Base64Url,
        Encoding::Latin1,
    ];

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for encoding in ALL {
            for length in 0..=bytes.len() {
                let text = encoding.encode(&bytes[..length]);
                assert_eq!(encoding.decode(&text).as_deref(), Some(&bytes[..length]));
            }
        }
    }

    #[test]
    fn text_is_as_node_writes_it() {
        let bytes = [0x00, 0xfb, 0xff, 0x80];
        assert_eq!(Encoding::Hex.encode(&bytes), "00fbff80");
        assert_eq!(Encoding::Base64.encode(&bytes), "APv/gA==");
        assert_eq!(Encoding::Base64Url.encode(&bytes), "APv_gA");
        assert_eq!(Encoding::Latin1.encode(&bytes), "\u{0}\u{fb}\u{ff}\u{80}");
    }

    #[test]
    fn names_are_those_of_node_in_any_case() {
        for (name, encoding) in [
            ("hex", Encoding::Hex),
            ("HEX", Encoding::Hex),
            ("Base64", Encoding::Base64),
            ("base64url", Encoding::Base64Url),
            ("binary", Encoding::Latin1),
            ("latin1", Encoding::Latin1),
        ] {
            assert_eq!(Encoding::from_name(name), Some(encoding));
        }
        for name in ["", "utf8", "ascii", "ucs2", "base 64"] {
            assert_eq!(Encoding::from_name(name), None);
        }
    }

    #[test]
    fn either_base64_is_read_as_the_other() {
        assert_eq!(
            Encoding::Base64.decode("APv_gA"),
            Some(vec![0, 0xfb, 0xff, 0x80])
        );
        assert_eq!(
            Encoding::Base64Url.decode("APv/gA=="),
            Some(vec![0, 0xfb, 0xff, 0x80])
        );
    }

    #[test]
    fn other_text_is_refused() {
        for (encoding, text) in [
            (Encoding::Hex, "abc"),
            (Encoding::Hex, "zz"),
            (Encoding::Base64, "APv_gA=="),
            (Encoding::Base64, "APv/gA"),
            (Encoding::Base64, "APv/gB=="),
            (Encoding::Base64Url, "APv/gA"),
            (Encoding::Latin1, "€"),
        ] {
            assert_eq!(encoding.decode(text), None, "{text}");
        }
    }
}
