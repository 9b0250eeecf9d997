//! Group commit: operations that arrive while a command is under way leave together in the next.
//!
//! There is no timer. With nothing of its kind under way an operation leaves at once. What comes meanwhile leaves with what
//! else waits, when a reply is there, or when the turn of the event loop ends in which JavaScript asked for it.
//!
//! 1. **Grouping.** Gets leave as one `find` (`_id: { $in: […] }`; a lone one by `_id` alone, the server's fast path), sets
//!    and touches as one `update` with one statement each, destroys as one `delete`. Of each of these two are under way at
//!    a time, more where the network is slow, and what waits is divided among those that may leave. A command stays below
//!    the server's limits, so an operation that is too large fails alone; sessions that do not fit into one reply come in
//!    several.
//! 2. **Order.** Operations on one id keep the order in which JavaScript called; each waits for those before it. Updates of
//!    one id that wait together share a command where none is sent twice, which is an ordered one then: the server promises
//!    the order of no other.
//!    The order holds among all stores of the process that have the same connection, database, collection and write
//!    concern: they share a [`GroupCommit`]. `all`, `length` and `clear` are no part of it.
//! 3. **Answers.** Every caller gets the answer for its own statement: its write error reaches nobody else, created is told
//!    from updated, and what matched nothing, be it a touch or a set that creates none, from the others. An `update` reply
//!    only counts the matches; where some are missing, one `find` asks which.
//! 4. **Failures.** A write concern error reaches every caller of the command, and so does what befalls the command as a
//!    whole, once it has been sent again as [`command`](crate::command) says.
//! 5. **Acknowledgement.** An operation is answered when the server's reply to it is there, never before, and always: one
//!    that is lost, be it by a bug, is answered with an error. An operation whose call has run out of time is not sent any
//!    more; one that has been sent may still be done.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt};
use mongodb::{
    Collection, Database,
    bson::{
        Bson, DateTime, Document, RawArray, RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf,
        cstr, doc, rawdoc,
    },
    options::{ReadPreference, SelectionCriteria},
};

use crate::{
    answers::{Answer, Caller, Wakes},
    client::Deployment,
    command::{Patience, Retry, write},
    encryption::Encryption,
    error::StoreError,
    options::WriteConcernConfig,
    queue::{Keyed, Kind, Limits, Queue, Queued, halves, has_repeated_id, one_an_id, split},
    runtime,
    session::{self, Payload, Times},
};

/// How many commands of a kind are under way at a time: two keep the server and JavaScript busy at once, and each more makes
/// all of them smaller. Far from the server that matters less than the time that an operation waits for its command.
const FEWEST_COMMANDS: usize = 2;
const MOST_COMMANDS: usize = 8;
/// There is one more command for each of these that the quickest one has taken.
const TIME_PER_COMMAND: Duration = Duration::from_micros(500);

/// What waits is divided among the commands that may leave, so that the server works on it with several of its threads; but a
/// command of fewer sessions than these costs it more than that gains.
const LEAST_SHARE: usize = 16;

/// A command is one BSON document of at most 16 MiB; the rest is for what is around the statements.
const MOST_BYTES: usize = 15 << 20;
/// Far below the server's 100,000: a larger command would keep its first callers waiting.
const MOST_STATEMENTS: usize = 1_000;
/// About what a statement holds beside its id, twice, and its session.
const STATEMENT_BYTES: usize = 200;

/// What an operation asks for.
pub enum Request {
    /// The live session.
    Get,
    /// Writes a whole session.
    Set {
        /// What to store.
        payload: Payload,
        /// When it expires.
        times: Times,
        /// Whether to create one where there is none.
        is_upsert: bool,
    },
    /// Renews a session.
    Touch {
        /// When it expires.
        times: Times,
    },
    /// Removes a session.
    Destroy,
}

impl Request {
    /// Whether it does nothing where there is no session, which is to be told.
    fn may_miss(&self) -> bool {
        match self {
            Self::Touch { .. } => true,
            Self::Set { is_upsert, .. } => !is_upsert,
            Self::Get | Self::Destroy => false,
        }
    }
}

