//! The stored document, field for field the one that connect-mongo writes. Pure: no I/O.
//!
//! | field | BSON type | when |
//! |---|---|---|
//! | `_id` | string | the storage id |
//! | `session` | string, or whatever `serialize` returned | always |
//! | `expires` | date | always written |
//! | `lastModified` | date | given by the caller (`touchAfter > 0`) |
//! | `createdAt` | date | `timestamps`, `index` or `maxLifetime` |
//! | `updatedAt` | date | `timestamps` |
//! | `index` | document of strings, by index key | `index` |
//! | `indexedAt` | date | `maxPerUser` |
//! | `handle` | string | `index` |
//! | `description` | as `session` | `describe` |

use std::{fmt::Display, time::SystemTime};

use bson::{
    DateTime, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, cstr,
    raw::{CStr, CString},
    rawdoc,
    spec::BinarySubtype,
};

/// An id of megabytes would not fit into a statement twice.
const LONGEST_REPEATED_ID: usize = 1 << 16;

/// Why a document cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The server answered with something that is not valid BSON.
    #[error("The server's reply is not valid BSON")]
    InvalidReply(#[from] bson::error::Error),
    /// The bytes given as a session are not a BSON document with one element.
    #[error("The serialized session is not valid BSON: {0}")]
    InvalidPayload(String),
    /// The system gives none.
    #[error("There are no random bytes to be had for a handle")]
    NoRandomBytes(#[source] getrandom::Error),
}

impl DocumentError {
    fn invalid_payload(reason: impl Display) -> Self {
        Self::InvalidPayload(reason.to_string())
    }
}

/// What a session was serialised to.
#[derive(Clone)]
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

    /// Whether every server takes it: a text that fits into a document, however it is encrypted. What else may be in a document can be
    /// refused, be it by an index of the app's own.
    #[must_use]
    pub fn is_sure_to_be_taken(&self) -> bool {
        matches!(self, Self::Text(text) if text.len() <= SURE_BYTES)
    }
}

/// Every format of encrypted sessions makes less than four times as much of it.
const SURE_BYTES: usize = 4 << 20;

/// What a store keeps beside each session.
#[derive(Clone, Copy, Default)]
pub struct Beside {
    /// Whether to write `createdAt` and `updatedAt`.
    pub timestamps: bool,
    /// How long after `createdAt` a session ends, whatever `expires` says, in milliseconds.
    pub max_lifetime_ms: Option<f64>,
}

/// What a set keeps beside its session.
#[derive(Clone, Default)]
pub struct Marks {
    /// By index key, the values of this session; `None` leaves alone what is there.
    pub index: Option<Vec<(CString, String)>>,
    /// Whether the session is known to be new to one of these values; `None` keeps no date of that.
    pub is_new_to_index: Option<bool>,
    /// What the app says of the session; `None` leaves alone what is there.
    pub description: Option<Payload>,
    /// What stands for the session, once it is created, where its id must not be given away.
    pub handle: Option<String>,
    /// When the session was created, in milliseconds since the epoch; `None`: when it was called for, if it is.
    pub created_ms: Option<f64>,
}

impl Marks {
    /// About how large they are.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = self.index.iter().flatten();
        let index: usize = values
            .map(|(key, value)| key.as_str().len() + value.len())
            .sum();
        index + self.description.as_ref().map_or(0, Payload::bytes)
    }
}

/// The times that a write stores, in milliseconds since the epoch.
#[derive(Clone, Copy)]
pub struct Times {
    /// When it was called, by the clock of the caller, which a test may have moved: what a session begins with.
    pub now_ms: f64,
    /// When the session expires.
    pub expires_ms: f64,
    /// The `lastModified` field; `None` leaves it alone.
    pub last_modified_ms: Option<f64>,
}

impl Times {
    /// What is stored once these are written, and later ones after them.
    #[must_use]
    pub fn followed_by(self, later: Self) -> Self {
        Self {
            now_ms: self.now_ms,
            expires_ms: later.expires_ms,
            last_modified_ms: later.last_modified_ms.or(self.last_modified_ms),
        }
    }

    /// Whether nothing is left of earlier ones once these are written.
    #[must_use]
    pub fn cover(self, earlier: Self) -> bool {
        self.last_modified_ms.is_some() || earlier.last_modified_ms.is_none()
    }
}

