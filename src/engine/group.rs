//! The engine: what waits, and the tasks that send it.

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use connect_mongo_native_core::{
    queue::{CommandKind, Queued},
    schedule::Departure,
};
use futures_util::FutureExt;
use tokio::{
    runtime::Handle,
    time::{self, Instant},
};

use crate::{
    engine::{
        caller::Caller, operation::Operation, reads, server::Server, state::EngineState,
        statistics::Statistics, writes,
    },
    mongo::errors::MongoError,
};

/// While there is no server, this is how often `serverSelectionTimeoutMS` holds a look for operations that have waited so long.
const LOOKS: u32 = 30;
const LEAST_LOOK: Duration = Duration::from_millis(10);
const MOST_LOOK: Duration = Duration::from_millis(250);

/// Sends the operations on one collection, in groups.
pub struct Engine<S, C: Caller> {
    state: EngineState<S, C>,
    runtime: Handle,
}

impl<S: Server, C: Caller> Engine<S, C> {
    /// Sends nothing yet; its tasks will run on `runtime`.
    #[must_use]
    pub fn new(server: S, runtime: Handle) -> Self {
        Self {
            state: EngineState::new(Arc::new(server)),
            runtime,
        }
    }

    /// Where its commands go.
    #[must_use]
    pub fn server(&self) -> &Arc<S> {
        &self.state.server
    }

    /// What has been sent so far.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.state.statistics
    }

    /// How many operations wait, and how many commands are under way.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let schedule = self.state.schedule();
        (schedule.waiting(), schedule.under_way())
    }

    /// Queues an operation, from any thread. With nothing of its kind under way it leaves at once, unless it is corked;
    /// otherwise with what else waits, when a reply is there or [`Engine::start`] is called.
    pub fn submit(self: &Arc<Self>, operation: Operation<C>, is_corked: bool) {
        let kind = operation.kind();
        self.state.call(operation);
        if is_corked || self.state.is_busy(kind) {
            return;
        }
        let mut schedule = self.state.schedule();
        for kind in [kind, kind.of_large()] {
            if schedule.is_idle(kind) && schedule.claim_sender(kind) {
                self.runtime.spawn(Arc::clone(self).send_all(kind));
            }
        }
    }

    /// Sends what was called, as far as there may be more commands under way.
    pub fn start_called(self: &Arc<Self>) {
        if self.state.is_called() {
            self.start();
        }
    }

    /// Sends what waits, as far as there may be more commands under way.
    pub fn start(self: &Arc<Self>) {
        let mut schedule = self.state.schedule();
        for kind in CommandKind::ALL {
            while schedule.claim_sender(kind) {
                self.runtime.spawn(Arc::clone(self).send_all(kind));
            }
        }
    }

    /// Drops what waits and is not waited for any more.
    pub fn drop_abandoned(&self) {
        let dropped = self.state.schedule().give_up(Queued::is_abandoned);
        // Outside the lock: their callers count as answered now.
        drop(dropped);
    }

    /// Sends one command after the other while operations of a kind wait.
    async fn send_all(self: Arc<Self>, kind: CommandKind) {
        loop {
            self.wait_for_server(kind).await;
            let next = self.state.schedule().next(kind, self.state.now());
            let Some((operations, mut departure)) = next else {
                // Behind what nobody waited for there may be operations of another kind.
                return self.start();
            };
            let is_answered = self.send_and_watch(kind, operations, &mut departure).await;
            let now = self.state.now();
            self.state.schedule().finish(departure, is_answered, now);
            self.start();
        }
    }

    /// While there is no server, operations wait in line: a command would wait with all that it holds.
    async fn wait_for_server(&self, kind: CommandKind) {
        let state = &self.state;
        while !state.server.is_available(kind) && state.schedule().has_waiting(kind) {
            match self.server_or_why_not(kind).await {
                Ok(()) => return state.end_outage(),
                Err(error) => state.fail_waiting(error),
            }
        }
    }

    async fn server_or_why_not(&self, kind: CommandKind) -> Result<(), MongoError> {
        let server = &self.state.server;
        let look = (server.server_selection_timeout() / LOOKS).clamp(LEAST_LOOK, MOST_LOOK);
        let mut available = pin!(server.available(kind));
        loop {
            tokio::select! {
                result = &mut available => return result,
                () = time::sleep(look) => self.state.give_up_overdue(),
            }
        }
    }

    /// Sends one command, and lets what waits leave without it once it is late. Whether it was answered.
    async fn send_and_watch(
        self: &Arc<Self>,
        kind: CommandKind,
        operations: Vec<Operation<C>>,
        departure: &mut Departure,
    ) -> bool {
        let since = Instant::now();
        let mut wait = self.state.schedule().late_after(kind);
        // A panic answers the callers of one command, and the others never hear of it.
        let send = self.send(kind, operations, departure.number());
        let mut command = pin!(AssertUnwindSafe(send).catch_unwind());
        loop {
            if let Ok(result) = time::timeout(wait, &mut command).await {
                return result.unwrap_or(false);
            }
            // Meanwhile it may have turned out that all take longer. And one that waits because the server has too much to do
            // is no reason to send more.
            let late_after = self.state.schedule().late_after(kind);
            let left = late_after.saturating_sub(since.elapsed());
            if left.is_zero() && !self.state.server.is_overloaded() {
                break;
            }
            wait = if left.is_zero() { late_after } else { left };
        }
        self.state.schedule().mark_late(departure);
        self.state.server.check_connections();
        self.start();
        loop {
            tokio::select! {
                result = &mut command => return result.unwrap_or(false),
                () = self.state.released.notified() => self.start(),
            }
        }
    }

    /// Whether the server has answered.
    async fn send(&self, kind: CommandKind, operations: Vec<Operation<C>>, number: u64) -> bool {
        let state = &self.state;
        match kind {
            CommandKind::Read | CommandKind::LargeRead => {
                reads::find(state, kind, operations).await
            }
            CommandKind::Update | CommandKind::LargeUpdate => {
                writes::update(state, kind, operations, number).await
            }
            CommandKind::Delete => writes::delete(state, operations, number).await,
        }
    }
}
