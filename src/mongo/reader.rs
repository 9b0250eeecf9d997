//! Reads of a collection of sessions.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::document;
use futures_util::StreamExt;
use mongodb::{
    Collection, Cursor, Database,
    bson::{Bson, DateTime, RawArray, RawDocumentBuf, doc},
    options::{ReadPreference, SelectionCriteria},
};

use crate::mongo::{deployment::Deployment, errors::MongoError, patience::Patience};

/// Reads the sessions of a collection.
pub struct Reader {
    deployment: Arc<Deployment>,
    database: Database,
    sessions: Collection<RawDocumentBuf>,
}

/// Gets the documents of one reply.
pub type OnReply<'a> = dyn FnMut(&RawArray) -> Result<(), MongoError> + Send + 'a;

impl Reader {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(
        deployment: Arc<Deployment>,
        database: Database,
        sessions: Collection<RawDocumentBuf>,
    ) -> Self {
        Self {
            deployment,
            database,
            sessions,
        }
    }

    /// Asks once for the documents of these ids and gives the documents of each reply, of which there are several when they do
    /// not fit into one. A lone id is asked for by itself, the server's fast path.
    ///
    /// # Errors
    /// What befell the command, or what `on_reply` returns.
    pub async fn find(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
    ) -> Result<(), MongoError> {
        self.read(self.find_once(ids, on_reply)).await
    }

    async fn find_once(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
    ) -> Result<(), MongoError> {
        let find = if let [id] = ids {
            self.sessions.find(doc! { "_id": &**id }).limit(-1)
        } else {
            let filter = doc! { "_id": { "$in": bson_strings(ids) } };
            self.sessions.find(filter).batch_size(above(ids.len()))
        };
        let mut replies = find.batch().await?;
        while let Some(reply) = replies.next().await {
            on_reply(reply?.doc_slices()?)?;
        }
        Ok(())
    }

    /// Those of the ids that have a document on the primary.
    ///
    /// # Errors
    /// What befell the command, after the attempts that `retryReads` allows.
    pub async fn existing(&self, ids: &[Arc<str>]) -> Result<HashSet<String>, MongoError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.read(self.existing_once(ids)).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    async fn existing_once(&self, ids: &[Arc<str>]) -> Result<HashSet<String>, MongoError> {
        let mut replies = self
            .sessions
            .find(doc! { "_id": { "$in": bson_strings(ids) } })
            .projection(doc! { "_id": 1 })
            .selection_criteria(primary())
            .batch_size(above(ids.len()))
            .batch()
            .await?;
        let mut existing = HashSet::new();
        while let Some(reply) = replies.next().await {
            for document in reply?.doc_slices()? {
                let id = document?.as_document().map(document::storage_id);
                existing.extend(id.transpose()?.flatten().map(str::to_owned));
            }
        }
        Ok(existing)
    }

    /// The document of this id as the primary has it.
    ///
    /// # Errors
    /// What befell the command, after the attempts that `retryReads` allows.
    pub async fn load(&self, id: &str) -> Result<Option<RawDocumentBuf>, MongoError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.read(self.load_once(id)).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    async fn load_once(&self, id: &str) -> Result<Option<RawDocumentBuf>, MongoError> {
        let by_id = self.sessions.find_one(doc! { "_id": id });
        Ok(by_id.selection_criteria(primary()).await?)
    }

    /// The sessions that are live now.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn live(&self) -> Result<Cursor<RawDocumentBuf>, MongoError> {
        let filter = document::live_filter(DateTime::now());
        Ok(self.sessions.find(filter).await?)
    }

    /// The next sessions that are live now after this id, by id, and `limit` of them at most.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn live_after(
        &self,
        id: Option<&str>,
        limit: u32,
    ) -> Result<Cursor<RawDocumentBuf>, MongoError> {
        let mut filter = document::live_filter(DateTime::now());
        filter.insert(
            "_id",
            id.map_or(doc! { "$gte": "" }, |id| doc! { "$gt": id }),
        );
        let find = self.sessions.find(filter).sort(doc! { "_id": 1 });
        Ok(find.limit(i64::from(limit)).await?)
    }

    /// How many sessions are live now.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn count_live(&self) -> Result<u64, MongoError> {
        let filter = document::live_filter(DateTime::now());
        Ok(self.sessions.count_documents(filter).await?)
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn ping(&self) -> Result<(), MongoError> {
        self.database.run_command(doc! { "ping": 1 }).await?;
        Ok(())
    }

    /// Runs a read, and where it may be repeated gives it up when another server is primary.
    async fn read<T>(
        &self,
        command: impl Future<Output = Result<T, MongoError>>,
    ) -> Result<T, MongoError> {
        if self.deployment.retries_reads() {
            self.deployment.unless_superseded(command).await.0
        } else {
            command.await
        }
    }

    /// After a failed read: waits for the next attempt. Whether there is to be one.
    pub async fn may_read_again(&self, error: &MongoError, patience: &mut Patience) -> bool {
        let may_retry = self.deployment.retries_reads() && error.is_retryable_read();
        may_retry && patience.wait().await
    }
}

/// One more than there can be documents: a cursor that has given as many as its batch holds stays open.
fn above(documents: usize) -> u32 {
    u32::try_from(documents).map_or(u32::MAX, |documents| documents.saturating_add(1))
}

fn bson_strings(ids: &[Arc<str>]) -> Vec<Bson> {
    ids.iter().map(|id| Bson::from(&**id)).collect()
}

fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}
