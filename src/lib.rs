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
//!
//! WebAssembly has neither sockets nor threads, and gets only what needs none: [`crypto`] and [`session_crypter`].

#[cfg(not(target_family = "wasm"))]
pub mod answers;
#[cfg(not(target_family = "wasm"))]
pub mod batch;
#[cfg(not(target_family = "wasm"))]
pub mod client;
#[cfg(not(target_family = "wasm"))]
pub mod command;
pub mod crypto;
#[cfg(not(target_family = "wasm"))]
pub mod encryption;
#[cfg(not(target_family = "wasm"))]
pub mod error;
#[cfg(not(target_family = "wasm"))]
pub mod options;
#[cfg(not(target_family = "wasm"))]
pub mod queue;
#[cfg(not(target_family = "wasm"))]
pub mod runtime;
#[cfg(not(target_family = "wasm"))]
pub mod session;
pub mod session_crypter;
#[cfg(not(target_family = "wasm"))]
pub mod store;

/// The version of this binary, which has to be that of the JavaScript around it.
#[napi_derive::napi(catch_unwind)]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The platform this binary was built for, in the words of Node and npm: `linux-x64-gnu`, `darwin-arm64`, …, or
/// `wasm32-wasip1`.
#[napi_derive::napi(catch_unwind)]
#[must_use]
pub fn platform() -> String {
    if std::env::consts::ARCH == "wasm32" {
        return "wasm32-wasip1".to_owned();
    }
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
