//! How to reach a deployment and how its writes are acknowledged, as the driver takes it.

#[cfg(target_os = "linux")]
use std::{fs::File, os::fd::AsRawFd};
use std::{
    io::{self, Write},
    path::PathBuf,
};

use mongodb::{
    bson::{RawDocumentBuf, cstr},
    options::{ClientOptions, DriverInfo, ServerApi, ServerApiVersion, Tls},
};
use tempfile::NamedTempFile;

use crate::mongo::errors::MongoError;

/// How to reach the deployment. Stores with equal options share one client. It may hold a password, and has no `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionOptions {
    /// A `mongodb://` connection string with every option that a connection string can carry.
    pub uri: String,
    /// The stable API version that the server is asked for.
    pub server_api: Option<ServerApiOptions>,
    /// PEM text of the certificates to trust in place of the built-in roots, unless the URL names a `tlsCAFile`.
    pub trusted_certificates: Option<String>,
    /// What an app adds to the driver's own name in the server's log.
    pub app_info: AppInfo,
}

impl ConnectionOptions {
    /// Whether the server refuses what is not in the stable API.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        let api = self.server_api.as_ref();
        api.is_some_and(|api| api.strict == Some(true))
    }

    /// Nothing but a connection string.
    #[cfg(test)]
    #[must_use]
    pub fn of_uri(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            server_api: None,
            trusted_certificates: None,
            app_info: AppInfo::default(),
        }
    }
}

/// The stable API: <https://www.mongodb.com/docs/manual/reference/stable-api/>.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerApiOptions {
    /// The version, such as `1`.
    pub version: String,
    /// Refuse commands that are not part of the API version.
    pub strict: Option<bool>,
    /// Refuse what the API version has deprecated.
    pub deprecation_errors: Option<bool>,
}

/// The library or app around the store.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct AppInfo {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The platform it runs on.
    pub platform: Option<String>,
}

/// A write concern: <https://www.mongodb.com/docs/manual/reference/write-concern/>.
pub struct WriteConcern {
    /// Who acknowledges a write.
    pub nodes: Option<AcknowledgedBy>,
    /// Whether a write is acknowledged only once it is in the journal.
    pub journal: Option<bool>,
    /// How long the server waits for the acknowledgement, in milliseconds.
    pub timeout_ms: Option<u32>,
}

/// Who acknowledges a write.
pub enum AcknowledgedBy {
    /// So many nodes; 0 for none.
    Count(u32),
    /// Those that a tag stands for, such as `majority`.
    Tag(String),
}

impl WriteConcern {
    /// Whether the server is asked for no acknowledgement.
    #[must_use]
    pub fn is_unacknowledged(&self) -> bool {
        matches!(self.nodes, Some(AcknowledgedBy::Count(0))) && self.journal != Some(true)
    }

    /// The `writeConcern` field of a command.
    #[must_use]
    pub fn to_document(&self) -> RawDocumentBuf {
        let mut document = RawDocumentBuf::new();
        match &self.nodes {
            Some(AcknowledgedBy::Count(nodes)) => document.append(cstr!("w"), i64::from(*nodes)),
            Some(AcknowledgedBy::Tag(tag)) => document.append(cstr!("w"), tag.as_str()),
            None => {}
        }
        if let Some(journal) = self.journal {
            document.append(cstr!("j"), journal);
        }
        if let Some(timeout_ms) = self.timeout_ms {
            document.append(cstr!("wtimeout"), i64::from(timeout_ms));
        }
        document
    }
}

/// The driver's options, and the file that they may point to: it is to be kept until the client is made.
pub struct DriverOptions {
    /// The driver's own type.
    pub options: ClientOptions,
    /// Gone on drop.
    pub certificates_file: Option<CertificatesFile>,
}

/// What `maxPoolSize` is when it is not given, as in the Node driver: with the 10 of the Rust driver, connections that have fallen
/// silent could be all there are.
const DEFAULT_POOL_SIZE: u32 = 100;

