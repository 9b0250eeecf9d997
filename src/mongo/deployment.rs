//! A driver's client, with what is known of the servers behind it.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use mongodb::{
    Client, ClientSession, Collection, Namespace, ServerInfo,
    bson::{RawDocumentBuf, doc},
    options::{ReadPreference, SelectionCriteria, ServerAddress},
};
use tokio::time::{self, Instant};

use crate::mongo::{
    connections::PoolCounts,
    current::{CurrentClient, connect},
    errors::MongoError,
    monitoring::{Availability, KnownServers},
    options::ConnectionOptions,
    patience::Patience,
    trace::Attempt,
};

/// The connections of a pool that has no most.
const MANY_CONNECTIONS: usize = 100;
/// What `serverSelectionTimeoutMS` is when it is not given.
const DEFAULT_SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an idle connection may take to answer before it is closed. The next check is not made sooner.
const CHECK_TIME: Duration = Duration::from_secs(3);

/// The pauses before servers are looked for again when the driver has none left.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LAST_LOOK: Duration = Duration::from_secs(10);

/// By what a server knows a write again.
pub struct WriteNumber {
    /// A session of the server's.
    pub session: ClientSession,
    /// The number in it.
    pub number: i64,
    /// Of the client whose session it is.
    client_made_at: Instant,
}

/// A driver's client, with what the store itself knows of the deployment. It is no share of the client: commands that are
/// under way keep no connections open.
pub struct Deployment {
    connection: ConnectionOptions,
    current: Mutex<CurrentClient>,
    /// Held by who makes another.
    replacing: tokio::sync::Mutex<()>,
    retry_reads: bool,
    retry_writes: bool,
    /// `maxAdaptiveRetries`
    reliefs: Option<u32>,
    reads_need_primary: bool,
    server_selection_timeout: Duration,
    pool_size: Option<u32>,
    known: Arc<KnownServers>,
    /// When the idle connections were checked last.
    checked_at: Mutex<Option<Instant>>,
    /// Whether the last answer was that there is too much to do.
    is_overloaded: AtomicBool,
    transaction_number: AtomicI64,
    /// How often a command has been sent again.
    repetitions: Arc<AtomicU64>,
}

impl Deployment {
    /// A client that has connected to no server yet.
    ///
    /// # Errors
    /// Options that the driver refuses.
    pub async fn new(connection: ConnectionOptions) -> Result<Self, MongoError> {
        let known = Arc::default();
        let (options, current) = connect(&connection, &known).await?;
        let timeout = options.server_selection_timeout;
        Ok(Self {
            reliefs: options.max_adaptive_retries,
            retry_reads: options.retry_reads != Some(false),
            retry_writes: options.retry_writes != Some(false),
            reads_need_primary: options.direct_connection != Some(true)
                && is_primary(options.selection_criteria.as_ref()),
            server_selection_timeout: timeout.unwrap_or(DEFAULT_SERVER_SELECTION_TIMEOUT),
            pool_size: options.max_pool_size,
            current: Mutex::new(current),
            replacing: tokio::sync::Mutex::default(),
            connection,
            known,
            checked_at: Mutex::default(),
            is_overloaded: AtomicBool::new(false),
            transaction_number: AtomicI64::new(1),
            repetitions: Arc::default(),
        })
    }

    /// How to reach it.
    #[must_use]
    pub fn connection(&self) -> &ConnectionOptions {
        &self.connection
    }

    /// The driver's client for what is sent now.
    #[must_use]
    pub fn driver(&self) -> Client {
        self.current().client.clone()
    }

    /// A collection of it.
    #[must_use]
    pub fn collection(&self, name: &Namespace) -> Collection<RawDocumentBuf> {
        let database = self.driver().database(&name.db);
        database.collection(&name.coll)
    }

    fn current(&self) -> MutexGuard<'_, CurrentClient> {
        // It is replaced as a whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the monitors have seen.
    #[must_use]
    pub fn known(&self) -> &Arc<KnownServers> {
        &self.known
    }

