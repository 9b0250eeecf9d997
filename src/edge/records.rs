//! Stored sessions and news, as JavaScript gets them.

use connect_mongo_native_core::document::{Found, FoundBeside, Marks, Payload};
use mongodb::bson::raw::CString;
use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use crate::{
    edge::failure::{Failure, Outcome},
    engine::{
        background::News,
        errors::StoreError,
        stored::{Loaded, Selected},
    },
};

/// A stored session.
#[napi(object, object_from_js = false)]
pub struct SessionRecord {
    /// Text when the stored value is a string, otherwise a BSON document whose field `session` is the value; absent when
    /// the document has no such field.
    pub session: Option<Either<String, Buffer>>,
    /// `expires`, in milliseconds since the epoch.
    pub expires_ms: Option<i64>,
    /// `lastModified`, in milliseconds since the epoch.
    pub last_modified_ms: Option<i64>,
    /// Of a session that was decrypted: whether the serializer is known to have returned this very text.
    pub is_serialized: Option<bool>,
    /// Of a session that was decrypted: whether it was stored in the format that is written today, under the newest secret.
    pub is_current: Option<bool>,
}

/// A stored session, and how exactly it is stored.
#[napi(object, object_from_js = false)]
pub struct LoadedSession {
    /// The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back.
    pub stored: Option<Either<String, Buffer>>,
    /// What it holds.
    pub record: SessionRecord,
    /// What is kept beside it.
    pub beside: BesideRecord,
}

/// A session that was selected.
#[napi(object, object_from_js = false)]
pub struct SelectedSession {
    /// Where it is; absent when that is not valid UTF-8.
    pub storage_id: Option<String>,
    /// The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back.
    pub stored: Option<Either<String, Buffer>>,
    /// What it holds, or why it cannot be read.
    #[napi(ts_type = "Outcome<SessionRecord>")]
    pub session: Outcome<SessionRecord>,
    /// What is kept beside it.
    pub beside: BesideRecord,
}

/// What is kept beside a session.
#[napi(object, object_from_js = false)]
pub struct BesideRecord {
    /// What stands for it where its id must not be given away.
    pub handle: Option<String>,
    /// `createdAt`, in milliseconds since the epoch.
    pub created_ms: Option<i64>,
    /// `indexedAt`, in milliseconds since the epoch.
    pub indexed_ms: Option<i64>,
    /// What the app says of it, in the form that `SessionRecord` has a session.
    pub description: Option<Either<String, Buffer>>,
}

/// What a write keeps beside its session.
#[napi(object, object_to_js = false)]
pub struct SessionMarks {
    /// The values by which the session is found, each behind its index key; without it they stay as they are.
    pub index: Option<Vec<String>>,
    /// Whether the session is known to be new to one of these values; without it no date is kept of that.
    pub is_new_to_index: Option<bool>,
    /// What the app says of the session, in the form that `write` takes a session; without it that stays as it is.
    pub description: Option<Either<String, Buffer>>,
    /// That of a session which is created again under another id; without it one is made.
    pub handle: Option<String>,
    /// When the session was created, in milliseconds since the epoch; without it now, if it is.
    pub created_ms: Option<f64>,
}

impl From<SessionMarks> for Box<Marks> {
    fn from(marks: SessionMarks) -> Self {
        Self::new(Marks {
            index: marks.index.map(pairs),
            is_new_to_index: marks.is_new_to_index,
            description: marks.description.map(to_payload),
            handle: marks.handle,
            created_ms: marks.created_ms,
        })
    }
}

/// lib/store/user-options.js lets no key have a NUL.
fn pairs(flat: Vec<String>) -> Vec<(CString, String)> {
    let mut rest = flat.into_iter();
    let next = || Some((CString::try_from(rest.next()?).ok()?, rest.next()?));
    std::iter::from_fn(next).collect()
}

impl From<FoundBeside> for BesideRecord {
    fn from(beside: FoundBeside) -> Self {
        Self {
            handle: beside.handle,
            created_ms: beside.created_ms,
            indexed_ms: beside.indexed_ms,
            description: beside.description.map(from_payload),
        }
    }
}

