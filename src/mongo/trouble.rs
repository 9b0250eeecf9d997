//! What keeps a server from being reached, in the words that Node has for it: that is what people search for.
//!
//! The codes are those of libuv (<https://docs.libuv.org/en/v1.x/errors.html>), of OpenSSL as Node names them
//! (<https://nodejs.org/api/tls.html#x509-certificate-error-codes>), and Node's own (<https://nodejs.org/api/errors.html>).

use std::{fmt, io};

use mongodb::{
    error::{CommandError, Error as DriverError, ErrorKind},
    options::ServerAddress,
};
use rustls::{CertificateError, Error as TlsError};

/// How an error begins for which the system cannot find an address, in Rust's standard library.
const LOOKUP: &str = "failed to lookup address information";
/// What tokio-rustls says of a connection that ends before TLS has begun.
const TLS_EOF: &str = "tls handshake eof";
/// What Windows says of a name that it cannot find: `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`.
const WINDOWS_NO_HOST: i32 = 11_001;
const WINDOWS_TRY_AGAIN: i32 = 11_002;

/// What befell a server, or a connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In Node's words where it has some.
    pub message: String,
    /// Node's code for it.
    pub code: Option<&'static str>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Trouble {
    /// Nothing has come from it.
    #[must_use]
    pub fn silent(address: &ServerAddress) -> Self {
        coded(
            "ETIMEDOUT",
            format!("connect ETIMEDOUT {address}: no answer"),
        )
    }

    /// What the driver has met there.
    #[must_use]
    pub fn of(address: &ServerAddress, error: &DriverError) -> Self {
        if let Some(error) = command_error(error) {
            return uncoded(format!(
                "{address} answers {}: {}",
                error.code, error.message
            ));
        }
        match error.kind.as_ref() {
            ErrorKind::Io(error) => of_io(address, error),
            ErrorKind::DnsResolve { .. } => no_host(address),
            kind @ ErrorKind::Authentication { .. } => uncoded(driver_words(kind)),
            ErrorKind::InvalidResponse { message, .. } => uncoded(format!(
                "{address} does not answer as MongoDB does: {message}"
            )),
            kind => uncoded(format!("{}: {address}", driver_words(kind))),
        }
    }
}

/// Why no server can be used.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    /// What befell those that cannot be reached.
    pub troubles: Vec<Trouble>,
    /// The addresses and types of the others.
    pub others: Vec<String>,
}

impl Outage {
    /// Node's code for the first trouble that has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.troubles.iter().find_map(|trouble| trouble.code)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let troubles = self.troubles.iter().map(ToString::to_string);
        let others = self.others.join(", ");
        if self.troubles.is_empty() {
            return write!(formatter, "No server takes writes: {others}");
        }
        let all = troubles.chain((!others.is_empty()).then_some(others));
        formatter.write_str(&all.collect::<Vec<_>>().join(", "))
    }
}

/// The server's own error, which the driver keeps as the source of an authentication error.
#[must_use]
pub fn command_error(error: &DriverError) -> Option<&CommandError> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some(error),
        _ => command_error(source_of(error)?),
    }
}

/// What an error of the driver comes from, as far as that is another of its own. It is in a box, which is an error as well.
#[must_use]
pub fn source_of(error: &DriverError) -> Option<&DriverError> {
    use std::error::Error;
    let source = error.source()?;
    let boxed = || source.downcast_ref::<Box<DriverError>>().map(Box::as_ref);
    source.downcast_ref().or_else(boxed)
}

