//! Reads and writes outside the queue: the calls that no request of a user waits for.

use std::sync::Arc;

use connect_mongo_native_core::document::{self, Found, Payload, Times};

use crate::{
    engine::{encryption::Standing, errors::StoreError, operation::Codec},
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

/// A session that is not stored as it would be today.
pub struct Outdated {
    /// Where it is.
    pub storage_id: String,
    /// The stored value.
    pub stored: Payload,
    /// What the serializer returned, or its JSON; `None` when `stored` is not encrypted.
    pub text: Option<String>,
}

/// A part of the collection.
#[derive(Default)]
pub struct OutdatedPart {
    /// Those that are to be replaced.
    pub outdated: Vec<Outdated>,
    /// The storage ids of those that no secret opens.
    pub unreadable: Vec<String>,
    /// How many sessions were looked at.
    pub scanned: u32,
    /// The last storage id that was looked at; `None` at the end of the collection.
    pub last: Option<String>,
}

impl StoredSessions {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(collection: Arc<DriverCollection>, codec: Arc<Codec>) -> Self {
        Self { collection, codec }
    }

    /// All live sessions, in the place of each that cannot be decrypted the reason.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn all(&self) -> Result<Vec<Result<Found, StoreError>>, StoreError> {
        let mut cursor = self.collection.reader.live().await?;
        let mut sessions = Vec::new();
        while cursor.advance().await.map_err(MongoError::from)? {
            let document = cursor.current();
            // Only sessions in our own format are bound to their storage id, and those have one that is a string.
            let storage_id = document::storage_id(document)?.unwrap_or_default();
            let found = document::read(document)?;
            sessions.push(self.codec.encryption.reveal(storage_id, found).await);
        }
        Ok(sessions)
    }

    /// Of the next `limit` live sessions after a storage id, those that are not stored as they would be today.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn outdated(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<OutdatedPart, StoreError> {
        let mut cursor = self.collection.reader.live_after(after, limit).await?;
        let mut part = OutdatedPart::default();
        while cursor.advance().await.map_err(MongoError::from)? {
            let document = cursor.current();
            // The filter finds no document whose id is no string.
            let storage_id = document::storage_id(document)?.unwrap_or_default();
            self.add_outdated(storage_id, document::read(document)?, &mut part)
                .await?;
        }
        Ok(part)
    }

    async fn add_outdated(
        &self,
        storage_id: &str,
        found: Found,
        part: &mut OutdatedPart,
    ) -> Result<(), StoreError> {
        part.scanned += 1;
        part.last = Some(storage_id.to_owned());
        let text = match self.codec.encryption.standing(storage_id, &found).await {
            Ok(Standing::Current) => return Ok(()),
            Ok(Standing::Outdated(text)) => Some(text),
            Ok(Standing::Plain) => None,
            Err(StoreError::Encryption(_)) => {
                part.unreadable.push(storage_id.to_owned());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let outdated = found.payload.map(|stored| Outdated {
            storage_id: storage_id.to_owned(),
            stored,
            text,
        });
        part.outdated.extend(outdated);
        Ok(())
    }

    /// The session of this id as the primary has it, whether it is live or not.
    ///
    /// # Errors
    /// What befell the command, or no secret opens the session.
    pub async fn load(&self, storage_id: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(document) = self.collection.reader.load(storage_id).await? else {
            return Ok(None);
        };
        let stored = document::read(&document)?;
        let found = document::read(&document)?;
        let revealed = self.codec.encryption.reveal(storage_id, found).await?;
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

    /// The number of live sessions.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn length(&self) -> Result<i64, StoreError> {
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

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.collection.reader.ping().await?)
    }
}
