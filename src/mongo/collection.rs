//! A collection of sessions, through the driver.

use std::sync::Arc;

use mongodb::Namespace;

use crate::mongo::{
    deployment::Deployment, indexes::Indexes, options::WriteConcern, reader::Reader, writer::Writer,
};

/// What can be done with a collection of sessions.
pub struct DriverCollection {
    /// Its reads.
    pub reader: Reader,
    /// Its writes.
    pub writer: Writer,
    /// Its indexes.
    pub indexes: Indexes,
    /// The servers that have it.
    pub deployment: Arc<Deployment>,
}

impl DriverCollection {
    /// Nothing is sent yet. Without a concern, writes are acknowledged as the deployment has it.
    #[must_use]
    pub fn new(
        deployment: &Arc<Deployment>,
        database: &str,
        collection: &str,
        concern: Option<&WriteConcern>,
    ) -> Self {
        let name = Namespace::new(database, collection);
        Self {
            writer: Writer::new(Arc::clone(deployment), name.clone(), concern),
            indexes: Indexes::new(Arc::clone(deployment), name.clone()),
            reader: Reader::new(Arc::clone(deployment), name),
            deployment: Arc::clone(deployment),
        }
    }
}