/// What the driver says, without what it has for those who debug it.
#[must_use]
pub fn driver_words(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Command(error) => error.message.clone(),
        ErrorKind::Io(error) => of_connection(error).message,
        // After the mechanism, `SCRAM failure: …`, come the server's words.
        ErrorKind::Authentication { message, .. } => {
            let words = message.split_once(" failure: ");
            words
                .map_or(message.as_str(), |(_, words)| words)
                .to_owned()
        }
        ErrorKind::ServerSelection { .. } => "No server was found in time".to_owned(),
        ErrorKind::ConnectionPoolCleared { message, .. } => {
            let pool = message.split_once(" cleared because");
            let pool = pool.map_or("The connection pool", |(pool, _)| pool);
            format!("{pool} was cleared because another operation failed")
        }
        ErrorKind::InsertMany(_)
        | ErrorKind::BulkWrite(_)
        | ErrorKind::GridFs(_)
        | ErrorKind::Write(_) => "The server refused a part of the command".to_owned(),
        kind => kind.to_string(),
    }
}

/// What befell a connection, and Node's code for it. Which server it was is not known any more.
#[must_use]
pub fn of_connection(error: &io::Error) -> Trouble {
    let (code, call) = system_code(error);
    match code {
        Some(code) => coded(code, format!("{call} {code}")),
        None => uncoded(error.to_string()),
    }
}

fn of_io(address: &ServerAddress, error: &io::Error) -> Trouble {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return of_tls(address, error);
    }
    let words = error.to_string();
    let is_passing =
        words.contains("emporary failure") || error.raw_os_error() == Some(WINDOWS_TRY_AGAIN);
    if is_passing {
        return coded(
            "EAI_AGAIN",
            format!("getaddrinfo EAI_AGAIN {}", host(address)),
        );
    }
    if words.starts_with(LOOKUP) || error.raw_os_error() == Some(WINDOWS_NO_HOST) {
        return no_host(address);
    }
    if words == TLS_EOF {
        let message =
            "Client network socket disconnected before secure TLS connection was established";
        return coded("ECONNRESET", format!("{message}: does {address} use TLS?"));
    }
    match (system_code(error), error.kind()) {
        ((Some("ETIMEDOUT"), _), _) => Trouble::silent(address),
        ((Some(code), call), _) => coded(code, format!("{call} {code} {address}")),
        (_, io::ErrorKind::UnexpectedEof) => closed(address),
        _ => uncoded(format!("{words}: {address}")),
    }
}

/// As `mongod --tlsMode requireTLS` does with a client that does not use it.
fn closed(address: &ServerAddress) -> Trouble {
    let message = format!("connection to {address} closed: does it ask for TLS (tls=true)?");
    coded("ECONNRESET", message)
}

/// The code of an error of the system, and what Node says was being done.
fn system_code(error: &io::Error) -> (Option<&'static str>, &'static str) {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => (Some("ECONNREFUSED"), "connect"),
        Kind::TimedOut => (Some("ETIMEDOUT"), "connect"),
        Kind::HostUnreachable => (Some("EHOSTUNREACH"), "connect"),
        Kind::NetworkUnreachable => (Some("ENETUNREACH"), "connect"),
        Kind::NetworkDown => (Some("ENETDOWN"), "connect"),
        Kind::AddrNotAvailable => (Some("EADDRNOTAVAIL"), "connect"),
        Kind::NotFound => (Some("ENOENT"), "connect"),
        Kind::PermissionDenied => (Some("EACCES"), "connect"),
        Kind::ConnectionReset => (Some("ECONNRESET"), "read"),
        Kind::ConnectionAborted => (Some("ECONNABORTED"), "read"),
        Kind::BrokenPipe => (Some("EPIPE"), "write"),
        _ => (None, ""),
    }
}

fn of_tls(address: &ServerAddress, error: &TlsError) -> Trouble {
    match error {
        TlsError::InvalidCertificate(error) => of_certificate(address, error),
        TlsError::InvalidMessage(_) => coded(
            "EPROTO",
            format!("wrong version number: {address} does not speak TLS (tls=true)"),
        ),
        error => uncoded(format!("{error}: TLS with {address}")),
    }
}

