//! The class that native-backend.js drives: one async method an operation.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mongodb::{
    Collection, Database, IndexModel,
    bson::{DateTime, RawDocumentBuf, cstr, doc, rawdoc},
    options::IndexOptions,
};
use napi::{
    Env, Status,
    bindgen_prelude::{Buffer, Either, Function, Object, ToNapiValue},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle, time};

use crate::{
    answers::{Answers, CallLimits, Handover},
    batch::{Codec, GroupCommit, Operation, Request},
    client::SharedClient,
    command::{Retry, write},
    encryption::{Encryption, State},
    error::{Failure, Outcome, StoreError, outcome},
    options::StoreConfig,
    runtime::runtime,
    session::{self, Found, Payload, Times},
    session_crypter::SessionCrypter,
};

/// How long `close` lets a TTL index that is being made go on.
const START_UP_GRACE: Duration = Duration::from_secs(2);
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const LAST_RETRY_DELAY: Duration = Duration::from_secs(60);

/// A stored session.
#[napi(object, object_from_js = false)]
pub struct SessionRecord {
    /// Text when the stored value is a string, otherwise a BSON document whose field `session` is the value; absent when
    /// the document has no such field.
    pub session: Option<Either<String, Buffer>>,
    /// `expires`, in milliseconds since the epoch.
    pub expires_ms: Option<i64>,
    /// `lastModified`, in milliseconds since the epoch.
    pub last_modified_ms: Option<i64>,
    /// Of a session that was decrypted: whether the serializer is known to have returned this very text.
    pub is_serialized: Option<bool>,
}

/// A stored session, and how exactly it is stored.
#[napi(object, object_from_js = false)]
pub struct LoadedSession {
    /// The stored value, in the form that `SessionRecord` has, not decrypted: `replace` wants it back.
    pub stored: Option<Either<String, Buffer>>,
    /// What it holds.
    pub record: SessionRecord,
}

/// A session that is not stored as it would be today.
#[napi(object, object_from_js = false)]
pub struct OutdatedSession {
    /// Where it is.
    pub storage_id: String,
    /// The stored value, in the form that `SessionRecord` has: `replace` wants it back.
    pub stored: Either<String, Buffer>,
    /// What the serializer returned, or its JSON; absent when `stored` is not encrypted.
    pub text: Option<String>,
}

/// A part of the collection.
#[napi(object, object_from_js = false)]
pub struct OutdatedBatch {
    /// Those that are to be replaced.
    pub outdated: Vec<OutdatedSession>,
    /// The storage ids of those that no secret opens.
    pub unreadable: Vec<String>,
    /// How many sessions were looked at.
    pub scanned: u32,
    /// The last storage id that was looked at: where the next batch begins. Absent at the end.
    pub last: Option<String>,
}

/// News of what happens outside any call.
#[napi(object, object_from_js = false)]
pub struct BackgroundReport {
    /// What the news is about.
    #[napi(
        ts_type = "'ttl-index-failed' | 'ttl-index-present' | 'sweep-failed' | 'connect' | 'disconnect'"
    )]
    pub event: String,
    /// Why something failed.
    pub failure: Option<Failure>,
}

/// Weak: news never keeps the process alive.
type Reporter = ThreadsafeFunction<BackgroundReport, (), BackgroundReport, Status, false, true>;

struct Inner {
    client: Arc<SharedClient>,
    database: Database,
    sessions: Collection<RawDocumentBuf>,
    group: Arc<GroupCommit>,
    codec: Arc<Codec>,
    answers: Arc<Answers>,
    config: StoreConfig,
    reporter: Reporter,
    is_sweeping: AtomicBool,
    has_tried_index: watch::Sender<bool>,
}

/// What goes on beside the calls.
struct Background {
    start_up: JoinHandle<()>,
    watch: JoinHandle<()>,
    closing: watch::Sender<bool>,
}

