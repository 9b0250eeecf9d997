//! Reads and writes outside the queue: the calls that no request of a user waits for.

use std::sync::Arc;

use connect_mongo_native_core::document::{self, Found, Payload, Times, WithoutSession};
use futures_util::FutureExt;
use mongodb::bson::RawDocument;
use tokio::time::Instant;

use crate::{
    engine::{errors::StoreError, operation::Codec},
    mongo::{collection::DriverCollection, errors::MongoError},
};

/// The sessions of a collection, as one store writes and reads them.
pub struct StoredSessions {
    collection: Arc<DriverCollection>,
    codec: Arc<Codec>,
}

/// A session, and how exactly it is stored.
pub struct Loaded {
    /// Not decrypted; its payload is `None` when the document has no session.
    pub stored: Found,
    /// Decrypted.
    pub revealed: Found,
}

/// A session that a scan came to.
pub struct Scanned {
    /// Where it is; `None` when that is not valid UTF-8.
    pub storage_id: Option<String>,
    /// Not decrypted; `None` when the document has no session, or one that cannot be read.
    pub stored: Option<Payload>,
    /// Decrypted, or why it cannot be read.
    pub revealed: Result<Found, StoreError>,
}

impl StoredSessions {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(collection: Arc<DriverCollection>, codec: Arc<Codec>) -> Self {
        Self { collection, codec }
    }

    /// All live sessions, in the place of each that cannot be read the reason.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn all(&self) -> Result<Vec<Result<Found, StoreError>>, StoreError> {
        let mut cursor = self.collection.reader.live().await?;
        let mut sessions = Vec::new();
        while cursor.advance().await.map_err(MongoError::from)? {
            let document = cursor.current();
            sessions.push(self.reveal(readable_id(document), document).await);
        }
        Ok(sessions)
    }

    /// The next `limit` live sessions after a storage id, by storage id.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn scan(&self, after: Option<&str>, limit: u32) -> Result<Vec<Scanned>, StoreError> {
        let mut cursor = self.collection.reader.live_after(after, limit).await?;
        let mut scanned = Vec::new();
        while cursor.advance().await.map_err(MongoError::from)? {
            let document = cursor.current();
            // The filter finds no document whose id is no string.
            let storage_id = readable_id(document);
            let stored = document::read(document).ok();
            scanned.push(Scanned {
                storage_id: storage_id.map(str::to_owned),
                stored: stored.and_then(|found| found.payload),
                revealed: self.reveal(storage_id, document).await,
            });
        }
        Ok(scanned)
    }

    async fn reveal(
        &self,
        storage_id: Option<&str>,
        document: &RawDocument,
    ) -> Result<Found, StoreError> {
        let found = document::read(document)?;
        // Only sessions in our own format are bound to their storage id, and those have one that is a string.
        let storage_id = storage_id.unwrap_or_default();
        let encryption = &self.codec.encryption;
        encryption.reveal(storage_id, found, || false).await
    }

    /// The session of this id as the primary has it, whether it is live or not. `until`: when nobody waits for it any more.
    ///
    /// # Errors
    /// What befell the command, or no secret opens the session.
    pub async fn load(
        &self,
        storage_id: &str,
        until: Option<Instant>,
    ) -> Result<Option<Loaded>, StoreError> {
        let Some(document) = self.collection.reader.load(storage_id).await? else {
            return Ok(None);
        };
        let stored = document::read(&document)?;
        let found = document::read(&document)?;
        let is_gone = || until.is_some_and(|until| until <= Instant::now());
        let encryption = &self.codec.encryption;
        let revealed = encryption.reveal(storage_id, found, is_gone).await?;
        Ok(Some(Loaded { stored, revealed }))
    }

    /// Writes a session if it is still stored as `stored`, and tells whether that was the case. Without times nothing but its
    /// value changes.
    ///
    /// # Errors
    /// What befell the command, or a payload that is no document.
    pub async fn replace(
        &self,
        storage_id: &str,
        stored: Payload,
        payload: Payload,
        times: Option<Times>,
    ) -> Result<bool, StoreError> {
        let payload = self.codec.encryption.prepare(storage_id, payload).await?;
        let timestamps = self.codec.timestamps;
        let statement =
            document::replace_statement(storage_id, &stored, &payload, times, timestamps)?;
        Ok(self.collection.writer.replace(statement).await?)
    }

    /// Writes a session under another id and removes it where it was, both or neither, and tells whether it has: not when there was
    /// none, nor where nothing is acknowledged or the server has no transactions.
    ///
    /// # Errors
    /// What befell the transaction, or a payload that is no document.
    pub async fn move_to(
        &self,
        from: &str,
        storage_id: &str,
        payload: Payload,
        times: Times,
    ) -> Result<bool, StoreError> {
        let payload = self.codec.encryption.prepare(storage_id, payload).await?;
        let timestamps = self.codec.timestamps;
        let statement = document::set_statement(
            storage_id,
            &payload,
            times,
            WithoutSession::Created,
            timestamps,
        )?;
        let (collection, removal) = (
            Arc::clone(&self.collection),
            document::delete_statement(from),
        );
        let moving = async move { collection.writer.move_to(removal, statement).await };
        // It comes to its end also when nobody waits for that any more: what is left open keeps its locks for a minute.
        match tokio::spawn(moving.boxed()).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(StoreError::Panic(error.to_string())),
        }
    }

    /// The number of live sessions.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn count(&self) -> Result<i64, StoreError> {
        let count = self.collection.reader.count_live().await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Removes all sessions; the collection and its indexes stay.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn clear(&self) -> Result<(), StoreError> {
        Ok(self.collection.writer.clear().await?)
    }
}

fn readable_id(document: &RawDocument) -> Option<&str> {
    document::storage_id(document).ok().flatten()
}
