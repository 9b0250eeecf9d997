//! The addon of connect-mongo-native: a session collection in MongoDB, reached from JavaScript through Node-API.
//!
//! JavaScript owns options, user functions, events and callbacks; Rust owns BSON, keys and the network. Per call only strings,
//! numbers, booleans and bytes cross the boundary. The rooms, each of which uses only those below it:
//!
//! - [`edge`]: what JavaScript sees
//! - [`engine`]: operations that share commands, encryption on the way, work in the background
//! - [`mongo`]: the driver, and what is sent again after which error
//! - `core`, a crate of its own: documents, the order of operations, the reading of replies, cryptography
//!
//! WebAssembly has neither sockets nor threads, and gets only what encrypts.

pub mod edge;
#[cfg(not(target_family = "wasm"))]
pub mod engine;
#[cfg(not(target_family = "wasm"))]
pub mod mongo;

/// As scripts/release/release-binaries.js finds it in a file for another platform, which cannot be asked.
const MARKED_VERSION: &str = concat!("[connect-mongo-native ", env!("CARGO_PKG_VERSION"), "]");

/// The version of this binary, which has to be that of the JavaScript around it.
#[napi_derive::napi(catch_unwind)]
#[must_use]
pub fn version() -> String {
    // The compiler would keep no more of it than what is returned.
    let marked = std::hint::black_box(MARKED_VERSION);
    marked
        .trim_start_matches("[connect-mongo-native ")
        .trim_end_matches(']')
        .to_owned()
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
    // On Windows it is Node that links with Microsoft's C library, whatever this was linked with.
    let libraries = if cfg!(windows) {
        "-msvc"
    } else if cfg!(target_env = "gnu") {
        "-gnu"
    } else if cfg!(target_env = "musl") {
        "-musl"
    } else {
        ""
    };
    format!("{os}-{arch}{libraries}")
}