/// A session collection.
///
/// `get`, `set`, `touch` and `destroy` are given a number that stands for the call: `onAnswers` gets it back with the answer,
/// in a list of many ([`AnswerKind`](crate::answers::AnswerKind) says what it holds). The other methods give a promise.
///
/// No method is an `async fn`: the future of one would borrow the instance, which an environment that is torn down frees
/// whatever still runs. Each takes what it needs of the store on the JavaScript thread, and its future owns that.
#[napi]
pub struct NativeStore {
    runtime: &'static Runtime,
    open: Mutex<Option<(Arc<Inner>, Background)>>,
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
        #[napi(ts_arg_type = "(answers: Array<unknown>, failures: Array<Failure>) => void")]
        on_answers: Function<'_, Handover, ()>,
        on_background: Function<'_, BackgroundReport, ()>,
        crypter: Option<&SessionCrypter>,
    ) -> napi::Result<Self> {
        // Made before any thread of ours: it keeps the addon's code in memory when the last environment goes.
        let reporter = on_background
            .build_threadsafe_function::<BackgroundReport>()
            .weak::<true>()
            .build()?;
        let limits = CallLimits {
            pending: usize::try_from(config.max_pending).unwrap_or(usize::MAX),
            time: config.time_limit(),
        };
        let answers = Answers::new(&on_answers, limits)?;
        let encryption = Encryption::new(crypter.map(SessionCrypter::crypter));
        let runtime = runtime()?;
        let inner = runtime
            .block_on(Inner::open(config, reporter, answers, encryption))
            .map_err(|error| napi::Error::from_reason(Failure::from(error).message))?;
        let inner = Arc::new(inner);
        let (closing, closed) = watch::channel(false);
        let background = Background {
            start_up: runtime.spawn(Arc::clone(&inner).start_up(closed)),
            watch: runtime.spawn(Arc::clone(&inner).watch()),
            closing,
        };
        let open = Mutex::new(Some((inner, background)));
        Ok(Self { runtime, open })
    }

    /// Asks for the session, if there is one that is live.
    ///
    /// # Errors
    /// None: failures are data. One that is returned is the answer.
    #[napi(catch_unwind)]
    pub fn get(&self, env: Env, call: f64, storage_id: String) -> Option<Failure> {
        self.submit(env, call, storage_id, Request::Get)
    }

    /// Writes a session; the answer tells whether it was created. `session` is text, or a BSON document whose first element
    /// is the value to store.
    ///
    /// # Errors
    /// None: failures are data. One that is returned is the answer.
    #[napi(catch_unwind)]
    pub fn set(
        &self,
        env: Env,
        call: f64,
        storage_id: String,
        session: Either<String, Buffer>,
        expires_ms: f64,
        last_modified_ms: Option<f64>,
    ) -> Option<Failure> {
        let times = Times {
            expires_ms,
            last_modified_ms,
        };
        self.submit(env, call, storage_id, to_set(session, times, true))
    }

    /// The same without creating a session; the answer tells whether there was one.
    ///
    /// # Errors
    /// None: failures are data. One that is returned is the answer.
    #[napi(catch_unwind)]
    pub fn update(
        &self,
        env: Env,
        call: f64,
        storage_id: String,
        session: Either<String, Buffer>,
        expires_ms: f64,
        last_modified_ms: Option<f64>,
    ) -> Option<Failure> {
        let times = Times {
            expires_ms,
            last_modified_ms,
        };
        self.submit(env, call, storage_id, to_set(session, times, false))
    }

    /// Renews a session; the answer tells whether there was one.
    ///
    /// # Errors
    /// None: failures are data. One that is returned is the answer.
    #[napi(catch_unwind)]
    pub fn touch(
        &self,
        env: Env,
        call: f64,
        storage_id: String,
        expires_ms: f64,
        last_modified_ms: Option<f64>,
    ) -> Option<Failure> {
        let times = Times {
            expires_ms,
            last_modified_ms,
        };
        self.submit(env, call, storage_id, Request::Touch { times })
    }

    /// Removes a session; one that is not there is no failure.
    ///
    /// # Errors
    /// None: failures are data. One that is returned is the answer.
    #[napi(catch_unwind)]
    pub fn destroy(&self, env: Env, call: f64, storage_id: String) -> Option<Failure> {
        self.submit(env, call, storage_id, Request::Destroy)
    }

    /// All live sessions, in the place of each that cannot be decrypted the failure.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(
        catch_unwind,
        ts_return_type = "Promise<Outcome<Array<Outcome<SessionRecord>>>>"
    )]
    pub fn all<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| inner.all().await)
    }

    /// The next live sessions after a storage id that are not stored as they would be today.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<OutdatedBatch>>")]
    pub fn outdated<'env>(
        &self,
        env: &'env Env,
        after: Option<String>,
        limit: u32,
    ) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| {
            inner.outdated(after.as_deref(), limit).await
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
        self.run(env, async move |inner| inner.load(&storage_id).await)
    }

    /// Writes a session that nobody has changed since it was stored so, and tells whether that was the case. `session` is what
    /// `set` takes. Without `expiresMs` nothing but the session's value is touched.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<boolean>>")]
    pub fn replace<'env>(
        &self,
        env: &'env Env,
        storage_id: String,
        stored: Either<String, Buffer>,
        session: Either<String, Buffer>,
        expires_ms: Option<f64>,
        last_modified_ms: Option<f64>,
    ) -> napi::Result<Object<'env>> {
        let (stored, payload) = (to_payload(stored), to_payload(session));
        let times = expires_ms.map(|expires_ms| Times {
            expires_ms,
            last_modified_ms,
        });
        self.run(env, async move |inner| {
            inner.replace(&storage_id, stored, payload, times).await
        })
    }

    /// The number of live sessions.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<number>>")]
    pub fn length<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| inner.length().await)
    }

    /// Removes all sessions; the collection and its indexes stay.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn clear<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| inner.clear().await)
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn ping<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| inner.ping().await)
    }

    /// Waits until the TTL index has been tried for the first time, whatever came of it.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn started<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.run(env, async move |inner| {
            let mut has_tried = inner.has_tried_index.subscribe();
            drop(has_tried.wait_for(|has_tried| *has_tried).await);
            Ok(())
        })
    }

    /// Removes expired sessions in the background, unless that is under way already. Keeps no process alive.
    ///
    /// # Errors
    /// A panic.
    #[napi(catch_unwind)]
    pub fn sweep(&self) -> napi::Result<()> {
        if let Ok(inner) = self.inner()
            && !inner.is_sweeping.swap(true, Ordering::AcqRel)
        {
            self.runtime.spawn(async move { inner.sweep().await });
        }
        Ok(())
    }

    /// Closes the store, and its connections when no other store shares them. Calls under way are not waited for.
    ///
    /// # Errors
    /// None: failures are data.
    #[napi(catch_unwind, ts_return_type = "Promise<Outcome<void>>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let open = self.lock().take();
        self.settle(env, async move {
            if let Some((inner, background)) = open {
                background
                    .finish(inner.client.deployment().is_reached())
                    .await;
                let client = Arc::clone(&inner.client);
                drop(inner);
                client.release().await;
            }
            Ok(())
        })
    }

    /// Sends what waits, as far as there may be more commands under way. To be called when a turn of the event loop ends in
    /// which there were calls: those that came together then leave together.
    ///
    /// # Errors
    /// None.
    #[napi(catch_unwind)]
    pub fn flush(&self) {
        if let Ok(inner) = self.inner() {
            inner.answers.uncork();
            inner.group.start();
        }
    }

    fn submit(&self, env: Env, call: f64, storage_id: String, request: Request) -> Option<Failure> {
        let submitted = self
            .inner()
            .and_then(|inner| inner.submit(env, call, storage_id, request));
        submitted.err().map(Failure::from)
    }

    /// Runs an operation on the open store.
    fn run<'env, T, F>(
        &self,
        env: &'env Env,
        operation: impl FnOnce(Arc<Inner>) -> F + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let inner = self.inner();
        self.settle(env, async move { operation(inner?).await })
    }

    /// A promise of what an operation comes to. It keeps the process alive while it is pending.
    fn settle<'env, T>(
        &self,
        env: &'env Env,
        operation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> napi::Result<Object<'env>>
    where
        T: ToNapiValue + Send + 'static,
    {
        let (deferred, promise) = env.create_deferred()?;
        self.runtime.spawn(async move {
            let outcome = outcome(operation).await;
            deferred.resolve(move |_| Ok(outcome));
        });
        Ok(promise)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Arc<Inner>, Background)>> {
        // Nothing that can panic happens under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inner(&self) -> Result<Arc<Inner>, StoreError> {
        let open = self.lock();
        let (inner, _) = open.as_ref().ok_or(StoreError::Closed)?;
        Ok(Arc::clone(inner))
    }
}

