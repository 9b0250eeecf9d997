//! A few writes to a replica set, all of them or none.
//!
//! The driver's own transactions would have numbers of their own on server sessions that also have those of [`retry`](super::retry):
//! the server takes growing ones only.
//! <https://github.com/mongodb/specifications/blob/master/source/transactions/transactions.md>

use std::sync::Arc;

use connect_mongo_native_core::replies;
use futures_util::FutureExt;
use mongodb::{
    bson::{Document, RawDocumentBuf, cstr, rawdoc},
    error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::ServerAddress,
};

use crate::mongo::{
    deployment::{Deployment, WriteNumber, server_at},
    errors::MongoError,
    patience::Patience,
};

/// Write commands that belong together.
pub struct Transaction {
    /// Where they are run.
    pub deployment: Arc<Deployment>,
    /// The database of their collection.
    pub database: String,
    /// The commands, without a write concern.
    pub commands: Vec<RawDocumentBuf>,
    /// That of all of them; without one it is the deployment's.
    pub concern: Option<RawDocumentBuf>,
}

impl Transaction {
    /// Tells whether everything has been written: not when a command found nothing to change, nor where there are no transactions.
    ///
    /// # Errors
    /// What befell a command, after as many attempts as there is time for.
    pub async fn run(self) -> Result<bool, MongoError> {
        // Behind a router all would have to go to the same one.
        let primary = self.deployment.known().primary().borrow().clone();
        let Some(mut primary) = primary else {
            return Ok(false);
        };
        let mut patience = self.deployment.patience();
        loop {
            match self.run_once(&primary, &mut patience).await {
                Err(error) if error.refuses_transaction() => return Ok(false),
                Err(error) if may_begin_again(&error) && patience.wait_after(&error).await => {}
                result => return result,
            }
            self.deployment.available(false).await?;
            let now = self.deployment.known().primary().borrow().clone();
            primary = now.unwrap_or(primary);
        }
    }

    async fn run_once(
        &self,
        primary: &ServerAddress,
        patience: &mut Patience,
    ) -> Result<bool, MongoError> {
        let mut number = self.deployment.start_retryable_write().await?;
        let is_written = self.write_all(primary, &mut number).await;
        if !matches!(is_written, Ok(true)) {
            // What it has locked nobody else could change for a minute.
            let abort = rawdoc! { "abortTransaction": 1 };
            drop(self.send("admin", abort, primary, &mut number).await);
            return is_written;
        }
        loop {
            match self.commit(primary, &mut number).await {
                Err(error) if is_unknown(&error) && patience.wait_after(&error).await => {}
                result => return result.map(|()| true),
            }
        }
    }

    async fn write_all(
        &self,
        primary: &ServerAddress,
        number: &mut WriteNumber,
    ) -> Result<bool, MongoError> {
        for (index, command) in self.commands.iter().enumerate() {
            let mut command = command.clone();
            if index == 0 {
                command.append(cstr!("startTransaction"), true);
            }
            let reply = self.send(&self.database, command, primary, number).await?;
            MongoError::check(&reply)?;
            if replies::matched(&reply) == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn commit(
        &self,
        primary: &ServerAddress,
        number: &mut WriteNumber,
    ) -> Result<(), MongoError> {
        let mut commit = rawdoc! { "commitTransaction": 1 };
        if let Some(concern) = &self.concern {
            commit.append(cstr!("writeConcern"), concern.as_ref());
        }
        let reply = self.send("admin", commit, primary, number).await?;
        MongoError::check(&reply)
    }

    async fn send(
        &self,
        database: &str,
        mut command: RawDocumentBuf,
        primary: &ServerAddress,
        number: &mut WriteNumber,
    ) -> Result<Document, MongoError> {
        command.append(cstr!("txnNumber"), number.number);
        command.append(cstr!("autocommit"), false);
        let database = number.session.client().database(database);
        let run = database.run_raw_command(command);
        let run = run.selection_criteria(server_at(primary.clone()));
        let run = run.session(&mut number.session);
        let reply = async { Ok(run.await?) };
        let attempt = self
            .deployment
            .attempt(reply.boxed(), Patience::loss_of_plain());
        attempt.await.0
    }
}

/// Nothing is kept of what has not been committed.
fn may_begin_again(error: &MongoError) -> bool {
    let is_unknown = error.has_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
    !is_unknown && (error.has_label(TRANSIENT_TRANSACTION_ERROR) || error.is_retryable_write())
}

/// Whether it may have been committed, or not: what is committed already stays so when that is asked for again.
fn is_unknown(error: &MongoError) -> bool {
    error.is_retryable_write() && !error.has_label(TRANSIENT_TRANSACTION_ERROR)
}
