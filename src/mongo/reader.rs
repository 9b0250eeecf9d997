//! Reads of a collection of sessions.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::{document, replies};
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use mongodb::{
    Collection, Namespace,
    bson::{Bson, Document, RawArray, RawBsonRef, RawDocumentBuf, doc, serialize_to_bson},
    options::{ReadPreference, SelectionCriteria},
    raw_batch_cursor::RawBatchCursor,
};

use crate::mongo::{
    asked::AskedFor,
    deployment::Deployment,
    errors::MongoError,
    patience::{Loss, Patience},
    trace::{Attempt, note_reply},
};

/// As many ids as a reply has room for.
const MOST_IN_A_REPLY: u32 = i32::MAX.unsigned_abs();

/// Reads the sessions of a collection.
pub struct Reader {
    deployment: Arc<Deployment>,
    name: Namespace,
}

/// Which documents are asked for, and what of them.
pub struct Query {
    /// Of these.
    pub filter: Document,
    /// In this order; without one as the server has them.
    pub sort: Option<Document>,
    /// So many at the most; 0: all.
    pub limit: u32,
    /// Nothing but their ids.
    pub is_of_ids: bool,
    /// As the primary has them, whatever the read preference says.
    pub is_of_primary: bool,
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
        let find = self.find_once(ids, on_reply).boxed();
        self.read("find", find, loss).await
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
            let reply = reply?;
            let documents = reply.doc_slices()?;
            note_reply(documents.as_bytes().len());
            on_reply(documents)?;
        }
        Ok(())
    }

    /// Those of the ids that have a document on the primary.
    ///
    /// # Errors
    /// What befell the command, after the attempts that `retryReads` allows.
    pub async fn existing(&self, ids: &[Arc<str>]) -> Result<HashSet<String>, MongoError> {
        self.retried("find", || self.existing_once(ids).boxed())
            .await
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
        self.retried("find", || self.load_once(id).boxed()).await
    }

    async fn load_once(&self, id: &str) -> Result<Option<RawDocumentBuf>, MongoError> {
        let sessions = self.sessions();
        let find = sessions.find(doc! { "_id": id }).limit(-1);
        let mut replies = find.selection_criteria(primary()).batch().await?;
        let Some(reply) = replies.next().await.transpose()? else {
            return Ok(None);
        };
        let documents = reply.doc_slices()?;
        AskedFor::new(&[Arc::from(id)]).check(documents)?;
        let found = documents.into_iter().next().transpose()?;
        let document = found.and_then(RawBsonRef::as_document);
        Ok(document.map(ToOwned::to_owned))
    }

    /// The replies with the documents that a query finds.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn select(&self, query: &Query) -> Result<RawBatchCursor, MongoError> {
        self.retried("find", || self.select_once(query).boxed())
            .await
    }

    async fn select_once(&self, query: &Query) -> Result<RawBatchCursor, MongoError> {
        let sessions = self.sessions();
        let mut find = sessions.find(query.filter.clone());
        if let Some(sort) = &query.sort {
            find = find.sort(sort.clone());
        }
        if query.is_of_ids {
            find = find
                .projection(doc! { "_id": 1 })
                .batch_size(MOST_IN_A_REPLY);
        }
        if query.is_of_primary {
            find = find.selection_criteria(primary());
        }
        Ok(find.limit(i64::from(query.limit)).batch().await?)
    }

    /// How many documents a filter finds.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn count(&self, filter: &Document) -> Result<u64, MongoError> {
        self.retried("aggregate", || self.count_once(filter).boxed())
            .await
    }

    /// <https://www.mongodb.com/docs/manual/reference/method/db.collection.countDocuments/>
    async fn count_once(&self, filter: &Document) -> Result<u64, MongoError> {
        let sessions = self.sessions();
        let count = doc! { "$group": { "_id": 1, "n": { "$sum": 1 } } };
        let mut command = doc! {
            "aggregate": sessions.name(),
            "pipeline": [{ "$match": filter.clone() }, count],
            "cursor": {},
        };
        if let Some(concern) = sessions.read_concern() {
            command.insert("readConcern", serialize_to_bson(concern)?);
        }
        let database = self.deployment.driver().database(&self.name.db);
        let mut run = database.run_command(command);
        if let Some(criteria) = sessions.selection_criteria() {
            run = run.selection_criteria(criteria.clone());
        }
        let reply = run.await?;
        // Where there is none, there is no group either.
        let counted = first_batch(&reply)?.next();
        let count = counted.and_then(|group| replies::count(group, "n"));
        Ok(count.unwrap_or(0) as u64)
    }

    fn sessions(&self) -> Collection<RawDocumentBuf> {
        self.deployment.collection(&self.name)
    }

    /// Runs a read as often as `retryReads` allows.
    async fn retried<'a, T>(
        &self,
        name: &str,
        command: impl Fn() -> BoxFuture<'a, Result<T, MongoError>>,
    ) -> Result<T, MongoError> {
        let mut patience = self.deployment.patience();
        let mut wrong_replies = 0;
        loop {
            let loss = patience.loss_of_repeatable();
            match self.read(name, command(), loss).await {
                // The connection that gave it is not used again.
                Err(MongoError::WrongReply) if wrong_replies == 0 => wrong_replies += 1,
                Err(error) if self.deployment.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    /// Whether the collection takes whatever fits into a document: it has no validator, and is not capped.
    ///
    /// # Errors
    /// What befell the command, such as a right that is missing.
    pub async fn takes_anything(&self) -> Result<bool, MongoError> {
        let database = self.deployment.driver().database(&self.name.db);
        let command = doc! { "listCollections": 1, "filter": { "name": &self.name.coll } };
        let reply = database.run_command(command).await?;
        let options = first_batch(&reply)?.filter_map(|one| one.get_document("options").ok());
        let mut rules = options
            .flat_map(|options| ["validator", "capped"].map(|rule| options.contains_key(rule)));
        Ok(!rules.any(|is_there| is_there))
    }

    /// Runs a read once, until it seems to be lost.
    async fn read<T>(
        &self,
        name: &str,
        command: BoxFuture<'_, Result<T, MongoError>>,
        loss: Loss,
    ) -> Result<T, MongoError> {
        let loss = if self.deployment.retries_reads() {
            loss
        } else {
            Patience::loss_of_plain()
        };
        let attempt = Attempt::begin(name, None);
        self.deployment.attempt(command, loss, attempt).await.0
    }
}

/// One more than there can be documents: a cursor that has given as many as its batch holds stays open.
fn above(documents: usize) -> u32 {
    u32::try_from(documents).map_or(u32::MAX, |documents| documents.saturating_add(1))
}

/// The documents of a reply that has room for all of them.
///
/// # Errors
/// [`MongoError::WrongReply`] where that is not their command's reply.
pub(super) fn first_batch(reply: &Document) -> Result<impl Iterator<Item = &Document>, MongoError> {
    let cursor = reply.get_document("cursor");
    let batch = cursor.and_then(|cursor| cursor.get_array("firstBatch"));
    let batch = batch.map_err(|_| MongoError::WrongReply)?;
    Ok(batch.iter().filter_map(Bson::as_document))
}

fn bson_strings(ids: &[Arc<str>]) -> Vec<Bson> {
    ids.iter().map(|id| Bson::from(&**id)).collect()
}

fn primary() -> SelectionCriteria {
    SelectionCriteria::ReadPreference(ReadPreference::Primary)
}
