//! Answers on their way to the JavaScript thread. They gather in an inbox; that thread is woken once and takes all there is.
//!
//! - Every call gets exactly one answer, whatever becomes of the operation that carries its [`Caller`].
//! - Calls that wait for an answer keep the process alive; nothing else does.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use napi::{
    Env, Status,
    bindgen_prelude::{Buffer, Either6, FnArgs, Function, Latin1String},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use tokio::time::{self, Instant};

use crate::{
    error::{Failure, StoreError},
    runtime,
    session::{Found, Payload},
};

/// What an operation came to.
pub enum Answer {
    /// The live session, if there is one.
    Found(Option<Found>),
    /// Whether a set created its session.
    Created(bool),
    /// Whether there was a session for a touch, or for a set that creates none.
    Matched(bool),
    /// A removal was done.
    Destroyed,
}

/// What follows the number of a call in a list of answers.
#[napi]
pub enum AnswerKind {
    /// Nothing follows.
    Nothing = 0,
    /// Nothing follows: the answer is yes.
    Yes = 1,
    /// Nothing follows: the answer is no.
    No = 2,
    /// `session`, `expires` and `lastModified` follow. The session is text when the stored value is a string, otherwise a
    /// BSON document whose field `session` is the value; `undefined` when the document has no such field. The times are in
    /// milliseconds since the epoch, NaN when the document has none.
    Session = 3,
    /// Nothing follows: why there is no answer is the next in the list of failures.
    Failure = 4,
    /// As [`AnswerKind::Session`], of text that was decrypted and that the serializer is known to have returned.
    Serialized = 5,
    /// As [`AnswerKind::Session`], of text that was decrypted: what the serializer returned, or its JSON.
    Decrypted = 6,
}

/// An element of a list of answers. ASCII crosses as Latin-1, which costs JavaScript less.
pub type Element = Either6<u32, f64, Latin1String, String, Buffer, ()>;

/// Answers one after the other, each the number of the call, the [`AnswerKind`] and what goes with that; and the failures
/// among them. One flat list costs JavaScript less than an object for each.
pub type Handover = FnArgs<(Vec<Element>, Vec<Failure>)>;

/// Weak: an idle store keeps no process alive.
type Waker = ThreadsafeFunction<(), (), Handover, Status, false, true>;

/// Keeps the process alive while calls wait. It is not the [`Waker`], so that the JavaScript thread, which it is for, never
/// waits for another that is calling.
type Anchor = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The most that an answer takes in the list.
const MOST_ELEMENTS: usize = 5;
/// How long operations wait for each other while JavaScript is handed several answers.
const MOST_CORKED: Duration = Duration::from_micros(200);

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
    /// Calls without an answer, as the JavaScript thread knows.
    waiting: AtomicUsize,
    /// Operations that exist, those that nobody waits for any more included.
    pending: AtomicUsize,
    deadlines: Mutex<Deadlines>,
    /// While JavaScript gets several answers: until when what it asks for meanwhile waits for more of the same.
    corked_until: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Inbox {
    answered: Vec<(f64, Result<Answer, Failure>)>,
    is_woken: bool,
}

#[derive(Default)]
struct Deadlines {
    /// The earliest first: all calls of a store get the same time.
    calls: VecDeque<Deadline>,
    is_watched: bool,
}

struct Deadline {
    at: Instant,
    call: f64,
    is_answered: Arc<AtomicBool>,
}

