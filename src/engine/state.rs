//! What the commands of an engine share.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use connect_mongo_native_core::{
    queue::{CommandKind, Queued},
    schedule::Schedule,
};
use tokio::{
    sync::{Notify, OnceCell},
    time::{self, Instant},
};

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

/// How long sets wait for the answer to a question that is asked once.
const PATIENCE: Duration = Duration::from_secs(1);

/// The server, and what waits for it.
pub struct EngineState<S, C: Caller> {
    /// Where commands go.
    pub server: Arc<S>,
    schedule: Mutex<Schedule<Operation<C>>>,
    /// What was called since somebody last had the schedule. JavaScript never waits for whoever has it now.
    called: Mutex<Called<C>>,
    /// How it was when somebody last had the schedule.
    seen: Seen,
    opened_at: Instant,
    /// Told when sessions are free whose command is still under way.
    pub released: Notify,
    /// Why there was no server, as long as there is none.
    outage: Mutex<Option<Arc<StoreError>>>,
    /// What has been sent.
    pub statistics: Statistics,
    /// Whether the server takes whatever is set, as far as it has been asked.
    takes_anything: OnceCell<bool>,
    has_refused: AtomicBool,
}

/// Operations that are not in the schedule yet, in order.
struct Called<C: Caller> {
    operations: Vec<Operation<C>>,
    /// Whether some of them are of that kind.
    has: [bool; CommandKind::ALL.len()],
}

impl<C: Caller> Default for Called<C> {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
            has: Default::default(),
        }
    }
}

/// What can be known of the schedule without waiting for it, by kind.
#[derive(Default)]
struct Seen {
    /// Whether commands are under way.
    is_busy: [AtomicBool; CommandKind::ALL.len()],
    /// Whether as many are under way as may be.
    is_full: [AtomicBool; CommandKind::ALL.len()],
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
            called: Mutex::default(),
            seen: Seen::default(),
            server,
            opened_at: Instant::now(),
            released: Notify::new(),
            outage: Mutex::default(),
            statistics: Statistics::default(),
            takes_anything: OnceCell::new(),
            has_refused: AtomicBool::new(false),
        }
    }

    /// What waits and what is under way, for one at a time.
    pub fn schedule(&self) -> Scheduling<'_, C> {
        let mut schedule = locked(&self.schedule);
        let called = std::mem::take(&mut *locked(&self.called));
        for operation in called.operations {
            schedule.push(operation);
        }
        Scheduling {
            schedule,
            seen: &self.seen,
        }
    }

    /// Adds an operation behind those that were called before.
    pub fn call(&self, operation: Operation<C>) {
        let mut called = locked(&self.called);
        called.has[operation.kind() as usize] = true;
        called.operations.push(operation);
    }

    /// Whether something was called that may leave now, as far as anybody knows who does not wait for the schedule. Nothing is overlooked:
    /// who makes room notes that before taking what was called.
    pub fn is_called(&self) -> bool {
        let has = locked(&self.called).has;
        has.iter()
            .zip(&self.seen.is_full)
            .any(|(has, is_full)| *has && !is_full.load(Ordering::Acquire))
    }

    /// Whether commands of this kind are under way, as far as anybody knows who does not wait for the schedule.
    pub fn is_busy(&self, kind: CommandKind) -> bool {
        self.seen.is_busy[kind as usize].load(Ordering::Acquire)
    }

    /// The time, as the schedule counts it.
    pub fn now(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Whether the server is known to take whatever is set.
    pub async fn takes_anything(&self) -> bool {
        let ask = async {
            let answer = time::timeout(PATIENCE, self.server.takes_anything()).await;
            matches!(answer, Ok(Ok(true)))
        };
        !self.has_refused.load(Ordering::Relaxed) && *self.takes_anything.get_or_init(|| ask).await
    }

    /// A server has refused what a session holds. It may not have done so from the beginning.
    pub fn note_refusal(&self) {
        self.has_refused.store(true, Ordering::Relaxed);
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

/// The schedule, for as long as this is held.
pub struct Scheduling<'a, C: Caller> {
    schedule: MutexGuard<'a, Schedule<Operation<C>>>,
    seen: &'a Seen,
}

impl<C: Caller> Deref for Scheduling<'_, C> {
    type Target = Schedule<Operation<C>>;

    fn deref(&self) -> &Self::Target {
        &self.schedule
    }
}

impl<C: Caller> DerefMut for Scheduling<'_, C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.schedule
    }
}

impl<C: Caller> Drop for Scheduling<'_, C> {
    fn drop(&mut self) {
        for kind in CommandKind::ALL {
            let Seen { is_busy, is_full } = self.seen;
            is_busy[kind as usize].store(!self.schedule.is_idle(kind), Ordering::Release);
            is_full[kind as usize].store(!self.schedule.has_room(kind), Ordering::Release);
        }
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
