//! What a store does outside any call: it sees to the TTL index, removes expired sessions, and tells when the servers come and
//! go. No call waits for it or fails with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use mongodb::error::Error as DriverError;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time};

use crate::mongo::{collection::DriverCollection, errors::MongoError, monitoring::KnownServers};

/// How long a store that closes lets a TTL index that is being made go on.
const START_UP_GRACE: Duration = Duration::from_secs(2);
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const LAST_RETRY_DELAY: Duration = Duration::from_secs(60);

/// What a store does about the TTL index when it is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IndexDuty {
    /// Makes it where there is none.
    Make,
    /// Tells when there is one all the same.
    Report,
    /// Nothing.
    None,
}

/// What happens outside any call.
#[derive(Debug)]
pub enum News {
    /// No server answers who was to make the TTL index, or none lets this client in; it is tried again.
    Unreachable(MongoError),
    /// The TTL index could not be made; it is tried again.
    TtlIndexFailed(MongoError),
    /// The server refuses the TTL index, and will until somebody has done something about it.
    TtlIndexRefused(MongoError),
    /// There is a TTL index that was not asked for.
    TtlIndexPresent,
    /// Expired sessions could not be removed.
    SweepFailed(MongoError),
    /// A server has refused a write for its transaction number, and writes go without from now on.
    NumbersRefused(MongoError),
    /// A server takes writes again.
    Connected,
    /// No server takes writes any more, and why.
    Disconnected(MongoError),
}

/// Gets the news, on any thread.
pub type OnNews = Box<dyn Fn(News) + Send + Sync>;

/// The collection that is looked after. The tests' one follows a script.
pub trait Upkeep: Send + Sync + 'static {
    /// Makes the TTL index where there is none.
    fn ensure_ttl_index(&self) -> impl Future<Output = Result<(), MongoError>> + Send;

    /// Whether there is a TTL index.
    fn has_ttl_index(&self) -> impl Future<Output = Result<bool, MongoError>> + Send;

    /// Removes the sessions that have expired.
    fn remove_expired(&self) -> impl Future<Output = Result<(), MongoError>> + Send;
}

impl Upkeep for DriverCollection {
    async fn ensure_ttl_index(&self) -> Result<(), MongoError> {
        self.ttl_index.ensure().await
    }

    async fn has_ttl_index(&self) -> Result<bool, MongoError> {
        self.ttl_index.exists().await
    }

    async fn remove_expired(&self) -> Result<(), MongoError> {
        self.writer.remove_expired().await
    }
}

/// The background work of a store.
pub struct Background<U> {
    collection: Arc<U>,
    on_news: OnNews,
    is_sweeping: AtomicBool,
    has_tried_index: watch::Sender<bool>,
}

impl<U: Upkeep> Background<U> {
    /// Does nothing yet.
    #[must_use]
    pub fn new(collection: Arc<U>, on_news: OnNews) -> Self {
        Self {
            collection,
            on_news,
            is_sweeping: AtomicBool::new(false),
            has_tried_index: watch::Sender::new(false),
        }
    }

    /// Begins with what goes on as long as the store is open. `tells_of_servers`: of those that come and go.
    #[must_use]
    pub fn start(
        self: &Arc<Self>,
        duty: IndexDuty,
        servers: &Arc<KnownServers>,
        tells_of_servers: bool,
        runtime: &Handle,
    ) -> BackgroundTasks {
        let (closing, closed) = watch::channel(false);
        let refusal = servers.refuses_numbers();
        let mut watches = vec![runtime.spawn(Arc::clone(self).watch_numbers(refusal))];
        if tells_of_servers {
            let watch = Arc::clone(self).watch_servers(Arc::clone(servers));
            watches.push(runtime.spawn(watch.boxed()));
        }
        BackgroundTasks {
            start_up: runtime.spawn(Arc::clone(self).see_to_index(duty, closed).boxed()),
            watches,
            closing,
        }
    }

    /// A sweep that is to be run, unless one is under way already.
    #[must_use]
    pub fn claim_sweep(self: &Arc<Self>) -> Option<Sweep<U>> {
        let is_under_way = self.is_sweeping.swap(true, Ordering::AcqRel);
        (!is_under_way).then(|| Sweep(Arc::clone(self)))
    }

