//! A write command that is sent as it is, and not given up where something holds it up.

use connect_mongo_native_core::queue::{CommandKind, has_repeated_id};
use mongodb::bson::Document;
use tokio::time::Instant;

use crate::{
    engine::{
        caller::Caller,
        coalescing::Run,
        outcomes::{answer_updates, fail, fail_overloaded},
        server::Server,
        state::EngineState,
        statements::{Statement, list, statements},
    },
    mongo::{errors::MongoError, trace::watched},
};

/// Sends a command.
///
/// # Errors
/// What befell it.
pub async fn send_whole<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    command: &[Statement<C>],
) -> Result<Document, MongoError> {
    let sent = Instant::now();
    let is_ordered = has_repeated_id(command);
    let reply = state.server.write(kind, list(command), is_ordered);
    let waiters = command.iter().flat_map(Statement::waiters);
    let watchers = state.command(kind, command.len(), 0, waiters);
    let reply = watched(watchers, reply).await?;
    state.note(kind, sent);
    Ok(reply)
}

/// Sends each of the writes that these updates do by itself, in order, and answers all of them.
pub async fn send_each<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    refused: Vec<Statement<C>>,
) {
    let mut runs = refused.into_iter().flat_map(Statement::into_runs);
    while let Some(run) = runs.next() {
        let statement = statements(vec![run]).await;
        if statement.is_empty() {
            continue;
        }
        match send_whole(state, kind, &statement).await {
            Ok(reply) => {
                let left = answer_updates(state, statement, &reply).await;
                fail_overloaded(left.overloaded);
            }
            Err(error) if error.has_no_server() => {
                let waiters = runs.flat_map(Run::into_waiters);
                let given_up = statement.into_iter().flat_map(Statement::into_waiters);
                return state.fail(error, given_up.chain(waiters));
            }
            Err(error) => fail(state, error, statement),
        }
    }
}
