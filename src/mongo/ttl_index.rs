//! The index by which the server removes expired sessions.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Collection, IndexModel, Namespace,
    bson::{RawDocumentBuf, doc},
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
        if self.exists().await.unwrap_or(false) {
            return Ok(());
        }
        #[expect(
            deprecated,
            reason = "servers take no notice of `background`, but keep it, and connect-mongo gives it"
        )]
        let options = IndexOptions::builder()
            .background(true)
            .expire_after(Duration::ZERO)
            .build();
        let index = IndexModel::builder()
            .keys(doc! { "expires": 1 })
            .options(options)
            .build();
        self.sessions().create_index(index).await?;
        Ok(())
    }

    /// Whether there is an index that removes every session when it expires.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn exists(&self) -> Result<bool, MongoError> {
        let mut indexes = self.sessions().list_indexes().await?;
        while indexes.advance().await? {
            let index = indexes.deserialize_current()?;
            let options = index.options.unwrap_or_default();
            if index.keys == doc! { "expires": 1 }
                && options.expire_after == Some(Duration::ZERO)
                && options.partial_filter_expression.is_none()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sessions(&self) -> Collection<RawDocumentBuf> {
        self.deployment.collection(&self.name)
    }
}
