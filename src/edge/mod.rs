//! What JavaScript sees, through Node-API.
//!
//! - [`store`]: the class that reads and writes a collection
//! - [`handle`]: a store that may have been closed, and promises of what calls on it come to
//! - [`open_store`]: a store from its opening to its end
//! - [`answers`]: the inbox from which JavaScript takes answers
//! - [`deadlines`]: calls that may take no longer than a given time
//! - [`questions`], [`handover`]: many questions, and many answers, in one call from one language to the other
//! - [`reports`], [`statistics`]: what those who look on get
//! - [`records`], [`queries`]: stored sessions and news, and what is asked for them
//! - [`failure`]: what JavaScript sees of an error
//! - [`config`]: the configuration of a store
//! - `numbers`, [`runtime`]: numbers as JavaScript has them, and the threads
//! - [`crypter`], [`crypter_config`]: the class that encrypts beside the JavaScript driver, and its configuration
//!
//! WebAssembly has neither sockets nor threads, and gets only the last two.

#[cfg(not(target_family = "wasm"))]
pub mod answers;
#[cfg(not(target_family = "wasm"))]
pub mod config;
pub mod crypter;
pub mod crypter_config;
#[cfg(not(target_family = "wasm"))]
pub mod deadlines;
#[cfg(not(target_family = "wasm"))]
pub mod failure;
#[cfg(not(target_family = "wasm"))]
pub mod handle;
#[cfg(not(target_family = "wasm"))]
pub mod handover;
#[cfg(not(target_family = "wasm"))]
pub mod numbers;
#[cfg(not(target_family = "wasm"))]
pub mod open_store;
#[cfg(not(target_family = "wasm"))]
pub mod queries;
#[cfg(not(target_family = "wasm"))]
pub mod questions;
#[cfg(not(target_family = "wasm"))]
pub mod records;
#[cfg(not(target_family = "wasm"))]
pub mod reports;
#[cfg(not(target_family = "wasm"))]
pub mod runtime;
#[cfg(not(target_family = "wasm"))]
pub mod statistics;
#[cfg(not(target_family = "wasm"))]
pub mod store;
