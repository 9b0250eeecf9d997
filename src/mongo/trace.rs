//! The commands that are sent, for those who look on: whose they are, and what became of each attempt.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::ThreadId,
};

use mongodb::options::ServerAddress;
use tokio::time::{Duration, Instant};

use crate::mongo::{connections::connected_to, errors::MongoError};

tokio::task_local! {
    /// Who looks on while this task sends commands.
    static WATCHED: Option<Arc<Watched>>;
}

/// Of all attempts of the process.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// An attempt that is made now.
pub struct Sent<'a> {
    /// By which its end is known.
    pub id: u64,
    /// That of MongoDB's command.
    pub name: &'a str,
    /// How many sessions it is about.
    pub statements: usize,
    /// From 1.
    pub attempt: u32,
    /// The size of the command, as far as it is known.
    pub request_bytes: Option<usize>,
    /// Those of the observer's thread that share it.
    pub calls: &'a [f64],
}

/// What became of an attempt.
pub struct Ended<'a> {
    /// Of which.
    pub id: u64,
    /// Where it went, if it got a connection.
    pub server: Option<&'a ServerAddress>,
    /// The size of the documents in the first reply, as far as it is known.
    pub response_bytes: Option<usize>,
    /// How long it took.
    pub time: Duration,
    /// Why there is no reply.
    pub error: Option<&'a MongoError>,
}

/// Hears of the commands that calls share.
pub trait Observer: Send + Sync {
    /// That of its callers. Of the observers of one thread, one alone hears of a command.
    fn thread(&self) -> ThreadId;

    /// A command is sent.
    fn sent(&self, sent: &Sent<'_>);

    /// An attempt is over.
    fn ended(&self, ended: &Ended<'_>);
}

/// A call, and who is to hear of its commands.
pub type WatchedCall = (Arc<dyn Observer>, f64);

struct Watcher {
    observer: Arc<dyn Observer>,
    calls: Vec<f64>,
}

/// The calls for which commands are sent.
pub struct Watched {
    statements: usize,
    watchers: Vec<Watcher>,
    /// By the name of the command.
    attempts: Mutex<HashMap<String, u32>>,
    attempts_before: u32,
    under_way: Mutex<Option<UnderWay>>,
}

/// An attempt that has not ended.
struct UnderWay {
    id: u64,
    since: Instant,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers, and maps of them, are whole whatever panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    /// For a command of so many statements, sent so often before; `None` when nobody looks on.
    #[must_use]
    pub fn new(
        statements: usize,
        attempts_before: u32,
        calls: impl Iterator<Item = WatchedCall>,
    ) -> Option<Arc<Self>> {
        let mut watchers: Vec<Watcher> = Vec::new();
        for (observer, call) in calls {
            let thread = observer.thread();
            match watchers
                .iter_mut()
                .find(|known| known.observer.thread() == thread)
            {
                Some(known) => known.calls.push(call),
                None => watchers.push(Watcher {
                    observer,
                    calls: vec![call],
                }),
            }
        }
        (!watchers.is_empty()).then(|| {
            Arc::new(Self {
                statements,
                watchers,
                attempts: Mutex::default(),
                attempts_before,
                under_way: Mutex::default(),
            })
        })
    }

    fn begin(&self, name: &str, request_bytes: Option<usize>) {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let attempt = self.next_attempt(name);
        *locked(&self.under_way) = Some(UnderWay {
            id,
            since: Instant::now(),
        });
        for Watcher { observer, calls } in &self.watchers {
            observer.sent(&Sent {
                id,
                name,
                statements: self.statements,
                attempt,
                request_bytes,
                calls,
            });
        }
    }

    fn next_attempt(&self, name: &str) -> u32 {
        let mut attempts = locked(&self.attempts);
        let attempt = attempts
            .entry(name.to_owned())
            .or_insert(self.attempts_before);
        *attempt += 1;
        *attempt
    }

    /// Does nothing when it has ended before.
    fn end(
        &self,
        server: Option<&ServerAddress>,
        response_bytes: Option<usize>,
        error: Option<&MongoError>,
    ) {
        let Some(UnderWay { id, since }) = locked(&self.under_way).take() else {
            return;
        };
        let ended = Ended {
            id,
            server,
            response_bytes,
            time: since.elapsed(),
            error,
        };
        for Watcher { observer, .. } in &self.watchers {
            observer.ended(&ended);
        }
    }
}

/// Runs what sends commands for these calls.
pub async fn watched<T>(watched: Option<Arc<Watched>>, work: impl Future<Output = T>) -> T {
    WATCHED.scope(watched, work).await
}

/// Who looks on while this task sends commands, for another one that goes on in its place.
#[must_use]
pub fn watchers() -> Option<Arc<Watched>> {
    WATCHED.try_with(Clone::clone).ok().flatten()
}

/// The command of this task is answered, with documents of this size: those who look on hear of it before its callers do.
pub fn note_reply(bytes: usize) {
    if let Some(watched) = watchers() {
        watched.end(connected_to().as_ref(), Some(bytes), None);
    }
}

/// An attempt that is under way, if anybody looks on. One that is given up ends, too.
pub struct Attempt(Option<Arc<Watched>>);

impl Attempt {
    /// An attempt at a command is made now: its name, and its size as far as that is known.
    #[must_use]
    pub fn begin(name: &str, request_bytes: Option<usize>) -> Self {
        let watched = watchers();
        if let Some(watched) = &watched {
            watched.begin(name, request_bytes);
        }
        Self(watched)
    }

    /// It is over.
    pub fn end(self, server: Option<&ServerAddress>, error: Option<&MongoError>) {
        if let Some(watched) = &self.0 {
            watched.end(server, None, error);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(watched) = &self.0 {
            watched.end(None, None, Some(&MongoError::Unanswered));
        }
    }
}
