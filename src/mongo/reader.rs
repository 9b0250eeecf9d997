//! Reads of a collection of sessions.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::document;
use futures_util::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture};
use mongodb::{
    Collection, Cursor,
    bson::{Bson, DateTime, Document, RawArray, RawDocumentBuf, doc},
    options::{ReadPreference, SelectionCriteria},
};

use crate::mongo::{
    deployment::Deployment,
    errors::MongoError,
    patience::{Loss, Patience},
};

/// Reads the sessions of a collection.
pub struct Reader {
    deployment: Arc<Deployment>,
    sessions: Collection<RawDocumentBuf>,
}

/// Gets the documents of one reply.
pub type OnReply<'a> = dyn FnMut(&RawArray) -> Result<(), MongoError> + Send + 'a;

impl Reader {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(deployment: Arc<Deployment>, sessions: Collection<RawDocumentBuf>) -> Self {
        Self {
            deployment,
            sessions,
        }
    }

    /// Asks once for the documents of these ids and gives the documents of each reply, of which there are several when they do
    /// not fit into one. A lone id is asked for by itself, the server's fast path. `loss`: what may be done when nothing is heard
    /// of it.
    ///
    /// # Errors
    /// What befell the command, or what `on_reply` returns.
    pub async fn find(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
        loss: Loss,
    ) -> Result<(), MongoError> {
        self.read(self.find_once(ids, on_reply).boxed(), loss).await
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
        self.retried(|| self.existing_once(ids).boxed()).await
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
        let by_id = || {
            let find = self.sessions.find_one(doc! { "_id": id });
            find.selection_criteria(primary()).into_future()
        };
        self.retried(|| by_id().map_err(MongoError::from).boxed())
            .await
    }

    /// The sessions that are live now.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn live(&self) -> Result<Cursor<RawDocumentBuf>, MongoError> {
        let find = || self.sessions.find(live_now()).into_future();
        self.retried(|| find().map_err(MongoError::from).boxed())
            .await
    }

    /// The next sessions that are live now after this id, by id, and `limit` of them at most.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn live_after(
        &self,
        id: Option<&str>,
        limit: u32,
    ) -> Result<Cursor<RawDocumentBuf>, MongoError> {
        let find = || {
            let mut filter = live_now();
            filter.insert(
                "_id",
                id.map_or(doc! { "$gte": "" }, |id| doc! { "$gt": id }),
            );
            let find = self.sessions.find(filter).sort(doc! { "_id": 1 });
            find.limit(i64::from(limit)).into_future()
        };
        self.retried(|| find().map_err(MongoError::from).boxed())
            .await
    }

    /// How many sessions are live now.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn count_live(&self) -> Result<u64, MongoError> {
        let count = || self.sessions.count_documents(live_now()).into_future();
        self.retried(|| count().map_err(MongoError::from).boxed())
            .await
    }

    /// Runs a read as often as `retryReads` allows.
    async fn retried<'a, T>(
        &self,
        command: impl Fn() -> BoxFuture<'a, Result<T, MongoError>>,
    ) -> Result<T, MongoError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.read(command(), patience.loss_of_repeatable()).await {
                Err(error) if self.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    /// Runs a read once, until it seems to be lost.
    async fn read<T>(
        &self,
        command: BoxFuture<'_, Result<T, MongoError>>,
        loss: Loss,
    ) -> Result<T, MongoError> {
        let loss = if self.deployment.retries_reads() {
            loss
        } else {
            Patience::loss_of_plain()
        };
        self.deployment.attempt(command, loss).await.0
    }

    /// After a failed read: waits for the next attempt. Whether there is to be one.
    pub async fn may_read_again(&self, error: &MongoError, patience: &mut Patience) -> bool {
        let may_retry = self.deployment.retries_reads() && error.is_retryable_read();
        may_retry && patience.wait_after(error).await
    }
}

/// One more than there can be documents: a cursor that has given as many as its batch holds stays open.
fn above(documents: usize) -> u32 {
    u32::try_from(documents).map_or(u32::MAX, |documents| documents.saturating_add(1))
}

fn bson_strings(ids: &[Arc<str>]) -> Vec<Bson> {
    ids.iter().map(|id| Bson::from(&**id)).collect()
}

fn live_now() -> Document {
    document::live_filter(DateTime::now())
}

fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}
