//! The stored document, field for field the one that connect-mongo writes. Pure: no I/O.
//!
//! | field | BSON type | when |
//! |---|---|---|
//! | `_id` | string | the storage id |
//! | `session` | string, or whatever `serialize` returned | always |
//! | `expires` | date | always written |
//! | `lastModified` | date | given by the caller (`touchAfter > 0`) |
//! | `createdAt`, `updatedAt` | date | `timestamps` |

use mongodb::bson::{
    DateTime, Document, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, cstr, doc,
    raw::CStr, rawdoc, spec::BinarySubtype,
};

use crate::error::StoreError;

/// What a session was serialised to.
pub enum Payload {
    /// Text, stored as a BSON string.
    Text(String),
    /// Bytes, stored as BSON binary data of the generic subtype.
    Binary(Vec<u8>),
    /// A BSON document whose first element holds the value; its bytes are copied, never parsed, so that no depth of
    /// nesting can exhaust this thread's stack.
    Bson(Vec<u8>),
}

impl Payload {
    /// How large it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Bson(bytes) => bytes.len(),
        }
    }
}

/// The times that a write stores, in milliseconds since the epoch.
#[derive(Clone, Copy)]
pub struct Times {
    /// When the session expires.
    pub expires_ms: f64,
    /// The `lastModified` field; `None` leaves it alone.
    pub last_modified_ms: Option<f64>,
}

/// A document as it was found.
pub struct Found {
    /// `None` when the document has no `session` field.
    pub payload: Option<Payload>,
    /// `expires`, in milliseconds, when it is a date.
    pub expires_ms: Option<i64>,
    /// `lastModified`, in milliseconds, when it is a date.
    pub last_modified_ms: Option<i64>,
    /// Of a session that was decrypted: whether the serializer is known to have returned this very text.
    pub is_serialized: Option<bool>,
}

/// A JavaScript time value as a BSON date. Like the `bson` package, NaN (an invalid `Date`) becomes the epoch.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and a Date holds no more than 8.64e15"
)]
fn date(milliseconds: f64) -> DateTime {
    DateTime::from_millis(milliseconds as i64)
}

fn append_payload(
    fields: &mut RawDocumentBuf,
    name: &CStr,
    payload: &Payload,
) -> Result<(), StoreError> {
    match payload {
        Payload::Text(text) => fields.append(name, text.as_str()),
        Payload::Binary(bytes) => fields.append(name, binary(bytes)),
        Payload::Bson(bytes) => {
            let wrapper = RawDocument::from_bytes(bytes).map_err(StoreError::invalid_payload)?;
            let (_, value) = wrapper
                .iter()
                .next()
                .ok_or_else(|| StoreError::invalid_payload("it has no element"))?
                .map_err(StoreError::invalid_payload)?;
            fields.append(name, value);
        }
    }
    Ok(())
}

fn binary(bytes: &[u8]) -> RawBinaryRef<'_> {
    RawBinaryRef {
        subtype: BinarySubtype::Generic,
        bytes,
    }
}

fn append_times(fields: &mut RawDocumentBuf, times: Times) {
    fields.append(cstr!("expires"), date(times.expires_ms));
    if let Some(last_modified_ms) = times.last_modified_ms {
        fields.append(cstr!("lastModified"), date(last_modified_ms));
    }
}

/// The element of an `update` command that writes a whole session; with `is_upsert` it creates one where there is none.
///
/// # Errors
/// A [`Payload::Bson`] that is not a BSON document with one element.
pub fn set_statement(
    storage_id: &str,
    payload: &Payload,
    times: Times,
    is_upsert: bool,
    timestamps: bool,
) -> Result<RawDocumentBuf, StoreError> {
    let mut fields = RawDocumentBuf::new();
    append_payload(&mut fields, cstr!("session"), payload)?;
    append_times(&mut fields, times);

    let mut update = rawdoc! { "$set": fields };
    if timestamps {
        update.append(
            cstr!("$setOnInsert"),
            rawdoc! { "createdAt": DateTime::now() },
        );
        update.append(cstr!("$currentDate"), rawdoc! { "updatedAt": true });
    }
    Ok(rawdoc! { "q": { "_id": storage_id }, "u": update, "upsert": is_upsert })
}

