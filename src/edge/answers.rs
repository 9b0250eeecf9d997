//! Answers on their way to the JavaScript thread. They gather in an inbox; that thread is woken once and takes all there are.
//!
//! - No call gets a second answer: what comes after its time is over is dropped.
//! - Calls that wait for an answer keep the process alive; nothing else does.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use futures_util::FutureExt;
use napi::{
    Env, Status,
    bindgen_prelude::Function,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use tokio::{
    runtime::Handle,
    time::{self, Instant},
};

use crate::{
    edge::{
        deadlines::Deadlines,
        handover::{Answered, Value, hand_over, share},
        reports::{CommandReport, Report},
    },
    engine::{
        caller::{Answer, Caller},
        errors::StoreError,
    },
    mongo::{
        errors::MongoError,
        trace::{Ended, Observer, Sent, WatchedCall},
    },
};

/// Weak: an idle store keeps no process alive.
type Waker = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Keeps the process alive while calls wait. It is not the [`Waker`], so that the JavaScript thread, which it is for, never
/// waits for another that is calling.
type Anchor = ThreadsafeFunction<(), (), (), Status, false, true>;

/// What becomes of calls whose time is over.
pub struct LateCalls {
    /// What they have been waiting for.
    pub waiting_for: Box<dyn Fn() -> MongoError + Send + Sync>,
    /// Told when there are some.
    pub drop_abandoned: Box<dyn Fn() + Send + Sync>,
}

/// What bounds the calls of a store.
#[derive(Clone, Copy)]
pub struct CallLimits {
    /// How many operations may wait for their command or its reply.
    pub pending: usize,
    /// How long a call may take, its place in the queue included.
    pub time: Option<Duration>,
}

/// The inbox of a store.
pub struct Answers {
    inbox: Mutex<Inbox>,
    waker: OnceLock<Waker>,
    anchor: Mutex<Anchor>,
    limits: CallLimits,
    runtime: Handle,
    /// Calls without an answer, as the JavaScript thread knows.
    waiting: AtomicUsize,
    /// Operations that exist, those that nobody waits for any more included.
    pending: AtomicUsize,
    deadlines: Mutex<Deadlines>,
    is_given_up: AtomicBool,
    late_calls: OnceLock<LateCalls>,
    thread: ThreadId,
    /// Whether JavaScript is to hear of commands.
    is_watched: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    reports: Vec<Report>,
    answered: Vec<Answered>,
    is_woken: bool,
}

/// A call that waits for its answer.
pub struct PendingCall {
    answers: Arc<Answers>,
    call: f64,
    /// Shared with the deadline, when there is one.
    is_answered: Option<Arc<AtomicBool>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole at every point where a panic could leave them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answers {
    /// An inbox: `on_answers` is called when there are answers to be taken.
    ///
    /// # Errors
    /// What Node-API reports.
    pub fn new(
        on_answers: &Function<'_, (), ()>,
        limits: CallLimits,
        runtime: Handle,
    ) -> napi::Result<Arc<Self>> {
        let anchor = on_answers
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(|_| Ok(()))?;
        let answers = Arc::new(Self {
            inbox: Mutex::default(),
            waker: OnceLock::new(),
            anchor: Mutex::new(anchor),
            limits,
            runtime,
            waiting: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            deadlines: Mutex::default(),
            is_given_up: AtomicBool::new(false),
            late_calls: OnceLock::new(),
            thread: thread::current().id(),
            is_watched: AtomicBool::new(false),
        });
        let waker = on_answers
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(|_| Ok(()))?;
        drop(answers.waker.set(waker));
        Ok(answers)
    }

    /// Registers a call, on the JavaScript thread.
    ///
    /// # Errors
    /// Too many operations are pending.
    pub fn register(self: &Arc<Self>, env: Env, call: f64) -> Result<PendingCall, StoreError> {
        if self.pending.load(Ordering::Relaxed) >= self.limits.pending {
            return Err(StoreError::Busy(self.limits.pending));
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.hold_process_open(env, true);
        }
        Ok(PendingCall {
            answers: Arc::clone(self),
            call,
            is_answered: self.limits.time.map(|time| self.limit(call, time)),
        })
    }

    /// When a call that begins now runs out of time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.limits.time.map(|time| Instant::now() + time)
    }

    /// Takes no more answers, and lets the process end, on the JavaScript thread.
    pub fn give_up(&self, env: Env) {
        self.is_given_up.store(true, Ordering::Release);
        self.hold_process_open(env, false);
    }

    /// Has somebody told when calls have run out of time. The first to ask is told.
    pub fn on_late(&self, late_calls: LateCalls) {
        drop(self.late_calls.set(late_calls));
    }

    #[expect(
        deprecated,
        reason = "clones are what replaces `refer` for counting owners; whether the process waits has nothing else"
    )]
    fn hold_process_open(&self, env: Env, is_held: bool) {
        let mut anchor = locked(&self.anchor);
        // It fails only while the environment is torn down.
        drop(if is_held {
            anchor.refer(&env)
        } else {
            anchor.unref(&env)
        });
    }

    fn put(&self, call: f64, result: Result<Answer, StoreError>) {
        let answered = Answered::new(call, result);
        locked(&self.inbox).answered.push(answered);
    }

    fn wake(&self) {
        let mut inbox = locked(&self.inbox);
        let is_empty = inbox.answered.is_empty() && inbox.reports.is_empty();
        let is_due = !inbox.is_woken && !is_empty;
        inbox.is_woken |= is_due;
        drop(inbox);
        if is_due && let Some(waker) = self.waker.get() {
            // It fails only when the environment is gone, and its callers with it.
            waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Takes a share of the answers, for which these numbers have room, on the JavaScript thread, and gives their values. It has to ask
    /// again as long as some are left.
    pub fn take(&self, env: Env, numbers: &mut [f64]) -> Vec<Value> {
        let (answered, reports, left) = {
            let mut inbox = locked(&self.inbox);
            let share = share(&inbox.answered, numbers);
            let rest = inbox.answered.split_off(share);
            let left = rest.len();
            inbox.is_woken = left > 0;
            let answered = mem::replace(&mut inbox.answered, rest);
            (answered, inbox.reports.len(), left)
        };
        let count = answered.len();
        if count > 0 && self.waiting.fetch_sub(count, Ordering::Relaxed) == count {
            self.hold_process_open(env, false);
        }
        hand_over(answered, reports, left, numbers)
    }

    /// Takes what there is to be told of commands, on the JavaScript thread.
    pub fn take_reports(&self) -> Vec<CommandReport> {
        let reports = mem::take(&mut locked(&self.inbox).reports);
        reports.into_iter().map(CommandReport::from).collect()
    }

    /// Whether JavaScript is to hear of commands from now on.
    pub fn watch(&self, is_watched: bool) {
        self.is_watched.store(is_watched, Ordering::Relaxed);
    }

    /// A call that takes its own way to the server, if JavaScript is to hear of its commands.
    #[must_use]
    pub fn watched(self: &Arc<Self>, call: f64) -> Option<WatchedCall> {
        let is_watched = self.is_watched.load(Ordering::Relaxed);
        is_watched.then(|| (Arc::clone(self) as Arc<dyn Observer>, call))
    }

    fn report(&self, report: Report) {
        locked(&self.inbox).reports.push(report);
        self.wake();
    }

    fn limit(self: &Arc<Self>, call: f64, time: Duration) -> Arc<AtomicBool> {
        let is_answered = Arc::new(AtomicBool::new(false));
        let is_first = locked(&self.deadlines).add(call, time, Arc::clone(&is_answered));
        if is_first {
            self.runtime
                .spawn(Arc::clone(self).watch_deadlines().boxed());
        }
        is_answered
    }

    async fn watch_deadlines(self: Arc<Self>) {
        while let Some(next) = self.next_deadline() {
            time::sleep_until(next).await;
            self.fail_late_calls();
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        locked(&self.deadlines).next_late()
    }

    fn fail_late_calls(&self) {
        let late = locked(&self.deadlines).take_late();
        let late_calls = self.late_calls.get();
        let waiting_for = late_calls.map_or(MongoError::Unanswered, |calls| (calls.waiting_for)());
        let waiting_for = Arc::new(waiting_for);
        for deadline in late {
            if !deadline.is_answered.swap(true, Ordering::AcqRel) {
                let error = StoreError::TimedOut {
                    time: self.limits.time.unwrap_or_default(),
                    waiting_for: Arc::clone(&waiting_for),
                };
                self.put(deadline.call, Err(error));
            }
        }
        self.wake();
        if let Some(calls) = late_calls {
            (calls.drop_abandoned)();
        }
    }
}

impl Observer for Answers {
    fn thread(&self) -> ThreadId {
        self.thread
    }

    fn sent(&self, sent: &Sent<'_>) {
        self.report(Report::sent(sent));
    }

    fn ended(&self, ended: &Ended<'_>) {
        self.report(Report::ended(ended));
    }
}

impl Caller for PendingCall {
    type Wakes = Wakes;

    fn watched(&self) -> Option<WatchedCall> {
        self.answers.watched(self.call)
    }

    fn is_gone(&self) -> bool {
        let is_answered = self.is_answered.as_ref();
        self.answers.is_given_up.load(Ordering::Acquire)
            || is_answered.is_some_and(|is_answered| is_answered.load(Ordering::Acquire))
    }

    fn answer(self, result: Result<Answer, StoreError>, wakes: &mut Wakes) {
        // Before the answer: who gets it may call again at once.
        self.answers.pending.fetch_sub(1, Ordering::Relaxed);
        let is_answered = self.is_answered.as_ref();
        let is_late = is_answered.is_some_and(|answered| answered.swap(true, Ordering::AcqRel));
        if !is_late && !self.answers.is_given_up.load(Ordering::Acquire) {
            self.answers.put(self.call, result);
        }
        wakes.add(self.answers);
    }
}

/// The inboxes that have got answers; their threads are woken, once each, when this ends.
#[derive(Default)]
pub struct Wakes {
    inboxes: Vec<Arc<Answers>>,
}

impl Wakes {
    fn add(&mut self, answers: Arc<Answers>) {
        let is_known = self
            .inboxes
            .iter()
            .any(|known| Arc::ptr_eq(known, &answers));
        if !is_known {
            self.inboxes.push(answers);
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for answers in &self.inboxes {
            answers.wake();
        }
    }
}
