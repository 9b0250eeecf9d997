//! One error type for everything that can fail here, and the form in which JavaScript sees it.
//!
//! An expected failure crosses as data, a [`Failure`]; native-backend.js makes an `Error` of it, on the JavaScript stack.

use std::{error::Error as StdError, fmt::Display, io, sync::Arc, time::Duration};

use futures_util::FutureExt;
use mongodb::{
    bson::Document,
    error::{CommandError, Error as DriverError, ErrorKind, WriteFailure},
};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use crate::crypto::Refusal;

/// What a method resolves to: its value, or why there is none.
pub type Outcome<T> = Either<T, Failure>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The driver reported it.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The server refused a write, or could not confirm it as the write concern asks.
    #[error("{}", .0.message)]
    Write(ServerError),
    /// It befell a command that carried the writes of several callers.
    #[error(transparent)]
    Shared(#[from] Arc<StoreError>),
    /// The server answered with something that is not valid BSON.
    #[error("The server's reply is not valid BSON")]
    InvalidReply(#[from] mongodb::bson::error::Error),
    /// The bytes given as a session are not a BSON document with one element.
    #[error("The serialized session is not valid BSON: {0}")]
    InvalidPayload(String),
    /// The options given cannot be used.
    #[error("{0}")]
    InvalidOptions(String),
    /// The certificates to trust could not be handed to the driver.
    #[error("Cannot write the trusted certificates to a temporary file: {0}")]
    CertificatesFile(#[source] io::Error),
    /// A session could not be encrypted or decrypted.
    #[error(transparent)]
    Encryption(#[from] Refusal),
    /// Another server is primary now, and the one that was asked has not answered.
    #[error("The server has not answered, and is not the primary any more")]
    Superseded,
    /// The store was closed.
    #[error("The session store is closed")]
    Closed,
    /// As many operations are pending as `maxPending` allows.
    #[error(
        "The session store is busy: {0} operations are pending, the most that maxPending allows"
    )]
    Busy(usize),
    /// The time that `operationTimeoutMS` allows is over.
    #[error("The operation took longer than operationTimeoutMS allows ({} ms)", .0.as_millis())]
    TimedOut(Duration),
    /// A bug of ours: the operation panicked.
    #[error("The operation panicked, which is a bug in connect-mongo-native: {0}")]
    Panic(String),
}

/// An error in the reply to a write command.
#[derive(Debug)]
pub struct ServerError {
    name: &'static str,
    code: i32,
    code_name: Option<String>,
    message: String,
    labels: Vec<String>,
}

/// A failure as data: native-backend.js turns it into an `Error`.
#[napi(object, object_from_js = false)]
#[derive(Debug, Default)]
pub struct Failure {
    /// The name that the Node driver gives such an error, such as `MongoServerError`.
    pub name: String,
    /// What went wrong. Never holds a password.
    pub message: String,
    /// The server's error code, or a string of this package (`ERR_STORE_CLOSED`).
    pub code: Option<Either<i32, String>>,
    /// The server's name of the code.
    pub code_name: Option<String>,
    /// The server's and the driver's error labels, sorted.
    pub error_labels: Vec<String>,
    /// The messages of the causes, the nearest first.
    pub causes: Vec<String>,
}

impl StoreError {
    /// The bytes given as a session cannot be stored, because of `reason`.
    pub fn invalid_payload(reason: impl Display) -> Self {
        Self::InvalidPayload(reason.to_string())
    }

    /// The first write error of a reply, or its write concern error.
    #[must_use]
    pub fn in_reply(reply: &Document) -> Option<Self> {
        let first = Self::write_errors(reply).into_iter().next();
        first
            .map(|(_, error)| error)
            .or_else(|| Self::write_concern_error(reply))
    }

    /// The write errors of a reply, each with the index of its statement.
    #[must_use]
    pub fn write_errors(reply: &Document) -> Vec<(usize, Self)> {
        let errors = reply.get_array("writeErrors").map(Vec::as_slice);
        let documents = errors
            .unwrap_or_default()
            .iter()
            .filter_map(|error| error.as_document());
        documents
            .map(|error| {
                let index = error.get_i32("index").unwrap_or_default();
                let error = ServerError::new("MongoServerError", error, labels_of(reply));
                (
                    usize::try_from(index).unwrap_or_default(),
                    Self::Write(error),
                )
            })
            .collect()
    }

    /// The write concern error of a reply.
    #[must_use]
    pub fn write_concern_error(reply: &Document) -> Option<Self> {
        let error = reply.get_document("writeConcernError").ok()?;
        let error = ServerError::new("MongoWriteConcernError", error, labels_of(reply));
        Some(Self::Write(error))
    }

    /// Whether no server could be found in time.
    #[must_use]
    pub fn is_server_selection(&self) -> bool {
        matches!(self, Self::Driver(error) if matches!(*error.kind, ErrorKind::ServerSelection { .. }))
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
            Self::Driver(error) => {
                is_network_error(error)
                    || error.contains_label(mongodb::error::RETRYABLE_WRITE_ERROR)
            }
            Self::Write(error) => error
                .labels
                .iter()
                .any(|label| label == mongodb::error::RETRYABLE_WRITE_ERROR),
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
            || matches!(self, Self::Driver(error) if is_network_error(error))
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
            Self::Driver(error) => command_error(error).map(|error| error.code),
            Self::Write(error) => Some(error.code),
            _ => None,
        }
    }
}

