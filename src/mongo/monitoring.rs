//! What the driver's monitors have seen of a deployment, for those who wait for news of it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mongodb::{
    ServerInfo, ServerType,
    error::Error as DriverError,
    event::sdam::{SdamEvent, TopologyDescription},
    options::ServerAddress,
};
use tokio::{sync::watch, time::Instant};

use crate::mongo::{
    errors::MongoError,
    trouble::{Outage, Trouble},
};

/// What can be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Availability {
    /// Some server takes writes.
    pub takes_writes: bool,
    /// Some server has the data.
    pub has_data: bool,
}

/// What is known of a server.
#[derive(Clone)]
enum State {
    Trouble(Trouble),
    Type(ServerType),
}

/// The servers, as the monitors have seen them. Each field is `None` until they have seen anything.
pub struct KnownServers {
    availability: watch::Sender<Option<Availability>>,
    servers: Mutex<HashMap<ServerAddress, State>>,
    /// When that was so last.
    outage: Mutex<Outage>,
    primary: watch::Sender<Option<ServerAddress>>,
    takes_numbers: watch::Sender<Option<bool>>,
    refuses_numbers: watch::Sender<Option<DriverError>>,
    /// A server has turned out to be alone, and its monitor has not seen it yet.
    is_alone: AtomicBool,
    is_deserted: watch::Sender<bool>,
    refusal: watch::Sender<Option<DriverError>>,
    heard_of: Mutex<HashMap<ServerAddress, Instant>>,
}

impl Default for KnownServers {
    fn default() -> Self {
        Self {
            availability: watch::Sender::new(None),
            servers: Mutex::default(),
            outage: Mutex::default(),
            primary: watch::Sender::new(None),
            takes_numbers: watch::Sender::new(None),
            refuses_numbers: watch::Sender::new(None),
            is_alone: AtomicBool::new(false),
            is_deserted: watch::Sender::new(false),
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
    pub fn last_outage(&self) -> Outage {
        locked(&self.outage).clone()
    }

    /// What keeps servers from being used now.
    #[must_use]
    pub fn outage(&self) -> Outage {
        let mut outage = Outage::default();
        for (address, state) in &*locked(&self.servers) {
            match state {
                State::Trouble(trouble) => outage.troubles.push(trouble.clone()),
                State::Type(server_type) => {
                    outage.others.push(format!("{address} is {server_type}"));
                }
            }
        }
        outage
            .troubles
            .sort_unstable_by(|one, other| one.message.cmp(&other.message));
        outage.others.sort_unstable();
        outage
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

    /// With what a server has refused a transaction number that says it takes them, and always will.
    #[must_use]
    pub fn refuses_numbers(&self) -> watch::Receiver<Option<DriverError>> {
        self.refuses_numbers.subscribe()
    }

    /// Whether a server has refused a transaction number, as far as is known now.
    #[must_use]
    pub fn has_refused_numbers(&self) -> bool {
        self.refuses_numbers.borrow().is_some() || self.is_alone.load(Ordering::Relaxed)
    }

    /// A server has refused a transaction number: for good, or because it has left its replica set, which its monitor will see.
    pub fn note_refused_numbers(&self, error: &MongoError) {
        if error.is_of_standalone() {
            self.is_alone.store(true, Ordering::Relaxed);
        } else if let Some(error) = error.driver_error() {
            self.refuses_numbers.send_replace(Some(error.clone()));
        }
    }

    /// Whether the driver has no server left to ask: what has become of the last is no member of the replica set that it was in,
    /// <https://github.com/mongodb/specifications/blob/master/source/server-discovery-and-monitoring/server-discovery-and-monitoring.md#updaterswithoutprimary>.
    #[must_use]
    pub fn is_deserted(&self) -> watch::Receiver<bool> {
        self.is_deserted.subscribe()
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
                self.is_alone.store(false, Ordering::Relaxed);
                locked(&self.heard_of).insert(event.server_address.clone(), Instant::now());
            }
            SdamEvent::ServerHeartbeatFailed(event) => {
                let trouble = Trouble::of(&event.server_address, &event.failure);
                locked(&self.servers).insert(event.server_address.clone(), State::Trouble(trouble));
                self.note_outage();
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

    fn note_outage(&self) {
        let outage = self.outage();
        *locked(&self.outage) = outage;
    }

    fn note_servers(&self, servers: &HashMap<&ServerAddress, ServerInfo<'_>>) {
        let mut known = locked(&self.servers);
        let states = servers.iter().map(|(address, server)| {
            let before = known.get(*address);
            ((*address).clone(), state_of(address, server, before))
        });
        *known = states.collect();
    }

    fn note_topology(&self, topology: &TopologyDescription) {
        let servers = topology.servers();
        self.note_servers(&servers);
        let types = || servers.values().map(ServerInfo::server_type);
        let now = Availability {
            takes_writes: types().any(takes_writes),
            has_data: types().any(has_data),
        };
        if !now.takes_writes {
            self.note_outage();
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
        if keep(&self.takes_numbers, types().find_map(takes_numbers)) {
            // They are others than those that refused.
            self.refuses_numbers.send_replace(None);
        }
        self.is_deserted.send_replace(servers.is_empty());
    }
}

/// Replaces what is known by news, if there are any. Whether there were.
fn keep<T: PartialEq>(known: &watch::Sender<Option<T>>, news: Option<T>) -> bool {
    known.send_if_modified(|known| {
        let is_news = news.is_some() && *known != news;
        if is_news {
            *known = news;
        }
        is_news
    })
}

/// One that is not known any more without a reason keeps that of before.
fn state_of(address: &ServerAddress, server: &ServerInfo<'_>, before: Option<&State>) -> State {
    match (server.error(), server.server_type(), before) {
        (Some(error), ..) => State::Trouble(Trouble::of(address, error)),
        (None, ServerType::Unknown, Some(State::Trouble(trouble))) => {
            State::Trouble(trouble.clone())
        }
        (None, ServerType::Unknown, _) => State::Trouble(Trouble::silent(address)),
        (None, server_type, _) => State::Type(server_type),
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
