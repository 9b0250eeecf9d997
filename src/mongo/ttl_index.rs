//! The index by which the server removes expired sessions.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Collection, IndexModel, Namespace,
    bson::{Bson, Document, RawDocumentBuf, doc},
    options::IndexOptions,
};

use crate::mongo::{deployment::Deployment, errors::MongoError};

/// The TTL index of a collection, which may not exist.
pub struct TtlIndex {
    deployment: Arc<Deployment>,
    name: Namespace,
}

impl TtlIndex {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(deployment: Arc<Deployment>, name: Namespace) -> Self {
        Self { deployment, name }
    }

    /// Makes the index where there is none.
    ///
    /// # Errors
    /// No server answers, or it refuses to make the index.
    pub async fn ensure(&self) -> Result<(), MongoError> {
        // What follows is sent once, and would be in vain while no server answers.
        self.deployment.reached().await?;
        // Making an index asks for more rights than most apps have: look first, and let a refusal come from there.
        match self.exists().await {
            Ok(true) => return Ok(()),
            Err(error) if !error.is_answer() => return Err(error),
            _ => {}
        }
        #[expect(
            deprecated,
            reason = "servers take no notice of `background`, but keep it, and connect-mongo gives it"
        )]
        let options = IndexOptions::builder()
            // It is not in the stable API.
            .background((!self.deployment.connection().is_strict()).then_some(true))
            .expire_after(Duration::ZERO)
            .build();
        let index = IndexModel::builder()
            .keys(doc! { "expires": 1 })
            .options(options)
            .build();
        let made = self.sessions().create_index(index).await;
        made.map(drop)
            .map_err(|error| self.deployment.explained(error.into()))
    }

    /// Whether there is an index that removes every session when it expires.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn exists(&self) -> Result<bool, MongoError> {
        let indexes = self.sessions().list_indexes().await;
        let indexes = indexes.map_err(|error| self.deployment.explained(error.into()))?;
        let mut indexes = indexes.with_type::<Document>();
        while indexes.advance().await? {
            if is_ttl_index(&indexes.deserialize_current()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sessions(&self) -> Collection<RawDocumentBuf> {
        self.deployment.collection(&self.name)
    }
}

/// An index is kept with the numbers that it was made with, and to the server those are the same whichever type they have.
fn is_ttl_index(index: &Document) -> bool {
    let is_number = |value: Option<&Bson>, number| value.and_then(as_number) == Some(number);
    let is_by_expires = index
        .get_document("key")
        .is_ok_and(|key| key.len() == 1 && is_number(key.get("expires"), 1.0));
    is_by_expires
        && is_number(index.get("expireAfterSeconds"), 0.0)
        && !index.contains_key("partialFilterExpression")
}

fn as_number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => i32::try_from(*number).ok().map(f64::from),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}
