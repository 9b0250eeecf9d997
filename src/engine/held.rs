//! A write command that one of its statements holds up, as one on a document does that a transaction of another program has changed: the
//! server runs one statement after the other.
//!
//! The server is told to give such a command up, as long as others are answered in time. It is then sent again in parts, under the
//! same number and with the numbers of its statements, so that nothing that has been done is done twice. What is not held up is
//! answered, and the rest waits by turns for as long as it takes.

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use connect_mongo_native_core::{queue::CommandKind, replies::is_acknowledgement_given_up};
use mongodb::bson::Document;
use tokio::time::Instant;

use crate::{
    engine::{
        caller::Caller,
        outcomes::{answer_deletes, answer_updates, fail, fail_overloaded},
        server::Server,
        state::EngineState,
        statements::{Statement, list},
        whole::send_each,
    },
    mongo::{errors::MongoError, trace::watched},
};

/// What became of a command.
pub enum Sent<N> {
    /// The server has answered.
    Reply(Document),
    /// It came to nothing.
    Failed(MongoError),
    /// Something has held it up.
    Held(Held<N>),
}

/// How many times as long as one that is late a whole command may be held up: until then it is known whether others are.
const LATE_TIMES: u32 = 3;
/// A server that takes this many times its limit to give a command up is slow itself: no statement is to blame.
const SLOW_TIMES: u32 = 4;

/// A command that the server has given up.
pub struct Held<N> {
    kind: CommandKind,
    /// By which the server knows it.
    number: N,
    /// By which the schedule knows it.
    schedule_number: u64,
    /// How long a part of it may be held up at first.
    part_limit: Duration,
    /// Else it has to be sent as a whole again.
    are_parts_numbered: bool,
    is_server_slow: bool,
}

/// Some statements of the command, and which they are.
struct Part<C: Caller> {
    first: usize,
    statements: Vec<Statement<C>>,
    /// How long the server tries where others wait for their turn.
    limit: Duration,
    /// Whether it is done, and only its acknowledgement is missing.
    is_done: bool,
}

impl<C: Caller> Part<C> {
    fn numbers(&self) -> Range<usize> {
        self.first..self.first + self.statements.len()
    }

    fn ids(&self) -> Vec<Arc<str>> {
        let ids = self.statements.iter();
        ids.map(|statement| Arc::clone(&statement.storage_id))
            .collect()
    }

    /// Whether it is what holds up others, as far as one can tell.
    fn has_held_up(&self, at_first: Duration) -> bool {
        self.statements.len() == 1 && self.limit > at_first
    }

    fn halves(mut self) -> [Self; 2] {
        let second = self.statements.split_off(self.statements.len() / 2);
        let second = Self {
            first: self.first + self.statements.len(),
            statements: second,
            limit: self.limit,
            is_done: self.is_done,
        };
        [self, second]
    }
}

impl<N: Send + Sync> Held<N> {
    /// Sends a command that has no two statements about one session. Gives nothing where it cannot be parted.
    pub async fn send<S: Server<Number = N>, C: Caller>(
        state: &EngineState<S, C>,
        kind: CommandKind,
        command: &[Statement<C>],
        schedule_number: u64,
    ) -> Option<Sent<N>> {
        let held_after = state.schedule().held_after(kind)?;
        let mut number = match state.server.number().await {
            Ok(number) => number?,
            Err(error) => return Some(Sent::Failed(error)),
        };
        let limit = held_after * LATE_TIMES;
        let sent = Instant::now();
        let whole = list(command);
        let waiters = command.iter().flat_map(Statement::waiters);
        let watchers = state.command(kind, command.len(), 0, waiters);
        let reply = state
            .server
            .run_part(kind, whole, &mut number, None, Some(limit));
        let reply = watched(watchers, reply).await;
        let is_server_slow = takes_too_long(sent, limit);
        let held = |are_parts_numbered| {
            Some(Sent::Held(Self {
                kind,
                number,
                schedule_number,
                part_limit: held_after,
                are_parts_numbered,
                is_server_slow,
            }))
        };
        match reply {
            Ok(reply) if !is_acknowledgement_given_up(&reply) => {
                state.note(kind, sent);
                Some(Sent::Reply(reply))
            }
            // The whole has to wait for other servers, whatever the statement.
            Ok(_) => held(false),
            Err(error) if error.is_time_over() => held(!is_server_slow),
            // It is sent again without one.
            Err(error) if error.refuses_transaction_number() => None,
            Err(error) => Some(Sent::Failed(error)),
        }
    }

