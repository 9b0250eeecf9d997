//! Reads and writes outside the queue: the calls that no request of a user waits for.

use std::sync::Arc;

use connect_mongo_native_core::document::{
    self, Found, FoundBeside, Marks, Payload, Times, WithoutSession,
};
use futures_util::{FutureExt, StreamExt};
use mongodb::{
    bson::{Document, RawDocument, RawDocumentBuf, rawdoc},
    raw_batch_cursor::RawBatch,
};
use tokio::time::Instant;

use crate::{
    engine::{
        errors::StoreError,
        operation::Codec,
        statements::{description_id, prepared},
    },
    mongo::{
        collection::DriverCollection,
        errors::MongoError,
        reader::Query,
        trace::{watched, watchers},
    },
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
    /// What is kept beside it, not decrypted.
    pub beside: FoundBeside,
}

/// A session that was selected.
pub struct Selected {
    /// Where it is; `None` when that is no valid text.
    pub storage_id: Option<String>,
    /// Not decrypted; `None` when the document has no session, or one that cannot be read, or nobody wants it.
    pub stored: Option<Payload>,
    /// Decrypted, or why it cannot be read.
    pub revealed: Result<Found, StoreError>,
    /// What is kept beside it; its description is decrypted, and none where it cannot be.
    pub beside: FoundBeside,
}

impl StoredSessions {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(collection: Arc<DriverCollection>, codec: Arc<Codec>) -> Self {
        Self { collection, codec }
    }

    /// The sessions that a query finds.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn select(
        &self,
        query: &Query,
        with_stored: bool,
    ) -> Result<Vec<Selected>, StoreError> {
        let mut replies = self.collection.reader.select(query).await?;
        let mut selected = Vec::new();
        while let Some(reply) = replies.next().await {
            for document in documents(&reply.map_err(MongoError::from)?)? {
                let storage_id = readable_id(document);
                let stored = with_stored.then(|| document::read(document).ok()).flatten();
                selected.push(Selected {
                    storage_id: storage_id.map(str::to_owned),
                    stored: stored.and_then(|found| found.payload),
                    revealed: self.reveal(storage_id, document).await,
                    beside: self.reveal_beside(storage_id, document).await,
                });
            }
        }
        Ok(selected)
    }

    /// The storage ids that a query finds; `None` is one that is no valid text.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn select_ids(&self, query: &Query) -> Result<Vec<Option<String>>, StoreError> {
        let mut replies = self.collection.reader.select(query).await?;
        let mut ids = Vec::new();
        while let Some(reply) = replies.next().await {
            let reply = reply.map_err(MongoError::from)?;
            ids.extend(
                documents(&reply)?
                    .into_iter()
                    .map(|document| readable_id(document).map(str::to_owned)),
            );
        }
        Ok(ids)
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

    async fn reveal_beside(&self, storage_id: Option<&str>, document: &RawDocument) -> FoundBeside {
        let mut beside = document::read_beside(document).unwrap_or_default();
        if let Some(description) = beside.description.take() {
            let id = description_id(storage_id.unwrap_or_default());
            let found = Found::of(description);
            let revealed = self.codec.encryption.reveal(&id, found, || false).await;
            beside.description = revealed.ok().and_then(|found| found.payload);
        }
        beside
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
        let beside = document::read_beside(&document)?;
        Ok(Some(Loaded {
            stored,
            revealed,
            beside,
        }))
    }

    /// Writes a session if it is still stored as `stored`, and tells whether that was the case. Without times nothing but its
    /// value changes. `now_ms`: what counts as now, in milliseconds since the epoch.
    ///
    /// # Errors
    /// What befell the command, or a payload that is no document.
    pub async fn replace(
        &self,
        storage_id: &str,
        stored: Payload,
        payload: Payload,
        now_ms: f64,
        times: Option<Times>,
        marks: Option<Box<Marks>>,
    ) -> Result<bool, StoreError> {
        let payload = self.codec.encryption.prepare(storage_id, payload).await?;
        let marks = prepared(storage_id, marks, false, &self.codec).await?;
        let (beside, marks) = (self.codec.beside, marks.as_deref());
        let statement = document::replace_statement(
            storage_id, &stored, &payload, now_ms, times, beside, marks,
        )?;
        Ok(self.collection.writer.replace(statement).await?)
    }

    /// Changes one document that a filter finds, and tells whether there was one.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn change(
        &self,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
    ) -> Result<bool, StoreError> {
        let statement = rawdoc! { "q": filter, "u": update };
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
        marks: Option<Box<Marks>>,
    ) -> Result<bool, StoreError> {
        let payload = self.codec.encryption.prepare(storage_id, payload).await?;
        let marks = prepared(storage_id, marks, true, &self.codec).await?;
        let statement = document::set_statement(
            storage_id,
            &payload,
            times,
            WithoutSession::Created,
            self.codec.beside,
            marks.as_deref(),
        )?;
        let (collection, removal) = (
            Arc::clone(&self.collection),
            document::delete_statement(from),
        );
        let moving = async move { collection.writer.move_to(removal, statement).await };
        // It comes to its end also when nobody waits for that any more: what is left open keeps its locks for a minute.
        let moving = watched(watchers(), moving);
        match tokio::spawn(moving.boxed()).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(StoreError::Panic(error.to_string())),
        }
    }

    /// The number of sessions that a filter finds.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn count(&self, filter: &Document) -> Result<i64, StoreError> {
        let count = self.collection.reader.count(filter).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Removes all sessions that a filter finds, and gives their number.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn remove_all(
        &self,
        filter: &RawDocumentBuf,
        is_repeatable: bool,
    ) -> Result<i64, StoreError> {
        let writer = &self.collection.writer;
        let removed = writer.remove_all(filter, is_repeatable).await?;
        Ok(i64::try_from(removed).unwrap_or(i64::MAX))
    }

    /// What the primary's clock says, in milliseconds since the epoch.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn server_time_ms(&self) -> Result<i64, StoreError> {
        let now = self.collection.deployment.server_time().await?;
        Ok(now.timestamp_millis())
    }
}

/// The documents of a reply.
fn documents(reply: &RawBatch) -> Result<Vec<&RawDocument>, MongoError> {
    let documents = reply.doc_slices()?.into_iter();
    let documents: Result<Vec<_>, MongoError> =
        documents.map(|one| Ok(one?.as_document())).collect();
    Ok(documents?.into_iter().flatten().collect())
}

fn readable_id(document: &RawDocument) -> Option<&str> {
    document::storage_id(document).ok().flatten()
}
