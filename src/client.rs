//! The driver's clients, one for all stores of the process that have the same connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use mongodb::{
    Client, ClientSession, ServerType,
    bson::doc,
    event::{EventHandler, sdam::SdamEvent},
};
use tokio::sync::{OnceCell, watch};

use crate::{
    error::StoreError,
    options::{ConnectionConfig, driver_options},
};

static CLIENTS: LazyLock<Mutex<HashMap<ConnectionConfig, Weak<SharedClient>>>> =
    LazyLock::new(Mutex::default);

/// A driver's client, with what the store itself knows of the deployment.
pub struct SharedClient {
    client: Client,
    config: ConnectionConfig,
    retry_writes: bool,
    is_replicated: OnceCell<bool>,
    transaction_number: AtomicI64,
    is_up: watch::Receiver<Option<bool>>,
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
        made.options.sdam_event_handler = Some(EventHandler::callback(move |event| {
            observe(&availability, &event);
        }));

        let mut clients = clients();
        if let Some(client) = clients.get(&config).and_then(Weak::upgrade) {
            return Ok(client);
        }
        let shared = Arc::new(Self {
            retry_writes: made.options.retry_writes != Some(false),
            client: Client::with_options(made.options)?,
            config: config.clone(),
            is_replicated: OnceCell::new(),
            transaction_number: AtomicI64::new(1),
            is_up,
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
            last.client.clone().shutdown().immediate(true).await;
        }
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

    /// Whether some server takes writes, as the driver's monitors see it; `None` until they know.
    #[must_use]
    pub fn is_up(&self) -> watch::Receiver<Option<bool>> {
        self.is_up.clone()
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
        let hello = admin.run_command(doc! { "hello": 1 }).await?;
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