    /// Whether a server has answered yet.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.known.takes_numbers().borrow().is_some()
    }

    /// How long a command waits for a server that can take it, and how long one that fails is sent again.
    #[must_use]
    pub fn server_selection_timeout(&self) -> Duration {
        self.server_selection_timeout
    }

    /// How many commands may be under way in all: each has a connection of its own.
    #[must_use]
    pub fn most_commands(&self) -> usize {
        let size = self.pool_size.filter(|size| *size > 0).map(usize::try_from);
        let size = size.and_then(Result::ok).unwrap_or(MANY_CONNECTIONS);
        // One is left for the question whether the server answers at all.
        size.saturating_sub(1).max(1)
    }

    /// For a command that is sent now.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience::new(self.server_selection_timeout, self.reliefs).counted_in(&self.repetitions)
    }

    /// How often commands have been sent again so far.
    #[must_use]
    pub fn repetitions(&self) -> u64 {
        self.repetitions.load(Ordering::Relaxed)
    }

    /// The connections of the driver's pools.
    #[must_use]
    pub fn pools(&self) -> PoolCounts {
        self.current().idle.pools()
    }

    /// Whether reads may be sent again.
    #[must_use]
    pub fn retries_reads(&self) -> bool {
        self.retry_reads
    }

    /// After a failed read: waits for the next attempt. Whether there is to be one.
    pub async fn may_read_again(&self, error: &MongoError, patience: &mut Patience) -> bool {
        let may_retry = self.retries_reads() && error.is_retryable_read();
        may_retry && patience.wait_after(error).await
    }

    /// Whether there is a server for reads, or for writes. So it is as long as nobody knows otherwise.
    #[must_use]
    pub fn is_available(&self, for_reads: bool) -> bool {
        let known = *self.known.availability().borrow();
        known.is_none_or(|now| self.suffices(now, for_reads))
    }

    /// Waits until there is a server for reads, or for writes.
    ///
    /// # Errors
    /// There is none within `serverSelectionTimeoutMS`, or none lets this client in.
    pub async fn available(&self, for_reads: bool) -> Result<(), MongoError> {
        let mut availability = self.known.availability();
        let seen =
            availability.wait_for(|now| now.is_some_and(|now| self.suffices(now, for_reads)));
        tokio::select! {
            _ = seen => Ok(()),
            // Nobody but the driver can say why there is none.
            result = self.ping() => result,
        }
    }

    fn suffices(&self, now: Availability, for_reads: bool) -> bool {
        if for_reads && !self.reads_need_primary {
            now.has_data
        } else {
            now.takes_writes
        }
    }

    /// Whether writes can carry a transaction number, by which the server knows a repeated one: `retryWrites` is on, and
    /// the deployment is not a standalone server, as the driver's monitors see it now, nor one that has refused such a number.
    ///
    /// # Errors
    /// No server answers.
    pub async fn can_retry_writes(&self) -> Result<bool, MongoError> {
        Ok(self.retry_writes
            && !self.known.has_refused_numbers()
            && self.takes_transaction_numbers().await?)
    }

    /// Waits until a server has answered.
    ///
    /// # Errors
    /// None has in time, or none lets this client in.
    pub async fn reached(&self) -> Result<(), MongoError> {
        self.takes_transaction_numbers().await.map(drop)
    }

    async fn takes_transaction_numbers(&self) -> Result<bool, MongoError> {
        let mut known = self.known.takes_numbers();
        let known_now = *known.borrow_and_update();
        if let Some(takes_numbers) = known_now {
            return Ok(takes_numbers);
        }
        self.available(false).await?;
        let known = known.wait_for(Option::is_some).await;
        // The sender is gone only with the client.
        Ok(known.is_ok_and(|known| *known == Some(true)))
    }

    /// Asks the server for a sign of life.
    async fn ping(&self) -> Result<(), MongoError> {
        let admin = self.driver().database("admin");
        let mut patience = self.patience();
        loop {
            let ping = async { Ok(admin.run_command(doc! { "ping": 1 }).await?) }.boxed();
            let loss = patience.loss_of_repeatable();
            let attempt = Attempt::begin("ping", None);
            match self.attempt(ping, loss, attempt).await.0 {
                Err(error) if error.is_retryable_read() && patience.wait_after(&error).await => {}
                result => return result.map(drop),
            }
        }
    }

    /// A session, and a transaction number that it has not used: numbers of one client only ever grow.
    ///
    /// # Errors
    /// The deployment has no sessions.
    pub async fn start_retryable_write(&self) -> Result<WriteNumber, MongoError> {
        let (client, client_made_at) = {
            let current = self.current();
            (current.client.clone(), current.made_at)
        };
        let session = client.start_session().causal_consistency(false).await?;
        Ok(WriteNumber {
            session,
            number: self.next_number(),
            client_made_at,
        })
    }

    /// Another number, for another write in the same session.
    pub fn number_anew(&self, number: &mut WriteNumber) {
        number.number = self.next_number();
    }

    fn next_number(&self) -> i64 {
        self.transaction_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the client whose session it is has been replaced: what has this number could only go over its connections.
    #[must_use]
    pub fn has_replaced_client_of(&self, number: &WriteNumber) -> bool {
        self.current().made_at != number.client_made_at
    }

    /// What calls wait for now.
    #[must_use]
    pub fn waiting_for(&self) -> MongoError {
        let now = *self.known.availability().borrow();
        if now.is_some_and(|now| now.takes_writes) {
            return if self.is_overloaded() {
                MongoError::Overloaded
            } else {
                MongoError::Unanswered
            };
        }
        let refusal = self.known.refusal().borrow().clone();
        refusal.map_or_else(
            || MongoError::Outage(self.known.outage()),
            MongoError::Driver,
        )
    }

    /// With what keeps the servers away, where the driver says that there is none.
    #[must_use]
    pub fn explained(&self, error: MongoError) -> MongoError {
        self.note_refusal(&error);
        if !error.has_no_server() {
            return error;
        }
        MongoError::Unreachable {
            outage: self.known.outage(),
            waited: self.server_selection_timeout,
        }
    }

    /// Keeps what an answer says of the servers.
    pub(super) fn note(&self, error: Option<&MongoError>) {
        let is_overloaded = error.is_some_and(MongoError::is_overload);
        self.is_overloaded.store(is_overloaded, Ordering::Relaxed);
    }

    fn note_refusal(&self, error: &MongoError) {
        if let MongoError::Driver(error) = error
            && MongoError::is_authentication(error)
        {
            self.known.note_refusal(error);
        }
    }

    /// Whether the last answer was that the server has too much to do.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.is_overloaded.load(Ordering::Relaxed)
    }

    /// Asks over every connection that no command has for a sign of life. One that has died is closed, and until then no
    /// command gets it.
    pub fn check_connections(self: &Arc<Self>) {
        if !self.claim_check() {
            return;
        }
        let idle = Arc::clone(&self.current().idle);
        for (server, count) in idle.counts() {
            for _ in 0..count {
                let (deployment, server) = (Arc::clone(self), server.clone());
                let check = async move {
                    drop(time::timeout(CHECK_TIME, deployment.ask(Some(server))).await);
                };
                tokio::spawn(check.boxed());
            }
        }
    }

    /// An answer to a command that was sent at this time was that to another one, and so will be the next on its connection.
    /// The driver does not say which that is: commands get a client with other connections from now on.
    pub(super) async fn replace_client(&self, sent: Instant) {
        let _turn = self.replacing.lock().await;
        if self.current().made_at > sent {
            return;
        }
        // The driver has taken these options before.
        if let Ok((_, client)) = connect(&self.connection, &self.known).await {
            let before = mem::replace(&mut *self.current(), client);
            before.give_up();
        }
    }

    /// Sees to it that servers are looked for again when the driver has none left, as long as the deployment is in use.
    pub fn keep_looking(self: &Arc<Self>) {
        let deployment = Arc::downgrade(self);
        let mut is_deserted = self.known.is_deserted();
        tokio::spawn(async move {
            let mut pause = FIRST_LOOK;
            while is_deserted
                .wait_for(|is_deserted| *is_deserted)
                .await
                .is_ok()
            {
                time::sleep(pause).await;
                // A client that has just been made has no servers for a moment.
                if !*is_deserted.borrow() {
                    continue;
                }
                pause = (pause * 2).min(LAST_LOOK);
                let Some(deployment) = deployment.upgrade() else {
                    return;
                };
                deployment.replace_client(Instant::now()).boxed().await;
            }
        });
    }

    fn claim_check(&self) -> bool {
        let mut checked_at = self
            .checked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = checked_at.is_none_or(|last| last.elapsed() >= CHECK_TIME);
        if is_due {
            *checked_at = Some(Instant::now());
        }
        is_due
    }

    /// Asks this server, or the primary, for a sign of life, once.
    pub(super) async fn ask(&self, server: Option<ServerAddress>) -> Result<(), MongoError> {
        let admin = self.driver().database("admin");
        let ping = admin.run_command(doc! { "ping": 1 });
        let Some(server) = server else {
            return Ok(ping.await.map(drop)?);
        };
        let ping = ping.selection_criteria(server_at(server));
        Ok(ping.await.map(drop)?)
    }
}

fn server_at(address: ServerAddress) -> SelectionCriteria {
    SelectionCriteria::Predicate(Arc::new(move |server: &ServerInfo| {
        *server.address() == address
    }))
}

fn is_primary(criteria: Option<&SelectionCriteria>) -> bool {
    matches!(
        criteria,
        None | Some(SelectionCriteria::ReadPreference(ReadPreference::Primary))
    )
}
