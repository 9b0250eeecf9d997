//! Sets, touches and destroys: one command for many of them.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use connect_mongo_native_core::{
    queue::{CommandKind, halves, has_repeated_id, one_an_id, split},
    replies::{BulkReply, Misses},
    schedule::MOST_BYTES,
};
use mongodb::bson::Document;
use tokio::time::Instant;

use crate::{
    engine::{
        caller::{Answer, Caller},
        errors::StoreError,
        operation::Operation,
        server::Server,
        state::EngineState,
        statements::{Statement, commands, list, statements},
    },
    mongo::errors::MongoError,
};

/// Sends these sets and touches and answers all of them.
pub async fn update<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    operations: Vec<Operation<C>>,
) {
    let statements = statements(operations).await;
    let mut commands = match state.server.is_sent_again().await {
        Ok(is_sent_again) => commands(statements, is_sent_again),
        Err(error) => {
            return state.fail(error, statements.into_iter().map(|one| one.waiter));
        }
    };
    while let Some(command) = commands.pop_front() {
        match send_update(state, &command).await {
            Ok(reply) => {
                let rest = answer_updates(state, command, &reply).await;
                put_in_front(&mut commands, one_an_id(rest));
            }
            // One statement can spoil all others, such as a session that is nested too deeply. It is found by halves.
            Err(error) if command.len() > 1 && error.is_refusal() => {
                put_in_front(&mut commands, halves(command));
            }
            Err(error) => {
                let given_up = if error.has_no_server() {
                    commands.len()
                } else {
                    0
                };
                let given_up = commands.drain(..given_up);
                let failed = command.into_iter().chain(given_up.flatten());
                state.fail(error, failed.map(|statement| statement.waiter));
            }
        }
    }
}

/// Sends these destroys and answers all of them.
pub async fn delete<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    operations: Vec<Operation<C>>,
) {
    for command in split(statements(operations).await, MOST_BYTES) {
        match send_delete(state, &command).await {
            Ok(reply) => answer_deletes(command, &reply),
            Err(error) => {
                state.fail(error, command.into_iter().map(|statement| statement.waiter));
            }
        }
    }
}

async fn send_update<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    command: &[Statement<C>],
) -> Result<Document, MongoError> {
    let sent = Instant::now();
    let is_ordered = has_repeated_id(command);
    let reply = state.server.update(list(command), is_ordered).await?;
    state.note(CommandKind::Update, sent);
    Ok(reply)
}

async fn send_delete<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    command: &[Statement<C>],
) -> Result<Document, MongoError> {
    let sent = Instant::now();
    let is_ordered = has_repeated_id(command);
    let reply = state.server.delete(list(command), is_ordered).await?;
    state.note(CommandKind::Delete, sent);
    Ok(reply)
}

/// Answers the callers, and gives back the statements that the server has not come to: an ordered command ends at its first
/// error.
async fn answer_updates<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    mut statements: Vec<Statement<C>>,
    reply: &Document,
) -> Vec<Statement<C>> {
    let mut reply = BulkReply::new(reply);
    let last = reply.last_error().filter(|_| has_repeated_id(&statements));
    let rest = last.map_or_else(Vec::new, |last| {
        statements.split_off(statements.len().min(last + 1))
    });
    let missed = missed(state, &statements, &reply).await;
    let missed = missed.map_err(|error| Arc::new(StoreError::from(error)));
    let concern_error = shared(reply.concern_error.take());
    let mut wakes = C::Wakes::default();
    for (index, statement) in statements.into_iter().enumerate() {
        let answer = match (reply.errors.remove(&index), &concern_error, &missed) {
            (Some(error), ..) => Err(error.into()),
            (None, Some(error), _) => Err(StoreError::Shared(Arc::clone(error))),
            (None, None, Err(error)) if statement.may_miss => {
                Err(StoreError::Shared(Arc::clone(error)))
            }
            (None, None, Ok(missed)) if statement.may_miss => {
                Ok(Answer::Matched(!missed.contains(&index)))
            }
            (None, None, _) => Ok(Answer::Created(reply.created.contains(&index))),
        };
        statement.waiter.answer(answer, &mut wakes);
    }
    rest
}

fn answer_deletes<C: Caller>(statements: Vec<Statement<C>>, reply: &Document) {
    let mut reply = BulkReply::new(reply);
    let concern_error = shared(reply.concern_error.take());
    let mut wakes = C::Wakes::default();
    for (index, statement) in statements.into_iter().enumerate() {
        let answer = match (reply.errors.remove(&index), &concern_error) {
            (Some(error), _) => Err(error.into()),
            (None, Some(error)) => Err(StoreError::Shared(Arc::clone(error))),
            (None, None) => Ok(Answer::Destroyed),
        };
        statement.waiter.answer(answer, &mut wakes);
    }
}

/// The statements that matched nothing and created nothing. Where the reply does not tell, asking is better than running a
/// statement again, which could undo a later one.
async fn missed<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    statements: &[Statement<C>],
    reply: &BulkReply,
) -> Result<HashSet<usize>, MongoError> {
    if !state.server.is_acknowledged() {
        return Ok(HashSet::new());
    }
    let candidates = match reply.misses(statements.iter().map(|statement| statement.may_miss)) {
        Misses::Known(missed) => return Ok(missed),
        Misses::Among(candidates) => candidates,
    };
    let ids: Vec<_> = candidates
        .iter()
        .map(|index| Arc::clone(&statements[*index].storage_id))
        .collect();
    let there = state.server.existing(&ids).await?;
    Ok(reply.missed(candidates, |index| &statements[index].storage_id, &there))
}

fn shared(error: Option<impl Into<StoreError>>) -> Option<Arc<StoreError>> {
    error.map(|error| Arc::new(error.into()))
}

fn put_in_front<C: Caller>(
    commands: &mut VecDeque<Vec<Statement<C>>>,
    first: Vec<Vec<Statement<C>>>,
) {
    for command in first.into_iter().rev() {
        commands.push_front(command);
    }
}
