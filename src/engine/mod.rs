//! Group commit: operations that arrive while a command is under way leave together in the next. And what a store does beside
//! that: reads and writes outside the queue, and work in the background.
//!
//! There is no timer. With nothing of its kind under way an operation leaves at once. What comes meanwhile leaves with what
//! else waits, when a reply is there, or when the turn of the event loop ends in which JavaScript asked for it.
//!
//! 1. **Grouping.** Gets leave as one `find` (`_id: { $in: […] }`; a lone one by `_id` alone, the server's fast path), sets
//!    and touches as one `update`, destroys as one `delete`. Writes of one session that wait together are one statement as far as nobody
//!    can tell the difference, as [`coalescing`] says. Of each of these two are under way at
//!    a time, more where the network is slow, and what waits is divided among those that may leave. A command stays below
//!    the server's limits, so an operation that is too large fails alone; sessions that do not fit into one reply come in
//!    several. Large sessions leave without the others, which would wait for them. A command that takes much longer than usual holds up nobody who is not in it, as
//!    [`schedule`](connect_mongo_native_core::schedule) says.
//! 2. **Order.** Operations on one id keep the order in which JavaScript called; each waits for those before it. Statements
//!    of one id share a command where none is sent twice. That command is an ordered one, since the server
//!    promises the order of no other.
//!    The order holds among all stores of the process that have the same connection, database, collection and write
//!    concern: they share an [`Engine`](group::Engine). `all`, `length` and `clear` are no part of it.
//! 3. **Answers.** Every caller gets the answer for its own statement: its write error reaches nobody else, created is told
//!    from updated, and what matched nothing, be it a touch or a set that creates none, from the others. An `update` reply
//!    only counts the matches, so a statement that shares its command is written such that the server refuses it where there is
//!    no session ([`WithoutSession::Refused`](connect_mongo_native_core::document::WithoutSession)): a question afterwards
//!    would be answered by what others have done meanwhile.
//! 4. **Failures.** A write concern error reaches every caller of the command, and so does what befalls the command as a
//!    whole, once it has been sent again as [`retry`](crate::mongo::retry) says.
//! 5. **Acknowledgement.** An operation is answered when the server's reply to it is there, never before, and always: one
//!    that is lost, be it by a bug, is answered with an error. An operation whose call has run out of time is not sent any
//!    more; one that has been sent may still be done.
//!
//! From the outside in:
//!
//! - [`group`]: the engine itself: what waits, and the tasks that send it
//! - [`registry`]: one engine for all stores of a collection
//! - [`reads`], [`writes`]: one command of each kind, and its answers
//! - [`coalescing`]: writes of one session that one statement does
//! - [`held`]: a write command that one of its statements holds up
//! - [`outcomes`]: what a write command came to, as its callers get to hear it
//! - [`whole`]: a write command that is sent as it is
//! - [`statements`]: the elements of write commands
//! - [`operation`]: what is asked for
//! - [`encryption`], [`heavy`]: sessions encrypted and decrypted, and what takes long of that
//! - [`state`]: what all of these share
//! - [`caller`]: who is answered, and how
//! - [`server`]: what the engine asks of a server
//! - [`statistics`]: how many commands it has sent
//! - [`stored`]: reads and writes outside the queue
//! - [`background`]: the TTL index, sweeps, news of the servers
//! - [`encryption`]: sessions encrypted on their way out and decrypted on their way in
//! - [`errors`]: why an operation failed

pub mod background;
pub mod caller;
pub mod coalescing;
pub mod encryption;
pub mod errors;
pub mod group;
pub mod heavy;
pub mod held;
pub mod operation;
pub mod outcomes;
pub mod reads;
pub mod registry;
pub mod server;
pub mod state;
pub mod statements;
pub mod statistics;
pub mod stored;
#[cfg(test)]
mod tests;
pub mod whole;
pub mod writes;