/// The element of an `update` command that renews a session without changing it.
#[must_use]
pub fn touch_statement(storage_id: &str, times: Times, timestamps: bool) -> RawDocumentBuf {
    let mut fields = RawDocumentBuf::new();
    append_times(&mut fields, times);
    let update = update_of(fields, timestamps);
    rawdoc! { "q": { "_id": storage_id }, "u": update }
}

/// The element of an `update` command that stores a session anew if it is still stored as `stored`. Without times nothing
/// but its value changes.
///
/// # Errors
/// A [`Payload::Bson`] that is not a BSON document with one element.
pub fn replace_statement(
    storage_id: &str,
    stored: &Payload,
    payload: &Payload,
    times: Option<Times>,
    timestamps: bool,
) -> Result<RawDocumentBuf, StoreError> {
    // A stored document could begin with an operator.
    let mut equal = RawDocumentBuf::new();
    append_payload(&mut equal, cstr!("$eq"), stored)?;
    let filter = rawdoc! { "_id": storage_id, "session": equal };
    let mut fields = RawDocumentBuf::new();
    append_payload(&mut fields, cstr!("session"), payload)?;
    let Some(times) = times else {
        return Ok(rawdoc! { "q": filter, "u": { "$set": fields } });
    };
    append_times(&mut fields, times);
    let update = update_of(fields, timestamps);
    Ok(rawdoc! { "q": filter, "u": update })
}

/// An update of fields of a session that is there.
fn update_of(fields: RawDocumentBuf, timestamps: bool) -> RawDocumentBuf {
    let mut update = rawdoc! { "$set": fields };
    if timestamps {
        update.append(cstr!("$currentDate"), rawdoc! { "updatedAt": true });
    }
    update
}

/// The element of a `delete` command that removes a session.
#[must_use]
pub fn delete_statement(storage_id: &str) -> RawDocumentBuf {
    rawdoc! { "q": { "_id": storage_id }, "limit": 1 }
}

/// The filter of all sessions that are live at `now`: the one connect-mongo sends.
#[must_use]
pub fn live_filter(now: DateTime) -> Document {
    doc! { "$or": [{ "expires": { "$exists": false } }, { "expires": { "$gt": now } }] }
}

/// The same rule as [`live_filter`] on a fetched document: live without `expires`, or with a date later than `now`, be that
/// one of several in an array.
///
/// # Errors
/// A reply that is not valid BSON.
pub fn is_live(document: &RawDocument, now: DateTime) -> Result<bool, StoreError> {
    let is_later = |value: RawBsonRef<'_>| value.as_datetime().is_some_and(|date| date > now);
    Ok(match document.get("expires")? {
        None => true,
        Some(RawBsonRef::Array(values)) => values.into_iter().flatten().any(is_later),
        Some(value) => is_later(value),
    })
}

/// The storage id of a document, `None` when it has an id that no store writes. To the server a symbol equals the string
/// of the same characters.
///
/// # Errors
/// A reply that is not valid BSON, or an id that is not valid UTF-8.
pub fn storage_id(document: &RawDocument) -> Result<Option<&str>, StoreError> {
    Ok(match document.get("_id")? {
        Some(RawBsonRef::String(id) | RawBsonRef::Symbol(id)) => Some(id),
        _ => None,
    })
}

/// Takes from a document what the caller needs of it.
///
/// # Errors
/// A reply that is not valid BSON.
pub fn read(document: &RawDocument) -> Result<Found, StoreError> {
    let payload = match document.get("session")? {
        None => None,
        Some(RawBsonRef::String(text)) => Some(Payload::Text(text.to_owned())),
        Some(value) => {
            let mut wrapper = RawDocumentBuf::new();
            wrapper.append(cstr!("session"), value);
            Some(Payload::Bson(wrapper.into_bytes()))
        }
    };
    Ok(Found {
        payload,
        expires_ms: date_ms(document, "expires")?,
        last_modified_ms: date_ms(document, "lastModified")?,
        is_serialized: None,
    })
}

