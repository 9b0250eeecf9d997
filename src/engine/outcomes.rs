//! What a write command came to, as its callers get to hear it.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::{
    queue::has_repeated_id,
    replies::{BulkReply, Misses, ServerError},
};
use mongodb::bson::Document;

use crate::{
    engine::{
        caller::{Answer, Caller},
        coalescing::heard,
        errors::StoreError,
        server::Server,
        state::EngineState,
        statements::Statement,
    },
    mongo::errors::MongoError,
};

/// What befell their command reaches the callers of these.
pub fn fail<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    error: MongoError,
    statements: impl IntoIterator<Item = Statement<C>>,
) {
    let waiters = statements.into_iter().flat_map(Statement::into_waiters);
    state.fail(error, waiters);
}

/// What is to be sent again of a command that has been answered.
pub struct Left<C: Caller> {
    /// What the server had too much to do for, each with what it said; after a pause.
    pub overloaded: Vec<(Statement<C>, ServerError)>,
    /// What the server has refused of several writes together: it may take some of them.
    pub refused: Vec<Statement<C>>,
    /// What it has not come to: an ordered command ends at its first error.
    pub rest: Vec<Statement<C>>,
}

/// Answers the callers, but for those whose statements are left.
pub async fn answer_updates<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    mut statements: Vec<Statement<C>>,
    reply: &Document,
) -> Left<C> {
    let mut reply = BulkReply::new(reply, statements.len());
    let last = reply.last_error().filter(|_| has_repeated_id(&statements));
    let rest = last.map_or_else(Vec::new, |last| {
        statements.split_off(last.saturating_add(1).min(statements.len()))
    });
    let missed = missed(state, &statements, &mut reply).await;
    let missed = missed.map_err(|error| Arc::new(StoreError::from(error)));
    let common_error = shared(reply.common_error.take());
    let mut wakes = C::Wakes::default();
    let (mut overloaded, mut refused) = (Vec::new(), Vec::new());
    if reply.errors.values().any(ServerError::is_of_validator) {
        state.note_refusal();
    }
    for (index, statement) in statements.into_iter().enumerate() {
        match (reply.errors.remove(&index), &common_error, &missed) {
            (Some(error), ..) if error.is_overload() => overloaded.push((statement, error)),
            (Some(_), ..) if statement.is_of_several() => refused.push(statement),
            (Some(error), ..) => statement.fail(error.into(), &mut wakes),
            (None, Some(error), _) => {
                statement.fail(StoreError::Shared(Arc::clone(error)), &mut wakes);
            }
            (None, None, Err(error)) if statement.may_miss => {
                statement.fail(StoreError::Shared(Arc::clone(error)), &mut wakes);
            }
            (None, None, Ok(missed)) if statement.may_miss => {
                answer(statement, !missed.contains(&index), &mut wakes);
            }
            (None, None, _) => answer(statement, !reply.created.contains(&index), &mut wakes),
        }
    }
    Left {
        overloaded,
        refused,
        rest,
    }
}

fn answer<C: Caller>(statement: Statement<C>, was_there: bool, wakes: &mut C::Wakes) {
    for (waiter, answer) in heard(statement.shares, was_there) {
        waiter.answer(Ok(answer), wakes);
    }
}

/// Answers the callers, but for those whose statements are left.
#[must_use]
pub fn answer_deletes<C: Caller>(statements: Vec<Statement<C>>, reply: &Document) -> Left<C> {
    let mut reply = BulkReply::new(reply, statements.len());
    let common_error = shared(reply.common_error.take());
    let mut wakes = C::Wakes::default();
    let mut overloaded = Vec::new();
    for (index, statement) in statements.into_iter().enumerate() {
        match (reply.errors.remove(&index), &common_error) {
            (Some(error), _) if error.is_overload() => overloaded.push((statement, error)),
            // Several destroys of a session are refused as each of them is.
            (Some(error), _) => statement.fail(error.into(), &mut wakes),
            (None, Some(error)) => {
                statement.fail(StoreError::Shared(Arc::clone(error)), &mut wakes);
            }
            (None, None) => {
                for waiter in statement.into_waiters() {
                    waiter.answer(Ok(Answer::Destroyed), &mut wakes);
                }
            }
        }
    }
    Left {
        overloaded,
        refused: Vec::new(),
        rest: Vec::new(),
    }
}

/// The callers get to hear that the server had too much to do for their statements.
pub fn fail_overloaded<C: Caller>(overloaded: Vec<(Statement<C>, ServerError)>) {
    let mut wakes = C::Wakes::default();
    for (statement, error) in overloaded {
        statement.fail(error.into(), &mut wakes);
    }
}

/// The statements that matched nothing and created nothing. Where the reply does not tell, which no MongoDB is known to do, asking is
/// better than running a statement again, which could undo a later one.
async fn missed<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    statements: &[Statement<C>],
    reply: &mut BulkReply,
) -> Result<HashSet<usize>, MongoError> {
    if !state.server.is_acknowledged() {
        return Ok(HashSet::new());
    }
    let may_miss = statements.iter().map(|statement| statement.may_miss);
    let (mut missed, candidates) = match reply.take_misses(may_miss) {
        Misses::Known(missed) => return Ok(missed),
        Misses::Among { missed, candidates } => (missed, candidates),
    };
    let ids: Vec<_> = candidates
        .iter()
        .map(|index| Arc::clone(&statements[*index].storage_id))
        .collect();
    let there = state.server.existing(&ids).await?;
    missed.extend(reply.missed(candidates, |index| &statements[index].storage_id, &there));
    Ok(missed)
}

fn shared(error: Option<impl Into<StoreError>>) -> Option<Arc<StoreError>> {
    error.map(|error| Arc::new(error.into()))
}