/// What a store does to a session between JavaScript and the document.
pub struct Codec {
    /// How sessions are encrypted.
    pub encryption: Encryption,
    /// Whether to write `createdAt` and `updatedAt`.
    pub timestamps: bool,
}

/// One call, on its way.
pub struct Operation {
    /// The `_id` of the document.
    pub storage_id: Arc<str>,
    /// When it was called.
    pub since: Instant,
    /// What to do.
    pub request: Request,
    /// How the store writes and reads sessions.
    pub codec: Arc<Codec>,
    /// Who is to be answered.
    pub caller: Caller,
}

impl Keyed for Operation {
    fn storage_id(&self) -> &Arc<str> {
        &self.storage_id
    }

    fn bytes(&self) -> usize {
        let payload = match &self.request {
            Request::Set { payload, .. } => payload.bytes(),
            _ => 0,
        };
        payload + self.storage_id.len() + STATEMENT_BYTES
    }
}

impl Queued for Operation {
    fn kind(&self) -> Kind {
        match self.request {
            Request::Get => Kind::Read,
            Request::Set { .. } | Request::Touch { .. } => Kind::Update,
            Request::Destroy => Kind::Delete,
        }
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_gone()
    }
}

/// The operations on one collection.
pub struct GroupCommit {
    deployment: Arc<Deployment>,
    database: Database,
    sessions: Collection<RawDocumentBuf>,
    write_concern: Option<RawDocumentBuf>,
    /// Without acknowledgement nothing is known of what a write did.
    is_acknowledged: bool,
    schedule: Mutex<Schedule>,
}

#[derive(Default)]
struct Schedule {
    queue: Queue<Operation>,
    traffic: [Traffic; Kind::ALL.len()],
}

/// The commands of one kind.
#[derive(Default)]
struct Traffic {
    /// Tasks that send one command after the other.
    senders: usize,
    /// Commands without a reply.
    under_way: usize,
    /// The time of the quickest so far: about what the network takes.
    quickest: Option<Duration>,
}

impl Traffic {
    /// How many commands may be under way at a time.
    fn most(&self) -> usize {
        let times = self.quickest.unwrap_or_default().as_micros() / TIME_PER_COMMAND.as_micros();
        let most = usize::try_from(times).unwrap_or(usize::MAX);
        most.clamp(FEWEST_COMMANDS, MOST_COMMANDS)
    }

    fn note(&mut self, time: Duration) {
        self.quickest = Some(self.quickest.map_or(time, |quickest| quickest.min(time)));
    }
}

impl Schedule {
    fn is_idle(&self, kind: Kind) -> bool {
        self.traffic[kind as usize].senders == 0
    }

    /// Whether one more sender of this kind is to begin.
    fn claim(&mut self, kind: Kind) -> bool {
        let traffic = &mut self.traffic[kind as usize];
        let is_due = traffic.senders < traffic.most() && self.queue.waiting(kind) > 0;
        traffic.senders += usize::from(is_due);
        is_due
    }

    /// What goes into the next command of a sender; one that gets nothing ends.
    fn next(&mut self, kind: Kind) -> Vec<Operation> {
        let traffic = &mut self.traffic[kind as usize];
        let free = traffic.most().saturating_sub(traffic.under_way).max(1);
        let limits = Limits {
            sessions: self.queue.waiting(kind).div_ceil(free).max(LEAST_SHARE),
            operations: MOST_STATEMENTS,
            bytes: MOST_BYTES,
        };
        let next = self.queue.take(kind, limits);
        if next.is_empty() {
            traffic.senders -= 1;
        } else {
            traffic.under_way += 1;
        }
        next
    }

    /// The reply to a command on these ids is there, or will never be.
    fn finish(&mut self, kind: Kind, ids: Vec<Arc<str>>) {
        self.traffic[kind as usize].under_way -= 1;
        self.queue.finish(ids);
    }
}

/// One element of a write command, and who waits for what becomes of it.
struct Statement {
    storage_id: Arc<str>,
    /// [`Request::may_miss`].
    may_miss: bool,
    document: RawDocumentBuf,
    caller: Caller,
}

