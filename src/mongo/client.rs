//! The driver's clients, one for all stores of the process that have the same connection.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time;

use crate::mongo::{deployment::Deployment, errors::MongoError, options::ConnectionOptions};

/// How long the driver may take to end. A server that is silent is not waited for.
const SHUTDOWN_TIME: Duration = Duration::from_millis(500);

type Clients = HashMap<ConnectionOptions, Weak<SharedClient>>;

static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(Mutex::default);

/// A share of a driver's client. The last to give up its share closes the connections.
pub struct SharedClient(Arc<Deployment>);

fn clients() -> MutexGuard<'static, Clients> {
    // The map is whole at every point where a panic could leave the lock.
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client_of(clients: &Clients, options: &ConnectionOptions) -> Option<Arc<SharedClient>> {
    clients.get(options).and_then(Weak::upgrade)
}

impl SharedClient {
    /// The process's client for this connection, made now when there is none. Does not wait for a server.
    ///
    /// # Errors
    /// A connection string or TLS files that the driver refuses.
    pub async fn get(options: ConnectionOptions) -> Result<Arc<Self>, MongoError> {
        if let Some(client) = client_of(&clients(), &options) {
            return Ok(client);
        }
        let deployment = Deployment::new(options).await?;
        let mut clients = clients();
        // Another store may have been faster.
        if let Some(client) = client_of(&clients, deployment.connection()) {
            return Ok(client);
        }
        let options = deployment.connection().clone();
        let shared = Arc::new(Self(Arc::new(deployment)));
        shared.0.keep_looking();
        clients.insert(options, Arc::downgrade(&shared));
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
        let availability = *last.0.known().availability().borrow();
        if availability.is_some_and(|now| now.takes_writes) {
            let client = last.0.driver();
            drop(time::timeout(SHUTDOWN_TIME, client.shutdown().immediate(true)).await);
        }
    }

    /// The client itself.
    #[must_use]
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.0
    }
}

impl Drop for SharedClient {
    fn drop(&mut self) {
        let mut clients = clients();
        // Another store may have made a new client of the same name since.
        if clients
            .get(self.0.connection())
            .is_some_and(|client| client.strong_count() == 0)
        {
            clients.remove(self.0.connection());
        }
    }
}
