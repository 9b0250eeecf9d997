//! One engine for all stores of a collection, so that the order of operations holds among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::runtime::Handle;

use crate::{
    engine::{caller::Caller, group::Engine},
    mongo::{collection::DriverCollection, deployment::Deployment, options::WriteConcern},
};

/// The engines of a process that some store uses.
pub struct Engines<C: Caller>(Mutex<HashMap<EngineKey, Weak<CollectionEngine<C>>>>);

/// The engine of a collection in MongoDB.
pub type CollectionEngine<C> = Engine<DriverCollection, C>;

/// What has to be equal for stores to share an engine.
#[derive(PartialEq, Eq, Hash)]
struct EngineKey {
    /// Its address. While an engine lives, its deployment does, so no other deployment can have that address.
    deployment: usize,
    database: String,
    collection: String,
    /// As BSON.
    write_concern: Option<Vec<u8>>,
}

impl<C: Caller> Default for Engines<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Caller> Engines<C> {
    /// The engine of this collection for writes with this concern, made now when there is none.
    pub fn get(
        &self,
        deployment: &Arc<Deployment>,
        database: &str,
        collection: &str,
        concern: Option<&WriteConcern>,
        runtime: &Handle,
    ) -> Arc<CollectionEngine<C>> {
        let key = EngineKey {
            deployment: Arc::as_ptr(deployment).addr(),
            database: database.to_owned(),
            collection: collection.to_owned(),
            write_concern: concern.map(|concern| concern.to_document().into_bytes()),
        };
        // The map is whole at every point where a panic could leave the lock.
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engines.retain(|_, engine| engine.strong_count() > 0);
        if let Some(engine) = engines.get(&key).and_then(Weak::upgrade) {
            return engine;
        }
        let server = DriverCollection::new(deployment, database, collection, concern);
        let engine = Arc::new(Engine::new(server, runtime.clone()));
        engines.insert(key, Arc::downgrade(&engine));
        engine
    }
}