fn of_certificate(address: &ServerAddress, error: &CertificateError) -> Trouble {
    use CertificateError as Certificate;
    let (code, words) = match error {
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            ("CERT_HAS_EXPIRED", "certificate has expired")
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            ("CERT_NOT_YET_VALID", "certificate is not yet valid")
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => (
            "ERR_TLS_CERT_ALTNAME_INVALID",
            "Hostname/IP does not match certificate's altnames",
        ),
        Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => {
            ("INVALID_PURPOSE", "unsuitable certificate purpose")
        }
        Certificate::Revoked => ("CERT_REVOKED", "certificate revoked"),
        Certificate::UnknownIssuer => {
            let message = format!(
                "unable to verify the first certificate: nobody trusted has signed that of {address} (tlsCAFile)"
            );
            return coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE", message);
        }
        // As webpki has it of one that is an authority's own.
        Certificate::Other(_) => ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
        error => return uncoded(format!("{error}: the certificate of {address}")),
    };
    coded(code, format!("{words}: {address}"))
}

fn no_host(address: &ServerAddress) -> Trouble {
    coded(
        "ENOTFOUND",
        format!("getaddrinfo ENOTFOUND {}", host(address)),
    )
}

fn host(address: &ServerAddress) -> String {
    match address {
        ServerAddress::Tcp { host, .. } => host.clone(),
        address => address.to_string(),
    }
}

fn coded(code: &'static str, message: String) -> Trouble {
    Trouble {
        message,
        code: Some(code),
    }
}

fn uncoded(message: String) -> Trouble {
    Trouble {
        message,
        code: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::InvalidMessage;

    use super::*;

    fn trouble_of(error: impl Into<DriverError>) -> (String, Option<&'static str>) {
        let address = ServerAddress::parse("db.example:27017").expect("it is an address");
        let trouble = Trouble::of(&address, &error.into());
        (trouble.message, trouble.code)
    }

    #[test]
    fn a_refused_connection_is_what_node_says_of_it() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let expected = "connect ECONNREFUSED db.example:27017".to_owned();
        assert_eq!(trouble_of(refused), (expected, Some("ECONNREFUSED")));
    }

    #[test]
    fn a_name_that_is_not_found_is_told_without_its_port() {
        let words = "failed to lookup address information: Name or service not known";
        let expected = "getaddrinfo ENOTFOUND db.example".to_owned();
        assert_eq!(
            trouble_of(io::Error::other(words)),
            (expected, Some("ENOTFOUND"))
        );
        let words = "failed to lookup address information: Temporary failure in name resolution";
        assert_eq!(trouble_of(io::Error::other(words)).1, Some("EAI_AGAIN"));
    }

    #[test]
    fn what_is_wrong_with_tls_is_told_apart() {
        let tls = |error| trouble_of(io::Error::new(io::ErrorKind::InvalidData, error)).1;
        let certificate = |error| tls(TlsError::InvalidCertificate(error));
        let unknown = certificate(CertificateError::UnknownIssuer);
        assert_eq!(unknown, Some("UNABLE_TO_VERIFY_LEAF_SIGNATURE"));
        assert_eq!(
            certificate(CertificateError::Expired),
            Some("CERT_HAS_EXPIRED")
        );
        let name = certificate(CertificateError::NotValidForName);
        assert_eq!(name, Some("ERR_TLS_CERT_ALTNAME_INVALID"));
        let plain = TlsError::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(tls(plain), Some("EPROTO"));
        let eof = io::Error::new(io::ErrorKind::UnexpectedEof, TLS_EOF);
        assert!(trouble_of(eof).0.contains("before secure TLS connection"));
    }

    #[test]
    fn nothing_of_the_drivers_own_words_is_left() {
        let kinds = [
            ErrorKind::Io(Arc::new(io::Error::other("odd"))),
            ErrorKind::Io(Arc::new(io::ErrorKind::TimedOut.into())),
            ErrorKind::Io(Arc::new(io::ErrorKind::UnexpectedEof.into())),
            ErrorKind::Shutdown,
        ];
        for kind in kinds {
            let (message, _) = trouble_of(kind);
            assert!(
                !message.contains("Kind:") && !message.contains("labels"),
                "{message}"
            );
        }
    }
}