impl Drop for NativeStore {
    /// A store that was never closed ends with its JavaScript object.
    fn drop(&mut self) {
        if let Some((_, background)) = self.lock().take() {
            background.start_up.abort();
            background.watch.abort();
        }
    }
}

impl Background {
    /// An index that is being made is waited for, so that no command fails half-way; a server out of reach is not.
    async fn finish(mut self, is_reached: bool) {
        drop(self.closing);
        if !is_reached
            || time::timeout(START_UP_GRACE, &mut self.start_up)
                .await
                .is_err()
        {
            self.start_up.abort();
            drop(self.start_up.await);
        }
        // What a task holds of the store is free once it has ended: only then can the connections be closed.
        self.watch.abort();
        drop(self.watch.await);
    }
}

impl Inner {
    async fn open(
        config: StoreConfig,
        reporter: Reporter,
        answers: Arc<Answers>,
        encryption: Encryption,
    ) -> Result<Self, StoreError> {
        let client = SharedClient::get(config.connection.clone()).await?;
        let database = client.deployment().driver().database(&config.database);
        let group = client.group(
            &config.database,
            &config.collection,
            config.write_concern.as_ref(),
        );
        let codec = Codec {
            encryption,
            timestamps: config.timestamps,
        };
        Ok(Self {
            sessions: database.collection(&config.collection),
            group,
            codec: Arc::new(codec),
            answers,
            database,
            client,
            config,
            reporter,
            is_sweeping: AtomicBool::new(false),
            has_tried_index: watch::Sender::new(false),
        })
    }

