//! What the commands of an engine share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect_mongo_native_core::{queue::CommandKind, schedule::Schedule};
use tokio::time::Instant;

use crate::{
    engine::{
        caller::{Caller, Waiter},
        errors::StoreError,
        operation::Operation,
        server::Server,
    },
    mongo::errors::MongoError,
};

/// The server, and what waits for it.
pub struct EngineState<S, C: Caller> {
    /// Where commands go.
    pub server: Arc<S>,
    schedule: Mutex<Schedule<Operation<C>>>,
}

impl<S: Server, C: Caller> EngineState<S, C> {
    /// Nothing waits.
    #[must_use]
    pub fn new(server: Arc<S>) -> Self {
        Self {
            server,
            schedule: Mutex::default(),
        }
    }

    /// What waits and what is under way.
    pub fn schedule(&self) -> MutexGuard<'_, Schedule<Operation<C>>> {
        // It is whole at every point where a panic could leave the lock.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command that was sent then has just been answered.
    pub fn note(&self, kind: CommandKind, sent: Instant) {
        self.schedule().note(kind, sent.elapsed());
    }

    /// What befell a command reaches all its callers. Where that is that there is no server, it reaches those too that have
    /// waited in the queue for long: each command by itself would wait as long again.
    pub fn fail(&self, error: MongoError, waiters: impl IntoIterator<Item = Waiter<C>>) {
        let has_no_server = error.has_no_server();
        let error = Arc::new(StoreError::from(error));
        let mut wakes = C::Wakes::default();
        let mut fail = |waiter: Waiter<C>| {
            waiter.answer(Err(StoreError::Shared(Arc::clone(&error))), &mut wakes);
        };
        waiters.into_iter().for_each(&mut fail);
        if has_no_server {
            let long = self.server.server_selection_timeout() / 2;
            let has_waited = |operation: &Operation<C>| operation.since.elapsed() >= long;
            let given_up = self.schedule().give_up(has_waited);
            given_up
                .into_iter()
                .map(|operation| operation.waiter)
                .for_each(fail);
        }
    }
}