impl Keyed for Statement {
    fn storage_id(&self) -> &Arc<str> {
        &self.storage_id
    }

    fn bytes(&self) -> usize {
        self.document.as_bytes().len()
    }
}

/// Those that wait for sessions, by id.
type Readers = HashMap<Arc<str>, Vec<(Arc<Codec>, Caller)>>;

impl GroupCommit {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(
        deployment: Arc<Deployment>,
        database: &str,
        collection: &str,
        concern: Option<&WriteConcernConfig>,
    ) -> Self {
        let database = deployment.driver().database(database);
        Self {
            sessions: database.collection(collection),
            database,
            deployment,
            write_concern: concern.map(WriteConcernConfig::to_document),
            is_acknowledged: !concern.is_some_and(WriteConcernConfig::is_unacknowledged),
            schedule: Mutex::default(),
        }
    }

    /// Queues an operation. With nothing of its kind under way it leaves at once, unless it is corked; otherwise with what
    /// else waits, when a reply is there or [`GroupCommit::start`] is called.
    pub fn submit(self: &Arc<Self>, operation: Operation, is_corked: bool) {
        let kind = operation.kind();
        let mut schedule = self.schedule();
        schedule.queue.push(operation);
        let is_due = !is_corked && schedule.is_idle(kind) && schedule.claim(kind);
        drop(schedule);
        if is_due {
            runtime::spawn(Arc::clone(self).send_all(kind));
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // It is whole at every point where a panic could leave the lock.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one command after the other while operations of a kind wait.
    async fn send_all(self: Arc<Self>, kind: Kind) {
        loop {
            let operations = self.schedule().next(kind);
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
            self.schedule().finish(kind, ids);
            self.start();
        }
    }

    /// Sends what waits.
    pub fn start(self: &Arc<Self>) {
        let mut schedule = self.schedule();
        for kind in Kind::ALL {
            while schedule.claim(kind) {
                runtime::spawn(Arc::clone(self).send_all(kind));
            }
        }
    }

    fn note(&self, kind: Kind, sent: Instant) {
        self.schedule().traffic[kind as usize].note(sent.elapsed());
    }

    async fn send(&self, kind: Kind, operations: Vec<Operation>) {
        match kind {
            Kind::Read => self.find(operations).await,
            Kind::Update => self.update(operations).await,
            Kind::Delete => self.delete(operations).await,
        }
    }

    /// What befell a command reaches all its callers. Where that is that there is no server, it reaches those too that have
    /// waited in the queue for long: each command by itself would wait as long again.
    fn fail(&self, error: StoreError, callers: impl IntoIterator<Item = Caller>) {
        let is_server_selection = error.is_server_selection();
        let error = Arc::new(error);
        let mut wakes = Wakes::default();
        let mut fail =
            |caller: Caller| caller.answer(Err(StoreError::Shared(Arc::clone(&error))), &mut wakes);
        callers.into_iter().for_each(&mut fail);
        if is_server_selection {
            let long = self.deployment.server_selection_timeout() / 2;
            let has_waited = |operation: &Operation| operation.since.elapsed() >= long;
            let given_up = self.schedule().queue.give_up(has_waited);
            given_up
                .into_iter()
                .map(|operation| operation.caller)
                .for_each(fail);
        }
    }

    /// After a failed read: waits for the next attempt. Whether there is to be one.
    async fn may_read_again(&self, error: &StoreError, patience: &mut Patience) -> bool {
        let may_retry = self.deployment.retries_reads() && error.is_retryable_read();
        may_retry && patience.wait().await
    }

    /// Runs a read, and where it may be repeated gives it up when another server is primary.
    async fn read<T>(
        &self,
        command: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.deployment.retries_reads() {
            self.deployment.unless_superseded(command).await.0
        } else {
            command.await
        }
    }
}

/// Gets.
impl GroupCommit {
    async fn find(&self, operations: Vec<Operation>) {
        let mut readers = Readers::new();
        for operation in operations {
            let waiting = readers.entry(operation.storage_id).or_default();
            waiting.push((operation.codec, operation.caller));
        }
        let result = self.find_and_retry(&mut readers).await;
        let without_session = readers.into_values().flatten().map(|(_, caller)| caller);
        match result {
            Ok(()) => {
                let mut wakes = Wakes::default();
                without_session
                    .for_each(|caller| caller.answer(Ok(Answer::Found(None)), &mut wakes));
            }
            Err(error) => self.fail(error, without_session),
        }
    }

    /// Those who are answered leave `readers`, so that a repetition asks for the rest.
    async fn find_and_retry(&self, readers: &mut Readers) -> Result<(), StoreError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.read(self.find_once(readers)).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    async fn find_once(&self, readers: &mut Readers) -> Result<(), StoreError> {
        let mut ids = readers.keys().cloned();
        if let (Some(id), None) = (ids.next(), ids.next()) {
            return self.find_alone(&id, readers).await;
        }
        let started = Instant::now();
        let wanted: Vec<_> = readers.keys().map(|id| Bson::from(&**id)).collect();
        let mut replies = self
            .sessions
            .find(doc! { "_id": { "$in": wanted } })
            .batch_size(above(readers.len()))
            .batch()
            .await?;
        self.note(Kind::Read, started);
        let mut has_others = false;
        while let Some(reply) = replies.next().await {
            has_others |= answer_found(readers, reply?.doc_slices()?)?;
        }
        if has_others {
            // With a collation that ignores case, say, an id finds what has another one.
            for id in readers.keys().cloned().collect::<Vec<_>>() {
                self.find_alone(&id, readers).await?;
            }
        }
        Ok(())
    }

    async fn find_alone(&self, id: &Arc<str>, readers: &mut Readers) -> Result<(), StoreError> {
        let started = Instant::now();
        let by_id = self.sessions.find(doc! { "_id": &**id }).limit(-1);
        let mut replies = by_id.batch().await?;
        self.note(Kind::Read, started);
        if let Some(reply) = replies.next().await {
            let reply = reply?;
            let found = reply.doc_slices()?.into_iter().next().transpose()?;
            if let Some(document) = found.and_then(RawBsonRef::as_document) {
                answer_readers(readers, id, document, &mut Wakes::default());
            }
        }
        Ok(())
    }
}

/// What is asked for beside the queue.
impl GroupCommit {
    /// The document of this id as the primary has it, whether its session is live or not.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn load(&self, storage_id: &str) -> Result<Option<RawDocumentBuf>, StoreError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.read(self.load_once(storage_id)).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    async fn load_once(&self, storage_id: &str) -> Result<Option<RawDocumentBuf>, StoreError> {
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let by_id = self.sessions.find_one(doc! { "_id": storage_id });
        Ok(by_id.selection_criteria(primary).await?)
    }
}

/// One more than there can be documents: a cursor that has given as many as its batch holds stays open.
fn above(documents: usize) -> u32 {
    u32::try_from(documents).map_or(u32::MAX, |documents| documents.saturating_add(1))
}

/// Answers those who wait for the documents of a reply. Whether there are documents that nobody waits for.
fn answer_found(readers: &mut Readers, documents: &RawArray) -> Result<bool, StoreError> {
    let mut has_others = false;
    let mut wakes = Wakes::default();
    for document in documents {
        let Some(document) = document?.as_document() else {
            continue;
        };
        // One that cannot be read is not to fail those who asked for others.
        has_others |= match session::storage_id(document) {
            Ok(Some(id)) => !answer_readers(readers, id, document, &mut wakes),
            _ => true,
        };
    }
    Ok(has_others)
}

/// Whether anybody waited for this document.
fn answer_readers(
    readers: &mut Readers,
    id: &str,
    document: &RawDocument,
    wakes: &mut Wakes,
) -> bool {
    let Some((id, waiting)) = readers.remove_entry(id) else {
        return false;
    };
    for (codec, caller) in waiting {
        answer_reader(&id, codec, caller, document, wakes);
    }
    true
}

fn answer_reader(
    id: &Arc<str>,
    codec: Arc<Codec>,
    caller: Caller,
    document: &RawDocument,
    wakes: &mut Wakes,
) {
    let found = match session::is_live(document, DateTime::now()) {
        Ok(true) => session::read(document),
        Ok(false) => return caller.answer(Ok(Answer::Found(None)), wakes),
        Err(error) => Err(error),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return caller.answer(Err(error), wakes),
    };
    let id = Arc::clone(id);
    let mut revealed = Box::pin(async move { codec.encryption.reveal(&id, found).await });
    let answer = |revealed: Result<_, _>| revealed.map(|found| Answer::Found(Some(found)));
    if let Some(revealed) = (&mut revealed).now_or_never() {
        caller.answer(answer(revealed), wakes);
        return;
    }
    // It waits for a key; the other callers do not.
    tokio::spawn(async move {
        let revealed = revealed.await;
        caller.answer(answer(revealed), &mut Wakes::default());
    });
}

/// Sets and touches.
impl GroupCommit {
    async fn update(&self, operations: Vec<Operation>) {
        let statements = statements(operations).await;
        let mut commands = match self.is_sent_again().await {
            Ok(is_sent_again) => commands(statements, is_sent_again),
            Err(error) => {
                return self.fail(error, statements.into_iter().map(|one| one.caller));
            }
        };
        while let Some(command) = commands.pop_front() {
            match self.write(Kind::Update, &command).await {
                Ok(reply) => {
                    let rest = self.answer_updates(command, &reply).await;
                    put_in_front(&mut commands, one_an_id(rest));
                }
                // One statement can spoil all others, such as a session that is nested too deeply. It is found by halves.
                Err(error) if command.len() > 1 && error.is_refusal() => {
                    put_in_front(&mut commands, halves(command));
                }
                Err(error) => {
                    let has_no_server = error.is_server_selection();
                    let given_up = commands.drain(..if has_no_server { commands.len() } else { 0 });
                    let callers = command.into_iter().chain(given_up.flatten());
                    self.fail(error, callers.map(|statement| statement.caller));
                }
            }
        }
    }

