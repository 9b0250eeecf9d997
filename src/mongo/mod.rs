//! MongoDB through the official driver: connections, one collection, and what is sent again after which error.
//!
//! - [`options`]: how to reach a deployment, and its driver's options
//! - [`client`]: the driver's clients, one for all stores that have the same connection
//! - [`connections`]: those that no command has, and whether a command has got one
//! - [`current`]: the driver's client of a deployment, until it is replaced
//! - [`deployment`]: a driver's client, with what is known of the servers behind it
//! - `attempt`, `clock`: one attempt at a command, and what the server's clock says
//! - [`monitoring`]: what the driver's monitors see
//! - [`trouble`]: what keeps a server from being reached, in Node's words
//! - [`patience`]: how long and how often a command is sent again
//! - [`retry`]: write commands, sent again while the specifications say so
//! - [`asked`]: whether documents are those that were asked for
//! - [`trace`]: the commands that are sent, for those who look on
//! - [`transaction`]: a few writes to a replica set, all of them or none
//! - [`reader`], [`writer`]: the commands on a collection of sessions
//! - [`indexes`], [`expiry`]: the indexes of the collection, and which sessions are to be removed
//! - [`collection`]: a collection of sessions, with all of these
//! - [`errors`]: what can go wrong, and what may be sent again after it

pub mod asked;
mod attempt;
pub mod client;
mod clock;
pub mod collection;
pub mod connections;
pub mod current;
pub mod deployment;
pub mod errors;
pub mod expiry;
pub mod indexes;
pub mod monitoring;
pub mod options;
pub mod patience;
pub mod reader;
pub mod retry;
pub mod trace;
pub mod transaction;
pub mod trouble;
pub mod writer;