/// The text that connect-mongo 3.2 stored with `crypto` and `stringify: false`: a document with a field for each of its
/// characters, `0`, `1`, … `None` for any other document.
#[must_use]
pub fn spread_text(document: &RawDocument) -> Option<String> {
    let mut text = String::new();
    for (index, element) in document.iter().enumerate() {
        let (name, value) = element.ok()?;
        if name.as_str() != index.to_string() {
            return None;
        }
        text.push_str(value.as_str().filter(|one| one.chars().count() == 1)?);
    }
    (!text.is_empty()).then_some(text)
}

fn date_ms(document: &RawDocument, field: &str) -> Result<Option<i64>, StoreError> {
    Ok(match document.get(field)? {
        Some(RawBsonRef::DateTime(date)) => Some(date.timestamp_millis()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Bson, RawBson, rawbson};

    const TIMES: Times = Times {
        expires_ms: 2000.0,
        last_modified_ms: None,
    };

    fn parsed(statement: &RawDocumentBuf) -> Document {
        Document::try_from(statement.as_ref()).expect("a statement is valid BSON")
    }

    fn set(payload: &Payload, times: Times, timestamps: bool) -> Document {
        parsed(
            &set_statement("sid", payload, times, true, timestamps).expect("the payload is valid"),
        )
    }

    #[test]
    fn set_writes_text_and_expires() {
        let statement = set(&Payload::Text("{}".into()), TIMES, false);
        let expected = doc! {
            "q": { "_id": "sid" },
            "u": { "$set": { "session": "{}", "expires": DateTime::from_millis(2000) } },
            "upsert": true,
        };
        assert_eq!(statement, expected);
    }

    #[test]
    fn a_set_without_upsert_creates_nothing() {
        let statement = set_statement("sid", &Payload::Text("{}".into()), TIMES, false, false);
        let statement = parsed(&statement.expect("the payload is valid"));
        assert_eq!(statement.get_bool("upsert").ok(), Some(false));
    }

    #[test]
    fn set_splices_any_bson_value() {
        for value in [
            Bson::Null,
            Bson::Int32(7),
            Bson::Array(vec![Bson::Boolean(true)]),
            Bson::Document(doc! { "user": { "name": "a\u{0}b" } }),
        ] {
            let wrapper = RawDocumentBuf::try_from(&doc! { "session": value.clone() })
                .expect("the wrapper is valid");
            let statement = set(&Payload::Bson(wrapper.into_bytes()), TIMES, false);
            let stored = statement
                .get_document("u")
                .and_then(|update| update.get_document("$set"))
                .expect("there is a $set");
            assert_eq!(stored.get("session"), Some(&value));
        }
    }

    #[test]
    fn set_refuses_bytes_that_are_no_document() {
        for bytes in [
            vec![],
            vec![1, 2, 3],
            vec![5, 0, 0, 0, 0],
            vec![9, 0, 0, 0, 2, b'a', 0, 9, 0],
        ] {
            assert!(set_statement("sid", &Payload::Bson(bytes), TIMES, true, false).is_err());
        }
    }

    #[test]
    fn a_payload_of_any_depth_is_copied() {
        let mut document = rawdoc! { "leaf": 1 };
        for _ in 0..2_000 {
            let mut outer = RawDocumentBuf::new();
            outer.append(cstr!("a"), document);
            document = outer;
        }
        let statement = set_statement(
            "sid",
            &Payload::Bson(rawdoc! { "session": document }.into_bytes()),
            TIMES,
            true,
            false,
        );
        assert!(statement.is_ok());
    }

    #[test]
    fn timestamps_add_created_at_and_updated_at() {
        let statement = set(&Payload::Text("{}".into()), TIMES, true);
        let update = statement
            .get_document("u")
            .expect("there is an update document");
        assert!(
            update
                .get_document("$setOnInsert")
                .is_ok_and(|fields| fields.get_datetime("createdAt").is_ok())
        );
        assert_eq!(
            update.get_document("$currentDate").ok(),
            Some(&doc! { "updatedAt": true })
        );
    }

    #[test]
    fn touch_changes_times_alone() {
        let times = Times {
            expires_ms: 3000.0,
            last_modified_ms: Some(1000.0),
        };
        let expected = doc! {
            "q": { "_id": "sid" },
            "u": {
                "$set": {
                    "expires": DateTime::from_millis(3000),
                    "lastModified": DateTime::from_millis(1000),
                },
                "$currentDate": { "updatedAt": true },
            },
        };
        assert_eq!(parsed(&touch_statement("sid", times, true)), expected);
    }

    #[test]
    fn replace_asks_for_the_stored_value_and_changes_what_it_is_told_to() {
        let stored = Payload::Bson(rawdoc! { "session": { "$gt": "" } }.into_bytes());
        let replace = |times| {
            let payload = Payload::Text("{}".into());
            let statement = replace_statement("sid", &stored, &payload, times, true);
            parsed(&statement.expect("the payloads are valid"))
        };
        let filter = doc! { "_id": "sid", "session": { "$eq": { "$gt": "" } } };
        assert_eq!(
            replace(None),
            doc! { "q": filter.clone(), "u": { "$set": { "session": "{}" } } }
        );
        let update = doc! {
            "$set": { "session": "{}", "expires": DateTime::from_millis(2000) },
            "$currentDate": { "updatedAt": true },
        };
        assert_eq!(replace(Some(TIMES)), doc! { "q": filter, "u": update });
    }

    #[test]
    fn an_invalid_date_is_the_epoch_as_in_the_bson_package() {
        assert_eq!(date(f64::NAN), DateTime::from_millis(0));
        assert_eq!(date(-1.0), DateTime::from_millis(-1));
    }

    #[test]
    fn live_is_missing_or_a_later_date() {
        let now = DateTime::from_millis(1000);
        for (expires, live) in [
            (None, true),
            (Some(RawBson::DateTime(DateTime::from_millis(1001))), true),
            (Some(RawBson::DateTime(now)), false),
            (Some(RawBson::DateTime(DateTime::from_millis(999))), false),
            (Some(RawBson::Null), false),
            (Some(RawBson::Int64(5000)), false),
            (Some(rawbson!([])), false),
            (Some(rawbson!([999, DateTime::from_millis(999)])), false),
            (Some(rawbson!([999, DateTime::from_millis(1001)])), true),
            (Some(rawbson!([[DateTime::from_millis(1001)]])), false),
        ] {
            let mut document = rawdoc! { "_id": "sid" };
            if let Some(expires) = expires {
                document.append(cstr!("expires"), expires);
            }
            assert_eq!(is_live(&document, now).ok(), Some(live), "{document:?}");
        }
    }

    #[test]
    fn the_storage_id_is_a_string_or_a_symbol() {
        for (id, expected) in [
            (RawBson::String("sid".into()), Some("sid")),
            (RawBson::Symbol("sid".into()), Some("sid")),
            (RawBson::Int32(7), None),
            (RawBson::Null, None),
        ] {
            assert_eq!(storage_id(&rawdoc! { "_id": id }).ok().flatten(), expected);
        }
        assert!(storage_id(&rawdoc! {}).is_ok_and(|id| id.is_none()));
    }

    #[test]
    fn read_gives_back_what_set_wrote() {
        let document = rawdoc! {
            "_id": "sid",
            "session": "text",
            "expires": DateTime::from_millis(5),
            "lastModified": DateTime::from_millis(6),
        };
        let found = read(&document).expect("the document is valid");
        assert!(matches!(found.payload, Some(Payload::Text(text)) if text == "text"));
        assert_eq!(
            (found.expires_ms, found.last_modified_ms),
            (Some(5), Some(6))
        );

        let found = read(&rawdoc! { "session": { "a": 1 } }).expect("the document is valid");
        let bytes = rawdoc! { "session": { "a": 1 } }.into_bytes();
        assert!(matches!(found.payload, Some(Payload::Bson(read)) if read == bytes));

        let found = read(&rawdoc! {}).expect("the document is valid");
        assert!(found.payload.is_none());
    }
}
