//! What is asked for.

use std::sync::Arc;

use connect_mongo_native_core::{
    document::{Beside, Marks, Payload, Times},
    queue::{CommandKind, Keyed, Queued},
};
use tokio::time::Instant;

use crate::engine::{
    caller::{Caller, Waiter},
    encryption::SessionEncryption,
};

/// About what a statement holds beside its id, twice, and its session, in bytes.
const STATEMENT_BYTES: usize = 200;

/// What an operation asks for.
pub enum Request {
    /// The live session.
    Get {
        /// What counts as now, in milliseconds since the epoch: JavaScript's `Date`, which a test may have moved.
        now_ms: f64,
    },
    /// A change.
    Write(Write),
}

/// A change to a session.
#[derive(Clone)]
pub enum Write {
    /// Writes a whole session.
    Set {
        /// What to store.
        payload: Payload,
        /// When it expires.
        times: Times,
        /// Whether to create one where there is none.
        is_upsert: bool,
        /// What is kept beside it.
        marks: Option<Box<Marks>>,
    },
    /// Renews a session.
    Touch {
        /// When it expires.
        times: Times,
    },
    /// Removes a session.
    Destroy,
}

impl Write {
    /// Whether it does nothing where there is no session, which is to be told.
    #[must_use]
    pub fn may_miss(&self) -> bool {
        match self {
            Self::Touch { .. } => true,
            Self::Set { is_upsert, .. } => !is_upsert,
            Self::Destroy => false,
        }
    }
}

/// What a store does to a session between JavaScript and the document.
pub struct Codec {
    /// How sessions are encrypted.
    pub encryption: SessionEncryption,
    /// What is kept beside each session.
    pub beside: Beside,
}

/// One call, on its way.
pub struct Operation<C: Caller> {
    /// The `_id` of the document.
    pub storage_id: Arc<str>,
    /// When it was called.
    pub since: Instant,
    /// What to do.
    pub request: Request,
    /// How the store writes and reads sessions.
    pub codec: Arc<Codec>,
    /// Who is to be answered.
    pub waiter: Waiter<C>,
}

impl<C: Caller> Keyed for Operation<C> {
    fn storage_id(&self) -> &Arc<str> {
        &self.storage_id
    }

    fn bytes(&self) -> usize {
        let payload = match &self.request {
            Request::Write(Write::Set { payload, marks, .. }) => {
                payload.bytes() + marks.as_ref().map_or(0, |marks| marks.bytes())
            }
            _ => 0,
        };
        payload + self.storage_id.len() + STATEMENT_BYTES
    }
}

impl<C: Caller> Queued for Operation<C> {
    fn kind(&self) -> CommandKind {
        match self.request {
            Request::Get { .. } => CommandKind::Read,
            Request::Write(Write::Set { .. } | Write::Touch { .. }) => CommandKind::Update,
            Request::Write(Write::Destroy) => CommandKind::Delete,
        }
    }

    fn is_abandoned(&self) -> bool {
        self.waiter.is_gone()
    }
}
