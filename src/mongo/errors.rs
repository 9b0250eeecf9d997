//! What can go wrong between here and the server, and what may be sent again after it.

use std::{io, time::Duration};

use crate::mongo::trouble::{Outage, command_error, driver_words};
use connect_mongo_native_core::{
    document::DocumentError,
    replies::{self, ServerError},
};
use mongodb::{
    bson::{self, Document},
    error::{
        Error as DriverError, ErrorKind, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR,
        SYSTEM_OVERLOADED_ERROR,
    },
};

const ILLEGAL_OPERATION: i32 = 20;

/// Who is to blame when the server refuses a command of many statements as a whole, and runs nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// No statement: the server would answer any command so.
    Nobody,
    /// A statement, such as a session that is nested too deeply.
    Statement,
    /// Nobody knows: a statement, where others pass without it.
    Unknown(i32),
}

/// Why a command or a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum MongoError {
    /// No server that could take the command was found in time; [`MongoError::Unreachable`] says why.
    #[error("{}", driver_words(&.0.kind))]
    NoServer(DriverError),
    /// What kept all servers away, and how long one was waited for.
    #[error("{outage} (no server within serverSelectionTimeoutMS: {} ms)", waited.as_millis())]
    Unreachable {
        /// Of each server.
        outage: Outage,
        /// `serverSelectionTimeoutMS`
        waited: Duration,
    },
    /// The driver reported anything else.
    #[error("{}", driver_words(&.0.kind))]
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
    #[error(
        "The certificates to trust need a temporary file, and there is no folder for it ({0}): set TMPDIR to one that can be written, \
         or name the file of the certificates as tlsCAFile"
    )]
    CertificatesFile(#[source] io::Error),
    /// No server takes writes.
    #[error("{0}")]
    Outage(Outage),
    /// Nothing but the server is waited for.
    #[error("The server has not answered yet")]
    Unanswered,
    /// The server has said that it has too much to do, and is asked again after a pause.
    #[error("The server has too much to do, and is asked again after a pause")]
    Overloaded,
    /// What has come is a reply to another command.
    #[error("The server's answer is not that to the command")]
    WrongReply,
    /// Another server is primary now, and the one that was asked has not answered.
    #[error("The server has not answered, and is not the primary any more")]
    Superseded,
    /// The server answers others, and has not answered this command: its connection may be dead.
    #[error("The server has not answered for {} s while it answered others, so the connection was given up", .0.as_secs())]
    Silent(Duration),
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

    /// Whether a server has answered the command.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Driver(error) => matches!(error.kind.as_ref(), ErrorKind::Command(_)),
            Self::Server(_) => true,
            _ => false,
        }
    }

    /// Whether the server has given up a command after `maxTimeMS`.
    #[must_use]
    pub fn is_time_over(&self) -> bool {
        self.is_answer() && self.server_code() == Some(replies::MAX_TIME_MS_EXPIRED)
    }

    /// Whether what has come can be no reply to such a command, and so has to be that to another one.
    #[must_use]
    pub fn is_that_to_another(&self) -> bool {
        match self {
            Self::Driver(error) => matches!(
                *error.kind,
                ErrorKind::InvalidResponse { .. }
                    | ErrorKind::Bson(_)
                    | ErrorKind::BsonDeserialization(_)
            ),
            Self::WrongReply => true,
            _ => false,
        }
    }

    /// Whether no server could be found in time.
    #[must_use]
    pub fn has_no_server(&self) -> bool {
        matches!(self, Self::NoServer(_) | Self::Unreachable { .. })
    }

    /// Whether the server would refuse to make the index for ever, as it has none of its kind.
    #[must_use]
    pub fn is_final(&self) -> bool {
        // BadValue (Azure Cosmos DB has such indexes on `_ts` alone), FailedToParse, CommandNotFound, CannotCreateIndex,
        // InvalidOptions, CommandNotSupported, InvalidIndexSpecificationOption, NotSupported, APIStrictError.
        const FINAL: [i32; 9] = [2, 9, 59, 67, 72, 115, 197, 301, 323];
        self.refuses_index_with(&FINAL)
    }

    /// Whether the server refuses to make the index until somebody has done something about it: this user must not, or another is
    /// in its way.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        // Unauthorized, IndexOptionsConflict, IndexKeySpecsConflict, AtlasError.
        const LASTING: [i32; 4] = [13, 85, 86, 8000];
        self.refuses_index_with(&LASTING)
    }

    fn refuses_index_with(&self, codes: &[i32]) -> bool {
        let is_one = |code| codes.contains(&code);
        self.is_answer() && !self.is_overload() && self.server_code().is_some_and(is_one)
    }

    /// Whether the collection or database does not exist.
    #[must_use]
    pub fn is_namespace_missing(&self) -> bool {
        const NAMESPACE_NOT_FOUND: i32 = 26;
        self.server_code() == Some(NAMESPACE_NOT_FOUND)
    }

    /// Whether the server has no such command.
    #[must_use]
    pub fn is_command_unknown(&self) -> bool {
        const UNKNOWN: [i32; 2] = [59, 115];
        self.server_code()
            .is_some_and(|code| UNKNOWN.contains(&code))
    }

    /// Whether to send a write again: a network failure, or the `RetryableWriteError` label (servers from 4.4 set it).
    ///
    /// <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>
    #[must_use]
    pub fn is_retryable_write(&self) -> bool {
        if self.is_overload() {
            return true;
        }
        match self {
            Self::NoServer(error) | Self::Driver(error) => {
                is_network_error(error) || error.contains_label(RETRYABLE_WRITE_ERROR)
            }
            Self::Server(error) => error.has_label(RETRYABLE_WRITE_ERROR),
            Self::Superseded | Self::Silent(_) => true,
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
        matches!(self, Self::Superseded | Self::Silent(_))
            || self.is_overload()
            || self.driver_error().is_some_and(is_network_error)
            || self.server_code().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the server has run nothing of a command because it has too much to do, and can be asked again later: it says so
    /// (MongoDB from 8.2 on), or is Azure Cosmos DB with its request units used up (code 16500).
    #[must_use]
    pub fn is_overload(&self) -> bool {
        match self {
            Self::Driver(error) => {
                self.server_code() == Some(replies::REQUEST_RATE_IS_LARGE)
                    || (error.contains_label(SYSTEM_OVERLOADED_ERROR)
                        && error.contains_label(RETRYABLE_ERROR))
            }
            _ => false,
        }
    }

    /// Whether a server did not let the client in.
    #[must_use]
    pub fn is_authentication(error: &DriverError) -> bool {
        matches!(error.kind.as_ref(), ErrorKind::Authentication { .. })
    }

    /// Whether the server refused a command for its transaction number, and ran nothing of it: a standalone server, `MongoDB`
    /// with another storage engine, Amazon `DocumentDB` before 8.0.2 and Azure Cosmos DB do.
    #[must_use]
    pub fn refuses_transaction_number(&self) -> bool {
        const BAD_VALUE: i32 = 2;
        const NOT_SUPPORTED: i32 = 301;
        let Some(error) = self.driver_error().and_then(command_error) else {
            return false;
        };
        let is_about = |words| error.message.contains(words);
        match error.code {
            ILLEGAL_OPERATION => is_about("Transaction numbers") || is_about("etryable writes"),
            BAD_VALUE => is_about("etryable writes"),
            code => code == NOT_SUPPORTED,
        }
    }

    /// Whether a server refused a transaction number because it is in no replica set. The driver has words of its own for it.
    #[must_use]
    pub fn is_of_standalone(&self) -> bool {
        self.refuses_transaction_number() && self.server_code() == Some(ILLEGAL_OPERATION)
    }

    /// Who is to blame for a refusal of a whole command; `None` when it is none, or a part may have been run.
    #[must_use]
    pub fn blame(&self) -> Option<Blame> {
        // Overflow (too deep), InvalidBSON, BSONObjectTooLarge
        const STATEMENT: [i32; 3] = [15, 22, 10334];
        // Unauthorized, AuthenticationFailed, IllegalOperation, CommandNotFound, CommandNotSupported, IncompleteTransactionHistory,
        // TransactionTooOld, NotSupported, ReauthenticationRequired, AtlasError.
        const NOBODY: [i32; 10] = [13, 18, 20, 59, 115, 217, 225, 301, 391, 8000];
        // LockTimeout, LockBusy, MaxTimeMSExpired, WriteConflict, ExceededTimeLimit, ClientDisconnect,
        // TransactionExceededLifetimeLimitSeconds, InterruptedDueToStorageChange, Interrupted: a part may have been run.
        const MIDWAY: [i32; 9] = [24, 46, 50, 112, 262, 279, 290, 355, 11601];
        let Self::Driver(error) = self else {
            return None;
        };
        let ErrorKind::Command(error) = error.kind.as_ref() else {
            return None;
        };
        let is_nobody = NOBODY.contains(&error.code) || MIDWAY.contains(&error.code);
        if self.is_retryable_write() || self.is_retryable_read() || is_nobody {
            return Some(Blame::Nobody);
        }
        if self.refuses_transaction_number() || self.has_label(SYSTEM_OVERLOADED_ERROR) {
            return Some(Blame::Nobody);
        }
        Some(if STATEMENT.contains(&error.code) {
            Blame::Statement
        } else {
            Blame::Unknown(error.code)
        })
    }

    /// Whether the server has no transactions.
    #[must_use]
    pub fn refuses_transaction(&self) -> bool {
        // IllegalOperation, CommandNotFound, CommandNotSupported, OperationNotSupportedInTransaction, NotSupported, and those of
        // servers that are MongoDB in name only.
        const REFUSALS: [i32; 7] = [20, 59, 115, 263, 301, 303, 304];
        let is_refusal = |code| REFUSALS.contains(&code);
        self.server_code().is_some_and(is_refusal) || self.refuses_transaction_number()
    }

    /// Whether the driver, or the server, has put this label on it.
    #[must_use]
    pub fn has_label(&self, label: &str) -> bool {
        self.driver_error()
            .is_some_and(|error| error.contains_label(label))
    }

    /// The server's number of what it has refused.
    #[must_use]
    pub fn server_code(&self) -> Option<i32> {
        match self {
            Self::NoServer(error) | Self::Driver(error) => {
                command_error(error).map(|error| error.code)
            }
            Self::Server(error) => Some(error.code),
            _ => None,
        }
    }
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
        assert_eq!(error.blame(), None);
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
    fn what_a_command_holds_can_be_to_blame_and_a_missing_right_cannot() {
        const OVERFLOW: i32 = 15;
        assert_eq!(command_error_of(OVERFLOW).blame(), Some(Blame::Statement));
        let nobody = [13, 20, 24, 115, 301, 10107, 16500];
        for code in nobody {
            assert_eq!(
                command_error_of(code).blame(),
                Some(Blame::Nobody),
                "{code}"
            );
        }
        assert_eq!(command_error_of(9).blame(), Some(Blame::Unknown(9)));
    }

    #[test]
    fn a_refused_transaction_number_is_told_by_code_and_message() {
        let refused = |code: i32, message: &str| {
            let reply = doc! { "code": code, "codeName": "Any", "errmsg": message };
            let error = deserialize_from_document(reply).expect("it is a command error");
            let error = MongoError::from(DriverError::from(ErrorKind::Command(error)));
            error.refuses_transaction_number()
        };
        let standalone = "Transaction numbers are only allowed on a replica set member or mongos";
        assert!(refused(20, standalone));
        assert!(refused(301, "Unsupported"));
        assert!(refused(2, "Retryable writes are not supported"));
        assert!(!refused(2, "unknown operator"));
        assert!(!refused(20, "cannot"));
    }

    #[test]
    fn a_server_that_is_overloaded_is_asked_again_and_no_statement_is_to_blame() {
        let error = command_error_of(16500);
        assert!(error.is_overload() && error.is_retryable_read() && error.is_retryable_write());
        assert!(!command_error_of(13).is_overload());
    }

    #[test]
    fn a_missing_collection_is_known_by_its_code() {
        assert!(command_error_of(26).is_namespace_missing());
        assert!(!command_error_of(27).is_namespace_missing());
    }
}