/// Who is to be answered. One that is dropped without an answer gets an error.
pub struct Caller {
    answers: Arc<Answers>,
    call: f64,
    /// Shared with the deadline, when there is one.
    is_answered: Option<Arc<AtomicBool>>,
    is_done: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole at every point where a panic could leave them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answers {
    /// An inbox whose answers `on_answers` gets, as one list.
    ///
    /// # Errors
    /// What Node-API reports.
    pub fn new(
        on_answers: &Function<'_, Handover, ()>,
        limits: CallLimits,
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
            waiting: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            deadlines: Mutex::default(),
            corked_until: Mutex::default(),
        });
        let inbox = Arc::downgrade(&answers);
        let waker = on_answers
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |context| Ok(take_all(&inbox, context.env)))?;
        drop(answers.waker.set(waker));
        Ok(answers)
    }

    /// Registers a call, on the JavaScript thread.
    ///
    /// # Errors
    /// Too many operations are pending.
    pub fn caller(self: &Arc<Self>, env: Env, call: f64) -> Result<Caller, StoreError> {
        if self.pending.load(Ordering::Relaxed) >= self.limits.pending {
            return Err(StoreError::Busy(self.limits.pending));
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.hold_process_open(env, true);
        }
        Ok(Caller {
            answers: Arc::clone(self),
            call,
            is_answered: self.limits.time.map(|time| self.limit(call, time)),
            is_done: false,
        })
    }

    /// Whether an operation that is called now is to wait for others. [`Answers::uncork`] ends that.
    pub fn is_corked(&self) -> bool {
        let mut corked_until = locked(&self.corked_until);
        *corked_until = corked_until.filter(|until| Instant::now() < *until);
        corked_until.is_some()
    }

    /// The turn of the event loop in which answers were handed out is over.
    pub fn uncork(&self) {
        *locked(&self.corked_until) = None;
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
        let result = result.map_err(Failure::from);
        locked(&self.inbox).answered.push((call, result));
    }

    fn wake(&self) {
        let mut inbox = locked(&self.inbox);
        let is_due = !inbox.is_woken && !inbox.answered.is_empty();
        inbox.is_woken |= is_due;
        drop(inbox);
        if is_due && let Some(waker) = self.waker.get() {
            // It fails only when the environment is gone, and its callers with it.
            waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn take(&self, env: Env) -> Handover {
        let answered = {
            let mut inbox = locked(&self.inbox);
            inbox.is_woken = false;
            std::mem::take(&mut inbox.answered)
        };
        let count = answered.len();
        if count > 1 {
            *locked(&self.corked_until) = Some(Instant::now() + MOST_CORKED);
        }
        if count > 0 && self.waiting.fetch_sub(count, Ordering::Relaxed) == count {
            self.hold_process_open(env, false);
        }
        handover(answered)
    }

    fn limit(self: &Arc<Self>, call: f64, time: Duration) -> Arc<AtomicBool> {
        let is_answered = Arc::new(AtomicBool::new(false));
        let deadline = Deadline {
            at: Instant::now() + time,
            call,
            is_answered: Arc::clone(&is_answered),
        };
        let mut deadlines = locked(&self.deadlines);
        deadlines.forget_answered();
        deadlines.calls.push_back(deadline);
        if !std::mem::replace(&mut deadlines.is_watched, true) {
            runtime::spawn(Arc::clone(self).watch_deadlines());
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
        let mut deadlines = locked(&self.deadlines);
        deadlines.forget_answered();
        let next = deadlines.calls.front().map(|deadline| deadline.at);
        deadlines.is_watched = next.is_some();
        next
    }

    fn fail_late_calls(&self) {
        let late = locked(&self.deadlines).take_late(Instant::now());
        for deadline in late {
            if !deadline.is_answered.swap(true, Ordering::AcqRel) {
                let time = self.limits.time.unwrap_or_default();
                self.put(deadline.call, Err(StoreError::TimedOut(time)));
            }
        }
        self.wake();
    }
}

impl Deadlines {
    fn forget_answered(&mut self) {
        while self
            .calls
            .front()
            .is_some_and(|deadline| deadline.is_answered.load(Ordering::Acquire))
        {
            self.calls.pop_front();
        }
    }

    fn take_late(&mut self, now: Instant) -> Vec<Deadline> {
        let count = self.calls.partition_point(|deadline| deadline.at <= now);
        self.calls.drain(..count).collect()
    }
}

impl Caller {
    /// Whether its call has run out of time.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_answered
            .as_ref()
            .is_some_and(|is_answered| is_answered.load(Ordering::Acquire))
    }

    /// Puts the answer into the inbox, whose thread is woken when `wakes` ends.
    pub fn answer(mut self, result: Result<Answer, StoreError>, wakes: &mut Wakes) {
        self.put(result);
        wakes.add(&self.answers);
    }

    fn put(&mut self, result: Result<Answer, StoreError>) {
        self.is_done = true;
        // Before the answer: who gets it may call again at once.
        self.answers.pending.fetch_sub(1, Ordering::Relaxed);
        let is_late = self
            .is_answered
            .as_ref()
            .is_some_and(|is_answered| is_answered.swap(true, Ordering::AcqRel));
        if !is_late {
            self.answers.put(self.call, result);
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.is_done {
            self.put(Err(StoreError::Panic("its command was lost".to_owned())));
            self.answers.wake();
        }
    }
}

/// The inboxes that have got answers; their threads are woken, once each, when this ends.
#[derive(Default)]
pub struct Wakes {
    inboxes: Vec<Arc<Answers>>,
}

impl Wakes {
    fn add(&mut self, answers: &Arc<Answers>) {
        let is_known = self.inboxes.iter().any(|known| Arc::ptr_eq(known, answers));
        if !is_known {
            self.inboxes.push(Arc::clone(answers));
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

fn take_all(inbox: &Weak<Answers>, env: Env) -> Handover {
    let answers = inbox.upgrade();
    answers.map_or_else(|| handover(Vec::new()), |answers| answers.take(env))
}

fn handover(answered: Vec<(f64, Result<Answer, Failure>)>) -> Handover {
    let mut list = Vec::with_capacity(MOST_ELEMENTS * answered.len());
    let mut failures = Vec::new();
    for (call, result) in answered {
        list.push(Element::B(call));
        match result {
            Ok(Answer::Found(Some(found))) => append_session(&mut list, found),
            Ok(Answer::Found(None) | Answer::Destroyed) => {
                append_kind(&mut list, AnswerKind::Nothing);
            }
            Ok(Answer::Created(true) | Answer::Matched(true)) => {
                append_kind(&mut list, AnswerKind::Yes);
            }
            Ok(Answer::Created(false) | Answer::Matched(false)) => {
                append_kind(&mut list, AnswerKind::No);
            }
            Err(failure) => {
                append_kind(&mut list, AnswerKind::Failure);
                failures.push(failure);
            }
        }
    }
    (list, failures).into()
}

fn append_kind(list: &mut Vec<Element>, kind: AnswerKind) {
    list.push(Element::A(kind as u32));
}

fn append_session(list: &mut Vec<Element>, found: Found) {
    append_kind(
        list,
        match found.is_serialized {
            None => AnswerKind::Session,
            Some(true) => AnswerKind::Serialized,
            Some(false) => AnswerKind::Decrypted,
        },
    );
    list.push(match found.payload {
        None => Element::F(()),
        Some(Payload::Text(text)) if text.is_ascii() => Element::C(text.into()),
        Some(Payload::Text(text)) => Element::D(text),
        Some(Payload::Binary(bytes) | Payload::Bson(bytes)) => Element::E(bytes.into()),
    });
    list.push(Element::B(milliseconds(found.expires_ms)));
    list.push(Element::B(milliseconds(found.last_modified_ms)));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a JavaScript date holds no more than 8.64e15"
)]
fn milliseconds(date: Option<i64>) -> f64 {
    date.map_or(f64::NAN, |date| date as f64)
}
