//! The indexes that a store asks for: the one by which the server removes expired sessions, and those by which it finds sessions.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Collection, IndexModel, Namespace,
    bson::{Bson, Document, RawDocumentBuf, doc},
    options::IndexOptions,
};

use crate::mongo::{deployment::Deployment, errors::MongoError};

/// `IndexOptionsConflict`: there is an index of these fields, with other settings.
const OTHER_SETTINGS: i32 = 85;

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

    async fn make(&self, wanted: &WantedIndex) -> Result<(), MongoError> {
        #[expect(
            deprecated,
            reason = "servers take no notice of `background`, but keep it, and connect-mongo gives it"
        )]
        let options = IndexOptions::builder()
            // It is not in the stable API.
            .background((!self.deployment.connection().is_strict()).then_some(true))
            .expire_after(wanted.expire_after)
            .partial_filter_expression(
                wanted
                    .only_with
                    .as_ref()
                    .map(|field| doc! { field: { "$exists": true } }),
            )
            .build();
        let index = IndexModel::builder()
            .keys(wanted.keys.clone())
            .options(options)
            .build();
        let made = self.sessions().create_index(index).await;
        made.map(drop)
            .map_err(|error| self.deployment.explained(error.into()))
    }

    /// <https://www.mongodb.com/docs/manual/reference/command/collMod/>
    async fn change(&self, there: &Document, wanted: &WantedIndex) -> Result<(), MongoError> {
        let name = there.get_str("name").unwrap_or_default();
        let index = doc! { "name": name, "expireAfterSeconds": wanted.seconds() };
        let command = doc! { "collMod": &self.name.coll, "index": index };
        let database = self.deployment.driver().database(&self.name.db);
        let changed = database.run_command(command).await;
        changed
            .map(drop)
            .map_err(|error| self.deployment.explained(error.into()))
    }

    /// Whether there is this index.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn exists(&self, wanted: &WantedIndex) -> Result<bool, MongoError> {
        Ok(self.all().await?.iter().any(|index| wanted.is(index)))
    }

    async fn all(&self) -> Result<Vec<Document>, MongoError> {
        let indexes = self.sessions().list_indexes().await;
        let indexes = indexes.map_err(|error| self.deployment.explained(error.into()))?;
        let mut indexes = indexes.with_type::<Document>();
        let mut all = Vec::new();
        while indexes.advance().await? {
            all.push(indexes.deserialize_current()?);
        }
        Ok(all)
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
