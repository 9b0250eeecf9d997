//! A store as its JavaScript object holds it: open or closed, and what calls on it come to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{FutureExt, future::BoxFuture};
use napi::{
    Env,
    bindgen_prelude::{Object, ToNapiValue},
};
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    edge::{
        failure::{Failure, outcome},
        handover::{Value, hand_over},
        open_store::OpenStore,
        questions::{Question, Refusal},
        reports::CommandReport,
        statistics::StoreStatistics,
    },
    engine::{background::BackgroundTasks, errors::StoreError},
    mongo::trace::{Watched, watched},
};

/// A store that may have been closed.
pub struct StoreHandle {
    runtime: &'static Runtime,
    open: Mutex<Option<(Arc<OpenStore>, BackgroundTasks)>>,
    closing: watch::Sender<bool>,
    /// The number of the call that the next operation is for, if somebody looks on.
    next_call: Mutex<Option<f64>>,
}

impl StoreHandle {
    /// Of a store that has just been opened.
    #[must_use]
    pub fn new(runtime: &'static Runtime, open: (Arc<OpenStore>, BackgroundTasks)) -> Self {
        Self {
            runtime,
            open: Mutex::new(Some(open)),
            closing: watch::Sender::new(false),
            next_call: Mutex::default(),
        }
    }

    /// Whether JavaScript is to hear of commands from now on.
    pub fn watch(&self, is_watched: bool) {
        if let Ok(store) = self.store() {
            store.watch(is_watched);
        }
    }

    /// What has been done so far; `None` once it is closed.
    pub fn statistics(&self) -> Option<StoreStatistics> {
        let store = self.store().ok()?;
        Some(StoreStatistics::of(&store))
    }

    /// Takes answers, and writes their numbers; there are none once it is closed.
    pub fn take_answers(&self, env: Env, numbers: &mut [f64]) -> Vec<Value> {
        match self.store() {
            Ok(store) => store.answers().take(env, numbers),
            Err(_) => hand_over(Vec::new(), 0, 0, numbers),
        }
    }

    /// Takes what has become of commands; there is nothing once it is closed.
    pub fn take_reports(&self) -> Vec<CommandReport> {
        let store = self.store();
        store.map_or_else(|_| Vec::new(), |store| store.answers().take_reports())
    }

    /// Of which call the commands of the next operation are.
    pub fn announce(&self, call: f64) {
        *self.next_call() = Some(call);
    }

    fn next_call(&self) -> MutexGuard<'_, Option<f64>> {
        self.next_call
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who look on while the operation of the call that was announced runs.
    fn watchers(&self) -> Option<Arc<Watched>> {
        let call = self.next_call().take()?;
        let watched = self.store().ok()?.watched(call);
        Watched::new(1, 0, watched.into_iter())
    }

    /// Queues what is asked for, to leave at once or, where it `is_corked`, with the rest. What is returned is the answer to those.
    pub fn ask(
        &self,
        env: Env,
        questions: impl Iterator<Item = Question>,
        is_corked: bool,
    ) -> Vec<Refusal> {
        let store = self.store();
        let answer = |question: Question| {
            let call = question.call;
            let asked = match &store {
                Ok(store) => store.ask(env, question, is_corked),
                Err(_) => Err(StoreError::Closed),
            };
            let failure = asked.err()?.into();
            Some(Refusal { call, failure })
        };
        questions.filter_map(answer).collect()
    }

    /// A promise of what an operation on the open store comes to; its end is not waited for when the store is closed.
    ///
    /// # Errors
    /// What Node-API reports.
    pub fn run<'env, T, F>(
        &self,
        env: &'env Env,
        operation: impl FnOnce(Arc<OpenStore>) -> F + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let store = self.store();
        let watchers = self.watchers();
        let mut closing = self.closing.subscribe();
        let operation = async move {
            tokio::select! {
                biased;
                outcome = watched(watchers, operation(store?)) => outcome,
                _ = closing.wait_for(|is_closing| *is_closing) => Err(StoreError::Closed),
            }
        };
        self.settle(env, operation.boxed())
    }

    /// A promise of what an operation comes to. It keeps the process alive while it is pending.
    fn settle<'env, T>(
        &self,
        env: &'env Env,
        operation: BoxFuture<'static, Result<T, StoreError>>,
    ) -> napi::Result<Object<'env>>
    where
        T: ToNapiValue + Send + 'static,
    {
        let (deferred, promise) = env.create_deferred()?;
        self.spawn(async move {
            let outcome = outcome(operation).await;
            deferred.resolve(move |_| Ok(outcome));
        });
        Ok(promise)
    }

    /// Boxed, all tasks are of one type, which saves 80 kB of the addon. None of these is on the way of a request.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task.boxed());
    }

    /// Removes expired sessions in the background, unless that is under way already. `moved_ms`: by how much the date is moved.
    pub fn sweep(&self, moved_ms: i64) {
        if let Ok(store) = self.store()
            && let Some(sweep) = store.background.claim_sweep()
        {
            self.spawn(async move {
                sweep.run(moved_ms).await;
                // Until here it has kept the connections open.
                drop(store);
            });
        }
    }

    /// What calls wait for now.
    pub fn waiting_for(&self) -> Failure {
        match self.store() {
            Ok(store) => StoreError::from(store.waiting_for()).into(),
            Err(error) => error.into(),
        }
    }

    /// Sends what waits.
    pub fn flush(&self) {
        if let Ok(store) = self.store() {
            store.flush();
        }
    }

    /// A promise of the end of the store. Nothing that it was asked for is waited for any more, or sent if it has not been.
    ///
    /// # Errors
    /// What Node-API reports.
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let open = self.lock().take();
        self.closing.send_replace(true);
        if let Some((store, _)) = &open {
            store.give_up(*env);
        }
        let close = async move {
            if let Some((store, tasks)) = open {
                store.close(tasks).await;
            }
            Ok(())
        };
        self.settle(env, close.boxed())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Arc<OpenStore>, BackgroundTasks)>> {
        // Nothing that can panic happens under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<Arc<OpenStore>, StoreError> {
        let open = self.lock();
        let (store, _) = open.as_ref().ok_or(StoreError::Closed)?;
        Ok(Arc::clone(store))
    }
}

impl Drop for StoreHandle {
    /// A store that was never closed ends with its JavaScript object.
    fn drop(&mut self) {
        if let Some((_, tasks)) = self.lock().take() {
            tasks.abort();
        }
    }
}
