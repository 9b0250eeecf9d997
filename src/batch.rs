//! Group commit of updates: those that arrive while one command is in flight leave together in the next.
//!
//! - There is no timer: with nothing in flight an update leaves at once.
//! - One command is in flight at a time. Calls that were made at the same time have no order among each other, as with
//!   any pool of connections.
//! - Every caller gets the answer for its own statement; a write concern error or a failure of the command reaches all.
//! - A command stays below the server's limit for a message, so that a session that is too large fails alone.

use std::{
    collections::{HashSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use mongodb::{
    Database,
    bson::{Document, RawArrayBuf, RawDocumentBuf, cstr, rawdoc},
};
use tokio::sync::oneshot;

use crate::{
    client::SharedClient,
    command::{Retry, write},
    error::StoreError,
};

/// A command is one BSON document of at most 16 MiB; the rest is for what is around the statements.
const MOST_BYTES: usize = 15 << 20;
/// Far below the server's 100,000: a larger command would keep its first callers waiting.
const MOST_STATEMENTS: usize = 1_000;

/// What an update did.
#[derive(Clone, Copy)]
pub struct Updated {
    /// Whether there was a document, or is one now. True when the server was asked for no acknowledgement.
    pub matched: bool,
    /// Whether a document was inserted.
    pub upserted: bool,
}

/// One statement of an `update` command.
pub struct Statement {
    /// The `_id` that it is about.
    pub storage_id: String,
    /// The statement itself.
    pub update: RawDocumentBuf,
}

type Answer = Result<Updated, StoreError>;

struct Pending {
    statement: Statement,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<Pending>,
    is_sending: bool,
}

/// The updates of one collection.
pub struct Batch {
    client: Arc<SharedClient>,
    database: Database,
    collection: String,
    write_concern: Option<RawDocumentBuf>,
    is_acknowledged: bool,
    queue: Mutex<Queue>,
}

impl Batch {
    /// `write_concern` goes into every command; without acknowledgement nothing is known of what an update did.
    #[must_use]
    pub fn new(
        client: Arc<SharedClient>,
        database: Database,
        collection: String,
        write_concern: Option<RawDocumentBuf>,
        is_acknowledged: bool,
    ) -> Self {
        Self {
            client,
            database,
            collection,
            write_concern,
            is_acknowledged,
            queue: Mutex::default(),
        }
    }

    /// Runs a statement, together with those that wait as well.
    ///
    /// # Errors
    /// The statement's own write error, or what befell the command that carried it.
    pub async fn update(self: &Arc<Self>, statement: Statement) -> Answer {
        let (answer, result) = oneshot::channel();
        if self.enqueue(Pending { statement, answer }) {
            // The first caller sends its own statement without a detour; what has come meanwhile is a task of its own.
            self.send_next().await;
            if self.has_more() {
                tokio::spawn(Arc::clone(self).send_all());
            }
        }
        result
            .await
            .unwrap_or_else(|_| Err(StoreError::Panic("its command was lost".to_owned())))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic happens under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller is to send, because nobody else does.
    fn enqueue(&self, pending: Pending) -> bool {
        let mut queue = self.queue();
        queue.pending.push_back(pending);
        !std::mem::replace(&mut queue.is_sending, true)
    }

    /// Whether more has to be sent; if not, the next caller sends.
    fn has_more(&self) -> bool {
        let mut queue = self.queue();
        queue.is_sending = !queue.pending.is_empty();
        queue.is_sending
    }

    async fn send_all(self: Arc<Self>) {
        loop {
            self.send_next().await;
            if !self.has_more() {
                return;
            }
        }
    }

    /// A panic loses the answers of one command, not the queue.
    async fn send_next(&self) {
        let (statements, answers): (Vec<_>, Vec<_>) = self
            .next()
            .into_iter()
            .map(|pending| (pending.statement, pending.answer))
            .unzip();
        let sent = AssertUnwindSafe(self.send(&statements))
            .catch_unwind()
            .await;
        let Ok(results) = sent else { return };
        for (answer, result) in answers.into_iter().zip(results) {
            // A caller that is gone needs no answer.
            drop(answer.send(result));
        }
    }

    fn next(&self) -> Vec<Pending> {
        take_below_limits(&mut self.queue().pending)
    }

    async fn send(&self, statements: &[Statement]) -> Vec<Answer> {
        match self.run(statements).await {
            Ok(reply) => self.answers(statements, &reply).await,
            Err(error) => {
                let error = Arc::new(error);
                if error.is_server_selection() {
                    self.fail_waiting(&error);
                }
                let failed = |_| Err(StoreError::Shared(Arc::clone(&error)));
                statements.iter().map(failed).collect()
            }
        }
    }

    /// What has waited for a command that found no server has waited long enough.
    fn fail_waiting(&self, error: &Arc<StoreError>) {
        let waiting = std::mem::take(&mut self.queue().pending);
        for pending in waiting {
            drop(
                pending
                    .answer
                    .send(Err(StoreError::Shared(Arc::clone(error)))),
            );
        }
    }

    async fn run(&self, statements: &[Statement]) -> Result<Document, StoreError> {
        let mut updates = RawArrayBuf::new();
        for statement in statements {
            updates.push(statement.update.as_ref());
        }
        let mut command = rawdoc! { "update": self.collection.as_str(), "updates": updates };
        if statements.len() > 1 {
            // The error of one statement is not to keep the others from being run.
            command.append(cstr!("ordered"), false);
        }
        if let Some(write_concern) = &self.write_concern {
            command.append(cstr!("writeConcern"), write_concern.as_ref());
        }
        let retry = if self.is_acknowledged {
            Retry::Once
        } else {
            Retry::Never
        };
        write(&self.client, &self.database, command, retry).await
    }

    async fn answers(&self, statements: &[Statement], reply: &Document) -> Vec<Answer> {
        let concern_error = StoreError::write_concern_error(reply).map(Arc::new);
        let upserted = upserted_indexes(reply);
        let mut errors = StoreError::write_errors(reply);
        let is_complete = is_complete(reply, statements.len() - errors.len());
        let missing = if self.is_acknowledged && !is_complete {
            self.missing(statements).await
        } else {
            Ok(HashSet::new())
        };
        let missing = missing.map_err(Arc::new);

        let answer = |(index, statement): (usize, &Statement)| {
            if let Some(position) = errors.iter().position(|(of, _)| *of == index) {
                return Err(errors.swap_remove(position).1);
            }
            if let Some(error) = &concern_error {
                return Err(StoreError::Shared(Arc::clone(error)));
            }
            let missing = missing.as_ref().map_err(Arc::clone)?;
            Ok(Updated {
                matched: !missing.contains(&statement.storage_id),
                upserted: upserted.contains(&index),
            })
        };
        statements.iter().enumerate().map(answer).collect()
    }

    /// The ids that no document has. The reply only counts how many statements matched; asking is better than running a
    /// statement again, which could undo a later one.
    async fn missing(&self, statements: &[Statement]) -> Result<HashSet<String>, StoreError> {
        let mut ids: HashSet<_> = statements
            .iter()
            .map(|one| one.storage_id.clone())
            .collect();
        if ids.len() == 1 && statements.len() == 1 {
            return Ok(ids);
        }
        let mut wanted = RawArrayBuf::new();
        for id in &ids {
            wanted.push(id.as_str());
        }
        let command = rawdoc! {
            "find": self.collection.as_str(),
            "filter": { "_id": { "$in": wanted } },
            "projection": { "_id": 1 },
            "batchSize": i64::try_from(MOST_STATEMENTS).unwrap_or(i64::MAX),
            "singleBatch": true,
        };
        let reply = self.database.run_raw_command(command).await?;
        let found = reply.get_document("cursor")?.get_array("firstBatch")?;
        for document in found.iter().filter_map(|document| document.as_document()) {
            ids.remove(document.get_str("_id")?);
        }
        Ok(ids)
    }
}

fn take_below_limits(pending: &mut VecDeque<Pending>) -> Vec<Pending> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    while taken.len() < MOST_STATEMENTS {
        let Some(next) = pending.front() else { break };
        bytes += next.statement.update.as_bytes().len();
        if bytes > MOST_BYTES && !taken.is_empty() {
            break;
        }
        taken.extend(pending.pop_front());
    }
    taken
}

fn upserted_indexes(reply: &Document) -> HashSet<usize> {
    let upserted = reply.get_array("upserted").map(Vec::as_slice);
    upserted
        .unwrap_or_default()
        .iter()
        .filter_map(|one| one.as_document()?.get_i32("index").ok())
        .filter_map(|index| usize::try_from(index).ok())
        .collect()
}

/// Whether every statement without an error matched or inserted a document.
fn is_complete(reply: &Document, expected: usize) -> bool {
    let count = reply.get_i32("n").unwrap_or_default();
    usize::try_from(count).is_ok_and(|count| count >= expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    fn pending(bytes: usize) -> Pending {
        let update = rawdoc! { "q": "x".repeat(bytes) };
        let statement = Statement {
            storage_id: "sid".to_owned(),
            update,
        };
        Pending {
            statement,
            answer: oneshot::channel().0,
        }
    }

    #[test]
    fn a_command_takes_what_fits() {
        let mut queue: VecDeque<_> = [1, 1 << 20, 14 << 20, 20 << 20, 1].map(pending).into();
        let sizes = std::iter::from_fn(|| {
            let taken = take_below_limits(&mut queue).len();
            (taken > 0).then_some(taken)
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 1, 1, 1]);
    }

    #[test]
    fn a_command_has_no_more_statements_than_its_limit() {
        let mut queue: VecDeque<_> = (0..=MOST_STATEMENTS).map(|_| pending(1)).collect();
        assert_eq!(take_below_limits(&mut queue).len(), MOST_STATEMENTS);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn the_reply_says_who_was_inserted_and_whether_all_matched() {
        let reply = doc! { "n": 3, "upserted": [{ "index": 2, "_id": "c" }] };
        assert_eq!(upserted_indexes(&reply), HashSet::from([2]));
        assert!(is_complete(&reply, 3));
        assert!(!is_complete(&reply, 4));
        assert!(!is_complete(&doc! {}, 1));
    }
}
