//! The engine: what waits, and the tasks that send it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use connect_mongo_native_core::queue::{CommandKind, Queued};
use futures_util::FutureExt;
use tokio::runtime::Handle;

use crate::engine::{
    caller::Caller, operation::Operation, reads, server::Server, state::EngineState, writes,
};

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

    /// Queues an operation, from any thread. With nothing of its kind under way it leaves at once, unless it is corked;
    /// otherwise with what else waits, when a reply is there or [`Engine::start`] is called.
    pub fn submit(self: &Arc<Self>, operation: Operation<C>, is_corked: bool) {
        let kind = operation.kind();
        let mut schedule = self.state.schedule();
        schedule.push(operation);
        let is_due = !is_corked && schedule.is_idle(kind) && schedule.claim_sender(kind);
        drop(schedule);
        if is_due {
            self.runtime.spawn(Arc::clone(self).send_all(kind));
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

    /// Sends one command after the other while operations of a kind wait.
    async fn send_all(self: Arc<Self>, kind: CommandKind) {
        loop {
            let operations = self.state.schedule().next(kind);
            if operations.is_empty() {
                // Behind what nobody waited for there may be operations of another kind.
                return self.start();
            }
            let ids: Vec<_> = operations
                .iter()
                .map(|operation| Arc::clone(&operation.storage_id))
                .collect();
            // A panic answers the callers of one command, and the others never hear of it.
            drop(
                AssertUnwindSafe(self.send(kind, operations))
                    .catch_unwind()
                    .await,
            );
            self.state.schedule().finish(kind, ids);
            self.start();
        }
    }

    async fn send(&self, kind: CommandKind, operations: Vec<Operation<C>>) {
        match kind {
            CommandKind::Read => reads::find(&self.state, operations).await,
            CommandKind::Update => writes::update(&self.state, operations).await,
            CommandKind::Delete => writes::delete(&self.state, operations).await,
        }
    }
}
