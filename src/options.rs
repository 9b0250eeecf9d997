//! Configuration as JavaScript gives it, complete and checked (index.js, mongo-options.js), to the driver's options.

use std::{
    io::{self, Write},
    time::Duration,
};

use mongodb::{
    bson::{RawDocumentBuf, cstr},
    options::{ClientOptions, DriverInfo, ServerApi, ServerApiVersion, Tls},
};
use napi::bindgen_prelude::Either;
use napi_derive::napi;
use tempfile::NamedTempFile;

use crate::error::StoreError;

/// How to reach the deployment. Stores with equal configurations share one client.
#[napi(object, object_to_js = false)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionConfig {
    /// A `mongodb://` connection string with every option that a connection string can carry.
    pub uri: String,
    /// The stable API version that the server is asked for.
    pub server_api: Option<ServerApiConfig>,
    /// PEM text of the certificates to trust in place of the built-in roots, unless the URL names a `tlsCAFile`.
    pub trusted_certificates: Option<String>,
    /// What an app adds to the driver's own name in the server's log.
    pub driver_info: Option<DriverInfoConfig>,
}

/// `serverApi` of the Node driver.
#[napi(object, object_to_js = false)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerApiConfig {
    /// The version, such as `1`.
    pub version: String,
    /// Refuse commands that are not part of the API version.
    pub strict: Option<bool>,
    /// Refuse what the API version has deprecated.
    pub deprecation_errors: Option<bool>,
}

/// `driverInfo` of the Node driver.
#[napi(object, object_to_js = false)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DriverInfoConfig {
    /// The name of the library or app.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The platform it runs on.
    pub platform: Option<String>,
}

/// A write concern: <https://www.mongodb.com/docs/manual/reference/write-concern/>.
#[napi(object, object_to_js = false)]
pub struct WriteConcernConfig {
    /// How many nodes acknowledge a write, or a tag such as `majority`; 0 for none.
    pub w: Option<Either<u32, String>>,
    /// Whether a write is acknowledged only once it is in the journal.
    pub journal: Option<bool>,
    /// How long the server waits for the acknowledgement, in milliseconds.
    pub wtimeout_ms: Option<u32>,
}

/// What a store needs to know once.
#[napi(object, object_to_js = false)]
pub struct StoreConfig {
    /// How to reach the deployment.
    pub connection: ConnectionConfig,
    /// The name of the database.
    pub database: String,
    /// The name of the collection.
    pub collection: String,
    /// The write concern of every session write; the deployment's default when absent.
    pub write_concern: Option<WriteConcernConfig>,
    /// Whether to write `createdAt` and `updatedAt`.
    pub timestamps: bool,
    /// Whether to report when no server takes writes, and when one does again.
    pub connection_events: bool,
    /// How many operations may wait for their command or its reply; beyond that a call fails at once.
    pub max_pending: u32,
    /// How long a call may take, its place in the queue included, in milliseconds; no limit when absent.
    #[napi(js_name = "operationTimeoutMS")]
    pub operation_timeout_ms: Option<u32>,
    /// `native`, `interval` or `disabled`.
    #[napi(ts_type = "'native' | 'interval' | 'disabled'")]
    pub auto_remove: String,
}

impl StoreConfig {
    /// How long a call may take.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        let milliseconds = self.operation_timeout_ms.map(u64::from);
        milliseconds.map(Duration::from_millis)
    }
}

impl WriteConcernConfig {
    /// Whether the server is asked for no acknowledgement.
    #[must_use]
    pub fn is_unacknowledged(&self) -> bool {
        matches!(self.w, Some(Either::A(0))) && self.journal != Some(true)
    }

    /// The `writeConcern` field of a command.
    #[must_use]
    pub fn to_document(&self) -> RawDocumentBuf {
        let mut document = RawDocumentBuf::new();
        match &self.w {
            Some(Either::A(nodes)) => document.append(cstr!("w"), i64::from(*nodes)),
            Some(Either::B(tag)) => document.append(cstr!("w"), tag.as_str()),
            None => {}
        }
        if let Some(journal) = self.journal {
            document.append(cstr!("j"), journal);
        }
        if let Some(wtimeout_ms) = self.wtimeout_ms {
            document.append(cstr!("wtimeout"), i64::from(wtimeout_ms));
        }
        document
    }
}

/// The driver's options, and the file that they may point to: it is to be kept until the client is made.
pub struct DriverOptions {
    /// The driver's own type.
    pub options: ClientOptions,
    /// Deleted on drop.
    pub certificates_file: Option<NamedTempFile>,
}

