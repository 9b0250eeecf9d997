//! Sets, touches and destroys: one command for many of them.

use std::collections::VecDeque;

use connect_mongo_native_core::{
    queue::{CommandKind, halves, has_repeated_id, one_an_id, split},
    replies::ServerError,
    schedule::MOST_BYTES,
};
use futures_util::FutureExt;

use crate::{
    engine::{
        caller::Caller,
        coalescing::{has_sets_in_a_row, runs},
        held::{Held, Sent},
        operation::Operation,
        outcomes::{Left, answer_deletes, answer_updates, fail, fail_overloaded},
        server::Server,
        state::EngineState,
        statements::{Statement, commands, statements},
        whole::{send_each, send_whole},
    },
    mongo::{
        errors::{Blame, MongoError},
        patience::Patience,
    },
};

/// Sends these sets and touches and answers all of them. Whether the server has answered.
pub async fn update<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    operations: Vec<Operation<C>>,
    number: u64,
) -> bool {
    let may_pass_over = has_sets_in_a_row(&operations) && state.takes_anything().await;
    let statements = statements(runs(operations, may_pass_over)).await;
    let mut commands = match state.server.is_sent_again().await {
        Ok(is_sent_again) => commands(statements, is_sent_again),
        Err(error) => {
            fail(state, error, statements);
            return false;
        }
    };
    let mut is_answered = true;
    let mut patience = state.server.patience();
    while let Some(command) = commands.pop_front() {
        // No session of the last one has statements in another.
        let may_be_parted = commands.is_empty().then_some(number);
        match send(state, kind, &command, may_be_parted).await {
            Sent::Reply(reply) => {
                let Left {
                    overloaded,
                    refused,
                    rest,
                } = answer_updates(state, command, &reply).await;
                send_each(state, kind, refused).boxed().await;
                let mut again = after_relief(&mut patience, overloaded).await;
                again.extend(rest);
                put_in_front(&mut commands, one_an_id(again));
            }
            Sent::Held(held) => held.part(state, command).boxed().await,
            Sent::Failed(error) if may_be_one(&command, &error) && has_repeated_id(&command) => {
                put_in_front(&mut commands, one_an_id(command));
            }
            Sent::Failed(error) if may_be_one(&command, &error) => {
                find_culprits(state, kind, command, error).boxed().await;
            }
            Sent::Failed(error) => {
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

/// Whether one of several writes of a command can be the reason why the server has refused it.
fn may_be_one<C: Caller>(command: &[Statement<C>], error: &MongoError) -> bool {
    let blame = error.blame();
    let is_of_several = command.len() > 1 || command.iter().any(Statement::is_of_several);
    is_of_several && matches!(blame, Some(Blame::Statement | Blame::Unknown(_)))
}

/// One statement can spoil all others, such as a session that is nested too deeply. It is found by halves, of which no session
/// has statements in both. Where the server refuses both alike, and no statement is known to be the reason, it would refuse
/// every part.
async fn find_culprits<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    command: Vec<Statement<C>>,
    error: MongoError,
) {
    let mut refused = vec![(command, error)];
    while let Some((command, error)) = refused.pop() {
        if !may_be_one(&command, &error) {
            fail(state, error, command);
            continue;
        }
        if command.len() == 1 {
            send_each(state, kind, command).await;
            continue;
        }
        let mut halves_refused = Vec::new();
        for half in halves(command) {
            match send_whole(state, kind, &half).await {
                Ok(reply) => {
                    let left = answer_updates(state, half, &reply).await;
                    fail_overloaded(left.overloaded);
                    send_each(state, kind, left.refused).await;
                }
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

/// Sends these destroys and answers all of them. Whether the server has answered.
pub async fn delete<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    operations: Vec<Operation<C>>,
    number: u64,
) -> bool {
    let mut is_answered = true;
    let mut patience = state.server.patience();
    let mut commands = VecDeque::from(split(statements(runs(operations, false)).await, MOST_BYTES));
    while let Some(command) = commands.pop_front() {
        let is_last = commands.is_empty() && !has_repeated_id(&command);
        match send(
            state,
            CommandKind::Delete,
            &command,
            is_last.then_some(number),
        )
        .await
        {
            Sent::Reply(reply) => {
                let overloaded = answer_deletes(command, &reply).overloaded;
                let again = after_relief(&mut patience, overloaded).await;
                put_in_front(&mut commands, one_an_id(again));
            }
            Sent::Held(held) => held.part(state, command).boxed().await,
            Sent::Failed(error) => {
                is_answered = error.is_answer();
                fail(state, error, command);
            }
        }
    }
    is_answered
}

/// Sends a command. One that may be parted, by its number in the schedule, is given up by the server where something holds it up.
async fn send<S: Server, C: Caller>(
    state: &EngineState<S, C>,
    kind: CommandKind,
    command: &[Statement<C>],
    may_be_parted: Option<u64>,
) -> Sent<S::Number> {
    if let Some(schedule_number) = may_be_parted.filter(|_| command.len() > 1)
        && let Some(sent) = Held::send(state, kind, command, schedule_number).await
    {
        return sent;
    }
    match send_whole(state, kind, command).await {
        Ok(reply) => Sent::Reply(reply),
        Err(error) => Sent::Failed(error),
    }
}

/// Waits until a server that had too much to do for these can be asked again. When it has been asked often enough, they fail.
async fn after_relief<C: Caller>(
    patience: &mut Patience,
    overloaded: Vec<(Statement<C>, ServerError)>,
) -> Vec<Statement<C>> {
    if overloaded.is_empty() {
        return Vec::new();
    }
    if patience.wait_for_relief().await {
        let statements = overloaded.into_iter().map(|(statement, _)| statement);
        return statements.collect();
    }
    fail_overloaded(overloaded);
    Vec::new()
}

fn put_in_front<C: Caller>(
    commands: &mut VecDeque<Vec<Statement<C>>>,
    first: Vec<Vec<Statement<C>>>,
) {
    for command in first.into_iter().rev() {
        commands.push_front(command);
    }
}