impl ServerError {
    fn new(name: &'static str, error: &Document, labels: Vec<String>) -> Self {
        Self {
            name,
            code: error.get_i32("code").unwrap_or_default(),
            code_name: error.get_str("codeName").ok().map(str::to_owned),
            message: error.get_str("errmsg").unwrap_or_default().to_owned(),
            labels,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let causes = causes(error);
        let named = |name: &str| Self {
            name: name.to_owned(),
            message: error.to_string(),
            causes: causes.clone(),
            ..Self::default()
        };
        match error {
            StoreError::Shared(error) => Self::from(error.as_ref()),
            StoreError::Driver(driver_error) => Self {
                causes: causes.clone(),
                ..from_driver(driver_error)
            },
            StoreError::Write(server_error) => Self {
                code: Some(Either::A(server_error.code)),
                code_name: server_error.code_name.clone(),
                error_labels: server_error.labels.clone(),
                ..named(server_error.name)
            },
            StoreError::Superseded => named("MongoNetworkError"),
            StoreError::InvalidReply(_) => named("MongoUnexpectedServerResponseError"),
            StoreError::InvalidPayload(_) => named("BSONError"),
            StoreError::InvalidOptions(_) => named("MongoInvalidArgumentError"),
            StoreError::Encryption(refusal) => Self {
                code: Some(Either::B(refusal.code().to_owned())),
                ..named("Error")
            },
            StoreError::Closed => Self {
                code: Some(Either::B("ERR_STORE_CLOSED".to_owned())),
                ..named("Error")
            },
            StoreError::Busy(_) => Self {
                code: Some(Either::B("ERR_STORE_BUSY".to_owned())),
                ..named("Error")
            },
            StoreError::TimedOut(_) => named("MongoOperationTimeoutError"),
            StoreError::CertificatesFile(_) | StoreError::Panic(_) => named("MongoRuntimeError"),
        }
    }
}

/// Runs an operation; an error becomes data, and so does a panic.
pub async fn outcome<T>(operation: impl Future<Output = Result<T, StoreError>>) -> Outcome<T> {
    let result = std::panic::AssertUnwindSafe(operation)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(StoreError::Panic(panic_message(panic.as_ref()))));
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

fn labels_of(reply: &Document) -> Vec<String> {
    let labels = reply.get_array("errorLabels").map(Vec::as_slice);
    labels
        .unwrap_or_default()
        .iter()
        .filter_map(|label| label.as_str().map(str::to_owned))
        .collect()
}

fn is_network_error(error: &DriverError) -> bool {
    matches!(
        error.kind.as_ref(),
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ProxyConnect { .. }
    )
}

/// The server's own error, which the driver keeps as the source of an authentication error.
fn command_error(error: &DriverError) -> Option<&CommandError> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let ErrorKind::Command(command_error) = error.kind.as_ref() {
            return Some(command_error);
        }
        current = error.source().and_then(|source| source.downcast_ref());
    }
    None
}

fn from_driver(error: &DriverError) -> Failure {
    let mut error_labels: Vec<_> = error.labels().iter().cloned().collect();
    error_labels.sort();
    let server_error = |name: &str, code: i32, code_name: &str, message: &str| Failure {
        name: name.to_owned(),
        message: message.to_owned(),
        code: Some(Either::A(code)),
        code_name: (!code_name.is_empty()).then(|| code_name.to_owned()),
        error_labels: error_labels.clone(),
        ..Failure::default()
    };
    if let ErrorKind::Write(WriteFailure::WriteConcernError(error)) = error.kind.as_ref() {
        return server_error(
            "MongoWriteConcernError",
            error.code,
            &error.code_name,
            &error.message,
        );
    }
    if let Some(error) = command_error(error) {
        return server_error(
            "MongoServerError",
            error.code,
            &error.code_name,
            &error.message,
        );
    }
    if let ErrorKind::Authentication { message, .. } = error.kind.as_ref() {
        // The driver keeps the server's words alone; this is the code that goes with them.
        return server_error("MongoServerError", 18, "AuthenticationFailed", message);
    }
    Failure {
        name: driver_error_name(error).to_owned(),
        message: error.kind.to_string(),
        error_labels: error_labels.clone(),
        ..Failure::default()
    }
}