    /// Sends the command in parts, and answers all of it.
    pub async fn part<S: Server<Number = N>, C: Caller>(
        mut self,
        state: &EngineState<S, C>,
        command: Vec<Statement<C>>,
    ) {
        let mut parts = VecDeque::new();
        let whole = Part {
            first: 0,
            statements: command,
            limit: self.part_limit,
            is_done: false,
        };
        self.put_off(whole, &mut parts);
        while let Some(mut part) = parts.pop_front() {
            let limit = self.limit(state, &part, !parts.is_empty());
            let sent = Instant::now();
            match self.send_part(state, &part, limit).await {
                Ok(reply) if limit.is_some() && is_acknowledgement_given_up(&reply) => {
                    part.is_done = true;
                    parts.push_back(part);
                }
                Ok(reply) => {
                    state.note(self.kind, sent);
                    self.answer(state, part, &reply).await;
                }
                Err(error)
                    if error.is_time_over()
                        && let Some(limit) = limit =>
                {
                    self.is_server_slow |= takes_too_long(sent, limit);
                    self.put_off(part, &mut parts);
                }
                Err(error) if self.is_refused(&part, &error) => {
                    self.are_parts_numbered = false;
                    let rest = parts.drain(..).flat_map(|other| other.statements);
                    part.statements.extend(rest);
                    parts.push_back(part);
                }
                Err(error) => self.fail(state, error, part),
            }
        }
    }

    /// How long the server may try; none where nobody waits for a turn, or all would be as slow.
    fn limit<S: Server, C: Caller>(
        &self,
        state: &EngineState<S, C>,
        part: &Part<C>,
        has_others: bool,
    ) -> Option<Duration> {
        let can_leave_others = has_others || part.statements.len() > 1;
        let may_give_up = self.are_parts_numbered && can_leave_others && !part.is_done;
        let limit = part.limit.max(state.schedule().late_after(self.kind));
        (may_give_up && !self.is_server_slow).then_some(limit)
    }

    /// One statement of two or more can be the only one that is held up.
    fn put_off<C: Caller>(&self, mut part: Part<C>, parts: &mut VecDeque<Part<C>>) {
        if self.are_parts_numbered && part.statements.len() > 1 {
            let [first, second] = part.halves();
            parts.push_front(second);
            parts.push_front(first);
        } else {
            part.limit *= 2;
            parts.push_back(part);
        }
    }

    /// Not every server takes the numbers of statements. The whole command has its own.
    fn is_refused<C: Caller>(&self, part: &Part<C>, error: &MongoError) -> bool {
        self.are_parts_numbered && part.first == 0 && error.is_answer()
    }

    async fn send_part<S: Server<Number = N>, C: Caller>(
        &mut self,
        state: &EngineState<S, C>,
        part: &Part<C>,
        limit: Option<Duration>,
    ) -> Result<Document, MongoError> {
        let numbers = self.are_parts_numbered.then(|| part.numbers());
        let statements = list(&part.statements);
        let server = &state.server;
        let send = server.run_part(self.kind, statements, &mut self.number, numbers, limit);
        let waiters = part.statements.iter().flat_map(Statement::waiters);
        let count = part.statements.len();
        let watchers = state.command(self.kind, count, 0, waiters);
        watched(watchers, send).await
    }

    async fn answer<S: Server, C: Caller>(
        &self,
        state: &EngineState<S, C>,
        part: Part<C>,
        reply: &Document,
    ) {
        let (ids, has_held_up) = (part.ids(), part.has_held_up(self.part_limit));
        let left = if self.kind == CommandKind::Delete {
            answer_deletes(part.statements, reply)
        } else {
            // Nothing is left unreached: that is so of an ordered command, which has several statements about one session.
            answer_updates(state, part.statements, reply).await
        };
        fail_overloaded(left.overloaded);
        send_each(state, self.kind, left.refused).await;
        state.release(self.schedule_number, ids, has_held_up);
    }

    fn fail<S: Server, C: Caller>(
        &self,
        state: &EngineState<S, C>,
        error: MongoError,
        part: Part<C>,
    ) {
        let (ids, has_held_up) = (part.ids(), part.has_held_up(self.part_limit));
        fail(state, error, part.statements);
        state.release(self.schedule_number, ids, has_held_up);
    }
}

fn takes_too_long(sent: Instant, limit: Duration) -> bool {
    sent.elapsed() > limit * SLOW_TIMES
}
