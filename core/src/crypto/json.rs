//! JSON as `JSON.stringify` and `JSON.parse` have it, as far as the formats need it.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, Visitor},
};
use zeroize::Zeroizing;

/// What `JSON.stringify` makes of a string that is valid Unicode.
#[must_use]
pub fn stringify(text: &str) -> Zeroizing<String> {
    // With room for the escapes of most sessions: growing leaves what was there behind.
    let mut json = Vec::with_capacity(text.len() + text.len() / 4 + 2);
    // A string has a JSON text, and a `Vec` takes it.
    drop(serde_json::to_writer(&mut json, text));
    Zeroizing::new(String::from_utf8(json).unwrap_or_default())
}

/// The string that a JSON text is; `None` for any other value. Half a surrogate pair, which JavaScript strings can hold and
/// Rust's cannot, becomes U+FFFD, as in every string that crosses into the database.
#[must_use]
pub fn parse_string(json: &str) -> Option<String> {
    let LossyString(text) = serde_json::from_str(json).ok()?;
    Some(text)
}

/// Whether this is the JSON of an object that has this field.
#[must_use]
pub fn has_field(json: &str, field: &str) -> bool {
    #[expect(
        clippy::zero_sized_map_values,
        reason = "serde makes no set of an object"
    )]
    let object: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_str(json);
    object.is_ok_and(|object| object.contains_key(field))
}

struct LossyString(String);

impl<'de> Deserialize<'de> for LossyString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for bytes, serde_json lets lone surrogates through.
        deserializer.deserialize_bytes(LossyStringVisitor)
    }
}

struct LossyStringVisitor;

impl Visitor<'_> for LossyStringVisitor {
    type Value = LossyString;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<LossyString, E> {
        Ok(LossyString(replace_surrogates(bytes)))
    }
}

/// A lone surrogate comes as the three bytes that UTF-8 would have for it, and `from_utf8_lossy` takes each for a mistake
/// of its own.
fn replace_surrogates(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|error| {
        let mut bytes = error.into_bytes();
        for index in 0..bytes.len().saturating_sub(2) {
            if bytes[index] == 0xed && bytes[index + 1] >= 0xa0 {
                bytes[index..index + 3].copy_from_slice("\u{fffd}".as_bytes());
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_javascript_writes_them() {
        assert_eq!(
            *stringify("\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é€😀\u{2028}"),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é€😀\u{2028}\""
        );
    }

    #[test]
    fn strings_come_back() {
        for text in ["", "a", "\"\\\n\u{1}", "é€😀", "{\"a\":\"\\ud800\"}"] {
            assert_eq!(parse_string(&stringify(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(parse_string(r#""a\ud800b""#).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(parse_string(r#""\udc00é""#).as_deref(), Some("\u{fffd}é"));
        assert_eq!(parse_string(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
        assert_eq!(parse_string("\"\u{d7ff}í\"").as_deref(), Some("\u{d7ff}í"));
    }

    #[test]
    fn other_values_are_no_strings() {
        for json in ["", "1", "null", "{}", "[\"a\"]", "\"a", "\"a\" 1", "'a'"] {
            assert_eq!(parse_string(json), None, "{json}");
        }
    }
}
