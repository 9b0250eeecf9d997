//! The five promises of the engine, against a server that follows a script.

mod answers;
mod coalescing;
mod failures;
mod grouping;
mod held;
mod late;
mod script;
mod sharing;
