//! What JavaScript sees of an error.
//!
//! An expected failure crosses as data, a [`Failure`]; lib/errors.js makes an `Error` of it, on the JavaScript stack.

use std::{any::Any, error::Error, io, iter, panic::AssertUnwindSafe};

use connect_mongo_native_core::{
    document::DocumentError,
    replies::{ServerError, ServerErrorKind},
};
use futures_util::FutureExt;
use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};
use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use crate::{
    engine::errors::StoreError,
    mongo::{
        errors::MongoError,
        trouble::{Trouble, command_error, driver_words, of_connection, source_of},
    },
};

/// What a method resolves to: its value, or why there is none.
pub type Outcome<T> = Either<T, Failure>;

/// A failure as data: lib/errors.js turns it into an `Error`.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// Always `true`: what tells a failure from a value.
    #[napi(ts_type = "true")]
    pub is_failure: bool,
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
    /// Node's code for the nearest cause, such as `ECONNREFUSED`.
    pub cause_code: Option<String>,
    /// The server's reply that holds the error, a BSON document.
    pub response: Option<Buffer>,
}

impl Default for Failure {
    fn default() -> Self {
        Self {
            is_failure: true,
            name: String::new(),
            message: String::new(),
            code: None,
            code_name: None,
            error_labels: Vec::new(),
            causes: Vec::new(),
            cause_code: None,
            response: None,
        }
    }
}

impl Failure {
    fn caused_by(self, causes: &[Trouble]) -> Self {
        let nearest = causes.first();
        Self {
            cause_code: nearest.and_then(|cause| cause.code).map(str::to_owned),
            causes: causes.iter().map(ToString::to_string).collect(),
            ..self
        }
    }
}

/// Runs an operation; an error becomes data, and so does a panic.
pub async fn outcome<T>(operation: impl Future<Output = Result<T, StoreError>>) -> Outcome<T> {
    let result = AssertUnwindSafe(operation)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(StoreError::Panic(panic_message(panic.as_ref()))));
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let named = |name| named(name, error);
        let coded = |code: &str| Self {
            code: Some(Either::B(code.to_owned())),
            ..named("Error")
        };
        match error {
            StoreError::Shared(error) => Self::from(error.as_ref()),
            StoreError::Mongo(error) => Self::from(error),
            StoreError::Document(document_error) => named(document_error_name(document_error)),
            StoreError::Encryption(refusal) => coded(refusal.code()),
            StoreError::Closed => coded("ERR_STORE_CLOSED"),
            StoreError::Busy(_) => coded("ERR_STORE_BUSY"),
            StoreError::TimedOut { waiting_for, .. } => {
                named("MongoOperationTimeoutError").caused_by(&[trouble_of(waiting_for)])
            }
            StoreError::Abandoned => named("MongoOperationTimeoutError"),
            StoreError::Panic(_) => named("MongoRuntimeError"),
        }
    }
}

impl From<&MongoError> for Failure {
    fn from(error: &MongoError) -> Self {
        let named = |name| named(name, error);
        match error {
            MongoError::NoServer(driver_error) | MongoError::Driver(driver_error) => Self {
                response: response_of(driver_error),
                ..from_driver(driver_error).caused_by(&causes_of_driver(driver_error))
            },
            MongoError::Unreachable { outage, .. } => {
                named("MongoServerSelectionError").caused_by(&outage.troubles)
            }
            MongoError::Outage(outage) if outage.troubles.is_empty() => {
                named("MongoServerSelectionError")
            }
            MongoError::Outage(outage) => Self {
                code: outage.code().map(|code| Either::B(code.to_owned())),
                ..named("MongoNetworkError").caused_by(&outage.troubles)
            },
            MongoError::Server(server_error) => Self {
                response: Some(server_error.response.clone().into()),
                code: Some(Either::A(server_error.code)),
                code_name: server_error.code_name.clone(),
                error_labels: server_error.labels.clone(),
                ..named(server_error_name(server_error))
            },
            MongoError::Document(document_error) => named(document_error_name(document_error)),
            MongoError::Unanswered | MongoError::Overloaded | MongoError::CertificatesFile(_) => {
                named("MongoRuntimeError")
            }
            MongoError::WrongReply => named("MongoUnexpectedServerResponseError"),
            MongoError::Superseded => named("MongoNetworkError"),
            MongoError::Silent(_) => named("MongoNetworkTimeoutError"),
            MongoError::InvalidOptions(_) => named("MongoInvalidArgumentError"),
        }
    }
}

