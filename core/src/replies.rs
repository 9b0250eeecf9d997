//! What the server's reply to a write command says of each of its statements.

use std::collections::{HashMap, HashSet};

use bson::Document;

/// An error in the reply to a write command.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ServerError {
    /// Whom it concerns.
    pub kind: ServerErrorKind,
    /// The server's number of it.
    pub code: i32,
    /// The server's name of the code, when it gives one.
    pub code_name: Option<String>,
    /// The server's words.
    pub message: String,
    /// The labels of the reply that held it.
    pub labels: Vec<String>,
}

/// Whom an error in a reply concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerErrorKind {
    /// One statement, which was not done.
    Write,
    /// The whole command: it was done, but not acknowledged as the write concern asks.
    WriteConcern,
}

impl ServerError {
    fn new(kind: ServerErrorKind, error: &Document, reply: &Document) -> Self {
        Self {
            kind,
            code: error.get_i32("code").unwrap_or_default(),
            code_name: error.get_str("codeName").ok().map(str::to_owned),
            message: error.get_str("errmsg").unwrap_or_default().to_owned(),
            labels: labels_of(reply),
        }
    }

    /// Whether the reply that held it has this label.
    #[must_use]
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|one| one == label)
    }
}

/// The write errors of a reply, each with the index of its statement, as the server lists them.
#[must_use]
pub fn write_errors(reply: &Document) -> Vec<(usize, ServerError)> {
    let errors = reply.get_array("writeErrors").map(Vec::as_slice);
    let documents = errors.unwrap_or_default().iter();
    documents
        .filter_map(|error| error.as_document())
        .map(|error| {
            let index = error.get_i32("index").unwrap_or_default();
            let error = ServerError::new(ServerErrorKind::Write, error, reply);
            (usize::try_from(index).unwrap_or_default(), error)
        })
        .collect()
}

/// The write concern error of a reply.
#[must_use]
pub fn write_concern_error(reply: &Document) -> Option<ServerError> {
    let error = reply.get_document("writeConcernError").ok()?;
    Some(ServerError::new(
        ServerErrorKind::WriteConcern,
        error,
        reply,
    ))
}

/// What a statement comes to that would have to create a session with another id: `ImmutableField`.
pub const MISSED: i32 = 66;

/// What a server says that has given up a command, or the wait for its write concern, after `maxTimeMS`.
pub const MAX_TIME_MS_EXPIRED: i32 = 50;

/// Whether a command was done, and nobody knows whether its write concern is fulfilled, as `maxTimeMS` was over.
#[must_use]
pub fn is_acknowledgement_given_up(reply: &Document) -> bool {
    let error = write_concern_error(reply);
    error.is_some_and(|error| error.code == MAX_TIME_MS_EXPIRED)
}

/// The first write error of a reply, or its write concern error.
#[must_use]
pub fn first_error(reply: &Document) -> Option<ServerError> {
    let first = write_errors(reply).into_iter().next();
    first
        .map(|(_, error)| error)
        .or_else(|| write_concern_error(reply))
}

/// How many documents the statements matched or created.
#[must_use]
pub fn matched(reply: &Document) -> usize {
    let count = reply.get_i32("n").unwrap_or_default();
    usize::try_from(count).unwrap_or_default()
}

/// The reply to a command of many statements, which go by their index in it.
pub struct BulkReply {
    /// Of the statements that were not done.
    pub errors: HashMap<usize, ServerError>,
    /// What befell all of them.
    pub concern_error: Option<ServerError>,
    /// The statements that inserted a document.
    pub created: HashSet<usize>,
    matched: usize,
}

/// The statements that matched nothing and created nothing, as far as a reply tells: it only counts the matches.
#[derive(Debug, PartialEq, Eq)]
pub enum Misses {
    /// These and no others.
    Known(HashSet<usize>),
    /// These, some of the candidates, and no others.
    Among {
        /// Those that missed in any case.
        missed: HashSet<usize>,
        /// Those of which some have.
        candidates: HashSet<usize>,
    },
}

impl BulkReply {
    /// Takes a reply apart.
    #[must_use]
    pub fn new(reply: &Document) -> Self {
        Self {
            errors: write_errors(reply).into_iter().collect(),
            concern_error: write_concern_error(reply),
            created: created(reply),
            matched: matched(reply),
        }
    }

    /// The last statement that was not done: where an ordered command has ended.
    #[must_use]
    pub fn last_error(&self) -> Option<usize> {
        self.errors.keys().copied().max()
    }

    /// Which of `statements`, a statement each that says whether it may match nothing, matched nothing and created nothing. Those that
    /// the server has refused for it have no error any more.
    pub fn take_misses(&mut self, may_miss: impl ExactSizeIterator<Item = bool>) -> Misses {
        let count = may_miss.len();
        let mut missed = HashSet::new();
        let mut candidates = HashSet::new();
        for (index, _) in may_miss.enumerate().filter(|(_, may_miss)| *may_miss) {
            match self.errors.get(&index) {
                // A server that is MongoDB in name only may have created what it should have refused.
                None if self.created.remove(&index) => drop(missed.insert(index)),
                None => drop(candidates.insert(index)),
                Some(error) if error.code == MISSED => drop(missed.insert(index)),
                Some(_) => {}
            }
        }
        self.errors.retain(|index, _| !missed.contains(index));
        let done = count.saturating_sub(self.errors.len());
        let missing = done.saturating_sub(missed.len() + self.matched);
        if missing == candidates.len() {
            missed.extend(candidates);
        } else if missing > 0 {
            return Misses::Among { missed, candidates };
        }
        Misses::Known(missed)
    }

    /// Those of the candidates that missed, once it is known which sessions are there after the command.
    #[must_use]
    pub fn missed<'a>(
        &self,
        mut candidates: HashSet<usize>,
        id_of: impl Fn(usize) -> &'a str,
        there: &HashSet<String>,
    ) -> HashSet<usize> {
        let creations: HashMap<_, _> = self
            .created
            .iter()
            .map(|creation| (id_of(*creation), *creation))
            .collect();
        candidates.retain(|index| {
            let id = id_of(*index);
            // What was created later was not there for it.
            !there.contains(id) || creations.get(id).is_some_and(|creation| creation > index)
        });
        candidates
    }
}

fn created(reply: &Document) -> HashSet<usize> {
    let upserted = reply.get_array("upserted").map(Vec::as_slice);
    upserted
        .unwrap_or_default()
        .iter()
        .filter_map(|one| one.as_document()?.get_i32("index").ok())
        .filter_map(|index| usize::try_from(index).ok())
        .collect()
}

fn labels_of(reply: &Document) -> Vec<String> {
    let labels = reply.get_array("errorLabels").map(Vec::as_slice);
    labels
        .unwrap_or_default()
        .iter()
        .filter_map(|label| label.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests;
