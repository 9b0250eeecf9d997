//! The driver's clients, one for all stores of the process that have the same connection.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use mongodb::{
    Client, ClientSession, ServerType,
    bson::doc,
    event::{EventHandler, cmap::CmapEvent, sdam::SdamEvent},
    options::{ClientOptions, ServerAddress},
};
use tokio::sync::{OnceCell, watch};

use crate::{
    batch::GroupCommit,
    command::Patience,
    error::StoreError,
    options::{ConnectionConfig, WriteConcernConfig, driver_options},
};

static CLIENTS: LazyLock<Mutex<HashMap<ConnectionConfig, Weak<SharedClient>>>> =
    LazyLock::new(Mutex::default);

tokio::task_local! {
    /// The server to which the command of this task has a connection.
    static CONNECTED_TO: RefCell<Option<ServerAddress>>;
}

/// What `serverSelectionTimeoutMS` is when it is not given.
const DEFAULT_SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A share of a driver's client. The last to give up its share closes the connections.
pub struct SharedClient {
    deployment: Arc<Deployment>,
    config: ConnectionConfig,
    is_up: watch::Receiver<Option<bool>>,
    groups: Mutex<HashMap<GroupKey, Weak<GroupCommit>>>,
}

/// Database, collection, and write concern as BSON.
type GroupKey = (String, String, Option<Vec<u8>>);

/// A driver's client, with what the store itself knows of the deployment. It is no share of the client: commands that are
/// under way keep no connections open.
pub struct Deployment {
    client: Client,
    retry_reads: bool,
    retry_writes: bool,
    server_selection_timeout: Duration,
    is_replicated: OnceCell<bool>,
    /// Who was primary last, also while nobody is.
    primary: watch::Receiver<Option<ServerAddress>>,
    transaction_number: AtomicI64,
}

fn clients() -> MutexGuard<'static, HashMap<ConnectionConfig, Weak<SharedClient>>> {
    // The map is whole at every point where a panic could leave the lock.
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedClient {
    /// The process's client for this connection, made now when there is none. Does not wait for a server.
    ///
    /// # Errors
    /// A connection string or TLS files that the driver refuses.
    pub async fn get(config: ConnectionConfig) -> Result<Arc<Self>, StoreError> {
        let mut made = driver_options(&config).await?;
        let (availability, is_up) = watch::channel(None);
        let (last_primary, primary) = watch::channel(None);
        made.options.sdam_event_handler = Some(EventHandler::callback(move |event| {
            observe(&availability, &event);
            note_primary(&last_primary, &event);
        }));
        made.options.cmap_event_handler = Some(EventHandler::callback(|event| {
            if let CmapEvent::ConnectionCheckedOut(event) = event {
                // Connections are also taken for what nobody watches.
                let _: Result<_, _> = CONNECTED_TO.try_with(|it| it.replace(Some(event.address)));
            }
        }));

        let mut clients = clients();
        if let Some(client) = clients.get(&config).and_then(Weak::upgrade) {
            return Ok(client);
        }
        let shared = Arc::new(Self {
            deployment: Arc::new(Deployment::new(made.options, primary)?),
            config: config.clone(),
            is_up,
            groups: Mutex::default(),
        });
        clients.insert(config, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Gives the client up; the last to do so closes its connections.
    pub async fn release(self: Arc<Self>) {
        let Some(last) = Arc::into_inner(self) else {
            return;
        };
        // Once a shutdown has begun, the driver 3.9 asks a server that is away again and again without a pause. On a Unix
        // domain socket each attempt fails at once, and the runtime's only worker would do nothing else for ever. Without
        // a server there is nothing to wait for either: the driver cleans up when it is dropped.
        if *last.is_up.borrow() == Some(true) {
            let client = last.deployment.client.clone();
            client.shutdown().immediate(true).await;
        }
    }

    /// The client itself.
    #[must_use]
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// What sends the operations on a collection, one for all stores that write to it with the same concern.
    pub fn group(
        &self,
        database: &str,
        collection: &str,
        concern: Option<&WriteConcernConfig>,
    ) -> Arc<GroupCommit> {
        let concern_bytes = concern.map(|concern| concern.to_document().into_bytes());
        let key = (database.to_owned(), collection.to_owned(), concern_bytes);
        // The map is whole at every point where a panic could leave the lock.
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| group.strong_count() > 0);
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        let deployment = Arc::clone(&self.deployment);
        let group = Arc::new(GroupCommit::new(deployment, database, collection, concern));
        groups.insert(key, Arc::downgrade(&group));
        group
    }

    /// Whether some server takes writes, as the driver's monitors see it; `None` until they know.
    #[must_use]
    pub fn is_up(&self) -> watch::Receiver<Option<bool>> {
        self.is_up.clone()
    }
}

impl Deployment {
    fn new(
        options: ClientOptions,
        primary: watch::Receiver<Option<ServerAddress>>,
    ) -> Result<Self, StoreError> {
        let timeout = options.server_selection_timeout;
        Ok(Self {
            retry_reads: options.retry_reads != Some(false),
            retry_writes: options.retry_writes != Some(false),
            server_selection_timeout: timeout.unwrap_or(DEFAULT_SERVER_SELECTION_TIMEOUT),
            client: Client::with_options(options)?,
            is_replicated: OnceCell::new(),
            primary,
            transaction_number: AtomicI64::new(1),
        })
    }

    /// The driver's client.
    #[must_use]
    pub fn driver(&self) -> &Client {
        &self.client
    }

    /// Whether a server has answered yet.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.is_replicated.initialized()
    }

    /// How long a command waits for a server that can take it, and how long one that fails is sent again.
    #[must_use]
    pub fn server_selection_timeout(&self) -> Duration {
        self.server_selection_timeout
    }

    /// For a command that is sent now.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience::new(self.server_selection_timeout)
    }

    /// Whether reads may be sent again.
    #[must_use]
    pub fn retries_reads(&self) -> bool {
        self.retry_reads
    }

    /// Whether writes can carry a transaction number, by which the server knows a repeated one: `retryWrites` is on, and
    /// the deployment is not a standalone server.
    ///
    /// # Errors
    /// No server answers.
    pub async fn can_retry_writes(&self) -> Result<bool, StoreError> {
        let is_replicated = self
            .is_replicated
            .get_or_try_init(|| self.ask_is_replicated());
        Ok(*is_replicated.await? && self.retry_writes)
    }

    async fn ask_is_replicated(&self) -> Result<bool, StoreError> {
        let admin = self.client.database("admin");
        let mut patience = self.patience();
        let hello = loop {
            let reply = admin.run_command(doc! { "hello": 1 }).await;
            match reply.map_err(StoreError::from) {
                Err(error) if error.is_retryable_read() && patience.wait().await => {}
                result => break result?,
            }
        };
        Ok(hello.contains_key("setName")
            || hello.get_str("msg").is_ok_and(|kind| kind == "isdbgrid"))
    }

    /// A session, and a transaction number that it has not used: numbers of one client only ever grow.
    ///
    /// # Errors
    /// The deployment has no sessions.
    pub async fn start_retryable_write(&self) -> Result<(ClientSession, i64), StoreError> {
        let session = self
            .client
            .start_session()
            .causal_consistency(false)
            .await?;
        let number = self.transaction_number.fetch_add(1, Ordering::Relaxed);
        Ok((session, number))
    }

    /// Runs a command that may be sent again, until another server is primary in place of the one that has the command, or
    /// that keeps it waiting for a connection: that one may have fallen silent, which the driver finds out only after
    /// `heartbeatFrequencyMS` and `connectTimeoutMS`. Then it is a [`StoreError::Superseded`]. Tells too whether the command got
    /// a connection, as [`noting_connection`] does.
    pub async fn unless_superseded<T>(
        &self,
        command: impl Future<Output = Result<T, StoreError>>,
    ) -> (Result<T, StoreError>, bool) {
        let mut primary = self.primary.clone();
        let superseded = async {
            loop {
                let before = primary.borrow_and_update().clone();
                primary.changed().await?;
                // What another server has is left to it: to send that again could do a part of it twice.
                let is_elsewhere = connected_to().is_some_and(|server| before != Some(server));
                if before.is_some() && !is_elsewhere {
                    return Ok::<_, watch::error::RecvError>(());
                }
            }
        };
        // The driver's futures are large, and each that holds one by value is larger still.
        let command = Box::pin(command);
        let either = async {
            tokio::select! {
                result = command => result,
                Ok(()) = superseded => Err(StoreError::Superseded),
            }
        };
        noting_connection(either).await
    }
}

