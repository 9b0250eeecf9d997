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
    mongo::errors::{Blame, MongoError},
};

/// Sends these sets and touches and answers all of them. Whether the server has answered.
pub async fn update<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    operations: Vec<Operation<C>>,
) -> bool {
    let statements = statements(operations).await;
    let mut commands = match state.server.is_sent_again().await {
        Ok(is_sent_again) => commands(statements, is_sent_again),
        Err(error) => {
            fail(state, error, statements);
            return false;
        }
    };
    let mut is_answered = true;
    while let Some(command) = commands.pop_front() {
        match send_update(state, &command).await {
            Ok(reply) => {
                let rest = answer_updates(state, command, &reply).await;
                put_in_front(&mut commands, one_an_id(rest));
            }
            Err(error) if may_be_one(&command, &error) && has_repeated_id(&command) => {
                put_in_front(&mut commands, one_an_id(command));
            }
            Err(error) if may_be_one(&command, &error) => {
                find_culprits(state, command, error).await;
            }
            Err(error) => {
                is_answered = error.is_answer();
                let given_up = if error.has_no_server() {
                    commands.len()
                } else {
                    0
                };
                let given_up = commands.drain(..given_up);
                fail(state, error, command.into_iter().chain(given_up.flatten()));
            }
        }
    }
    is_answered
}

/// Whether one statement of a command can be the reason why the server has refused it.
fn may_be_one<C: Caller>(command: &[Statement<C>], error: &MongoError) -> bool {
    let blame = error.blame();
    command.len() > 1 && matches!(blame, Some(Blame::Statement | Blame::Unknown(_)))
}

/// One statement can spoil all others, such as a session that is nested too deeply. It is found by halves, of which no session
/// has statements in both. Where the server refuses both alike, and no statement is known to be the reason, it would refuse
/// every part.
async fn find_culprits<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    command: Vec<Statement<C>>,
    error: MongoError,
) {
    let mut refused = vec![(command, error)];
    while let Some((command, error)) = refused.pop() {
        if !may_be_one(&command, &error) {
            fail(state, error, command);
            continue;
        }
        let mut halves_refused = Vec::new();
        for half in halves(command) {
            match send_update(state, &half).await {
                Ok(reply) => drop(answer_updates(state, half, &reply).await),
                Err(error) => halves_refused.push((half, error)),
            }
        }
        if is_for_all(&error, &halves_refused) {
            for (half, error) in halves_refused {
                fail(state, error, half);
            }
        } else {
            refused.extend(halves_refused);
        }
    }
}

fn is_for_all<P>(error: &MongoError, halves_refused: &[(P, MongoError)]) -> bool {
    let blame = error.blame();
    let is_unknown = matches!(blame, Some(Blame::Unknown(_)));
    let is_alike = |(_, error): &(P, MongoError)| error.blame() == blame;
    is_unknown && halves_refused.len() > 1 && halves_refused.iter().all(is_alike)
}

fn fail<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    error: MongoError,
    statements: impl IntoIterator<Item = Statement<C>>,
) {
    let waiters = statements.into_iter().map(|statement| statement.waiter);
    state.fail(error, waiters);
}

/// Sends these destroys and answers all of them. Whether the server has answered.
pub async fn delete<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    operations: Vec<Operation<C>>,
) -> bool {
    let mut is_answered = true;
    for command in split(statements(operations).await, MOST_BYTES) {
        match send_delete(state, &command).await {
            Ok(reply) => answer_deletes(command, &reply),
            Err(error) => {
                is_answered = error.is_answer();
                fail(state, error, command);
            }
        }
    }
    is_answered
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