    /// Waits until the TTL index has been tried for the first time, whatever came of it.
    pub async fn index_tried(&self) {
        let mut has_tried = self.has_tried_index.subscribe();
        drop(has_tried.wait_for(|has_tried| *has_tried).await);
    }

    async fn see_to_index(self: Arc<Self>, duty: IndexDuty, mut closing: watch::Receiver<bool>) {
        match duty {
            IndexDuty::Make => self.make_ttl_index(&mut closing).await,
            IndexDuty::Report => {
                if self.collection.has_ttl_index().await.unwrap_or(false) {
                    (self.on_news)(News::TtlIndexPresent);
                }
            }
            IndexDuty::None => {}
        }
        self.has_tried_index.send_replace(true);
    }

    async fn make_ttl_index(&self, closing: &mut watch::Receiver<bool>) {
        let mut delay = FIRST_RETRY_DELAY;
        let mut told = None;
        while let Err(error) = self.collection.ensure_ttl_index().await {
            let is_final = error.is_final();
            let code = error.server_code().filter(|_| error.is_lasting());
            // What lasts is told once, and tried on: somebody may do something about it.
            if code.is_none() || code != told {
                (self.on_news)(match error {
                    error if is_final || code.is_some() => News::TtlIndexRefused(error),
                    error if error.is_answer() => News::TtlIndexFailed(error),
                    error => News::Unreachable(error),
                });
            }
            told = code;
            self.has_tried_index.send_replace(true);
            if is_final {
                return;
            }
            tokio::select! {
                () = time::sleep(delay) => {}
                _ = closing.changed() => return,
            }
            delay = (delay * 2).min(LAST_RETRY_DELAY);
        }
    }

    async fn watch_numbers(self: Arc<Self>, mut refusal: watch::Receiver<Option<DriverError>>) {
        let refused = refusal.wait_for(Option::is_some).await;
        let error = refused.ok().and_then(|error| error.clone());
        if let Some(error) = error {
            (self.on_news)(News::NumbersRefused(error.into()));
        }
    }

    async fn watch_servers(self: Arc<Self>, servers: Arc<KnownServers>) {
        let mut availability = servers.availability();
        let mut was_down = false;
        loop {
            let is_down = availability
                .borrow_and_update()
                .is_some_and(|now| !now.takes_writes);
            if is_down != was_down {
                (self.on_news)(if is_down {
                    News::Disconnected(MongoError::Outage(servers.last_outage()))
                } else {
                    News::Connected
                });
            }
            was_down = is_down;
            if availability.changed().await.is_err() {
                return;
            }
        }
    }
}

/// The one sweep of a store that is under way. The next may begin once it is dropped, even by a panic.
pub struct Sweep<U>(Arc<Background<U>>);

impl<U: Upkeep> Sweep<U> {
    /// Removes the sessions that have expired.
    pub async fn run(self) {
        if let Err(error) = self.0.collection.remove_expired().await {
            (self.0.on_news)(News::SweepFailed(error));
        }
    }
}

impl<U> Drop for Sweep<U> {
    fn drop(&mut self) {
        self.0.is_sweeping.store(false, Ordering::Release);
    }
}

/// What goes on as long as a store is open.
pub struct BackgroundTasks {
    start_up: JoinHandle<()>,
    watches: Vec<JoinHandle<()>>,
    closing: watch::Sender<bool>,
}

impl BackgroundTasks {
    /// Ends it. An index that is being made is waited for, so that no command fails half-way; a server out of reach is not.
    pub async fn finish(mut self, is_reached: bool) {
        drop(self.closing);
        let start_up = &mut self.start_up;
        if !is_reached || time::timeout(START_UP_GRACE, start_up).await.is_err() {
            self.start_up.abort();
            drop(self.start_up.await);
        }
        // What a task holds of the store is free once it has ended: only then can the connections be closed.
        for watch in self.watches {
            watch.abort();
            drop(watch.await);
        }
    }

    /// Ends it at once, without waiting.
    pub fn abort(&self) {
        self.start_up.abort();
        for watch in &self.watches {
            watch.abort();
        }
    }
}

#[cfg(test)]
mod tests;
