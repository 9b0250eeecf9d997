//! What the commands of an engine share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use connect_mongo_native_core::{queue::CommandKind, schedule::Schedule};
use tokio::{sync::Notify, time::Instant};

use crate::{
    engine::{
        caller::{Caller, Waiter},
        errors::StoreError,
        operation::Operation,
        server::Server,
        statistics::Statistics,
    },
    mongo::{errors::MongoError, trace::Watched},
};

/// The server, and what waits for it.
pub struct EngineState<S, C: Caller> {
    /// Where commands go.
    pub server: Arc<S>,
    schedule: Mutex<Schedule<Operation<C>>>,
    opened_at: Instant,
    /// Told when sessions are free whose command is still under way.
    pub released: Notify,
    /// Why there was no server, as long as there is none.
    outage: Mutex<Option<Arc<StoreError>>>,
    /// What has been sent.
    pub statistics: Statistics,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole at every point where a panic could leave them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Server, C: Caller> EngineState<S, C> {
    /// Nothing waits.
    #[must_use]
    pub fn new(server: Arc<S>) -> Self {
        Self {
            schedule: Mutex::new(Schedule::new(server.most_commands())),
            server,
            opened_at: Instant::now(),
            released: Notify::new(),
            outage: Mutex::default(),
            statistics: Statistics::default(),
        }
    }

    /// What waits and what is under way.
    pub fn schedule(&self) -> MutexGuard<'_, Schedule<Operation<C>>> {
        locked(&self.schedule)
    }

    /// The time, as the schedule counts it.
    pub fn now(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Counts a command of so many statements, sent so often before. Who of these callers is to be told of it.
    #[must_use]
    pub fn command<'a>(
        &self,
        kind: CommandKind,
        statements: usize,
        attempts_before: u32,
        waiters: impl Iterator<Item = &'a Waiter<C>>,
    ) -> Option<Arc<Watched>> {
        self.statistics.note(kind, statements);
        let calls = waiters.filter_map(Waiter::watched);
        Watched::new(statements, attempts_before, calls)
    }

    /// A command that was sent then has just been answered.
    pub fn note(&self, kind: CommandKind, sent: Instant) {
        self.schedule().note(kind, sent.elapsed());
    }

    /// What a command asks for about these sessions is done, while the rest of it is held up.
    pub fn release(&self, command: u64, ids: Vec<Arc<str>>, has_held_up: bool) {
        self.schedule().release(command, ids, has_held_up);
        self.released.notify_one();
    }

    /// What befell a command reaches all its callers.
    pub fn fail(&self, error: MongoError, waiters: impl IntoIterator<Item = Waiter<C>>) {
        let has_no_server = error.has_no_server();
        let error = Arc::new(StoreError::from(error));
        answer_all(&error, waiters);
        if has_no_server {
            *locked(&self.outage) = Some(error);
            self.give_up_overdue();
        }
    }

    /// What keeps all servers away reaches everybody who waits for one.
    pub fn fail_waiting(&self, error: MongoError) {
        if error.has_no_server() {
            return self.fail(error, []);
        }
        let given_up = self.schedule().give_up(|_| true);
        answer_all(&Arc::new(StoreError::from(error)), waiters(given_up));
    }

    /// There is a server again.
    pub fn end_outage(&self) {
        *locked(&self.outage) = None;
    }

    /// While there is no server, each operation waits as long as `serverSelectionTimeoutMS` allows since it was called, and not
    /// from when its turn comes.
    pub fn give_up_overdue(&self) {
        let Some(error) = locked(&self.outage).clone() else {
            return;
        };
        let time = self.server.server_selection_timeout();
        let given_up = self
            .schedule()
            .give_up(|operation| operation.since.elapsed() >= time);
        answer_all(&error, waiters(given_up));
    }
}

fn waiters<C: Caller>(operations: Vec<Operation<C>>) -> impl Iterator<Item = Waiter<C>> {
    operations.into_iter().map(|operation| operation.waiter)
}

fn answer_all<C: Caller>(error: &Arc<StoreError>, waiters: impl IntoIterator<Item = Waiter<C>>) {
    let mut wakes = C::Wakes::default();
    for waiter in waiters {
        waiter.answer(Err(StoreError::Shared(Arc::clone(error))), &mut wakes);
    }
}
