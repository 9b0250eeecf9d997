//! The connections of the driver's pools that no command has.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use mongodb::{event::cmap::CmapEvent, options::ServerAddress};

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