    /// Whether a command is sent again when its reply was lost.
    async fn is_sent_again(&self) -> Result<bool, StoreError> {
        Ok(self.is_acknowledged && self.deployment.can_retry_writes().await?)
    }

    /// Answers the callers, and gives back the statements that the server has not come to: an ordered command ends at its
    /// first error.
    async fn answer_updates(
        &self,
        mut statements: Vec<Statement>,
        reply: &Document,
    ) -> Vec<Statement> {
        let mut errors = write_errors(reply);
        let last = errors
            .keys()
            .copied()
            .max()
            .filter(|_| has_repeated_id(&statements));
        let rest = last.map_or_else(Vec::new, |last| statements.split_off(last + 1));
        let concern_error = StoreError::write_concern_error(reply).map(Arc::new);
        let created = created(reply);
        let missed = self.missed(&statements, reply, &created, &errors).await;
        let missed = missed.map_err(Arc::new);
        let mut wakes = Wakes::default();
        for (index, statement) in statements.into_iter().enumerate() {
            let answer = match (errors.remove(&index), &concern_error, &missed) {
                (Some(error), ..) => Err(error),
                (None, Some(error), _) => Err(StoreError::Shared(Arc::clone(error))),
                (None, None, Err(error)) if statement.may_miss => {
                    Err(StoreError::Shared(Arc::clone(error)))
                }
                (None, None, Ok(missed)) if statement.may_miss => {
                    Ok(Answer::Matched(!missed.contains(&index)))
                }
                (None, None, _) => Ok(Answer::Created(created.contains(&index))),
            };
            statement.caller.answer(answer, &mut wakes);
        }
        rest
    }

