//! Writes to a collection of sessions, all of them raw commands: the driver's own methods refuse `w: 0` and want parsed
//! documents.

use std::{ops::Range, sync::Arc, time::Duration};

use connect_mongo_native_core::{queue::CommandKind, replies};
use futures_util::FutureExt;
use mongodb::{
    Namespace,
    bson::{DateTime, Document, RawArrayBuf, RawDocumentBuf, cstr, rawdoc},
};

use crate::mongo::{
    deployment::{Deployment, WriteNumber},
    errors::MongoError,
    expiry::Expiry,
    options::WriteConcern,
    retry::{Retry, write, write_numbered},
    transaction::Transaction,
};

/// Writes the sessions of a collection.
pub struct Writer {
    deployment: Arc<Deployment>,
    name: Namespace,
    write_concern: Option<RawDocumentBuf>,
    is_acknowledged: bool,
}

impl Writer {
    /// Nothing is sent yet. Without a concern, writes are acknowledged as the deployment has it.
    #[must_use]
    pub fn new(
        deployment: Arc<Deployment>,
        name: Namespace,
        concern: Option<&WriteConcern>,
    ) -> Self {
        Self {
            deployment,
            name,
            write_concern: concern.map(WriteConcern::to_document),
            is_acknowledged: !concern.is_some_and(WriteConcern::is_unacknowledged),
        }
    }

    /// Whether the server tells what became of a write.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// Whether a command is sent again when its reply was lost.
    ///
    /// # Errors
    /// No server answers, so that it is not known.
    pub async fn is_sent_again(&self) -> Result<bool, MongoError> {
        Ok(self.is_acknowledged && self.deployment.can_retry_writes().await?)
    }

    /// Runs these elements of an `update` or `delete` command and gives the reply, which may hold write errors.
    ///
    /// # Errors
    /// What befell the command, after the attempts that [`Retry::WhereKnown`] allows.
    pub async fn write(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        is_ordered: bool,
    ) -> Result<Document, MongoError> {
        self.run(self.command(kind, statements, is_ordered)).await
    }

    /// What the server knows a command by whose statements may be sent again in parts; `None` where it knows none.
    ///
    /// # Errors
    /// No server answers, so that it is not known.
    pub async fn number(&self) -> Result<Option<WriteNumber>, MongoError> {
        if !self.is_sent_again().await? {
            return Ok(None);
        }
        self.deployment.start_retryable_write().await.map(Some)
    }

    /// Runs the elements of an `update` or `delete` command, or with `numbers` a part of them, under its number: what it has done
    /// of them it does not do again. The server gives up after `limit`.
    ///
    /// # Errors
    /// As [`Writer::write`]; [`MongoError::is_time_over`] after `limit`.
    pub async fn run_part(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        number: &mut WriteNumber,
        numbers: Option<Range<usize>>,
        limit: Option<Duration>,
    ) -> Result<Document, MongoError> {
        let mut command = self.command(kind, statements, false);
        if let Some(numbers) = numbers {
            // https://github.com/mongodb/mongo/blob/r6.0.5/src/mongo/db/ops/write_ops.idl
            command.append(cstr!("stmtIds"), statement_numbers(numbers));
        }
        if let Some(limit) = limit {
            let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
            command.append(cstr!("maxTimeMS"), limit_ms);
        }
        write_numbered(&self.deployment, &self.name.db, command, number).await
    }

    /// Runs one element of an `update` command, and tells whether it matched; where nothing is acknowledged it is taken to
    /// have matched.
    ///
    /// # Errors
    /// What befell the command, or its statement.
    pub async fn replace(&self, statement: RawDocumentBuf) -> Result<bool, MongoError> {
        let reply = self
            .write(CommandKind::Update, one(statement), true)
            .await?;
        MongoError::check(&reply)?;
        Ok(replies::matched(&reply) > 0 || !self.is_acknowledged)
    }

    /// Removes one document and writes another, both or neither, and tells whether it has: not when there was none to remove, nor
    /// where nothing is acknowledged or the server has no transactions.
    ///
    /// # Errors
    /// What befell the transaction.
    pub async fn move_to(
        &self,
        removal: RawDocumentBuf,
        statement: RawDocumentBuf,
    ) -> Result<bool, MongoError> {
        if !self.is_sent_again().await? {
            return Ok(false);
        }
        let transaction = Transaction {
            deployment: Arc::clone(&self.deployment),
            database: self.name.db.clone(),
            commands: vec![
                bare_command(CommandKind::Delete, &self.name.coll, one(removal)),
                bare_command(CommandKind::Update, &self.name.coll, one(statement)),
            ],
            concern: self.write_concern.clone(),
        };
        transaction.run().boxed().await
    }