    /// Queues an operation, in the order of the calls.
    fn submit(
        &self,
        env: Env,
        call: f64,
        storage_id: String,
        request: Request,
    ) -> Result<(), StoreError> {
        let operation = Operation {
            caller: self.answers.caller(env, call)?,
            storage_id: storage_id.into(),
            since: Instant::now(),
            request,
            codec: Arc::clone(&self.codec),
        };
        self.group.submit(operation, self.answers.is_corked());
        Ok(())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let mut command = rawdoc! {
            "delete": self.sessions.name(),
            "deletes": [{ "q": {}, "limit": 0 }],
        };
        if let Some(write_concern) = &self.config.write_concern {
            command.append(cstr!("writeConcern"), write_concern.to_document());
        }
        let deployment = self.client.deployment();
        let cleared = write(deployment, &self.database, command, Retry::Never)
            .await
            .and_then(|reply| StoreError::in_reply(&reply).map_or(Ok(()), Err));
        match cleared {
            Err(error) if error.is_namespace_missing() => Ok(()),
            result => result,
        }
    }

    async fn all(&self) -> Result<Vec<Outcome<SessionRecord>>, StoreError> {
        let filter = session::live_filter(DateTime::now());
        let mut cursor = self.sessions.find(filter).await?;
        let mut records = Vec::new();
        while cursor.advance().await? {
            let document = cursor.current();
            // Only sessions in our own format are bound to their storage id, and those have one that is a string.
            let storage_id = session::storage_id(document)?.unwrap_or_default();
            let found = session::read(document)?;
            let revealed = self.codec.encryption.reveal(storage_id, found).await;
            records.push(match revealed {
                Ok(found) => Either::A(found.into()),
                Err(error) => Either::B(error.into()),
            });
        }
        Ok(records)
    }

