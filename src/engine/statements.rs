//! The elements of write commands, and how they are divided among commands.

use std::{collections::VecDeque, sync::Arc};

use connect_mongo_native_core::{
    document::{self, Marks, WithoutSession},
    queue::{Keyed, one_an_id, split},
    schedule::MOST_BYTES,
};
use mongodb::bson::{RawArrayBuf, RawDocumentBuf};

use crate::engine::{
    caller::{Caller, Waiter},
    coalescing::{Run, Share, each},
    errors::StoreError,
    operation::{Codec, Write},
};

/// One element of a write command, and who waits for what becomes of it.
pub struct Statement<C: Caller> {
    /// The session that it is about.
    pub storage_id: Arc<str>,
    /// Whether it does nothing where there is no session, which is to be told.
    pub may_miss: bool,
    /// As the server takes it.
    pub document: RawDocumentBuf,
    /// The writes that it does, in order.
    pub shares: Vec<Share<C>>,
    codec: Arc<Codec>,
}

impl<C: Caller> Statement<C> {
    /// Whether it does several writes.
    #[must_use]
    pub fn is_of_several(&self) -> bool {
        self.shares.len() > 1
    }

    /// Who is to be answered.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter<C>> {
        self.shares.iter().map(|share| &share.waiter)
    }

    /// Who is to be answered.
    pub fn into_waiters(self) -> impl Iterator<Item = Waiter<C>> {
        self.shares.into_iter().map(|share| share.waiter)
    }

    /// The writes that it does, each by itself; of one that does a single write nothing is left.
    #[must_use]
    pub fn into_runs(self) -> Vec<Run<C>> {
        each(&self.storage_id, &self.codec, self.shares)
    }

    /// Answers all its callers with an error.
    pub fn fail(self, error: StoreError, wakes: &mut C::Wakes) {
        fail(self.shares, error, wakes);
    }
}

impl<C: Caller> Keyed for Statement<C> {
    fn storage_id(&self) -> &Arc<str> {
        &self.storage_id
    }

    fn bytes(&self) -> usize {
        self.document.as_bytes().len()
    }
}

fn fail<C: Caller>(shares: Vec<Share<C>>, error: StoreError, wakes: &mut C::Wakes) {
    let waiters: Vec<_> = shares.into_iter().map(|share| share.waiter).collect();
    match <[_; 1]>::try_from(waiters) {
        Ok([waiter]) => waiter.answer(Err(error), wakes),
        Err(waiters) => {
            let error = Arc::new(error);
            for waiter in waiters {
                waiter.answer(Err(StoreError::Shared(Arc::clone(&error))), wakes);
            }
        }
    }
}

/// Builds what can be built; the callers of the rest get to hear why.
pub async fn statements<C: Caller>(runs: Vec<Run<C>>) -> Vec<Statement<C>> {
    let mut statements = Vec::with_capacity(runs.len());
    let mut is_alone = runs.len() == 1;
    let mut wakes = C::Wakes::default();
    let mut left = VecDeque::from(runs);
    while let Some(run) = left.pop_front() {
        let Run {
            storage_id,
            write,
            codec,
            shares,
        } = run;
        let may_miss = write.may_miss();
        let without = match (may_miss, is_alone) {
            (false, _) => WithoutSession::Created,
            // The count says it all.
            (true, true) => WithoutSession::Nothing,
            (true, false) => WithoutSession::Refused,
        };
        match document(&storage_id, write, without, &codec).await {
            Ok(document) => statements.push(Statement {
                storage_id,
                may_miss,
                document,
                shares,
                codec,
            }),
            Err(_) if shares.len() > 1 => {
                is_alone = false;
                let apart = each(&storage_id, &codec, shares).into_iter().rev();
                apart.for_each(|run| left.push_front(run));
            }
            Err(error) => fail(shares, error, &mut wakes),
        }
    }
    statements
}

async fn document(
    id: &str,
    write: Write,
    without: WithoutSession,
    codec: &Codec,
) -> Result<RawDocumentBuf, StoreError> {
    match write {
        Write::Set {
            payload,
            times,
            marks,
            ..
        } => {
            let payload = codec.encryption.prepare(id, payload).await?;
            let may_create = without == WithoutSession::Created;
            let marks = prepared(id, marks, may_create, codec).await?;
            let marks = marks.as_deref();
            let beside = codec.beside;
            Ok(document::set_statement(
                id, &payload, times, without, beside, marks,
            )?)
        }
        Write::Touch { times } => Ok(document::touch_statement(id, times, without, codec.beside)),
        Write::Destroy => Ok(document::delete_statement(id)),
    }
}

/// Marks as they are stored, with a handle where the write may create the session.
///
/// # Errors
/// No random bytes, or what cannot be encrypted.
pub async fn prepared(
    id: &str,
    marks: Option<Box<Marks>>,
    may_create: bool,
    codec: &Codec,
) -> Result<Option<Box<Marks>>, StoreError> {
    let Some(mut marks) = marks else {
        return Ok(None);
    };
    if may_create && marks.handle.is_none() && marks.index.is_some() {
        marks.handle = Some(document::new_handle(marks.created_ms)?);
    }
    if let Some(description) = marks.description.take() {
        let id = description_id(id);
        let description = codec.encryption.prepare(&id, description).await?;
        marks.description = Some(description);
    }
    Ok(Some(marks))
}

/// What a description is bound to: it must not be taken for the session.
#[must_use]
pub fn description_id(storage_id: &str) -> String {
    format!("{storage_id}\0description")
}

/// The statements as a command has them.
#[must_use]
pub fn list<C: Caller>(statements: &[Statement<C>]) -> RawArrayBuf {
    let mut list = RawArrayBuf::new();
    for statement in statements {
        list.push(statement.document.as_ref());
    }
    list
}

/// The commands for these statements. The server remembers of a command only the statements that changed something. The
/// others run again when it is sent again: behind later ones on the same id, if those were part of it.
#[must_use]
pub fn commands<C: Caller>(
    statements: Vec<Statement<C>>,
    is_sent_again: bool,
) -> VecDeque<Vec<Statement<C>>> {
    let parts = if is_sent_again {
        one_an_id(statements)
    } else {
        vec![statements]
    };
    let commands = parts.into_iter().flat_map(|part| split(part, MOST_BYTES));
    commands.collect()
}
