//! A driver's client, with what is known of the servers behind it.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use mongodb::{
    Client, ClientSession,
    bson::doc,
    options::{ClientOptions, ServerAddress},
};
use tokio::sync::{OnceCell, watch};

use crate::mongo::{errors::MongoError, patience::Patience};

tokio::task_local! {
    /// The server to which the command of this task has a connection.
    static CONNECTED_TO: RefCell<Option<ServerAddress>>;
}

/// What `serverSelectionTimeoutMS` is when it is not given.
const DEFAULT_SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(30);

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

impl Deployment {
    /// A client that has connected to no server yet. `primary` tells who was primary last.
    ///
    /// # Errors
    /// Options that the driver refuses.
    pub fn new(
        options: ClientOptions,
        primary: watch::Receiver<Option<ServerAddress>>,
    ) -> Result<Self, MongoError> {
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
    pub async fn can_retry_writes(&self) -> Result<bool, MongoError> {
        let is_replicated = self
            .is_replicated
            .get_or_try_init(|| self.ask_is_replicated());
        Ok(*is_replicated.await? && self.retry_writes)
    }

    async fn ask_is_replicated(&self) -> Result<bool, MongoError> {
        let admin = self.client.database("admin");
        let mut patience = self.patience();
        let hello = loop {
            let reply = admin.run_command(doc! { "hello": 1 }).await;
            match reply.map_err(MongoError::from) {
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
    pub async fn start_retryable_write(&self) -> Result<(ClientSession, i64), MongoError> {
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
    /// `heartbeatFrequencyMS` and `connectTimeoutMS`. Then it is a [`MongoError::Superseded`]. Tells too whether the command got
    /// a connection, as [`noting_connection`] does.
    pub async fn unless_superseded<T>(
        &self,
        command: impl Future<Output = Result<T, MongoError>>,
    ) -> (Result<T, MongoError>, bool) {
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
                Ok(()) = superseded => Err(MongoError::Superseded),
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

/// The command of this task has got a connection to this server. Does nothing where nobody asks, as in the driver's own tasks.
pub fn note_connection(server: ServerAddress) {
    let _: Result<_, _> = CONNECTED_TO.try_with(|it| it.replace(Some(server)));
}

fn connected_to() -> Option<ServerAddress> {
    CONNECTED_TO.with(|it| it.borrow().clone())
}