    async fn outdated(&self, after: Option<&str>, limit: u32) -> Result<OutdatedBatch, StoreError> {
        let mut filter = session::live_filter(DateTime::now());
        filter.insert(
            "_id",
            after.map_or(doc! { "$gte": "" }, |id| doc! { "$gt": id }),
        );
        let find = self.sessions.find(filter).sort(doc! { "_id": 1 });
        let mut cursor = find.limit(i64::from(limit)).await?;
        let mut batch = OutdatedBatch {
            outdated: Vec::new(),
            unreadable: Vec::new(),
            scanned: 0,
            last: None,
        };
        while cursor.advance().await? {
            let document = cursor.current();
            // The filter finds no other.
            let storage_id = session::storage_id(document)?
                .unwrap_or_default()
                .to_owned();
            let found = session::read(document)?;
            batch.scanned += 1;
            batch.last = Some(storage_id.clone());
            let text = match self.codec.encryption.state(&storage_id, &found).await {
                Ok(State::Current) => continue,
                Ok(State::Outdated(text)) => Some(text),
                Ok(State::Plain) => None,
                Err(StoreError::Encryption(_)) => {
                    batch.unreadable.push(storage_id);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let record = SessionRecord::from(found);
            batch
                .outdated
                .extend(record.session.map(|stored| OutdatedSession {
                    storage_id,
                    stored,
                    text,
                }));
        }
        Ok(batch)
    }

    async fn load(&self, storage_id: &str) -> Result<Option<LoadedSession>, StoreError> {
        let Some(document) = self.group.load(storage_id).await? else {
            return Ok(None);
        };
        let stored = SessionRecord::from(session::read(&document)?).session;
        let found = session::read(&document)?;
        let revealed = self.codec.encryption.reveal(storage_id, found).await?;
        Ok(Some(LoadedSession {
            stored,
            record: revealed.into(),
        }))
    }

    async fn replace(
        &self,
        storage_id: &str,
        stored: Payload,
        payload: Payload,
        times: Option<Times>,
    ) -> Result<bool, StoreError> {
        let payload = self.codec.encryption.prepare(storage_id, payload).await?;
        let timestamps = self.codec.timestamps;
        let statement =
            session::replace_statement(storage_id, &stored, &payload, times, timestamps)?;
        self.group.replace(statement).await
    }

    async fn length(&self) -> Result<i64, StoreError> {
        let filter = session::live_filter(DateTime::now());
        let count = self.sessions.count_documents(filter).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.database.run_command(doc! { "ping": 1 }).await?;
        Ok(())
    }

    async fn sweep(&self) {
        let command = rawdoc! {
            "delete": self.sessions.name(),
            "deletes": [{ "q": { "expires": { "$lt": DateTime::now() } }, "limit": 0 }],
            "writeConcern": { "w": 0 },
        };
        let deployment = self.client.deployment();
        if let Err(error) = write(deployment, &self.database, command, Retry::Never).await {
            self.report("sweep-failed", Some(error));
        }
        self.is_sweeping.store(false, Ordering::Release);
    }

    /// Sees to the TTL index in the background, so that no call waits for it or fails with it.
    async fn start_up(self: Arc<Self>, mut closing: watch::Receiver<bool>) {
        let mode = self.config.auto_remove.as_str();
        if mode == "native" {
            self.make_ttl_index(&mut closing).await;
        } else if mode == "disabled" && self.has_ttl_index().await.unwrap_or(false) {
            self.report("ttl-index-present", None);
        }
        self.has_tried_index.send_replace(true);
    }

    /// Reports when no server takes writes any more, and when one does again.
    async fn watch(self: Arc<Self>) {
        if !self.config.connection_events {
            return;
        }
        let mut is_up = self.client.is_up();
        let mut was_down = false;
        loop {
            let is_down = *is_up.borrow_and_update() == Some(false);
            if is_down != was_down {
                self.report(if is_down { "disconnect" } else { "connect" }, None);
            }
            was_down = is_down;
            if is_up.changed().await.is_err() {
                return;
            }
        }
    }

    async fn make_ttl_index(&self, closing: &mut watch::Receiver<bool>) {
        let mut delay = FIRST_RETRY_DELAY;
        while let Err(error) = self.ensure_ttl_index().await {
            self.report("ttl-index-failed", Some(error));
            self.has_tried_index.send_replace(true);
            tokio::select! {
                () = time::sleep(delay) => {}
                _ = closing.changed() => return,
            }
            delay = (delay * 2).min(LAST_RETRY_DELAY);
        }
    }

    async fn ensure_ttl_index(&self) -> Result<(), StoreError> {
        self.client.deployment().can_retry_writes().await?;
        // Making an index asks for more rights than most apps have: look first, and let a refusal come from there.
        if self.has_ttl_index().await.unwrap_or(false) {
            return Ok(());
        }
        #[expect(
            deprecated,
            reason = "servers take no notice of `background`, but keep it, and connect-mongo gives it"
        )]
        let options = IndexOptions::builder()
            .background(true)
            .expire_after(Duration::ZERO)
            .build();
        let index = IndexModel::builder()
            .keys(doc! { "expires": 1 })
            .options(options)
            .build();
        self.sessions.create_index(index).await?;
        Ok(())
    }

    /// Whether there is an index that removes sessions when they expire.
    async fn has_ttl_index(&self) -> Result<bool, StoreError> {
        let mut indexes = self.sessions.list_indexes().await?;
        while indexes.advance().await? {
            let index = indexes.deserialize_current()?;
            let options = index.options.unwrap_or_default();
            if index.keys == doc! { "expires": 1 }
                && options.expire_after == Some(Duration::ZERO)
                && options.partial_filter_expression.is_none()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn report(&self, event: &str, error: Option<StoreError>) {
        let report = BackgroundReport {
            event: event.to_owned(),
            failure: error.map(Failure::from),
        };
        self.reporter
            .call(report, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

fn to_set(session: Either<String, Buffer>, times: Times, is_upsert: bool) -> Request {
    Request::Set {
        payload: to_payload(session),
        times,
        is_upsert,
    }
}

fn to_payload(session: Either<String, Buffer>) -> Payload {
    match session {
        Either::A(text) => Payload::Text(text),
        Either::B(bytes) => Payload::Bson(bytes.to_vec()),
    }
}

impl From<Found> for SessionRecord {
    fn from(found: Found) -> Self {
        Self {
            session: found.payload.map(|payload| match payload {
                Payload::Text(text) => Either::A(text),
                Payload::Binary(bytes) | Payload::Bson(bytes) => Either::B(bytes.into()),
            }),
            expires_ms: found.expires_ms,
            last_modified_ms: found.last_modified_ms,
            is_serialized: found.is_serialized,
        }
    }
}
