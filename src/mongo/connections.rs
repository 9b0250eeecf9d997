//! The connections of the driver's pools: those that no command has, and whether a command has got one.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use mongodb::{event::cmap::CmapEvent, options::ServerAddress};

tokio::task_local! {
    /// The server to which the command of this task has a connection.
    static CONNECTED_TO: RefCell<Option<ServerAddress>>;
}

/// How many connections there are, to all servers.
#[derive(Clone, Copy, Default)]
pub struct PoolCounts {
    /// All of them.
    pub open: u32,
    /// Those that a command has.
    pub in_use: u32,
    /// Commands that wait for one.
    pub waiting: u32,
}

impl PoolCounts {
    fn note(&mut self, event: &CmapEvent) {
        let (count, is_more) = match event {
            CmapEvent::ConnectionCreated(_) => (&mut self.open, true),
            CmapEvent::ConnectionClosed(_) => (&mut self.open, false),
            CmapEvent::ConnectionCheckedIn(_) => (&mut self.in_use, false),
            CmapEvent::ConnectionCheckoutStarted(_) => (&mut self.waiting, true),
            CmapEvent::ConnectionCheckoutFailed(_) => (&mut self.waiting, false),
            CmapEvent::ConnectionCheckedOut(_) => {
                self.waiting = self.waiting.saturating_sub(1);
                (&mut self.in_use, true)
            }
            _ => return,
        };
        *count = if is_more {
            count.saturating_add(1)
        } else {
            count.saturating_sub(1)
        };
    }
}

/// The connections, and which of them are idle by server, as the driver tells of them.
#[derive(Default)]
pub struct IdleConnections {
    idle: Mutex<HashMap<ServerAddress, HashSet<u32>>>,
    pools: Mutex<PoolCounts>,
}

impl IdleConnections {
    /// Keeps what is new.
    pub fn note(&self, event: &CmapEvent) {
        locked(&self.pools).note(event);
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
        let servers = locked(&self.idle);
        let counts = servers
            .iter()
            .map(|(address, idle)| (address.clone(), idle.len()));
        counts.collect()
    }

    /// How many there are in all.
    #[must_use]
    pub fn pools(&self) -> PoolCounts {
        *locked(&self.pools)
    }

    fn change(&self, address: &ServerAddress, change: impl FnOnce(&mut HashSet<u32>)) {
        let mut servers = locked(&self.idle);
        if !servers.contains_key(address) {
            servers.insert(address.clone(), HashSet::new());
        }
        if let Some(idle) = servers.get_mut(address) {
            change(idle);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers, and sets of them, are whole whatever panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a command, and tells to which server it got a connection. One that got none has not been sent.
pub async fn noting_connection<T>(command: impl Future<Output = T>) -> (T, Option<ServerAddress>) {
    let noting = async { (command.await, connected_to()) };
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
