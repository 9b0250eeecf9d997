//! The indexes that a store asks for: the one by which the server removes expired sessions, and those by which it finds sessions.

use std::{sync::Arc, time::Duration};

use connect_mongo_native_core::replies;
use mongodb::{
    Collection, Namespace,
    bson::{Bson, Document, RawDocumentBuf, doc, serialize_to_bson},
};

use crate::mongo::{deployment::Deployment, errors::MongoError, reader::first_batch};

/// `IndexOptionsConflict`: there is an index of these fields, with other settings.
const OTHER_SETTINGS: i32 = 85;
/// More than a collection can have, which is 64, so that one reply has them all.
const MOST_INDEXES: i32 = 1_000;

/// An index that a store asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedIndex {
    /// Its fields, 1 or -1 each.
    pub keys: Document,
    /// How long after the date of its field the server removes a session.
    pub expire_after: Option<Duration>,
    /// It is of the sessions alone that have this field.
    pub only_with: Option<String>,
    /// Whether one that removes sessions at another time is changed.
    pub may_change: bool,
}

impl WantedIndex {
    /// By which it is spoken of: its fields.
    #[must_use]
    pub fn name(&self) -> String {
        self.keys.keys().cloned().collect::<Vec<_>>().join(", ")
    }

    fn is(&self, index: &Document) -> bool {
        self.has_keys_of(index)
            && index.get("expireAfterSeconds").map(as_number) == self.seconds().map(Some)
            && index.contains_key("partialFilterExpression") == self.only_with.is_some()
    }

    /// An index is kept with the numbers that it was made with, and to the server those are the same whichever type they have.
    fn has_keys_of(&self, index: &Document) -> bool {
        let Ok(keys) = index.get_document("key") else {
            return false;
        };
        let numbers = |keys: &Document| keys.values().map(as_number).collect::<Vec<_>>();
        keys.keys().eq(self.keys.keys()) && numbers(keys) == numbers(&self.keys)
    }

    /// As the server is asked to make it. It takes no notice of `background`, which is not in the stable API, but keeps it, and
    /// connect-mongo gives it.
    fn description(&self, is_strict: bool) -> Document {
        let named = |(field, order): (&String, &Bson)| format!("{field}_{order}");
        let name: Vec<_> = self.keys.iter().map(named).collect();
        let mut index = doc! { "key": self.keys.clone(), "name": name.join("_") };
        if !is_strict {
            index.insert("background", true);
        }
        if let Some(time) = self.expire_after {
            let seconds = i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
            index.insert("expireAfterSeconds", seconds);
        }
        if let Some(field) = &self.only_with {
            let only = doc! { field: { "$exists": true } };
            index.insert("partialFilterExpression", only);
        }
        index
    }

    fn seconds(&self) -> Option<f64> {
        self.expire_after.map(|time| time.as_secs_f64())
    }
}

/// The indexes of a collection, which may not exist.
pub struct Indexes {
    deployment: Arc<Deployment>,
    name: Namespace,
}

impl Indexes {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(deployment: Arc<Deployment>, name: Namespace) -> Self {
        Self { deployment, name }
    }

    /// Makes the index where there is none.
    ///
    /// # Errors
    /// No server answers, or it refuses to make the index.
    pub async fn ensure(&self, wanted: &WantedIndex) -> Result<(), MongoError> {
        // What follows is sent once, and would be in vain while no server answers.
        self.deployment.reached().await?;
        // Making an index asks for more rights than most apps have: look first, and let a refusal come from there.
        let there = match self.all().await {
            Ok(there) => there,
            Err(error) if !error.is_answer() => return Err(error),
            Err(_) => Vec::new(),
        };
        if there.iter().any(|index| wanted.is(index)) {
            return Ok(());
        }
        let is_other = |index: &&Document| wanted.may_change && wanted.has_keys_of(index);
        if let Some(other) = there.iter().find(is_other) {
            return self.change(other, wanted).await;
        }
        match self.make(wanted).await {
            // Another process has made it in between.
            Err(error) if wanted.may_change && error.server_code() == Some(OTHER_SETTINGS) => {
                let there = self.all().await.unwrap_or_default();
                match there.iter().find(is_other) {
                    Some(other) => self.change(other, wanted).await,
                    None => Err(error),
                }
            }
            made => made,
        }
    }

    /// <https://www.mongodb.com/docs/manual/reference/command/createIndexes/>
    async fn make(&self, wanted: &WantedIndex) -> Result<(), MongoError> {
        let mut command = doc! {
            "createIndexes": &self.name.coll,
            "indexes": [wanted.description(self.deployment.connection().is_strict())],
        };
        if let Some(concern) = self.sessions().write_concern() {
            command.insert("writeConcern", serialize_to_bson(concern)?);
        }
        let reply = self.run(command).await?;
        replies::first_error(&reply).map_or(Ok(()), |error| Err(error.into()))
    }

    /// <https://www.mongodb.com/docs/manual/reference/command/collMod/>
    async fn change(&self, there: &Document, wanted: &WantedIndex) -> Result<(), MongoError> {
        let name = there.get_str("name").unwrap_or_default();
        let index = doc! { "name": name, "expireAfterSeconds": wanted.seconds() };
        let command = doc! { "collMod": &self.name.coll, "index": index };
        self.run(command).await.map(drop)
    }

    /// Whether there is this index.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn exists(&self, wanted: &WantedIndex) -> Result<bool, MongoError> {
        Ok(self.all().await?.iter().any(|index| wanted.is(index)))
    }

    /// As often as `retryReads` allows.
    async fn all(&self) -> Result<Vec<Document>, MongoError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.all_once().await {
                Err(error) if self.deployment.may_read_again(&error, &mut patience).await => {}
                result => return result,
            }
        }
    }

    /// <https://www.mongodb.com/docs/manual/reference/command/listIndexes/>
    async fn all_once(&self) -> Result<Vec<Document>, MongoError> {
        let cursor = doc! { "batchSize": MOST_INDEXES };
        let command = doc! { "listIndexes": &self.name.coll, "cursor": cursor };
        let reply = self.run(command).await?;
        Ok(first_batch(&reply)?.cloned().collect())
    }

    /// On the primary. Each kind of command that the driver knows by itself would take 60 kB of the addon.
    async fn run(&self, command: Document) -> Result<Document, MongoError> {
        let database = self.deployment.driver().database(&self.name.db);
        let reply = database.run_command(command).await;
        reply.map_err(|error| self.deployment.explained(error.into()))
    }

    fn sessions(&self) -> Collection<RawDocumentBuf> {
        self.deployment.collection(&self.name)
    }
}

fn as_number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => i32::try_from(*number).ok().map(f64::from),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}