/// What happens outside any call.
#[napi(string_enum)]
#[derive(Debug, PartialEq, Eq)]
pub enum BackgroundEvent {
    /// No server answers, or none lets this client in; the indexes are tried again.
    #[napi(value = "unreachable")]
    Unreachable,
    /// An index could not be made; it is tried again.
    #[napi(value = "index-failed")]
    IndexFailed,
    /// The server refuses an index, and will until somebody has done something about it.
    #[napi(value = "index-refused")]
    IndexRefused,
    /// There is a TTL index that was not asked for.
    #[napi(value = "ttl-index-present")]
    TtlIndexPresent,
    /// Expired sessions could not be removed.
    #[napi(value = "sweep-failed")]
    SweepFailed,
    /// A server has refused a write for its transaction number.
    #[napi(value = "retry-writes-refused")]
    RetryWritesRefused,
    /// A server takes writes again.
    #[napi(value = "connect")]
    Connect,
    /// No server takes writes any more.
    #[napi(value = "disconnect")]
    Disconnect,
}

/// News of what happens outside any call.
#[napi(object, object_from_js = false)]
pub struct BackgroundReport {
    /// What the news is about.
    #[napi(
        ts_type = "'unreachable' | 'index-failed' | 'index-refused' | 'ttl-index-present' | 'sweep-failed' | 'retry-writes-refused' | 'connect' | 'disconnect'"
    )]
    pub event: BackgroundEvent,
    /// Why something failed.
    pub failure: Option<Failure>,
    /// The fields of the index that it is about.
    pub index: Option<String>,
}

/// What JavaScript gives as a session: text, or a BSON document whose first element is the value.
#[must_use]
pub fn to_payload(session: Either<String, Buffer>) -> Payload {
    match session {
        Either::A(text) => Payload::Text(text),
        Either::B(bytes) => Payload::Bson(bytes.to_vec()),
    }
}

fn from_payload(payload: Payload) -> Either<String, Buffer> {
    match payload {
        Payload::Text(text) => Either::A(text),
        Payload::Binary(bytes) | Payload::Bson(bytes) => Either::B(bytes.into()),
    }
}

/// A session, or why there is none.
#[must_use]
pub fn to_outcome(session: Result<Found, StoreError>) -> Outcome<SessionRecord> {
    match session {
        Ok(found) => Either::A(found.into()),
        Err(error) => Either::B(error.into()),
    }
}

impl From<Found> for SessionRecord {
    fn from(found: Found) -> Self {
        Self {
            session: found.payload.map(from_payload),
            expires_ms: found.expires_ms,
            last_modified_ms: found.last_modified_ms,
            is_serialized: found.is_serialized,
            is_current: found.is_current,
        }
    }
}

impl From<Loaded> for LoadedSession {
    fn from(loaded: Loaded) -> Self {
        Self {
            stored: loaded.stored.payload.map(from_payload),
            record: loaded.revealed.into(),
            beside: loaded.beside.into(),
        }
    }
}

impl SelectedSession {
    /// With `is_of_outdated` nothing more is told of one that is stored as it would be today.
    #[must_use]
    pub fn new(selected: Selected, is_of_outdated: bool) -> Self {
        let is_current = matches!(&selected.revealed, Ok(found) if found.is_current == Some(true));
        let is_left_out = is_of_outdated && is_current;
        let stored = selected.stored.filter(|_| !is_left_out);
        let session = selected.revealed.map(|found| Found {
            payload: found.payload.filter(|_| !is_left_out),
            ..found
        });
        Self {
            storage_id: selected.storage_id,
            stored: stored.map(from_payload),
            session: to_outcome(session),
            beside: selected.beside.into(),
        }
    }
}

impl From<News> for BackgroundReport {
    fn from(news: News) -> Self {
        let (event, error, index) = match news {
            News::Unreachable(error) => (BackgroundEvent::Unreachable, Some(error), None),
            News::IndexFailed(name, error) => {
                (BackgroundEvent::IndexFailed, Some(error), Some(name))
            }
            News::IndexRefused(name, error) => {
                (BackgroundEvent::IndexRefused, Some(error), Some(name))
            }
            News::NumbersRefused(error) => (BackgroundEvent::RetryWritesRefused, Some(error), None),
            News::TtlIndexPresent => (BackgroundEvent::TtlIndexPresent, None, None),
            News::SweepFailed(error) => (BackgroundEvent::SweepFailed, Some(error), None),
            News::Connected => (BackgroundEvent::Connect, None, None),
            News::Disconnected(error) => (BackgroundEvent::Disconnect, Some(error), None),
        };
        Self {
            event,
            failure: error.map(|error| StoreError::from(error).into()),
            index,
        }
    }
}
