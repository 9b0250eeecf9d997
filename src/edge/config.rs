//! The configuration of a store as JavaScript gives it, complete and checked (lib/mongo/connection.js, lib/store/options.js).

use std::time::Duration;

use napi::bindgen_prelude::Either;
use napi_derive::napi;

use crate::{
    edge::answers::CallLimits,
    engine::background::IndexDuty,
    mongo::options::{AcknowledgedBy, AppInfo, ConnectionOptions, ServerApiOptions, WriteConcern},
};

/// How to reach the deployment. Stores with equal configurations share one client.
#[napi(object, object_to_js = false)]
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

/// Who removes expired sessions.
#[napi(string_enum)]
pub enum AutoRemove {
    /// The server, by a TTL index.
    #[napi(value = "native")]
    Native,
    /// The store, now and then.
    #[napi(value = "interval")]
    Interval,
    /// Nobody.
    #[napi(value = "disabled")]
    Disabled,
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
    /// Who removes expired sessions.
    #[napi(ts_type = "'native' | 'interval' | 'disabled'")]
    pub auto_remove: AutoRemove,
}

impl StoreConfig {
    /// What bounds its calls.
    #[must_use]
    pub fn limits(&self) -> CallLimits {
        let milliseconds = self.operation_timeout_ms.map(u64::from);
        CallLimits {
            pending: usize::try_from(self.max_pending).unwrap_or(usize::MAX),
            time: milliseconds.map(Duration::from_millis),
        }
    }
}

impl From<ConnectionConfig> for ConnectionOptions {
    fn from(config: ConnectionConfig) -> Self {
        Self {
            uri: config.uri,
            server_api: config.server_api.map(ServerApiOptions::from),
            trusted_certificates: config.trusted_certificates,
            app_info: config.driver_info.map(AppInfo::from).unwrap_or_default(),
        }
    }
}

impl From<ServerApiConfig> for ServerApiOptions {
    fn from(config: ServerApiConfig) -> Self {
        Self {
            version: config.version,
            strict: config.strict,
            deprecation_errors: config.deprecation_errors,
        }
    }
}

impl From<DriverInfoConfig> for AppInfo {
    fn from(config: DriverInfoConfig) -> Self {
        Self {
            name: config.name,
            version: config.version,
            platform: config.platform,
        }
    }
}

impl From<WriteConcernConfig> for WriteConcern {
    fn from(config: WriteConcernConfig) -> Self {
        Self {
            nodes: config.w.map(|w| match w {
                Either::A(nodes) => AcknowledgedBy::Count(nodes),
                Either::B(tag) => AcknowledgedBy::Tag(tag),
            }),
            journal: config.journal,
            timeout_ms: config.wtimeout_ms,
        }
    }
}

impl From<AutoRemove> for IndexDuty {
    fn from(auto_remove: AutoRemove) -> Self {
        match auto_remove {
            AutoRemove::Native => Self::Make,
            AutoRemove::Interval => Self::None,
            AutoRemove::Disabled => Self::Report,
        }
    }
}
