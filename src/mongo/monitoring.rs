//! What the driver's monitors have seen of a deployment, for those who wait for news of it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mongodb::{
    ServerInfo, ServerType,
    error::Error as DriverError,
    event::sdam::{SdamEvent, TopologyDescription},
    options::ServerAddress,
};
use tokio::{sync::watch, time::Instant};

use crate::mongo::errors::MongoError;

/// What can be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Availability {
    /// Some server takes writes.
    pub takes_writes: bool,
    /// Some server has the data.
    pub has_data: bool,
}

/// Why no server takes writes.
#[derive(Clone)]
enum Outage {
    /// What befell a server.
    Failure(DriverError),
    /// There are servers, but none that does: their addresses and types.
    NoPrimary(String),
}

/// The servers, as the monitors have seen them. Each field is `None` until they have seen anything.
pub struct KnownServers {
    availability: watch::Sender<Option<Availability>>,
    outage: Mutex<Option<Outage>>,
    primary: watch::Sender<Option<ServerAddress>>,
    takes_numbers: watch::Sender<Option<bool>>,
    refusal: watch::Sender<Option<DriverError>>,
    heard_of: Mutex<HashMap<ServerAddress, Instant>>,
}

impl Default for KnownServers {
    fn default() -> Self {
        Self {
            availability: watch::Sender::new(None),
            outage: Mutex::default(),
            primary: watch::Sender::new(None),
            takes_numbers: watch::Sender::new(None),
            refusal: watch::Sender::new(None),
            heard_of: Mutex::default(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole at every point where a panic could leave them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KnownServers {
    /// What can be done.
    #[must_use]
    pub fn availability(&self) -> watch::Receiver<Option<Availability>> {
        self.availability.subscribe()
    }

    /// Why no server took writes when that was so last.
    #[must_use]
    pub fn outage(&self) -> MongoError {
        match locked(&self.outage).clone() {
            Some(Outage::Failure(error)) => MongoError::Driver(error),
            Some(Outage::NoPrimary(servers)) => MongoError::NoPrimary(servers),
            None => MongoError::NoPrimary(String::new()),
        }
    }

    /// Who was primary last, also while nobody is.
    #[must_use]
    pub fn primary(&self) -> watch::Receiver<Option<ServerAddress>> {
        self.primary.subscribe()
    }

    /// Whether the deployment knows a repeated write by its transaction number, as replica sets and sharded clusters do. It
    /// stays as it was while no server is known.
    #[must_use]
    pub fn takes_numbers(&self) -> watch::Receiver<Option<bool>> {
        self.takes_numbers.subscribe()
    }

    /// Why a server has not let this client in, until the monitors have seen it again: so long the driver tries no other time.
    #[must_use]
    pub fn refusal(&self) -> watch::Receiver<Option<DriverError>> {
        self.refusal.subscribe()
    }

    /// A server has not let this client in.
    pub fn note_refusal(&self, error: &DriverError) {
        self.refusal.send_replace(Some(error.clone()));
    }

    /// Whether this server has answered its monitor since.
    #[must_use]
    pub fn has_answered_since(&self, server: &ServerAddress, since: Instant) -> bool {
        locked(&self.heard_of)
            .get(server)
            .is_some_and(|heard_at| *heard_at > since)
    }

    /// Keeps what is new.
    pub fn note(&self, event: &SdamEvent) {
        match event {
            SdamEvent::TopologyDescriptionChanged(event) => {
                self.note_topology(&event.new_description);
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                locked(&self.heard_of).insert(event.server_address.clone(), Instant::now());
            }
            SdamEvent::ServerHeartbeatFailed(event) => {
                self.note_outage(Outage::Failure(event.failure.clone()));
                // Before the first answer, only a failure says that there is no server.
                self.availability.send_if_modified(|known| {
                    let is_news = known.is_none();
                    known.get_or_insert(Availability {
                        takes_writes: false,
                        has_data: false,
                    });
                    is_news
                });
            }
            _ => {}
        }
    }

    /// As if the monitors had seen this.
    #[cfg(test)]
    pub fn see(&self, now: Availability) {
        self.availability.send_replace(Some(now));
    }

    fn note_outage(&self, outage: Outage) {
        *locked(&self.outage) = Some(outage);
    }

    fn note_topology(&self, topology: &TopologyDescription) {
        let servers = topology.servers();
        let types = || servers.values().map(ServerInfo::server_type);
        let now = Availability {
            takes_writes: types().any(takes_writes),
            has_data: types().any(has_data),
        };
        if !now.takes_writes {
            self.note_outage(outage_of(topology));
        }
        self.availability.send_if_modified(|known| {
            let is_news = *known != Some(now) && (now.has_data || known.is_some());
            if is_news {
                *known = Some(now);
            }
            is_news
        });
        if now.takes_writes {
            self.refusal
                .send_if_modified(|refusal| refusal.take().is_some());
        }
        let primary = servers
            .iter()
            .find(|(_, server)| server.server_type() == ServerType::RsPrimary);
        keep(
            &self.primary,
            primary.map(|(address, _)| (*address).clone()),
        );
        keep(&self.takes_numbers, types().find_map(takes_numbers));
    }
}

/// Replaces what is known by news, if there are any.
fn keep<T: PartialEq>(known: &watch::Sender<Option<T>>, news: Option<T>) {
    known.send_if_modified(|known| {
        let is_news = news.is_some() && *known != news;
        if is_news {
            *known = news;
        }
        is_news
    });
}

fn outage_of(topology: &TopologyDescription) -> Outage {
    let servers = topology.servers();
    if let Some(error) = servers.values().find_map(|server| server.error()) {
        return Outage::Failure(error.clone());
    }
    let mut list: Vec<_> = servers
        .iter()
        .map(|(address, server)| format!("{address} is {}", server.server_type()))
        .collect();
    list.sort_unstable();
    Outage::NoPrimary(list.join(", "))
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

fn has_data(server_type: ServerType) -> bool {
    takes_writes(server_type) || server_type == ServerType::RsSecondary
}

/// `None` for a server of which nothing is known.
fn takes_numbers(server_type: ServerType) -> Option<bool> {
    match server_type {
        ServerType::Standalone => Some(false),
        server_type => has_data(server_type).then_some(true),
    }
}