/// Makes the driver's options.
///
/// # Errors
/// A connection string that the driver refuses, or no room for a temporary file.
pub async fn driver_options(config: &ConnectionConfig) -> Result<DriverOptions, StoreError> {
    let mut options = ClientOptions::parse(&config.uri).await?;
    options.driver_info = Some(driver_info(config.driver_info.as_ref()));
    options.server_api = config.server_api.as_ref().map(server_api).transpose()?;
    let certificates_file = match (&config.trusted_certificates, &mut options.tls) {
        (Some(pem), Some(Tls::Enabled(tls))) if tls.ca_file_path.is_none() => {
            let file = certificates_file(pem).map_err(StoreError::CertificatesFile)?;
            tls.ca_file_path = Some(file.path().to_owned());
            Some(file)
        }
        _ => None,
    };
    Ok(DriverOptions {
        options,
        certificates_file,
    })
}

/// The driver takes certificates as the path of a file only.
fn certificates_file(pem: &str) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix("connect-mongo-native-")?;
    file.write_all(pem.as_bytes())?;
    Ok(file)
}

/// Names this package in the server's log, and the app after it.
fn driver_info(app: Option<&DriverInfoConfig>) -> DriverInfo {
    let part = |own: &str, of_app: Option<&String>| match of_app {
        Some(of_app) => format!("{own}|{of_app}"),
        None => own.to_owned(),
    };
    let name = part(
        env!("CARGO_PKG_NAME"),
        app.and_then(|app| app.name.as_ref()),
    );
    let version = part(
        env!("CARGO_PKG_VERSION"),
        app.and_then(|app| app.version.as_ref()),
    );
    DriverInfo::builder()
        .name(name)
        .version(version)
        .platform(app.and_then(|app| app.platform.clone()))
        .build()
}

fn server_api(config: &ServerApiConfig) -> Result<ServerApi, StoreError> {
    if config.version != "1" {
        let version = &config.version;
        return Err(StoreError::InvalidOptions(format!(
            "serverApi.version {version:?} is not known; the only version is \"1\""
        )));
    }
    Ok(ServerApi::builder()
        .version(ServerApiVersion::V1)
        .strict(config.strict)
        .deprecation_errors(config.deprecation_errors)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Document, doc};

    fn connection(uri: &str) -> ConnectionConfig {
        ConnectionConfig {
            uri: uri.to_owned(),
            server_api: None,
            trusted_certificates: None,
            driver_info: None,
        }
    }

    #[test]
    fn a_write_concern_is_written_as_the_server_reads_it() {
        let config = WriteConcernConfig {
            w: Some(Either::B("majority".to_owned())),
            journal: Some(true),
            wtimeout_ms: Some(500),
        };
        let document = Document::try_from(config.to_document().as_ref()).ok();
        assert_eq!(
            document,
            Some(doc! { "w": "majority", "j": true, "wtimeout": 500_i64 })
        );
    }

    #[test]
    fn zero_nodes_without_a_journal_are_no_acknowledgement() {
        let concern = |w, journal| WriteConcernConfig {
            w: Some(Either::A(w)),
            journal,
            wtimeout_ms: None,
        };
        assert!(concern(0, None).is_unacknowledged());
        assert!(!concern(0, Some(true)).is_unacknowledged());
        assert!(!concern(1, None).is_unacknowledged());
    }

    #[tokio::test]
    async fn the_server_log_names_this_package_and_the_app() {
        let mut config = connection("mongodb://localhost");
        config.driver_info = Some(DriverInfoConfig {
            name: Some("shop".to_owned()),
            version: None,
            platform: None,
        });
        let made = driver_options(&config)
            .await
            .expect("the options are valid");
        let info = made
            .options
            .driver_info
            .expect("there is driver information");
        assert_eq!(info.name, "connect-mongo-native|shop");
        assert_eq!(info.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    }

    #[tokio::test]
    async fn the_trusted_certificates_give_way_to_a_ca_file() {
        for (uri, has_own_file) in [
            ("mongodb://localhost/?tls=true", true),
            ("mongodb://localhost/?tlsCAFile=own.pem", false),
            ("mongodb://localhost/", false),
        ] {
            let mut config = connection(uri);
            config.trusted_certificates = Some("PEM".to_owned());
            let made = driver_options(&config)
                .await
                .expect("the options are valid");
            assert_eq!(made.certificates_file.is_some(), has_own_file, "{uri}");
        }
    }

    #[tokio::test]
    async fn an_unknown_api_version_is_refused() {
        let mut config = connection("mongodb://localhost");
        config.server_api = Some(ServerApiConfig {
            version: "2".to_owned(),
            strict: None,
            deprecation_errors: None,
        });
        assert!(matches!(
            driver_options(&config).await,
            Err(StoreError::InvalidOptions(_))
        ));
    }
}
