//! Reads of a collection of sessions.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::document;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use mongodb::{
    Collection, Cursor, Namespace,
    bson::{Bson, DateTime, Document, RawArray, RawDocumentBuf, doc},
    options::{ReadPreference, SelectionCriteria},
};

use crate::mongo::{
    asked::AskedFor,
    deployment::Deployment,
    errors::MongoError,
    patience::{Loss, Patience},
};

/// Reads the sessions of a collection.
pub struct Reader {
    deployment: Arc<Deployment>,
    name: Namespace,
}

/// Gets the documents of one reply.
pub type OnReply<'a> = dyn FnMut(&RawArray) -> Result<(), MongoError> + Send + 'a;

impl Reader {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(deployment: Arc<Deployment>, name: Namespace) -> Self {
        Self { deployment, name }
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
        let sessions = self.sessions();
        let find = if let [id] = ids {
            sessions.find(doc! { "_id": &**id }).limit(-1)
        } else {
            let filter = doc! { "_id": { "$in": bson_strings(ids) } };
            sessions.find(filter).batch_size(above(ids.len()))
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
            .sessions()
            .find(doc! { "_id": { "$in": bson_strings(ids) } })
            .projection(doc! { "_id": 1 })
            .selection_criteria(primary())
            .batch_size(above(ids.len()))
            .batch()
            .await?;
        let asked = AskedFor::new(ids);
        let mut existing = HashSet::new();
        while let Some(reply) = replies.next().await {
            let reply = reply?;
            let documents = reply.doc_slices()?;
            asked.check(documents)?;
            for document in documents {
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
        self.retried(|| self.load_once(id).boxed()).await
    }

    async fn load_once(&self, id: &str) -> Result<Option<RawDocumentBuf>, MongoError> {
        let sessions = self.sessions();
        let find = sessions.find_one(doc! { "_id": id });
        let Some(found) = find.selection_criteria(primary()).await? else {
            return Ok(None);
        };
        AskedFor::new(&[Arc::from(id)]).is_variant(&found)?;
        Ok(Some(found))
    }

    /// The sessions that are live now.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn live(&self) -> Result<Cursor<RawDocumentBuf>, MongoError> {
        self.retried(|| async { Ok(self.sessions().find(live_now()).await?) }.boxed())
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
        let find = async || {
            let mut filter = live_now();
            filter.insert(
                "_id",
                id.map_or(doc! { "$gte": "" }, |id| doc! { "$gt": id }),
            );
            let sessions = self.sessions();
            let find = sessions.find(filter).sort(doc! { "_id": 1 });
            Ok(find.limit(i64::from(limit)).await?)
        };
        self.retried(|| find().boxed()).await
    }

    /// How many sessions are live now.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn count_live(&self) -> Result<u64, MongoError> {
        self.retried(|| async { Ok(self.sessions().count_documents(live_now()).await?) }.boxed())
            .await
    }

    fn sessions(&self) -> Collection<RawDocumentBuf> {
        self.deployment.collection(&self.name)
    }

    /// Runs a read as often as `retryReads` allows.
    async fn retried<'a, T>(
        &self,
        command: impl Fn() -> BoxFuture<'a, Result<T, MongoError>>,
    ) -> Result<T, MongoError> {
        let mut patience = self.deployment.patience();
        let mut wrong_replies = 0;
        loop {
            match self.read(command(), patience.loss_of_repeatable()).await {
                // The connection that gave it is not used again.
                Err(MongoError::WrongReply) if wrong_replies == 0 => wrong_replies += 1,
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