/// A document as it was found.
pub struct Found {
    /// `None` when the document has no `session` field.
    pub payload: Option<Payload>,
    /// `expires`, in milliseconds, when it is a date.
    pub expires_ms: Option<i64>,
    /// `lastModified`, in milliseconds, when it is a date.
    pub last_modified_ms: Option<i64>,
    /// Whether only a collation takes its id for the one that was asked for.
    pub is_otherwise_spelt: bool,
    /// Of a session that was decrypted: whether the serializer is known to have returned this very text.
    pub is_serialized: Option<bool>,
    /// Of a session that was decrypted: whether it was stored in the format that is written today, under the newest secret.
    pub is_current: Option<bool>,
}

impl Found {
    /// A value and nothing else.
    #[must_use]
    pub fn of(payload: Payload) -> Self {
        Self {
            payload: Some(payload),
            expires_ms: None,
            last_modified_ms: None,
            is_otherwise_spelt: false,
            is_serialized: None,
            is_current: None,
        }
    }
}

/// What was found beside a session.
#[derive(Default)]
pub struct FoundBeside {
    /// What stands for the session where its id must not be given away.
    pub handle: Option<String>,
    /// `createdAt`, in milliseconds, when it is a date.
    pub created_ms: Option<i64>,
    /// `indexedAt`, in milliseconds, when it is a date.
    pub indexed_ms: Option<i64>,
    /// What the app says of it, as it is stored.
    pub description: Option<Payload>,
}

