//! The connections of the driver's pools: those that no command has, and whether a command has got one.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use mongodb::{event::cmap::CmapEvent, options::ServerAddress};

tokio::task_local! {
    /// The server to which the command of this task has a connection.
    static CONNECTED_TO: RefCell<Option<ServerAddress>>;
}

/// The idle connections, by server, as the driver tells of them.
#[derive(Default)]
pub struct IdleConnections(Mutex<HashMap<ServerAddress, HashSet<u32>>>);

impl IdleConnections {
    /// Keeps what is new.
    pub fn note(&self, event: &CmapEvent) {
        match event {
            CmapEvent::ConnectionReady(event) => self.change(&event.address, |idle| {
                idle.insert(event.connection_id);
            }),
            CmapEvent::ConnectionCheckedIn(event) => self.change(&event.address, |idle| {
                idle.insert(event.connection_id);
            }),
            CmapEvent::ConnectionCheckedOut(event) => self.change(&event.address, |idle| {
                idle.remove(&event.connection_id);
            }),
            CmapEvent::ConnectionClosed(event) => self.change(&event.address, |idle| {
                idle.remove(&event.connection_id);
            }),
            _ => {}
        }
    }

    /// How many there are, by server.
    #[must_use]
    pub fn counts(&self) -> Vec<(ServerAddress, usize)> {
        let servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = servers
            .iter()
            .map(|(address, idle)| (address.clone(), idle.len()));
        counts.collect()
    }

    fn change(&self, address: &ServerAddress, change: impl FnOnce(&mut HashSet<u32>)) {
        // Sets of numbers are whole whatever panics.
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !servers.contains_key(address) {
            servers.insert(address.clone(), HashSet::new());
        }
        if let Some(idle) = servers.get_mut(address) {
            change(idle);
        }
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

/// The server to which the command of this task has a connection.
#[must_use]
pub fn connected_to() -> Option<ServerAddress> {
    CONNECTED_TO.with(|it| it.borrow().clone())
}
