//! Gets: one `find` for many of them.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

use connect_mongo_native_core::{
    document::{self, Found},
    queue::{CommandKind, is_large},
};
use futures_util::FutureExt;
use mongodb::bson::{RawArray, RawBsonRef, RawDocument};
use tokio::time::Instant;

use crate::{
    engine::{
        caller::{Answer, Caller, Waiter},
        errors::StoreError,
        operation::{Codec, Operation, Request},
        server::Server,
        state::EngineState,
    },
    mongo::{
        asked::AskedFor,
        errors::MongoError,
        patience::Loss,
        trace::{Watched, watched},
    },
};

/// Those that wait for sessions, by id.
type Readers<C> = HashMap<Arc<str>, Vec<Reader<C>>>;

/// Who waits for a session.
struct Reader<C: Caller> {
    codec: Arc<Codec>,
    /// What counts as now.
    now_ms: f64,
    waiter: Waiter<C>,
}

/// Reads the sessions of these operations and answers all of them. Whether the server has answered.
pub async fn find<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    operations: Vec<Operation<C>>,
) -> bool {
    let mut readers = Readers::new();
    for operation in operations {
        // A write is never here; if it were, its caller would get an error.
        let Request::Get { now_ms } = operation.request else {
            continue;
        };
        let (codec, waiter) = (operation.codec, operation.waiter);
        let waiting = readers.entry(operation.storage_id).or_default();
        waiting.push(Reader {
            codec,
            now_ms,
            waiter,
        });
    }
    let result = find_and_retry(state, kind, &mut readers).await;
    let without_session = readers.into_values().flatten().map(|reader| reader.waiter);
    let is_answered = result.as_ref().err().is_none_or(MongoError::is_answer);
    match result {
        Ok(()) => {
            let mut wakes = C::Wakes::default();
            without_session.for_each(|waiter| waiter.answer(Ok(Answer::Found(None)), &mut wakes));
        }
        Err(error) => state.fail(error, without_session),
    }
    is_answered
}

/// Those who are answered leave `readers`, so that a repetition asks for the rest.
async fn find_and_retry<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    readers: &mut Readers<C>,
) -> Result<(), MongoError> {
    let mut patience = state.server.patience();
    let mut wrong_replies = 0;
    let mut attempts_before = 0;
    // Without ids left, a repetition would ask for nothing.
    while !readers.is_empty() {
        let loss = patience.loss_of_repeatable();
        match find_once(state, kind, readers, loss, attempts_before).await {
            // The connection that gave it is not used again.
            Err(MongoError::WrongReply) if wrong_replies == 0 => wrong_replies += 1,
            // It may be a collation that takes an id of the command for that of another session: whose trouble that is.
            Err(MongoError::WrongReply) if readers.len() > 1 => {
                return find_each(state, kind, readers, patience.loss_of_repeatable()).await;
            }
            Err(error) if state.server.may_read_again(&error, &mut patience).await => {}
            result => return result,
        }
        attempts_before += 1;
    }
    Ok(())
}

async fn find_once<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    readers: &mut Readers<C>,
    loss: Loss,
    attempts_before: u32,
) -> Result<(), MongoError> {
    let ids: Vec<_> = readers.keys().cloned().collect();
    if let [id] = &*ids {
        return find_alone(state, kind, id, readers, loss, attempts_before).await;
    }
    let watchers = watchers_of(state, kind, &ids, readers, attempts_before);
    let asked = AskedFor::new(&ids);
    let sent = Instant::now();
    let mut is_first = true;
    let mut has_variants = false;
    let mut on_reply = |documents: &RawArray| {
        if mem::take(&mut is_first) {
            state.note(kind, sent);
        }
        has_variants |= asked.check(documents)?;
        note_sizes(state, kind, documents)?;
        answer_found(readers, documents)
    };
    let find = state.server.find(&ids, &mut on_reply, loss);
    watched(watchers, find).await?;
    for id in unanswered(&ids, readers, has_variants) {
        find_alone(state, kind, &id, readers, loss, 0).await?;
    }
    Ok(())
}

/// The ids without an answer that may find a session all the same when asked for alone: one document of a reply can be that of
/// several ids, to a collation that ignores case.
fn unanswered<C: Caller>(
    ids: &[Arc<str>],
    readers: &Readers<C>,
    has_variants: bool,
) -> Vec<Arc<str>> {
    if readers.is_empty() {
        return Vec::new();
    }
    let answered = ids.iter().filter(|id| !readers.contains_key(*id));
    let answered: HashSet<_> = answered.map(|id| id.to_lowercase()).collect();
    let may_be_found = |id: &Arc<str>| has_variants || answered.contains(&id.to_lowercase());
    let unanswered = readers.keys().filter(|id| may_be_found(id));
    unanswered.cloned().collect()
}