    /// The statements that matched nothing and created nothing. The reply only counts the matches; asking is better than
    /// running a statement again, which could undo a later one.
    async fn missed(
        &self,
        statements: &[Statement],
        reply: &Document,
        created: &HashSet<usize>,
        errors: &HashMap<usize, StoreError>,
    ) -> Result<HashSet<usize>, StoreError> {
        let matched = reply
            .get_i32("n")
            .ok()
            .and_then(|count| usize::try_from(count).ok());
        let missing = (statements.len() - errors.len()).saturating_sub(matched.unwrap_or_default());
        if missing == 0 || !self.is_acknowledged {
            return Ok(HashSet::new());
        }
        let mut missed: HashSet<_> = statements
            .iter()
            .enumerate()
            .filter(|(index, statement)| statement.may_miss && !errors.contains_key(index))
            .map(|(index, _)| index)
            .collect();
        if missed.len() == missing {
            return Ok(missed);
        }
        let there = self.existing(missed.iter().map(|index| &statements[*index].storage_id));
        let there = there.await?;
        let creations: HashMap<_, _> = created
            .iter()
            .map(|creation| (&*statements[*creation].storage_id, creation))
            .collect();
        missed.retain(|index| {
            let id = &*statements[*index].storage_id;
            // What was created later was not there for it.
            !there.contains(id) || creations.get(id).is_some_and(|creation| *creation > index)
        });
        Ok(missed)
    }