/// What a write comes to where there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutSession {
    /// It creates one.
    Created,
    /// Nothing. The reply counts only what matched.
    Nothing,
    /// An error in the reply, [`replies::MISSED`](crate::replies::MISSED): among many statements that alone tells which it was. The
    /// server would have to create a session whose id is not that which was asked for, and refuses.
    Refused,
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
) -> Result<(), DocumentError> {
    match payload {
        Payload::Text(text) => fields.append(name, text.as_str()),
        Payload::Binary(bytes) => fields.append(name, binary(bytes)),
        Payload::Bson(bytes) => {
            let wrapper = RawDocument::from_bytes(bytes).map_err(DocumentError::invalid_payload)?;
            let (_, value) = wrapper
                .iter()
                .next()
                .ok_or_else(|| DocumentError::invalid_payload("it has no element"))?
                .map_err(DocumentError::invalid_payload)?;
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

/// The element of an `update` command that writes a whole session.
///
/// # Errors
/// A [`Payload::Bson`] that is not a BSON document with one element.
pub fn set_statement(
    storage_id: &str,
    payload: &Payload,
    times: Times,
    without: WithoutSession,
    beside: Beside,
    marks: Option<&Marks>,
) -> Result<RawDocumentBuf, DocumentError> {
    let mut fields = RawDocumentBuf::new();
    if without == WithoutSession::Created && storage_id.len() <= LONGEST_REPEATED_ID {
        // With a collation, it may match a session whose id is written otherwise: the server refuses to change that.
        fields.append(cstr!("_id"), storage_id);
    }
    append_payload(&mut fields, cstr!("session"), payload)?;
    append_times(&mut fields, times);
    let oldest = append_marks(&mut fields, beside, marks, times.now_ms)?;
    let update = update_of(fields, oldest, beside);
    let mut on_insert = RawDocumentBuf::new();
    if let Some(handle) = marks.and_then(|marks| marks.handle.as_deref()) {
        on_insert.append(cstr!("handle"), handle);
    }
    if beside.max_lifetime_ms.is_none() && (beside.timestamps || marks.is_some()) {
        on_insert.append(cstr!("createdAt"), created(marks, times.now_ms));
    }
    Ok(update_statement(storage_id, update, on_insert, without))
}

/// The element of an `update` command that renews a session without changing it.
#[must_use]
pub fn touch_statement(
    storage_id: &str,
    times: Times,
    without: WithoutSession,
    beside: Beside,
) -> RawDocumentBuf {
    let mut fields = RawDocumentBuf::new();
    append_times(&mut fields, times);
    let oldest = oldest(beside, None, times.now_ms);
    let update = update_of(fields, oldest, beside);
    update_statement(storage_id, update, RawDocumentBuf::new(), without)
}

fn update_statement(
    storage_id: &str,
    mut update: RawDocumentBuf,
    mut on_insert: RawDocumentBuf,
    without: WithoutSession,
) -> RawDocumentBuf {
    if without == WithoutSession::Refused {
        on_insert.append(cstr!("_id"), RawBsonRef::Null);
    }
    if !on_insert.is_empty() {
        update.append(cstr!("$setOnInsert"), on_insert);
    }
    let is_upsert = without != WithoutSession::Nothing;
    rawdoc! { "q": { "_id": storage_id }, "u": update, "upsert": is_upsert }
}

/// The element of an `update` command that stores a session anew if it is still stored as `stored`. Without times nothing
/// but its value and its marks change. `now_ms`: when it was called for, by the clock of the caller.
///
/// # Errors
/// A [`Payload::Bson`] that is not a BSON document with one element.
pub fn replace_statement(
    storage_id: &str,
    stored: &Payload,
    payload: &Payload,
    now_ms: f64,
    times: Option<Times>,
    beside: Beside,
    marks: Option<&Marks>,
) -> Result<RawDocumentBuf, DocumentError> {
    // A stored document could begin with an operator.
    let mut equal = RawDocumentBuf::new();
    append_payload(&mut equal, cstr!("$eq"), stored)?;
    let filter = rawdoc! { "_id": storage_id, "session": equal };
    let mut fields = RawDocumentBuf::new();
    append_payload(&mut fields, cstr!("session"), payload)?;
    // Of a session that is only stored in another way, nothing is to say that it was written.
    let beside = times.map(|_| beside).unwrap_or_default();
    if let Some(times) = times {
        append_times(&mut fields, times);
    }
    let oldest = append_marks(&mut fields, beside, marks, now_ms)?;
    let update = update_of(fields, oldest, beside);
    Ok(rawdoc! { "q": filter, "u": update })
}

/// An update of fields of a session that is there; of the `oldest` dates those that are stored stay if they are older.
fn update_of(fields: RawDocumentBuf, oldest: RawDocumentBuf, beside: Beside) -> RawDocumentBuf {
    let mut update = rawdoc! { "$set": fields };
    if !oldest.is_empty() {
        update.append(cstr!("$min"), oldest);
    }
    if beside.timestamps {
        update.append(cstr!("$currentDate"), rawdoc! { "updatedAt": true });
    }
    update
}

/// The lifetime of a session whose document says nothing of its beginning, such as connect-mongo's, begins now.
fn oldest(beside: Beside, marks: Option<&Marks>, now_ms: f64) -> RawDocumentBuf {
    let mut oldest = RawDocumentBuf::new();
    if beside.max_lifetime_ms.is_some() {
        oldest.append(cstr!("createdAt"), created(marks, now_ms));
    }
    oldest
}

fn created(marks: Option<&Marks>, now_ms: f64) -> DateTime {
    let created_ms = marks.and_then(|marks| marks.created_ms);
    date(created_ms.unwrap_or(now_ms))
}

/// Appends what is written in any case, and gives the dates of which the older one stays.
fn append_marks(
    fields: &mut RawDocumentBuf,
    beside: Beside,
    marks: Option<&Marks>,
    now_ms: f64,
) -> Result<RawDocumentBuf, DocumentError> {
    let mut oldest = oldest(beside, marks, now_ms);
    let Some(marks) = marks else {
        return Ok(oldest);
    };
    if let Some(values) = &marks.index {
        let mut index = RawDocumentBuf::new();
        for (key, value) in values {
            index.append(&**key, value.as_str());
        }
        fields.append(cstr!("index"), index);
    }
    if let Some(description) = &marks.description {
        append_payload(fields, cstr!("description"), description)?;
    }
    match marks.is_new_to_index {
        Some(true) => fields.append(cstr!("indexedAt"), date(now_ms)),
        Some(false) => oldest.append(cstr!("indexedAt"), date(now_ms)),
        None => {}
    }
    Ok(oldest)
}

/// Random bytes of a handle: nobody can guess one.
const HANDLE_RANDOM_BYTES: usize = 15;

/// What stands for a session where its id must not be given away: hexadecimal digits, of the time in microseconds and of random bytes,
/// so that those of newer sessions are greater.
///
/// # Errors
/// No random bytes.
pub fn new_handle(created_ms: Option<f64>) -> Result<String, DocumentError> {
    let mut bytes = [0; size_of::<u128>()];
    getrandom::fill(&mut bytes[size_of::<u128>() - HANDLE_RANDOM_BYTES..])
        .map_err(DocumentError::NoRandomBytes)?;
    let random = u128::from_be_bytes(bytes);
    let microseconds = match created_ms {
        Some(created_ms) => date(created_ms).timestamp_millis().saturating_mul(1000),
        None => now_us(),
    };
    Ok(format!(
        "{:014x}{random:030x}",
        microseconds.clamp(0, LATEST_US)
    ))
}

fn now_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.map_or(0, |time| {
        i64::try_from(time.as_micros()).unwrap_or(LATEST_US)
    })
}

/// What seven bytes hold.
const LATEST_US: i64 = (1 << 56) - 1;

/// The element of a `delete` command that removes a session.
#[must_use]
pub fn delete_statement(storage_id: &str) -> RawDocumentBuf {
    rawdoc! { "q": { "_id": storage_id }, "limit": 1 }
}

/// The value of a field. Of several fields of one name, which a server stores as they come, the last counts, as it does in
/// JavaScript.
fn value_of<'a>(
    document: &'a RawDocument,
    name: &str,
) -> Result<Option<RawBsonRef<'a>>, bson::error::Error> {
    let mut last = None;
    for element in document.iter_elements() {
        let element = element?;
        if element.key().as_str() == name {
            last = Some(element);
        }
    }
    last.map(|element| element.value()).transpose()
}

