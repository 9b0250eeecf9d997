//! Stored sessions and news, as JavaScript gets them.

use connect_mongo_native_core::document::{Found, Payload};
use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use crate::{
    edge::failure::{Failure, Outcome},
    engine::{
        background::News,
        errors::StoreError,
        stored::{Loaded, Scanned},
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
}

/// A session that a scan came to.
#[napi(object, object_from_js = false)]
pub struct ScannedSession {
    /// Where it is; absent when that is not valid UTF-8.
    pub storage_id: Option<String>,
    /// The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back.
    pub stored: Option<Either<String, Buffer>>,
    /// What it holds, or why it cannot be read. Of a session that is stored as it would be today nothing more is told.
    #[napi(ts_type = "Outcome<SessionRecord>")]
    pub session: Outcome<SessionRecord>,
}

/// What happens outside any call.
#[napi(string_enum)]
#[derive(Debug, PartialEq, Eq)]
pub enum BackgroundEvent {
    /// No server answers, or none lets this client in; the TTL index is tried again.
    #[napi(value = "unreachable")]
    Unreachable,
    /// The TTL index could not be made; it is tried again.
    #[napi(value = "ttl-index-failed")]
    TtlIndexFailed,
    /// The server refuses the TTL index, and will until somebody has done something about it.
    #[napi(value = "ttl-index-refused")]
    TtlIndexRefused,
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
        ts_type = "'unreachable' | 'ttl-index-failed' | 'ttl-index-refused' | 'ttl-index-present' | 'sweep-failed' | 'retry-writes-refused' | 'connect' | 'disconnect'"
    )]
    pub event: BackgroundEvent,
    /// Why something failed.
    pub failure: Option<Failure>,
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
        }
    }
}

impl From<Scanned> for ScannedSession {
    fn from(scanned: Scanned) -> Self {
        let is_current = matches!(&scanned.revealed, Ok(found) if found.is_current == Some(true));
        let stored = scanned.stored.filter(|_| !is_current);
        let session = scanned.revealed.map(|found| Found {
            payload: found.payload.filter(|_| !is_current),
            ..found
        });
        Self {
            storage_id: scanned.storage_id,
            stored: stored.map(from_payload),
            session: to_outcome(session),
        }
    }
}

impl From<News> for BackgroundReport {
    fn from(news: News) -> Self {
        let (event, error) = match news {
            News::Unreachable(error) => (BackgroundEvent::Unreachable, Some(error)),
            News::TtlIndexFailed(error) => (BackgroundEvent::TtlIndexFailed, Some(error)),
            News::TtlIndexRefused(error) => (BackgroundEvent::TtlIndexRefused, Some(error)),
            News::NumbersRefused(error) => (BackgroundEvent::RetryWritesRefused, Some(error)),
            News::TtlIndexPresent => (BackgroundEvent::TtlIndexPresent, None),
            News::SweepFailed(error) => (BackgroundEvent::SweepFailed, Some(error)),
            News::Connected => (BackgroundEvent::Connect, None),
            News::Disconnected(error) => (BackgroundEvent::Disconnect, Some(error)),
        };
        Self {
            event,
            failure: error.map(|error| StoreError::from(error).into()),
        }
    }
}
