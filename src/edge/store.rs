//! The class through which JavaScript reads and writes a collection (lib/collection/native.js).

use connect_mongo_native_core::document::Times;
use napi::{
    Env, Status,
    bindgen_prelude::{Buffer, Either, Function, Object},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

use crate::{
    edge::{
        answers::Answers,
        config::StoreConfig,
        crypter::SessionCrypter,
        failure::Failure,
        handle::StoreHandle,
        handover::{Numbers, Value},
        open_store::OpenStore,
        queries::{SessionQuery, WantedStored, parsed, raw},
        questions::{NUMBERS, QuestionValue, Refusal, questions},
        records::{BackgroundReport, LoadedSession, SelectedSession, SessionMarks, to_payload},
        reports::CommandReport,
        runtime::runtime,
        statistics::StoreStatistics,
    },
    engine::{background::OnNews, errors::StoreError},
    mongo::errors::MongoError,
};

/// Weak: news never keeps the process alive.
type Reporter = ThreadsafeFunction<BackgroundReport, (), BackgroundReport, Status, false, true>;

/// A session collection.
///
/// `ask` is for what requests of users wait for. Each question has a number that stands for its call; `onAnswers` is called when there are
/// answers, and `takeAnswers` gives them, with the numbers of their calls. The other methods give a promise.
///
/// No method is an `async fn`: the future of one would borrow the instance, which an environment that is torn down frees
/// whatever still runs. Each takes what it needs of the store on the JavaScript thread, and its future owns that.
#[napi]
pub struct NativeStore {
    handle: StoreHandle,
}

#[napi]
impl NativeStore {
    /// Opens a store, without waiting for a server. `onBackground` is told of what happens outside any call. Without a
    /// crypter, sessions are stored as they are.
    ///
    /// # Errors
    /// Options that the driver refuses.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        config: StoreConfig,
        on_answers: Function<'_, (), ()>,
        on_background: Function<'_, BackgroundReport, ()>,
        crypter: Option<&SessionCrypter>,
    ) -> napi::Result<Self> {
        // Made before any thread of ours: it keeps the addon's code in memory when the last environment goes.
        let reporter = on_background
            .build_threadsafe_function::<BackgroundReport>()
            .weak::<true>()
            .build()?;
        let runtime = runtime()?;
        let answers = Answers::new(&on_answers, config.limits(), runtime.handle().clone())?;
        let envelopes = crypter.map(SessionCrypter::envelopes);
        let on_news = tell(reporter);
        let open = OpenStore::open(config, answers, on_news, envelopes, runtime.handle());
        let open = runtime
            .block_on(open)
            .map_err(|error| napi::Error::new(status_of(&error), Failure::from(error).message))?;
        Ok(Self {
            handle: StoreHandle::new(runtime, open),
        })
    }

    /// Asks what the first `count` questions of these numbers and values ask, in this order. With nothing of its kind under way a question
    /// leaves at once, unless `isTurnOver`: when a turn of the event loop ends in which there were calls, everything leaves that waits, as
    /// far as there may be more commands under way. So what came together leaves together.
    ///
    /// # Errors
    /// None: failures are data. Those that are returned are answers.
    #[napi(
        catch_unwind,
        ts_args_type = "count: number, numbers: Float64Array, values: Array<string | Buffer | SessionMarks>, isTurnOver: boolean"
    )]
    pub fn ask(
        &self,
        env: Env,
        count: u32,
        numbers: &[f64],
        values: Vec<QuestionValue>,
        is_turn_over: bool,
    ) -> Vec<Refusal> {
        let most = usize::try_from(count).map_or(0, |count| count.saturating_mul(NUMBERS));
        let numbers = numbers.get(..most).unwrap_or(numbers);
        let refused = self
            .handle
            .ask(env, questions(numbers, values), is_turn_over);
        if is_turn_over {
            self.handle.flush();
        }
        refused
    }

    /// The sessions that a query finds. `stored`: what `replace` wants back of each, of those alone that are not stored as they would be
    /// today, of which nothing else is told either, or of none.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(
        catch_unwind,
        ts_args_type = "query: SessionQuery, stored: 'none' | 'of-all' | 'of-outdated'",
        ts_return_type = "Promise<Outcome<Array<SelectedSession>>>"
    )]
    pub fn select<'env>(
        &self,
        env: &'env Env,
        query: SessionQuery,
        stored: WantedStored,
    ) -> napi::Result<Object<'env>> {
        let query = query.parsed();
        self.handle.run(env, async move |store| {
            let query = query?;
            let with_stored = stored != WantedStored::None;
            let selected = store.sessions.select(&query, with_stored).await?;
            let is_of_outdated = stored == WantedStored::OfOutdated;
            let selected = selected.into_iter();
            let selected = selected.map(|one| SelectedSession::new(one, is_of_outdated));
            Ok(selected.collect::<Vec<_>>())
        })
    }

    /// The storage ids that a query finds; `null` is one that is no valid text.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(
        catch_unwind,
        ts_return_type = "Promise<Outcome<Array<string | null>>>"
    )]
    pub fn select_ids<'env>(
        &self,
        env: &'env Env,
        query: SessionQuery,
    ) -> napi::Result<Object<'env>> {
        let query = query.parsed();
        self.handle.run(env, async move |store| {
            let mut query = query?;
            query.is_of_ids = true;
            store.sessions.select_ids(&query).await
        })
    }

    /// The session of this id as the primary has it, whether it is live or not.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(
        catch_unwind,
        ts_return_type = "Promise<Outcome<LoadedSession | null>>"
    )]
    pub fn load<'env>(&self, env: &'env Env, storage_id: String) -> napi::Result<Object<'env>> {
        self.handle.run(env, async move |store| {
            let until = store.deadline();
            let loaded = store.sessions.load(&storage_id, until).await?;
            Ok(loaded.map(LoadedSession::from))
        })
    }

    /// Writes a session that nobody has changed since it was stored so, and tells whether that was the case. `session` is what
    /// `write` takes. Without `expiresMs` nothing but the session's value is touched. `nowMs` is what counts as now, in milliseconds
    /// since the epoch.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<boolean>>")]
    #[allow(
        clippy::too_many_arguments,
        reason = "those of write, and the value that is stored"
    )]
    pub fn replace<'env>(
        &self,
        env: &'env Env,
        storage_id: String,
        stored: Either<String, Buffer>,
        session: Either<String, Buffer>,
        now_ms: f64,
        expires_ms: Option<f64>,
        last_modified_ms: Option<f64>,
        marks: Option<SessionMarks>,
    ) -> napi::Result<Object<'env>> {
        let (stored, payload) = (to_payload(stored), to_payload(session));
        let times = expires_ms.map(|expires_ms| Times {
            now_ms,
            expires_ms,
            last_modified_ms,
        });
        self.handle.run(env, async move |store| {
            let sessions = &store.sessions;
            let marks = marks.map(Box::from);
            sessions
                .replace(&storage_id, stored, payload, now_ms, times, marks)
                .await
        })
    }

    /// Writes a session under another id and removes it where it was, both or neither, and tells whether it has: not when there was
    /// none, nor where the server has no transactions.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(
        js_name = "move",
        catch_unwind,
        ts_return_type = "Promise<Outcome<boolean>>"
    )]
    #[allow(
        clippy::too_many_arguments,
        reason = "those of write, and where the session is"
    )]
    pub fn move_to<'env>(
        &self,
        env: &'env Env,
        from: String,
        storage_id: String,
        session: Either<String, Buffer>,
        now_ms: f64,
        expires_ms: f64,
        last_modified_ms: Option<f64>,
        marks: Option<SessionMarks>,
    ) -> napi::Result<Object<'env>> {
        let payload = to_payload(session);
        let times = Times {
            now_ms,
            expires_ms,
            last_modified_ms,
        };
        self.handle.run(env, async move |store| {
            let sessions = &store.sessions;
            let marks = marks.map(Box::from);
            sessions
                .move_to(&from, &storage_id, payload, times, marks)
                .await
        })
    }

    /// The number of sessions that a filter, a BSON document, finds.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<number>>")]
    pub fn count<'env>(&self, env: &'env Env, filter: Buffer) -> napi::Result<Object<'env>> {
        let filter = filter.to_vec();
        self.handle.run(env, async move |store| {
            store.sessions.count(&parsed(&filter)?).await
        })
    }

    /// Removes all sessions that a filter, a BSON document, finds, and gives their number; the collection and its indexes stay. With
    /// `isRepeatable` an attempt that nothing is heard of is made again.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<number>>")]
    pub fn remove_all<'env>(
        &self,
        env: &'env Env,
        filter: Buffer,
        is_repeatable: bool,
    ) -> napi::Result<Object<'env>> {
        let filter = filter.to_vec();
        self.handle.run(env, async move |store| {
            let filter = raw(filter)?;
            store.sessions.remove_all(&filter, is_repeatable).await
        })
    }

    /// Changes one document that a filter finds, and tells whether there was one. Both are BSON documents.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<boolean>>")]
    pub fn change<'env>(
        &self,
        env: &'env Env,
        filter: Buffer,
        update: Buffer,
    ) -> napi::Result<Object<'env>> {
        let (filter, update) = (filter.to_vec(), update.to_vec());
        self.handle.run(env, async move |store| {
            store.sessions.change(raw(filter)?, raw(update)?).await
        })
    }

    /// What the primary's clock says, in milliseconds since the epoch.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<number>>")]
    pub fn server_time<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.handle.run(env, async move |store| {
            store.sessions.server_time_ms().await
        })
    }

    /// Waits until the indexes have been tried for the first time, whatever came of it.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn started<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.handle.run(env, async move |store| {
            store.background.indexes_tried().await;
            Ok(())
        })
    }

    /// Removes expired sessions in the background, unless that is under way already. Keeps no process alive. `movedMs`: by how much a
    /// test has moved the date, in milliseconds.
    ///
    /// # Errors
    /// None: `onBackground` gets them.
    #[napi(catch_unwind)]
    pub fn sweep(&self, moved_ms: i64) -> napi::Result<()> {
        self.handle.sweep(moved_ms);
        Ok(())
    }

    /// Closes the store, and its connections when no other store shares them. Calls under way are not waited for.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.handle.close(env)
    }

    /// What calls wait for now, such as a server that cannot be reached: for the error of one whose time is over.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn waiting_for(&self) -> Failure {
        self.handle.waiting_for()
    }

    /// What the stores of this process have done with the collection, and what goes on now; `null` once the store is closed.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn statistics(&self) -> Option<StoreStatistics> {
        self.handle.statistics()
    }

    /// Takes answers: their numbers are written into `numbers`, as `AnswerNumber` says, and their values are given.
    ///
    /// # Errors
    /// None.
    #[napi(
        catch_unwind,
        ts_args_type = "numbers: Float64Array",
        ts_return_type = "Array<string | Buffer | Failure | undefined>"
    )]
    pub fn take_answers(&self, env: Env, numbers: Numbers<'_>) -> Vec<Value> {
        self.handle.take_answers(env, numbers)
    }

    /// Takes what has become of commands, for those who look on.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn take_reports(&self) -> Vec<CommandReport> {
        self.handle.take_reports()
    }

    /// Whether there are to be reports of commands from now on.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn watch(&self, is_watched: bool) {
        self.handle.watch(is_watched);
    }

    /// The next method that gives a promise is called for the call of this number: reports of its commands name it.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn announce(&self, call: f64) {
        self.handle.announce(call);
    }
}

/// By which JavaScript knows whether the options are to blame.
fn status_of(error: &StoreError) -> Status {
    match error {
        StoreError::Mongo(MongoError::CertificatesFile(_)) => Status::GenericFailure,
        _ => Status::InvalidArg,
    }
}

fn tell(reporter: Reporter) -> OnNews {
    Box::new(move |news| {
        // It fails only when the environment is gone, and whoever would hear of it.
        reporter.call(news.into(), ThreadsafeFunctionCallMode::NonBlocking);
    })
}