/// Each by itself, so that a wrong reply is the failure of one.
async fn find_each<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    readers: &mut Readers<C>,
    loss: Loss,
) -> Result<(), MongoError> {
    for id in readers.keys().cloned().collect::<Vec<_>>() {
        match find_alone(state, kind, &id, readers, loss, 0).await {
            Err(MongoError::WrongReply) => {
                let waiting = readers.remove(&id).unwrap_or_default();
                let waiters = waiting.into_iter().map(|reader| reader.waiter);
                state.fail(MongoError::WrongReply, waiters);
            }
            result => result?,
        }
    }
    Ok(())
}

/// The document that comes is the one of this id, if only to a collation.
async fn find_alone<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    id: &Arc<str>,
    readers: &mut Readers<C>,
    loss: Loss,
    attempts_before: u32,
) -> Result<(), MongoError> {
    let ids = std::slice::from_ref(id);
    let watchers = watchers_of(state, kind, ids, readers, attempts_before);
    let sent = Instant::now();
    let mut is_first = true;
    let mut on_reply = |documents: &RawArray| {
        if !mem::take(&mut is_first) {
            return Ok(());
        }
        state.note(kind, sent);
        let is_variant = AskedFor::new(ids).check(documents)?;
        note_sizes(state, kind, documents)?;
        let found = documents.into_iter().next().transpose()?;
        if let Some(document) = found.and_then(RawBsonRef::as_document) {
            answer_readers(readers, id, document, is_variant, &mut C::Wakes::default());
        }
        Ok(())
    };
    let find = state.server.find(ids, &mut on_reply, loss);
    watched(watchers, find).await
}

fn watchers_of<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    ids: &[Arc<str>],
    readers: &Readers<C>,
    attempts_before: u32,
) -> Option<Arc<Watched>> {
    let waiting = ids.iter().filter_map(|id| readers.get(id)).flatten();
    let waiters = waiting.map(|reader| &reader.waiter);
    state.command(kind, ids.len(), attempts_before, waiters)
}

/// Remembers which sessions are large, for them to hold up no others the next time.
fn note_sizes<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    documents: &RawArray,
) -> Result<(), MongoError> {
    if !kind.is_large() && !is_large(documents.as_bytes().len()) {
        return Ok(());
    }
    for document in documents {
        let Some(document) = document?.as_document() else {
            continue;
        };
        let is_large = is_large(document.as_bytes().len());
        if is_large != kind.is_large()
            && let Some(id) = document::storage_id(document)?
        {
            state.schedule().note_size(&Arc::from(id), is_large);
        }
    }
    Ok(())
}

/// Answers those who wait for the documents of a reply.
fn answer_found<C: Caller>(
    readers: &mut Readers<C>,
    documents: &RawArray,
) -> Result<(), MongoError> {
    let mut wakes = C::Wakes::default();
    for document in documents {
        let document = document?.as_document();
        if let Some(document) = document
            && let Some(id) = document::storage_id(document)?
        {
            answer_readers(readers, id, document, false, &mut wakes);
        }
    }
    Ok(())
}

fn answer_readers<C: Caller>(
    readers: &mut Readers<C>,
    id: &str,
    document: &RawDocument,
    is_variant: bool,
    wakes: &mut C::Wakes,
) {
    let Some((id, waiting)) = readers.remove_entry(id) else {
        return;
    };
    for reader in waiting {
        let session = live_session(document, is_variant, &reader);
        answer_reader(&id, reader, session, wakes);
    }
}

fn answer_reader<C: Caller>(
    id: &Arc<str>,
    reader: Reader<C>,
    session: Result<Option<Found>, StoreError>,
    wakes: &mut C::Wakes,
) {
    let Reader { codec, waiter, .. } = reader;
    let found = match session {
        Ok(Some(found)) => found,
        Ok(None) => return waiter.answer(Ok(Answer::Found(None)), wakes),
        Err(error) => return waiter.answer(Err(error), wakes),
    };
    let id = Arc::clone(id);
    let mut revealing = Box::pin(async move {
        let encryption = &codec.encryption;
        let revealed = encryption.reveal(&id, found, || waiter.is_gone()).await;
        (waiter, revealed.map(|found| Answer::Found(Some(found))))
    });
    if let Some((waiter, answer)) = (&mut revealing).now_or_never() {
        waiter.answer(answer, wakes);
        return;
    }
    // It waits for a key; the other callers do not.
    tokio::spawn(async move {
        let (waiter, answer) = revealing.await;
        waiter.answer(answer, &mut C::Wakes::default());
    });
}

fn live_session<C: Caller>(
    document: &RawDocument,
    is_otherwise_spelt: bool,
    reader: &Reader<C>,
) -> Result<Option<Found>, StoreError> {
    let max_lifetime_ms = reader.codec.beside.max_lifetime_ms;
    if !document::is_live(document, reader.now_ms, max_lifetime_ms)? {
        return Ok(None);
    }
    Ok(Some(Found {
        is_otherwise_spelt,
        ..document::read(document)?
    }))
}
