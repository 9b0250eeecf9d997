//! The driver's clients, one for all stores of the process that have the same connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use mongodb::{Client, ClientSession, bson::doc};
use tokio::sync::OnceCell;

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
        let made = driver_options(&config).await?;

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
        });
        clients.insert(config, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Gives the client up; the last to do so closes its connections.
    pub async fn release(self: Arc<Self>) {
        if let Some(last) = Arc::into_inner(self) {
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
