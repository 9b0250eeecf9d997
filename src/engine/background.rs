//! What a store does outside any call: it sees to the indexes, removes expired sessions, and tells when the servers come and
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

use crate::mongo::{
    collection::DriverCollection, errors::MongoError, expiry::Expiry, indexes::WantedIndex,
    monitoring::KnownServers,
};

/// How long a store that closes lets a TTL index that is being made go on.
const START_UP_GRACE: Duration = Duration::from_secs(2);
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const LAST_RETRY_DELAY: Duration = Duration::from_secs(60);

/// What a store does about the indexes of its collection when it is opened.
#[derive(Clone, Default)]
pub struct IndexDuty {
    /// Makes these where there are none.
    pub make: Vec<WantedIndex>,
    /// Tells when there is this one all the same.
    pub report: Option<WantedIndex>,
}

/// What happens outside any call.
#[derive(Debug)]
pub enum News {
    /// No server answers who was to make an index, or none lets this client in; it is tried again.
    Unreachable(MongoError),
    /// An index, by its name, could not be made; it is tried again.
    IndexFailed(String, MongoError),
    /// The server refuses an index, by its name, and will until somebody has done something about it.
    IndexRefused(String, MongoError),
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
    /// Makes an index where there is none.
    fn ensure_index(
        &self,
        index: &WantedIndex,
    ) -> impl Future<Output = Result<(), MongoError>> + Send;

    /// Whether there is such an index.
    fn has_index(
        &self,
        index: &WantedIndex,
    ) -> impl Future<Output = Result<bool, MongoError>> + Send;

    /// Removes the sessions that have expired by the server's clock, which is moved by so many milliseconds.
    fn remove_expired(
        &self,
        expiry: &Expiry,
        moved_ms: i64,
    ) -> impl Future<Output = Result<(), MongoError>> + Send;
}

impl Upkeep for DriverCollection {
    async fn ensure_index(&self, index: &WantedIndex) -> Result<(), MongoError> {
        self.indexes.ensure(index).await
    }

    async fn has_index(&self, index: &WantedIndex) -> Result<bool, MongoError> {
        self.indexes.exists(index).await
    }

    async fn remove_expired(&self, expiry: &Expiry, moved_ms: i64) -> Result<(), MongoError> {
        self.writer.remove_expired(expiry, moved_ms).await
    }
}

/// An index that is still to be made, and the code of the lasting refusal that has been told.
type Unmade = (WantedIndex, Option<i32>);

/// The background work of a store.
pub struct Background<U> {
    collection: Arc<U>,
    expiry: Expiry,
    on_news: OnNews,
    is_sweeping: AtomicBool,
    has_tried_indexes: watch::Sender<bool>,
}

impl<U: Upkeep> Background<U> {
    /// Does nothing yet.
    #[must_use]
    pub fn new(collection: Arc<U>, expiry: Expiry, on_news: OnNews) -> Self {
        Self {
            collection,
            expiry,
            on_news,
            is_sweeping: AtomicBool::new(false),
            has_tried_indexes: watch::Sender::new(false),
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
            start_up: runtime.spawn(Arc::clone(self).see_to_indexes(duty, closed).boxed()),
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

    /// Waits until the indexes have been tried for the first time, whatever came of it.
    pub async fn indexes_tried(&self) {
        let mut has_tried = self.has_tried_indexes.subscribe();
        drop(has_tried.wait_for(|has_tried| *has_tried).await);
    }

    async fn see_to_indexes(self: Arc<Self>, duty: IndexDuty, mut closing: watch::Receiver<bool>) {
        if let Some(index) = &duty.report
            && self.collection.has_index(index).await.unwrap_or(false)
        {
            (self.on_news)(News::TtlIndexPresent);
        }
        let mut unmade: Vec<Unmade> = duty.make.into_iter().map(|index| (index, None)).collect();
        let mut delay = FIRST_RETRY_DELAY;
        loop {
            unmade = self.make_indexes(unmade).await;
            self.has_tried_indexes.send_replace(true);
            if unmade.is_empty() {
                return;
            }
            tokio::select! {
                () = time::sleep(delay) => {}
                _ = closing.changed() => return,
            }
            delay = (delay * 2).min(LAST_RETRY_DELAY);
        }
    }

    /// Gives those that are to be tried again.
    async fn make_indexes(&self, unmade: Vec<Unmade>) -> Vec<Unmade> {
        let mut left = Vec::new();
        let mut unmade = unmade.into_iter();
        while let Some((index, told)) = unmade.next() {
            let Err(error) = self.collection.ensure_index(&index).await else {
                continue;
            };
            let (is_final, is_answer) = (error.is_final(), error.is_answer());
            let told = self.tell_of(&index, error, told);
            if !is_final {
                left.push((index, told));
            }
            if !is_answer && !is_final {
                // Nobody would answer about the others either.
                left.extend(unmade.by_ref());
            }
        }
        left
    }

    /// What lasts is told once, and tried on: somebody may do something about it. Gives its code.
    fn tell_of(&self, index: &WantedIndex, error: MongoError, told: Option<i32>) -> Option<i32> {
        let is_final = error.is_final();
        let code = error.server_code().filter(|_| error.is_lasting());
        if code.is_none() || code != told {
            (self.on_news)(match error {
                error if is_final || code.is_some() => News::IndexRefused(index.name(), error),
                error if error.is_answer() => News::IndexFailed(index.name(), error),
                error => News::Unreachable(error),
            });
        }
        code
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
    /// Removes the sessions that have expired. `moved_ms`: by how much a test has moved the date.
    pub async fn run(self, moved_ms: i64) {
        let (collection, expiry) = (&self.0.collection, &self.0.expiry);
        let removed = collection.remove_expired(expiry, moved_ms).await;
        if let Err(error) = removed {
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