    /// Removes all documents that a filter finds, and gives their number; 0 where nothing is acknowledged. With `is_repeatable`
    /// again after an attempt that nothing has been heard of: what that has removed is not counted.
    ///
    /// # Errors
    /// What befell the command. A collection that does not exist is empty.
    pub async fn remove_all(
        &self,
        filter: &RawDocumentBuf,
        is_repeatable: bool,
    ) -> Result<usize, MongoError> {
        let mut patience = self.deployment.patience();
        loop {
            match self.remove_all_once(filter).await {
                Err(error) if error.is_namespace_missing() => return Ok(0),
                Err(error)
                    // The server labels what has a transaction number alone.
                    if is_repeatable
                        && (error.is_retryable_write() || error.is_retryable_read())
                        && patience.wait_after(&error).await => {}
                result => return result,
            }
        }
    }

    async fn remove_all_once(&self, filter: &RawDocumentBuf) -> Result<usize, MongoError> {
        let mut command = rawdoc! {
            "delete": self.name.coll.as_str(),
            "deletes": [{ "q": filter.clone(), "limit": 0 }],
        };
        self.append_concern(&mut command);
        let reply = write(&self.deployment, &self.name.db, command, Retry::Never).await?;
        MongoError::check(&reply)?;
        Ok(replies::matched(&reply))
    }

    /// Removes what has expired by the server's clock, moved by so many milliseconds, and waits for no acknowledgement.
    ///
    /// # Errors
    /// The server does not tell its time, or the command could not be sent.
    pub async fn remove_expired(&self, expiry: &Expiry, moved_ms: i64) -> Result<(), MongoError> {
        // A process whose clock is ahead would remove the sessions of all others.
        let now = self.deployment.server_time().await?;
        let now = DateTime::from_millis(now.timestamp_millis().saturating_add(moved_ms));
        let filter = RawDocumentBuf::try_from(&expiry.filter(now)?)?;
        let command = rawdoc! {
            "delete": self.name.coll.as_str(),
            "deletes": [{ "q": filter, "limit": 0 }],
            "writeConcern": { "w": 0 },
        };
        write(&self.deployment, &self.name.db, command, Retry::Never).await?;
        Ok(())
    }

    async fn run(&self, command: RawDocumentBuf) -> Result<Document, MongoError> {
        // Of a write that is not acknowledged nobody hears that it failed.
        let retry = if self.is_acknowledged {
            Retry::WhereKnown
        } else {
            Retry::Never
        };
        write(&self.deployment, &self.name.db, command, retry).await
    }

    fn command(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        is_ordered: bool,
    ) -> RawDocumentBuf {
        let mut command = bare_command(kind, &self.name.coll, statements);
        if !is_ordered {
            // The server may run them in any order, and the error of one does not keep the others from being run.
            command.append(cstr!("ordered"), false);
        }
        self.append_concern(&mut command);
        command
    }

    fn append_concern(&self, command: &mut RawDocumentBuf) {
        if let Some(write_concern) = &self.write_concern {
            command.append(cstr!("writeConcern"), write_concern.as_ref());
        }
    }
}

fn one(statement: RawDocumentBuf) -> RawArrayBuf {
    let mut list = RawArrayBuf::new();
    list.push(statement);
    list
}

fn bare_command(kind: CommandKind, collection: &str, statements: RawArrayBuf) -> RawDocumentBuf {
    let (name, list_name) = match kind {
        CommandKind::Delete => (cstr!("delete"), cstr!("deletes")),
        _ => (cstr!("update"), cstr!("updates")),
    };
    rawdoc! { name: collection, list_name: statements }
}

fn statement_numbers(numbers: Range<usize>) -> RawArrayBuf {
    let mut list = RawArrayBuf::new();
    // A command has 1,000 statements at the most.
    for number in numbers.filter_map(|number| i32::try_from(number).ok()) {
        list.push(number);
    }
    list
}