fn named(name: &str, error: &(dyn Error + 'static)) -> Failure {
    Failure {
        name: name.to_owned(),
        message: error.to_string(),
        causes: causes(error),
        ..Failure::default()
    }
}

fn server_error_name(error: &ServerError) -> &'static str {
    match error.kind {
        ServerErrorKind::Write => "MongoServerError",
        ServerErrorKind::WriteConcern => "MongoWriteConcernError",
    }
}

fn document_error_name(error: &DocumentError) -> &'static str {
    match error {
        DocumentError::InvalidReply(_) => "MongoUnexpectedServerResponseError",
        DocumentError::InvalidPayload(_) => "BSONError",
        DocumentError::NoRandomBytes(_) => "Error",
    }
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
    if MongoError::is_authentication(error) {
        // The driver keeps the server's words alone; this is the code that goes with them.
        let words = driver_words(&error.kind);
        return server_error("MongoServerError", 18, "AuthenticationFailed", &words);
    }
    Failure {
        name: driver_error_name(error).to_owned(),
        message: driver_words(&error.kind),
        error_labels,
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

/// As what a call was waiting for.
fn trouble_of(error: &MongoError) -> Trouble {
    let code = match error {
        MongoError::Outage(outage) => outage.code(),
        _ => None,
    };
    Trouble {
        message: error.to_string(),
        code,
    }
}

/// The reply that a server refused a command with.
fn response_of(error: &DriverError) -> Option<Buffer> {
    let of_source = || source_of(error)?.server_response();
    let response = error.server_response().or_else(of_source)?;
    Some(response.as_bytes().to_vec().into())
}

/// The messages of what an error comes from, the nearest first.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let sources = iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        (*cause).source()
    });
    sources.map(ToString::to_string).collect()
}

/// What one of the driver's errors comes from. What the server has said is the error itself.
fn causes_of_driver(error: &DriverError) -> Vec<Trouble> {
    if command_error(error).is_some() {
        return Vec::new();
    }
    let plain = |source: &DriverError| Trouble {
        message: driver_words(&source.kind),
        code: None,
    };
    let sources = iter::successors(source_of(error), |source| source_of(source));
    let of_sources = sources.flat_map(|source| [Some(plain(source)), io_cause(source)]);
    io_cause(error)
        .into_iter()
        .chain(of_sources.flatten())
        .collect()
}

/// The driver does not name the operating system's error as a source.
fn io_cause(error: &DriverError) -> Option<Trouble> {
    match error.kind.as_ref() {
        ErrorKind::Io(error) => Some(Trouble {
            message: error.to_string(),
            code: of_connection(error).code,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Document, doc};

    fn failure_of(reply: &Document) -> Failure {
        let error = MongoError::check(reply).expect_err("the reply holds an error");
        StoreError::from(error).into()
    }

    #[test]
    fn a_write_error_has_the_name_that_the_node_driver_gives_it() {
        let failure = failure_of(&doc! {
            "writeErrors": [{ "index": 0, "code": 11000, "errmsg": "duplicate" }],
        });
        assert_eq!(failure.name, "MongoServerError");
        assert!(matches!(failure.code, Some(Either::A(11000))));
        assert_eq!(failure.message, "duplicate");
        assert!(failure.causes.is_empty());
    }

    #[test]
    fn a_write_concern_error_keeps_code_name_and_labels() {
        let failure = failure_of(&doc! {
            "writeConcernError": { "code": 91, "codeName": "ShutdownInProgress", "errmsg": "down" },
            "errorLabels": ["RetryableWriteError"],
        });
        assert_eq!(failure.name, "MongoWriteConcernError");
        assert_eq!(failure.code_name.as_deref(), Some("ShutdownInProgress"));
        assert_eq!(failure.error_labels, ["RetryableWriteError"]);
    }

    #[test]
    fn a_network_error_keeps_its_cause() {
        let io_error = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let error = MongoError::from(DriverError::from(ErrorKind::Io(io_error.into())));
        let failure = Failure::from(StoreError::from(error));
        assert_eq!(failure.name, "MongoNetworkError");
        assert_eq!(failure.message, "read ECONNRESET");
        assert_eq!(failure.causes, ["reset by peer"]);
        assert_eq!(failure.cause_code.as_deref(), Some("ECONNRESET"));
    }

    #[test]
    fn what_is_no_document_says_so_and_why() {
        let too_short = mongodb::bson::RawDocument::from_bytes(&[1]).expect_err("it is none");
        let failure = Failure::from(StoreError::from(DocumentError::from(too_short.clone())));
        assert_eq!(failure.name, "MongoUnexpectedServerResponseError");
        assert_eq!(failure.message, "The server's reply is not valid BSON");
        assert_eq!(failure.causes, [too_short.to_string()]);
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