/// Makes the driver's options.
///
/// # Errors
/// A connection string that the driver refuses, or no room for a temporary file.
pub async fn driver_options(connection: &ConnectionOptions) -> Result<DriverOptions, MongoError> {
    let mut options = ClientOptions::parse(&connection.uri).await?;
    options.driver_info = Some(driver_info(&connection.app_info));
    options.max_pool_size.get_or_insert(DEFAULT_POOL_SIZE);
    options.server_api = connection.server_api.as_ref().map(server_api).transpose()?;
    let certificates_file = match (&connection.trusted_certificates, &mut options.tls) {
        (Some(pem), Some(Tls::Enabled(tls))) if tls.ca_file_path.is_none() => {
            let file = certificates_file(pem).map_err(MongoError::CertificatesFile)?;
            tls.ca_file_path = Some(file.path());
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
pub enum CertificatesFile {
    /// In memory. The path is good for this process alone.
    #[cfg(target_os = "linux")]
    Memory(File),
    /// In the folder for temporary files.
    Disk(NamedTempFile),
}

impl CertificatesFile {
    fn path(&self) -> PathBuf {
        match self {
            #[cfg(target_os = "linux")]
            Self::Memory(file) => format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
            Self::Disk(file) => file.path().to_owned(),
        }
    }
}

/// Containers often have no folder that can be written.
fn certificates_file(pem: &str) -> io::Result<CertificatesFile> {
    #[cfg(target_os = "linux")]
    if let Ok(file) = memory_file(pem) {
        return Ok(file);
    }
    let mut file = NamedTempFile::with_prefix("connect-mongo-native-")?;
    file.write_all(pem.as_bytes())?;
    Ok(CertificatesFile::Disk(file))
}

#[cfg(target_os = "linux")]
fn memory_file(pem: &str) -> io::Result<CertificatesFile> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let mut file = File::from(memfd_create("connect-mongo-native", MemfdFlags::CLOEXEC)?);
    file.write_all(pem.as_bytes())?;
    let file = CertificatesFile::Memory(file);
    // Not everywhere is there a /proc.
    File::open(file.path())?;
    Ok(file)
}

/// Names this package in the server's log, and the app after it.
fn driver_info(app: &AppInfo) -> DriverInfo {
    let part = |own: &str, of_app: Option<&String>| match of_app {
        Some(of_app) => format!("{own}|{of_app}"),
        None => own.to_owned(),
    };
    let name = part(env!("CARGO_PKG_NAME"), app.name.as_ref());
    let version = part(env!("CARGO_PKG_VERSION"), app.version.as_ref());
    DriverInfo::builder()
        .name(name)
        .version(version)
        .platform(app.platform.clone())
        .build()
}

fn server_api(asked: &ServerApiOptions) -> Result<ServerApi, MongoError> {
    if asked.version != "1" {
        let version = &asked.version;
        return Err(MongoError::InvalidOptions(format!(
            "serverApi.version {version:?} is not known; the only version is \"1\""
        )));
    }
    Ok(ServerApi::builder()
        .version(ServerApiVersion::V1)
        .strict(asked.strict)
        .deprecation_errors(asked.deprecation_errors)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{Document, doc};

    fn connection(uri: &str) -> ConnectionOptions {
        ConnectionOptions::of_uri(uri)
    }

    #[test]
    fn a_write_concern_is_written_as_the_server_reads_it() {
        let concern = WriteConcern {
            nodes: Some(AcknowledgedBy::Tag("majority".to_owned())),
            journal: Some(true),
            timeout_ms: Some(500),
        };
        let document = Document::try_from(concern.to_document().as_ref()).ok();
        assert_eq!(
            document,
            Some(doc! { "w": "majority", "j": true, "wtimeout": 500_i64 })
        );
    }

    #[test]
    fn zero_nodes_without_a_journal_are_no_acknowledgement() {
        let concern = |w, journal| WriteConcern {
            nodes: Some(AcknowledgedBy::Count(w)),
            journal,
            timeout_ms: None,
        };
        assert!(concern(0, None).is_unacknowledged());
        assert!(!concern(0, Some(true)).is_unacknowledged());
        assert!(!concern(1, None).is_unacknowledged());
    }

    #[tokio::test]
    async fn the_server_log_names_this_package_and_the_app() {
        let mut connection = connection("mongodb://localhost");
        connection.app_info.name = Some("shop".to_owned());
        let made = driver_options(&connection)
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
            let mut connection = connection(uri);
            connection.trusted_certificates = Some("PEM".to_owned());
            let made = driver_options(&connection)
                .await
                .expect("the options are valid");
            assert_eq!(made.certificates_file.is_some(), has_own_file, "{uri}");
        }
    }

    #[tokio::test]
    async fn an_unknown_api_version_is_refused() {
        let mut connection = connection("mongodb://localhost");
        connection.server_api = Some(ServerApiOptions {
            version: "2".to_owned(),
            strict: None,
            deprecation_errors: None,
        });
        assert!(matches!(
            driver_options(&connection).await,
            Err(MongoError::InvalidOptions(_))
        ));
    }
}
