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
};

use crate::mongo::{
    deployment::{Deployment, WriteNumber},
    errors::MongoError,
    patience::Patience,
    retry::attempt_at,
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
        // Behind routers all would have to go to the same one.
        if self.deployment.known().primary().borrow().is_none() {
            return Ok(false);
        }
        let mut patience = self.deployment.patience();
        let mut number = self.deployment.start_retryable_write().await?;
        loop {
            match self.run_once(&mut number, &mut patience).await {
                Ok(true) => return Ok(true),
                Err(error) if may_begin_again(&error) && patience.wait_after(&error).await => {
                    // On the same server session, where a new transaction ends what is left of the one before.
                    self.deployment.number_anew(&mut number);
                }
                result => {
                    self.abort(&mut number, &mut patience).await;
                    let is_refused = matches!(&result, Err(error) if error.refuses_transaction());
                    return if is_refused { Ok(false) } else { result };
                }
            }
        }
    }

    async fn run_once(
        &self,
        number: &mut WriteNumber,
        patience: &mut Patience,
    ) -> Result<bool, MongoError> {
        if !self.write_all(number).await? {
            return Ok(false);
        }
        loop {
            match self.commit(number).await {
                Err(error) if is_unknown(&error) && patience.wait_after(&error).await => {}
                result => return result.map(|()| true),
            }
        }
    }

    /// What it has locked nobody else could change for a minute.
    async fn abort(&self, number: &mut WriteNumber, patience: &mut Patience) {
        loop {
            let abort = rawdoc! { "abortTransaction": 1 };
            match self.send("admin", abort, number).await {
                Err(error) if error.is_retryable_write() && patience.wait_after(&error).await => {}
                _ => return,
            }
        }
    }

    async fn write_all(&self, number: &mut WriteNumber) -> Result<bool, MongoError> {
        for (index, command) in self.commands.iter().enumerate() {
            let mut command = command.clone();
            if index == 0 {
                command.append(cstr!("startTransaction"), true);
            }
            let reply = self.send(&self.database, command, number).await?;
            MongoError::check(&reply)?;
            if replies::matched(&reply) == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn commit(&self, number: &mut WriteNumber) -> Result<(), MongoError> {
        let mut commit = rawdoc! { "commitTransaction": 1 };
        if let Some(concern) = &self.concern {
            commit.append(cstr!("writeConcern"), concern.as_ref());
        }
        let reply = self.send("admin", commit, number).await?;
        MongoError::check(&reply)
    }

    async fn send(
        &self,
        database: &str,
        mut command: RawDocumentBuf,
        number: &mut WriteNumber,
    ) -> Result<Document, MongoError> {
        command.append(cstr!("txnNumber"), number.number);
        command.append(cstr!("autocommit"), false);
        let attempt = attempt_at(&command);
        let database = number.session.client().database(database);
        let run = database.run_raw_command(command);
        let run = run.session(&mut number.session);
        let reply = async { Ok(run.await?) };
        let loss = Patience::loss_of_plain();
        self.deployment
            .attempt(reply.boxed(), loss, attempt)
            .await
            .0
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