    /// Those of the ids that have a document.
    async fn existing(
        &self,
        ids: impl Iterator<Item = &Arc<str>>,
    ) -> Result<HashSet<String>, StoreError> {
        let wanted: Vec<_> = ids.map(|id| Bson::from(&**id)).collect();
        let mut patience = self.deployment.patience();
        loop {
            match self.read(self.existing_once(wanted.clone())).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    async fn existing_once(&self, wanted: Vec<Bson>) -> Result<HashSet<String>, StoreError> {
        let count = wanted.len();
        let mut replies = self
            .sessions
            .find(doc! { "_id": { "$in": wanted } })
            .projection(doc! { "_id": 1 })
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .batch_size(above(count))
            .batch()
            .await?;
        let mut existing = HashSet::new();
        while let Some(reply) = replies.next().await {
            for document in reply?.doc_slices()? {
                let id = document?.as_document().map(session::storage_id);
                existing.extend(id.transpose()?.flatten().map(str::to_owned));
            }
        }
        Ok(existing)
    }
}

/// Destroys.
impl GroupCommit {
    async fn delete(&self, operations: Vec<Operation>) {
        for command in split(statements(operations).await, MOST_BYTES) {
            match self.write(Kind::Delete, &command).await {
                Err(error) => {
                    let callers = command.into_iter().map(|statement| statement.caller);
                    self.fail(error, callers);
                }
                Ok(reply) => answer_deletes(command, &reply),
            }
        }
    }
}

fn answer_deletes(statements: Vec<Statement>, reply: &Document) {
    let concern_error = StoreError::write_concern_error(reply).map(Arc::new);
    let mut errors = write_errors(reply);
    let mut wakes = Wakes::default();
    for (index, statement) in statements.into_iter().enumerate() {
        let answer = match (errors.remove(&index), &concern_error) {
            (Some(error), _) => Err(error),
            (None, Some(error)) => Err(StoreError::Shared(Arc::clone(error))),
            (None, None) => Ok(Answer::Destroyed),
        };
        statement.caller.answer(answer, &mut wakes);
    }
}

/// Write commands.
impl GroupCommit {
    /// Runs an update that has no place in the order, and tells whether it matched.
    ///
    /// # Errors
    /// What befell the command, or its statement.
    pub async fn replace(&self, statement: RawDocumentBuf) -> Result<bool, StoreError> {
        let command = self.command(Kind::Update, [statement.as_ref()].into_iter(), true);
        let reply = self.run(command).await?;
        let matched = reply.get_i32("n").is_ok_and(|count| count > 0);
        StoreError::in_reply(&reply).map_or(Ok(matched || !self.is_acknowledged), Err)
    }

    async fn write(&self, kind: Kind, statements: &[Statement]) -> Result<Document, StoreError> {
        let started = Instant::now();
        let documents = statements
            .iter()
            .map(|statement| statement.document.as_ref());
        let command = self.command(kind, documents, has_repeated_id(statements));
        let reply = self.run(command).await?;
        self.note(kind, started);
        Ok(reply)
    }

    async fn run(&self, command: RawDocumentBuf) -> Result<Document, StoreError> {
        // Of a write that is not acknowledged nobody hears that it failed.
        let retry = if self.is_acknowledged {
            Retry::WhereKnown
        } else {
            Retry::Never
        };
        write(&self.deployment, &self.database, command, retry).await
    }

    fn command<'a>(
        &self,
        kind: Kind,
        statements: impl Iterator<Item = &'a RawDocument>,
        is_ordered: bool,
    ) -> RawDocumentBuf {
        let mut list = RawArrayBuf::new();
        statements.for_each(|statement| list.push(statement));
        let (name, list_name) = if kind == Kind::Delete {
            (cstr!("delete"), cstr!("deletes"))
        } else {
            (cstr!("update"), cstr!("updates"))
        };
        let mut command = rawdoc! { name: self.sessions.name(), list_name: list };
        if !is_ordered {
            // The server may run them in any order, and the error of one does not keep the others from being run.
            command.append(cstr!("ordered"), false);
        }
        if let Some(write_concern) = &self.write_concern {
            command.append(cstr!("writeConcern"), write_concern.as_ref());
        }
        command
    }
}

/// The commands for these statements. The server remembers of a command only the statements that changed something. The
/// others run again when it is sent again: behind later ones on the same id, if those were part of it.
fn commands(statements: Vec<Statement>, is_sent_again: bool) -> VecDeque<Vec<Statement>> {
    let parts = if is_sent_again {
        one_an_id(statements)
    } else {
        vec![statements]
    };
    let commands = parts.into_iter().flat_map(|part| split(part, MOST_BYTES));
    commands.collect()
}

/// Builds what can be built; the callers of the rest get to hear why.
async fn statements(operations: Vec<Operation>) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(operations.len());
    let mut wakes = Wakes::default();
    for operation in operations {
        let Operation {
            storage_id,
            request,
            codec,
            caller,
            ..
        } = operation;
        let may_miss = request.may_miss();
        match document(&storage_id, request, &codec).await {
            Ok(document) => statements.push(Statement {
                storage_id,
                may_miss,
                document,
                caller,
            }),
            Err(error) => caller.answer(Err(error), &mut wakes),
        }
    }
    statements
}

async fn document(id: &str, request: Request, codec: &Codec) -> Result<RawDocumentBuf, StoreError> {
    match request {
        Request::Set {
            payload,
            times,
            is_upsert,
        } => {
            let payload = codec.encryption.prepare(id, payload).await?;
            session::set_statement(id, &payload, times, is_upsert, codec.timestamps)
        }
        Request::Touch { times } => Ok(session::touch_statement(id, times, codec.timestamps)),
        Request::Get | Request::Destroy => Ok(session::delete_statement(id)),
    }
}

fn put_in_front(commands: &mut VecDeque<Vec<Statement>>, first: Vec<Vec<Statement>>) {
    for command in first.into_iter().rev() {
        commands.push_front(command);
    }
}

fn write_errors(reply: &Document) -> HashMap<usize, StoreError> {
    StoreError::write_errors(reply).into_iter().collect()
}

/// The statements that inserted a document.
fn created(reply: &Document) -> HashSet<usize> {
    let upserted = reply.get_array("upserted").map(Vec::as_slice);
    upserted
        .unwrap_or_default()
        .iter()
        .filter_map(|one| one.as_document()?.get_i32("index").ok())
        .filter_map(|index| usize::try_from(index).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_says_what_was_inserted() {
        let reply = doc! { "n": 3, "upserted": [{ "index": 2, "_id": "c" }] };
        assert_eq!(created(&reply), HashSet::from([2]));
        assert_eq!(created(&doc! { "n": 1 }), HashSet::new());
    }

    #[test]
    fn a_slow_network_takes_more_commands_at_a_time() {
        let most = |times: &[u64]| {
            let mut traffic = Traffic::default();
            for time in times {
                traffic.note(Duration::from_micros(*time));
            }
            traffic.most()
        };
        assert_eq!(most(&[]), FEWEST_COMMANDS);
        assert_eq!(most(&[150]), FEWEST_COMMANDS);
        assert_eq!(most(&[9_000, 2_100, 5_000]), 4);
        assert_eq!(most(&[60_000]), MOST_COMMANDS);
    }
}