/// Whether a fetched document is that of a live session, by the rule of connect-mongo's filter: live without `expires`, or with a date
/// later than `now_ms`, be that one of several in an array. And not created longer ago than `max_lifetime_ms`. All in milliseconds, the
/// former since the epoch.
///
/// # Errors
/// A reply that is not valid BSON.
pub fn is_live(
    document: &RawDocument,
    now_ms: f64,
    max_lifetime_ms: Option<f64>,
) -> Result<bool, DocumentError> {
    let now = date(now_ms);
    let is_later = |value: RawBsonRef<'_>| value.as_datetime().is_some_and(|date| date > now);
    let has_time_left = match value_of(document, "expires")? {
        None => true,
        Some(RawBsonRef::Array(values)) => values.into_iter().flatten().any(is_later),
        Some(value) => is_later(value),
    };
    let Some(max_lifetime_ms) = max_lifetime_ms.filter(|_| has_time_left) else {
        return Ok(has_time_left);
    };
    let created_ms = date_ms(document, "createdAt")?;
    Ok(created_ms
        .is_none_or(|created_ms| as_float(now.timestamp_millis() - created_ms) < max_lifetime_ms))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a difference of milliseconds is far below 2⁵³"
)]
fn as_float(milliseconds: i64) -> f64 {
    milliseconds as f64
}

/// The storage id of a document, `None` when it has an id that no store writes. To the server a symbol equals the string
/// of the same characters.
///
/// # Errors
/// A reply that is not valid BSON, or an id that is not valid UTF-8.
pub fn storage_id(document: &RawDocument) -> Result<Option<&str>, DocumentError> {
    Ok(match value_of(document, "_id")? {
        Some(RawBsonRef::String(id) | RawBsonRef::Symbol(id)) => Some(id),
        _ => None,
    })
}

/// Takes from a document what the caller needs of it.
///
/// # Errors
/// A reply that is not valid BSON.
pub fn read(document: &RawDocument) -> Result<Found, DocumentError> {
    Ok(Found {
        payload: payload_of(document, "session")?,
        expires_ms: date_ms(document, "expires")?,
        last_modified_ms: date_ms(document, "lastModified")?,
        is_otherwise_spelt: false,
        is_serialized: None,
        is_current: None,
    })
}

/// Takes from a document what is kept beside its session.
///
/// # Errors
/// A reply that is not valid BSON.
pub fn read_beside(document: &RawDocument) -> Result<FoundBeside, DocumentError> {
    let handle = value_of(document, "handle")?;
    Ok(FoundBeside {
        handle: handle.and_then(RawBsonRef::as_str).map(str::to_owned),
        created_ms: date_ms(document, "createdAt")?,
        indexed_ms: date_ms(document, "indexedAt")?,
        description: payload_of(document, "description")?,
    })
}

fn payload_of(document: &RawDocument, name: &str) -> Result<Option<Payload>, DocumentError> {
    Ok(match value_of(document, name)? {
        None => None,
        Some(RawBsonRef::String(text)) => Some(Payload::Text(text.to_owned())),
        Some(value) => {
            let mut wrapper = RawDocumentBuf::new();
            wrapper.append(cstr!("session"), value);
            Some(Payload::Bson(wrapper.into_bytes()))
        }
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

fn date_ms(document: &RawDocument, field: &str) -> Result<Option<i64>, DocumentError> {
    Ok(match value_of(document, field)? {
        Some(RawBsonRef::DateTime(date)) => Some(date.timestamp_millis()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
