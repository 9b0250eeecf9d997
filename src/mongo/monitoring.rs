//! What the driver's monitors see of a deployment, for those who wait for news of it.

use mongodb::{ServerType, event::sdam::SdamEvent, options::ServerAddress};
use tokio::sync::watch;

/// Keeps who was primary last.
pub fn note_primary(last_primary: &watch::Sender<Option<ServerAddress>>, event: &SdamEvent) {
    let SdamEvent::TopologyDescriptionChanged(event) = event else {
        return;
    };
    let servers = event.new_description.servers();
    let mut primaries = servers
        .iter()
        .filter(|(_, server)| server.server_type() == ServerType::RsPrimary);
    if let Some((address, _)) = primaries.next() {
        last_primary.send_if_modified(|last| {
            let is_news = last.as_ref() != Some(*address);
            if is_news {
                *last = Some((*address).clone());
            }
            is_news
        });
    }
}

/// Keeps whether some server takes writes.
pub fn note_availability(availability: &watch::Sender<Option<bool>>, event: &SdamEvent) {
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
