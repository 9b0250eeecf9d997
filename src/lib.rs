//! The native core of connect-mongo-native: a session collection in MongoDB, reached from JavaScript through Node-API.
//!
//! JavaScript (index.js, native-backend.js) owns options, user functions, events and callbacks; this crate owns BSON
//! and the network. Per call only strings, numbers, booleans and bytes cross the boundary.
//!
//! - [`store`]: the exported class, one method an operation (edge)
//! - [`answers`]: answers on their way to the JavaScript thread (edge)
//! - [`client`]: the driver's clients, shared between stores with the same connection (edge)
//! - [`batch`]: group commit, operations that share a command (edge)
//! - [`queue`]: the order of operations that share commands (pure)
//! - [`command`]: one command, sent again as the specifications say (edge)
//! - [`runtime`]: the threads (edge)
//! - [`options`]: configuration from JavaScript to the driver's options (edge)
//! - [`encryption`]: sessions encrypted on their way out and decrypted on their way in (edge)
//! - [`session_crypter`]: the same for JavaScript, beside its own driver (edge)
//! - [`crypto`]: formats, keys, primitives (pure)
//! - [`session`]: the stored document, read and written (pure)
//! - [`error`]: one error type, and what of it JavaScript sees (edge)

pub mod answers;
pub mod batch;
pub mod client;
pub mod command;
pub mod crypto;
pub mod encryption;
pub mod error;
pub mod options;
pub mod queue;
pub mod runtime;
pub mod session;
pub mod session_crypter;
pub mod store;

/// The platform this binary was built for, in the words of Node and npm: `linux-x64-gnu`, `darwin-arm64`, …
#[napi_derive::napi(catch_unwind)]
#[must_use]
pub fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "x86" => "ia32",
        arch => arch,
    };
    let libraries = if cfg!(target_env = "gnu") {
        "-gnu"
    } else if cfg!(target_env = "musl") {
        "-musl"
    } else if cfg!(target_env = "msvc") {
        "-msvc"
    } else {
        ""
    };
    format!("{os}-{arch}{libraries}")
}
