//! Why an operation failed.

use std::{sync::Arc, time::Duration};

use connect_mongo_native_core::{crypto::Refusal, document::DocumentError, replies::ServerError};

use crate::mongo::errors::MongoError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something between here and the server.
    #[error(transparent)]
    Mongo(#[from] MongoError),
    /// It befell a command that carried the operations of several callers.
    #[error(transparent)]
    Shared(#[from] Arc<StoreError>),
    /// The session that was given or found is no document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A session could not be encrypted or decrypted.
    #[error(transparent)]
    Encryption(#[from] Refusal),
    /// The store was closed.
    #[error("The session store is closed")]
    Closed,
    /// As many operations are pending as `maxPending` allows.
    #[error(
        "The session store is busy: {0} operations are pending, the most that maxPending allows"
    )]
    Busy(usize),
    /// The time that `operationTimeoutMS` allows is over.
    #[error("The operation took longer than operationTimeoutMS allows ({} ms)", time.as_millis())]
    TimedOut {
        /// `operationTimeoutMS`
        time: Duration,
        /// What it was waiting for.
        #[source]
        waiting_for: Arc<MongoError>,
    },
    /// Nobody waits for it any more, so it was not begun.
    #[error("The call is over, and nobody waits for the session")]
    Abandoned,
    /// A bug of ours: the operation panicked.
    #[error("The operation panicked, which is a bug in connect-mongo-native: {0}")]
    Panic(String),
}

impl From<ServerError> for StoreError {
    fn from(error: ServerError) -> Self {
        Self::Mongo(error.into())
    }
}
