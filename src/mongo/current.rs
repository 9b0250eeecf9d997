//! The driver's client of a deployment, until it is replaced by another.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mongodb::{
    Client,
    event::{EventHandler, cmap::CmapEvent},
    options::ClientOptions,
};
use tokio::time::Instant;

use crate::mongo::{
    connections::{IdleConnections, note_connection},
    errors::MongoError,
    monitoring::KnownServers,
    options::{ConnectionOptions, driver_options},
};

/// The client that commands are sent with.
pub struct CurrentClient {
    /// The driver's.
    pub client: Client,
    /// When it was made: what was sent before went over the one before.
    pub made_at: Instant,
    /// Its connections that no command has.
    pub idle: Arc<IdleConnections>,
    /// Not any more: what its monitors see is no news.
    is_current: Arc<AtomicBool>,
}

impl CurrentClient {
    /// Another has taken its place.
    pub fn give_up(&self) {
        self.is_current.store(false, Ordering::Relaxed);
    }
}

/// A client whose event handlers keep `known` up to date as long as it is current, and the options that were given for it.
///
/// # Errors
/// Options that the driver refuses.
pub async fn connect(
    connection: &ConnectionOptions,
    known: &Arc<KnownServers>,
) -> Result<(ClientOptions, CurrentClient), MongoError> {
    let made = driver_options(connection).await?;
    let (mut options, known) = (made.options.clone(), Arc::clone(known));
    // Commands are sent again here, where it is known meanwhile that the server is overloaded.
    options.max_adaptive_retries = Some(0);
    let is_current = Arc::new(AtomicBool::new(true));
    let is_heard = Arc::clone(&is_current);
    options.sdam_event_handler = Some(EventHandler::callback(move |event| {
        if is_heard.load(Ordering::Relaxed) {
            known.note(&event);
        }
    }));
    let idle = Arc::new(IdleConnections::default());
    let pools = Arc::clone(&idle);
    options.cmap_event_handler = Some(EventHandler::callback(move |event| {
        pools.note(&event);
        if let CmapEvent::ConnectionCheckedOut(event) = event {
            note_connection(event.address);
        }
    }));
    let client = CurrentClient {
        client: Client::with_options(options)?,
        made_at: Instant::now(),
        idle,
        is_current,
    };
    Ok((made.options, client))
}
