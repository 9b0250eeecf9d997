//! What connect-mongo-native does without Node-API, threads or a driver: everything here is given its bytes and its time, and
//! gives back bytes and decisions. The addon, WebAssembly and the fuzz targets build on it.
//!
//! - [`document`]: the stored document, read and written
//! - [`queue`]: the order of operations that share commands
//! - [`schedule`]: which operations go into the next command, and how many commands may be under way
//! - [`replies`]: what the server's reply to a write command says of each statement
//! - [`crypto`]: encrypted sessions: formats, keys, primitives

pub mod crypto;
#[cfg(feature = "document")]
pub mod document;
#[cfg(feature = "document")]
pub mod queue;
#[cfg(feature = "document")]
pub mod replies;
#[cfg(feature = "document")]
pub mod schedule;