/// The Node driver's name for an error that does not come from the server.
fn driver_error_name(error: &DriverError) -> &'static str {
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { .. } => "MongoServerSelectionError",
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            "MongoNetworkTimeoutError"
        }
        ErrorKind::Io(_) | ErrorKind::DnsResolve { .. } | ErrorKind::ProxyConnect { .. } => {
            "MongoNetworkError"
        }
        ErrorKind::ConnectionPoolCleared { .. } => "MongoPoolClearedError",
        ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. } => {
            "MongoInvalidArgumentError"
        }
        ErrorKind::Shutdown => "MongoClientClosedError",
        ErrorKind::IncompatibleServer { .. } | ErrorKind::SessionsNotSupported => {
            "MongoCompatibilityError"
        }
        ErrorKind::InvalidResponse { .. } => "MongoUnexpectedServerResponseError",
        ErrorKind::Bson(_) => "BSONError",
        _ => "MongoRuntimeError",
    }
}

fn causes(error: &StoreError) -> Vec<String> {
    let mut causes = Vec::new();
    if let StoreError::Driver(error) = error {
        causes.extend(io_cause(error));
    }
    let mut current = error.source();
    while let Some(cause) = current {
        match cause.downcast_ref::<DriverError>() {
            Some(error) => causes.extend(
                [Some(error.kind.to_string()), io_cause(error)]
                    .into_iter()
                    .flatten(),
            ),
            None => causes.push(cause.to_string()),
        }
        current = cause.source();
    }
    causes
}

/// The driver does not name the operating system's error as a source.
fn io_cause(error: &DriverError) -> Option<String> {
    match error.kind.as_ref() {
        ErrorKind::Io(error) => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    fn failure_of(reply: &Document) -> Failure {
        StoreError::in_reply(reply)
            .expect("the reply holds an error")
            .into()
    }

    #[test]
    fn a_reply_without_errors_is_none() {
        assert!(StoreError::in_reply(&doc! { "ok": 1.0, "n": 1 }).is_none());
    }

    #[test]
    fn a_write_error_comes_before_a_write_concern_error() {
        let failure = failure_of(&doc! {
            "writeErrors": [{ "index": 0, "code": 11000, "errmsg": "duplicate" }],
            "writeConcernError": { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "timeout" },
        });
        assert_eq!(failure.name, "MongoServerError");
        assert!(matches!(failure.code, Some(Either::A(11000))));
        assert_eq!(failure.message, "duplicate");
    }

    #[test]
    fn a_write_concern_error_keeps_code_name_and_labels() {
        let reply = doc! {
            "writeConcernError": { "code": 91, "codeName": "ShutdownInProgress", "errmsg": "down" },
            "errorLabels": ["RetryableWriteError"],
        };
        assert!(StoreError::in_reply(&reply).is_some_and(|error| error.is_retryable_write()));
        let failure = failure_of(&reply);
        assert_eq!(failure.name, "MongoWriteConcernError");
        assert_eq!(failure.code_name.as_deref(), Some("ShutdownInProgress"));
        assert_eq!(failure.error_labels, ["RetryableWriteError"]);
    }

    #[test]
    fn a_network_error_is_retryable_and_keeps_its_cause() {
        let io_error = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let error = StoreError::from(DriverError::from(ErrorKind::Io(io_error.into())));
        assert!(error.is_retryable_write());
        let failure = Failure::from(error);
        assert_eq!(failure.name, "MongoNetworkError");
        assert!(failure.message.contains("reset by peer"));
        assert_eq!(failure.causes, ["reset by peer"]);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_to_its_caller() {
        let outcome = outcome(async { panic!("broken invariant") }).await;
        let Either::<(), _>::B(failure) = outcome else {
            panic!("a panic is reported as a failure");
        };
        assert_eq!(failure.name, "MongoRuntimeError");
        assert!(failure.message.ends_with("broken invariant"));
    }
}