/// Runs a command, and tells whether it got a connection. One that got none has not been sent.
pub async fn noting_connection<T>(command: impl Future<Output = T>) -> (T, bool) {
    let noting = async { (command.await, connected_to().is_some()) };
    CONNECTED_TO.scope(RefCell::default(), noting).await
}

fn connected_to() -> Option<ServerAddress> {
    CONNECTED_TO.with(|it| it.borrow().clone())
}

fn note_primary(last_primary: &watch::Sender<Option<ServerAddress>>, event: &SdamEvent) {
    let SdamEvent::TopologyDescriptionChanged(event) = event else {
        return;
    };
    let servers = event.new_description.servers();
    let mut primaries = servers
        .iter()
        .filter(|(_, server)| server.server_type() == ServerType::RsPrimary);
    if let Some((address, _)) = primaries.next() {
        last_primary.send_if_modified(|last| {
            let is_news = last.as_ref() != Some(*address);
            if is_news {
                *last = Some((*address).clone());
            }
            is_news
        });
    }
}

fn observe(availability: &watch::Sender<Option<bool>>, event: &SdamEvent) {
    match event {
        SdamEvent::TopologyDescriptionChanged(event) => {
            let servers = event.new_description.servers();
            let is_up = servers
                .values()
                .any(|server| takes_writes(server.server_type()));
            availability.send_if_modified(|known| {
                // Before the first answer, and without a failure, nothing is known.
                let is_news = *known != Some(is_up) && (is_up || known.is_some());
                if is_news {
                    *known = Some(is_up);
                }
                is_news
            });
        }
        SdamEvent::ServerHeartbeatFailed(_) => {
            availability.send_if_modified(|known| {
                let is_news = known.is_none();
                known.get_or_insert(false);
                is_news
            });
        }
        _ => {}
    }
}

fn takes_writes(server_type: ServerType) -> bool {
    matches!(
        server_type,
        ServerType::Standalone
            | ServerType::Mongos
            | ServerType::RsPrimary
            | ServerType::LoadBalancer
    )
}

impl Drop for SharedClient {
    fn drop(&mut self) {
        let mut clients = clients();
        // Another store may have made a new client of the same name since.
        if clients
            .get(&self.config)
            .is_some_and(|client| client.strong_count() == 0)
        {
            clients.remove(&self.config);
        }
    }
}
