//! The configuration of a store as JavaScript gives it, complete and checked (lib/mongo/connection.js, lib/store/options.js).

use std::time::Duration;

use mongodb::bson::Bson;
use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use crate::{
    edge::{answers::CallLimits, queries::raw},
    engine::errors::StoreError,
    mongo::{
        expiry::Expiry,
        indexes::WantedIndex,
        options::{AcknowledgedBy, AppInfo, ConnectionOptions, ServerApiOptions, WriteConcern},
    },
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

/// An index that a store asks for (lib/collection/indexes.js).
#[napi(object, object_to_js = false)]
pub struct IndexConfig {
    /// Its fields, those behind a `-` in descending order.
    pub fields: Vec<String>,
    /// How long after the date of its field the server removes a session, in seconds.
    pub expire_after_seconds: Option<f64>,
    /// It is of the sessions alone that have this field.
    pub only_with: Option<String>,
    /// Whether one that removes sessions at another time is changed.
    pub may_change: bool,
}

/// Which sessions are to be removed by `sweep`.
#[napi(object, object_to_js = false)]
pub struct ExpiryConfig {
    /// A filter of the store's sessions, as a BSON document; without it they are all of the collection.
    pub among: Option<Buffer>,
    /// How long expired sessions stay, in milliseconds.
    pub grace_ms: f64,
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
    /// How long after `createdAt` a session ends, in milliseconds.
    pub max_lifetime_ms: Option<f64>,
    /// What `sweep` removes.
    pub expiry: ExpiryConfig,
    /// The indexes that are made where they are missing.
    pub indexes: Vec<IndexConfig>,
    /// The index that is reported when it is there.
    pub unwanted_index: Option<IndexConfig>,
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

impl From<IndexConfig> for WantedIndex {
    fn from(config: IndexConfig) -> Self {
        let keys = config
            .fields
            .iter()
            .map(|field| match field.strip_prefix('-') {
                Some(field) => (field.to_owned(), Bson::Int32(-1)),
                None => (field.clone(), Bson::Int32(1)),
            });
        Self {
            keys: keys.collect(),
            expire_after: config.expire_after_seconds.map(seconds),
            only_with: config.only_with,
            may_change: config.may_change,
        }
    }
}

impl ExpiryConfig {
    /// As the engine takes it.
    ///
    /// # Errors
    /// A filter that is no BSON document.
    pub fn parsed(self, max_lifetime_ms: Option<f64>) -> Result<Expiry, StoreError> {
        Ok(Expiry {
            among: self.among.map(|among| raw(among.to_vec())).transpose()?,
            grace_ms: whole(self.grace_ms),
            max_lifetime_ms: max_lifetime_ms.map(whole),
        })
    }
}

/// lib/store/options.js gives no others than those that fit.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "lib/store/options.js gives whole milliseconds within the bounds of a date"
)]
fn whole(milliseconds: f64) -> i64 {
    milliseconds as i64
}
