//! As much BSON as three commands need, written straight into the message: <https://bsonspec.org/spec.html>.

const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;
const BOOLEAN: u8 = 0x08;
const DATE: u8 = 0x09;
const INT32: u8 = 0x10;

/// A document that is being written at the end of `bytes`.
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Appends a document to `bytes`, with the elements that `elements` adds.
    pub fn document(bytes: &mut Vec<u8>, elements: impl FnOnce(&mut Writer)) {
        let start = bytes.len();
        bytes.extend([0; 4]);
        elements(&mut Writer { bytes });
        bytes.push(0);
        put_length(bytes, start);
    }

    /// Adds a string.
    pub fn string(&mut self, key: &str, value: &str) {
        self.header(STRING, key);
        self.bytes.extend(length_of(value.len() + 1));
        self.bytes.extend(value.as_bytes());
        self.bytes.push(0);
    }

    /// Adds a document.
    pub fn embedded(&mut self, key: &str, elements: impl FnOnce(&mut Writer)) {
        self.header(DOCUMENT, key);
        Writer::document(self.bytes, elements);
    }

    /// Adds an array that holds one document.
    pub fn array_of_one(&mut self, key: &str, elements: impl FnOnce(&mut Writer)) {
        self.header(ARRAY, key);
        Writer::document(self.bytes, |array| array.embedded("0", elements));
    }

    /// Adds `true`.
    pub fn truth(&mut self, key: &str) {
        self.header(BOOLEAN, key);
        self.bytes.push(1);
    }

    /// Adds a date, in milliseconds since 1970.
    pub fn date(&mut self, key: &str, milliseconds: i64) {
        self.header(DATE, key);
        self.bytes.extend(milliseconds.to_le_bytes());
    }

    /// Adds a number.
    pub fn int32(&mut self, key: &str, value: i32) {
        self.header(INT32, key);
        self.bytes.extend(value.to_le_bytes());
    }

    fn header(&mut self, kind: u8, key: &str) {
        self.bytes.push(kind);
        self.bytes.extend(key.as_bytes());
        self.bytes.push(0);
    }
}

/// Writes how long the rest of `bytes` from `start` on is to where it starts.
pub fn put_length(bytes: &mut [u8], start: usize) {
    let length = length_of(bytes.len() - start);
    bytes[start..start + 4].copy_from_slice(&length);
}

fn length_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}
