//! What the server's reply to a write command says of each of its statements.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use bson::{Bson, Document, RawDocumentBuf};

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
    /// What the server has said of it, a BSON document; nothing of the other statements of its command.
    pub response: Vec<u8>,
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
            code: code_of(error),
            code_name: error.get_str("codeName").ok().map(str::to_owned),
            message: error.get_str("errmsg").unwrap_or_default().to_owned(),
            labels: labels_of(reply),
            response: response(kind, error, reply),
        }
    }

    /// Whether Azure Cosmos DB has no request units left for it.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        self.code == REQUEST_RATE_IS_LARGE
    }

    /// Whether a validator of the collection has refused the session.
    #[must_use]
    pub fn is_of_validator(&self) -> bool {
        self.code == DOCUMENT_VALIDATION_FAILURE
    }

    /// Whether the reply that held it has this label.
    #[must_use]
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|one| one == label)
    }
}

/// What the Node driver keeps as `errorResponse`: the error of a statement, of a write concern the reply. The ids of other
/// statements are the ids of other people's sessions.
fn response(kind: ServerErrorKind, error: &Document, reply: &Document) -> Vec<u8> {
    let mut document = match kind {
        ServerErrorKind::Write => error.clone(),
        ServerErrorKind::WriteConcern => reply.clone(),
    };
    for field in ["upserted", "writeErrors"] {
        document.remove(field);
    }
    if document.contains_key("index") {
        document.insert("index", 0);
    }
    // What has been read can be written.
    RawDocumentBuf::try_from(&document)
        .map(RawDocumentBuf::into_bytes)
        .unwrap_or_default()
}

/// The write errors of a reply, each with the index of its statement where it has one, as the server lists them. What is no
/// error, where one is due, is an error without words: nothing is taken for success that the server may not have done.
fn write_errors(reply: &Document) -> Vec<(Option<usize>, ServerError)> {
    let errors = match given(reply, "writeErrors") {
        None => return Vec::new(),
        Some(Bson::Array(errors)) => errors.as_slice(),
        Some(other) => std::slice::from_ref(other),
    };
    let documents = errors.iter().map(document_or_none);
    documents
        .map(|error| {
            let index = count(&error, "index");
            (
                index,
                ServerError::new(ServerErrorKind::Write, &error, reply),
            )
        })
        .collect()
}

/// The write concern error of a reply.
fn write_concern_error(reply: &Document) -> Option<ServerError> {
    let error = document_or_none(given(reply, "writeConcernError")?);
    Some(ServerError::new(
        ServerErrorKind::WriteConcern,
        &error,
        reply,
    ))
}

fn given<'a>(reply: &'a Document, field: &str) -> Option<&'a Bson> {
    reply.get(field).filter(|value| **value != Bson::Null)
}

fn document_or_none(value: &Bson) -> Cow<'_, Document> {
    let document = value.as_document().map(Cow::Borrowed);
    document.unwrap_or_default()
}

/// A count, or an index: a whole number of whichever type.
#[must_use]
pub fn count(document: &Document, field: &str) -> Option<usize> {
    match *document.get(field)? {
        Bson::Int32(number) => usize::try_from(number).ok(),
        Bson::Int64(number) => usize::try_from(number).ok(),
        Bson::Double(number) => whole(number),
        _ => None,
    }
}

fn whole(number: f64) -> Option<usize> {
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and within the bounds of an u32"
    )]
    is_whole.then_some(number as usize)
}

fn code_of(error: &Document) -> i32 {
    let other = || count(error, "code").and_then(|code| i32::try_from(code).ok());
    let code = error.get_i32("code").ok().or_else(other);
    code.unwrap_or_default()
}

/// What a statement comes to that would have to create a session with another id: `ImmutableField`.
pub const MISSED: i32 = 66;

/// `DocumentValidationFailure`.
const DOCUMENT_VALIDATION_FAILURE: i32 = 121;

/// What Azure Cosmos DB says when its request units are used up.
pub const REQUEST_RATE_IS_LARGE: i32 = 16500;

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
    count(reply, "n").unwrap_or_default()
}

/// The reply to a command of many statements, which go by their index in it.
pub struct BulkReply {
    /// Of the statements that were not done.
    pub errors: HashMap<usize, ServerError>,
    /// What befell all of them, or one of them and nobody knows which.
    pub common_error: Option<ServerError>,
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
    /// Takes the reply to a command of so many statements apart.
    #[must_use]
    pub fn new(reply: &Document, statements: usize) -> Self {
        let (mut errors, mut stray) = (HashMap::new(), None);
        for (index, error) in write_errors(reply) {
            match index.filter(|index| *index < statements) {
                Some(index) => drop(errors.insert(index, error)),
                None => stray = Some(error),
            }
        }
        let mut created = created(reply);
        created.retain(|index| *index < statements);
        Self {
            errors,
            common_error: stray.or_else(|| write_concern_error(reply)),
            created,
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
        let done = may_miss.len().saturating_sub(self.errors.len());
        let mut missed = HashSet::new();
        let mut candidates = HashSet::new();
        for (index, _) in may_miss.enumerate().filter(|(_, may_miss)| *may_miss) {
            let error = self.errors.get(&index);
            let is_refused = error.is_some_and(|error| error.code == MISSED);
            // A server that is MongoDB in name only may have created what it should have refused.
            if is_refused || self.created.remove(&index) {
                missed.insert(index);
            } else if error.is_none() {
                candidates.insert(index);
            }
        }
        self.errors.retain(|index, _| !missed.contains(index));
        // More than there are say nothing of any of them.
        let missing = done.checked_sub(self.matched);
        if candidates.is_empty() || missing == Some(0) {
            return Misses::Known(missed);
        }
        if missing != Some(candidates.len()) {
            return Misses::Among { missed, candidates };
        }
        missed.extend(candidates);
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
        .filter_map(|one| count(one.as_document()?, "index"))
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
