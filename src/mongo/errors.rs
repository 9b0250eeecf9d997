//! What can go wrong between here and the server, and what may be sent again after it.

use std::io;

use connect_mongo_native_core::{
    document::DocumentError,
    replies::{self, ServerError},
};
use mongodb::{
    bson::{self, Document},
    error::{CommandError, Error as DriverError, ErrorKind, RETRYABLE_WRITE_ERROR},
};

/// Why a command or a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum MongoError {
    /// No server that could take the command was found in time.
    #[error(transparent)]
    NoServer(DriverError),
    /// The driver reported anything else.
    #[error(transparent)]
    Driver(DriverError),
    /// The reply holds an error.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A document of the reply cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The options given cannot be used.
    #[error("{0}")]
    InvalidOptions(String),
    /// The certificates to trust could not be handed to the driver.
    #[error("Cannot write the trusted certificates to a temporary file: {0}")]
    CertificatesFile(#[source] io::Error),
    /// Another server is primary now, and the one that was asked has not answered.
    #[error("The server has not answered, and is not the primary any more")]
    Superseded,
}

impl From<DriverError> for MongoError {
    fn from(error: DriverError) -> Self {
        if matches!(*error.kind, ErrorKind::ServerSelection { .. }) {
            Self::NoServer(error)
        } else {
            Self::Driver(error)
        }
    }
}

impl From<bson::error::Error> for MongoError {
    fn from(error: bson::error::Error) -> Self {
        Self::Document(error.into())
    }
}

impl MongoError {
    /// The first write error of a reply, or its write concern error.
    ///
    /// # Errors
    /// That error.
    pub fn check(reply: &Document) -> Result<(), Self> {
        replies::first_error(reply).map_or(Ok(()), |error| Err(error.into()))
    }

    /// What the driver reported, if it did.
    #[must_use]
    pub fn driver_error(&self) -> Option<&DriverError> {
        match self {
            Self::NoServer(error) | Self::Driver(error) => Some(error),
            _ => None,
        }
    }

    /// Whether no server could be found in time.
    #[must_use]
    pub fn has_no_server(&self) -> bool {
        matches!(self, Self::NoServer(_))
    }

    /// Whether the collection or database does not exist.
    #[must_use]
    pub fn is_namespace_missing(&self) -> bool {
        const NAMESPACE_NOT_FOUND: i32 = 26;
        self.server_code() == Some(NAMESPACE_NOT_FOUND)
    }

    /// Whether to send a write again: a network failure, or the `RetryableWriteError` label (servers from 4.4 set it).
    ///
    /// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>
    #[must_use]
    pub fn is_retryable_write(&self) -> bool {
        match self {
            Self::NoServer(error) | Self::Driver(error) => {
                is_network_error(error) || error.contains_label(RETRYABLE_WRITE_ERROR)
            }
            Self::Server(error) => error.has_label(RETRYABLE_WRITE_ERROR),
            Self::Superseded => true,
            _ => false,
        }
    }

    /// Whether to send a read again: a network failure, or one of the codes that the specification lists.
    ///
    /// <https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md>
    #[must_use]
    pub fn is_retryable_read(&self) -> bool {
        // ExceededTimeLimit, InterruptedAtShutdown, InterruptedDueToReplStateChange, NotWritablePrimary,
        // NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary, PrimarySteppedDown, ShutdownInProgress, HostNotFound,
        // HostUnreachable, NetworkTimeout, SocketException, ReadConcernMajorityNotAvailableYet
        const CODES: [i32; 13] = [
            262, 11600, 11602, 10107, 13435, 13436, 189, 91, 7, 6, 89, 9001, 134,
        ];
        matches!(self, Self::Superseded)
            || self.driver_error().is_some_and(is_network_error)
            || self.server_code().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the server refused a command for what it holds, and ran nothing of it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        // Unauthorized would be the same for any other command; after LockTimeout, MaxTimeMSExpired, ClientDisconnect and
        // Interrupted a part may have been run.
        const OTHERS: [i32; 5] = [13, 24, 50, 279, 11601];
        let is_other = self.is_retryable_write() || self.is_retryable_read();
        match self {
            Self::Driver(error) if !is_other => {
                matches!(error.kind.as_ref(), ErrorKind::Command(error) if !OTHERS.contains(&error.code))
            }
            _ => false,
        }
    }

    fn server_code(&self) -> Option<i32> {
        match self {
            Self::NoServer(error) | Self::Driver(error) => {
                command_error(error).map(|error| error.code)
            }
            Self::Server(error) => Some(error.code),
            _ => None,
        }
    }
}

/// The server's own error, which the driver keeps as the source of an authentication error.
#[must_use]
pub fn command_error(error: &DriverError) -> Option<&CommandError> {
    use std::error::Error;
    let mut current = Some(error);
    while let Some(error) = current {
        if let ErrorKind::Command(command_error) = error.kind.as_ref() {
            return Some(command_error);
        }
        current = error.source().and_then(|source| source.downcast_ref());
    }
    None
}

fn is_network_error(error: &DriverError) -> bool {
    matches!(
        error.kind.as_ref(),
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ProxyConnect { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{deserialize_from_document, doc};

    fn command_error_of(code: i32) -> MongoError {
        let reply = doc! { "code": code, "codeName": "Any", "errmsg": "any" };
        let error = deserialize_from_document(reply).expect("it is a command error");
        DriverError::from(ErrorKind::Command(error)).into()
    }

    #[test]
    fn a_network_error_may_be_sent_again() {
        let io_error = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let error = MongoError::from(DriverError::from(ErrorKind::Io(io_error.into())));
        assert!(error.is_retryable_write() && error.is_retryable_read());
        assert!(!error.is_refusal());
    }

    #[test]
    fn a_reply_with_the_label_may_be_sent_again() {
        let mut reply = doc! { "writeConcernError": { "code": 64, "errmsg": "timeout" } };
        let is_retryable = |reply: &Document| {
            MongoError::check(reply).is_err_and(|error| error.is_retryable_write())
        };
        assert!(!is_retryable(&reply));
        reply.insert("errorLabels", [RETRYABLE_WRITE_ERROR].as_slice());
        assert!(is_retryable(&reply));
    }

    #[test]
    fn what_a_command_holds_can_be_refused_and_a_missing_right_cannot_be_halved() {
        const OVERFLOW: i32 = 15;
        const UNAUTHORIZED: i32 = 13;
        const NOT_PRIMARY: i32 = 10107;
        assert!(command_error_of(OVERFLOW).is_refusal());
        assert!(!command_error_of(UNAUTHORIZED).is_refusal());
        assert!(!command_error_of(NOT_PRIMARY).is_refusal());
    }

    #[test]
    fn a_missing_collection_is_known_by_its_code() {
        assert!(command_error_of(26).is_namespace_missing());
        assert!(!command_error_of(27).is_namespace_missing());
    }
}
