//! Write commands, sent again while the retryable writes specification says so, for as long as [`Patience`] lasts.
//!
//! <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>

use futures_util::FutureExt;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, cstr};

use crate::mongo::{
    connections::noting_connection,
    deployment::{Deployment, WriteNumber},
    errors::{Blame, MongoError},
    patience::{Loss, Patience},
    trace::Attempt as Trace,
};

/// Whether a command may be sent again after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Where the deployment can tell a repeated write. A standalone server cannot: what is sent twice could overwrite what
    /// another process has written in between. There only what found no connection is sent again.
    WhereKnown,
    /// Never: a write of many documents, or one that is not acknowledged.
    Never,
}

/// What one attempt came to: the reply or an error, and whether the command got a connection. One that got none has not been
/// sent.
type Attempt = (Result<Document, MongoError>, bool);

/// For those who look on. The name of a command is that of its first field.
pub fn attempt_at(command: &RawDocument) -> Trace {
    let name = command.iter().next().and_then(Result::ok);
    let name = name.map_or("", |(name, _)| name.as_str());
    Trace::begin(name, Some(command.as_bytes().len()))
}

/// A command that can be sent several times.
trait Repeatable {
    /// `loss`: what may be done when nothing is heard of it.
    fn send(&mut self, loss: Loss) -> impl Future<Output = Attempt> + Send;
}

/// Runs a write command and gives the reply, which may hold write errors.
///
/// # Errors
/// What the driver reports, after the attempts that `retry` allows.
pub async fn write(
    deployment: &Deployment,
    database: &str,
    command: RawDocumentBuf,
    retry: Retry,
) -> Result<Document, MongoError> {
    if retry == Retry::Never {
        return write_unless_refused(deployment, database, command).await;
    }
    if deployment.can_retry_writes().await? {
        match write_once(deployment, database, command.clone()).await {
            Err(error) if error.refuses_transaction_number() => {}
            result => return result,
        }
    }
    let command = PlainWrite {
        deployment,
        database,
        command,
    };
    send_until_connected(command, deployment.patience()).await
}

/// Again only where the server says that it has run nothing, as it has too much to do.
async fn write_unless_refused(
    deployment: &Deployment,
    database: &str,
    command: RawDocumentBuf,
) -> Result<Document, MongoError> {
    let mut patience = deployment.patience();
    loop {
        let database = deployment.driver().database(database);
        let attempt = attempt_at(&command);
        let run = database.run_raw_command(command.clone());
        let (reply, server) = noting_connection(run.into_future()).await;
        let reply = reply.map_err(|error| deployment.explained(error.into()));
        attempt.end(server.as_ref(), reply.as_ref().err());
        match reply {
            Err(error) if error.is_overload() && patience.wait_after(&error).await => {}
            result => return result,
        }
    }
}

/// The same session and number with every attempt: by these the server knows a write that it has run.
async fn write_once(
    deployment: &Deployment,
    database: &str,
    command: RawDocumentBuf,
) -> Result<Document, MongoError> {
    let mut number = deployment.start_retryable_write().await?;
    write_numbered(deployment, database, command, &mut number).await
}

/// Runs a command, or a part of one whose statements say which of its they are, under this number.
///
/// # Errors
/// What the driver reports, after as many attempts as there is time for.
pub async fn write_numbered(
    deployment: &Deployment,
    database: &str,
    mut command: RawDocumentBuf,
    number: &mut WriteNumber,
) -> Result<Document, MongoError> {
    command.append(cstr!("txnNumber"), number.number);
    let command = NumberedWrite {
        deployment,
        database,
        command,
        number,
    };
    let result = send_until_answered(command, deployment.patience()).await;
    if let Err(error) = &result
        && error.refuses_transaction_number()
    {
        deployment.known().note_refused_numbers(error);
    }
    result
}

/// A write that the server would run as often as it gets it.
struct PlainWrite<'a> {
    deployment: &'a Deployment,
    database: &'a str,
    command: RawDocumentBuf,
}

impl Repeatable for PlainWrite<'_> {
    async fn send(&mut self, loss: Loss) -> Attempt {
        let database = self.deployment.driver().database(self.database);
        let run = database.run_raw_command(self.command.clone());
        let reply = async { write_reply(run.await?) };
        let attempt = attempt_at(&self.command);
        self.deployment.attempt(reply.boxed(), loss, attempt).await
    }
}

/// A write that the server runs once, however often it gets it.
struct NumberedWrite<'a> {
    deployment: &'a Deployment,
    database: &'a str,
    command: RawDocumentBuf,
    number: &'a mut WriteNumber,
}

impl Repeatable for NumberedWrite<'_> {
    async fn send(&mut self, loss: Loss) -> Attempt {
        if self.deployment.has_replaced_client_of(self.number) {
            return (Err(MongoError::WrongReply), false);
        }
        let session = &mut self.number.session;
        let database = session.client().database(self.database);
        let run = database.run_raw_command(self.command.clone());
        let run = run.session(session);
        let reply = async { write_reply(run.await?) };
        let attempt = attempt_at(&self.command);
        self.deployment.attempt(reply.boxed(), loss, attempt).await
    }
}

async fn send_until_connected(
    mut command: impl Repeatable,
    mut patience: Patience,
) -> Result<Document, MongoError> {
    loop {
        let (result, is_sent) = command.send(Patience::loss_of_plain()).await;
        let Err(error) = &result else {
            return result;
        };
        let has_not_run = !is_sent || error.is_overload();
        if !(has_not_run && error.is_retryable_write() && patience.wait_after(error).await) {
            return result;
        }
    }
}

async fn send_until_answered(
    mut command: impl Repeatable,
    mut patience: Patience,
) -> Result<Document, MongoError> {
    let mut interrupted = None;
    loop {
        let (result, is_sent) = command.send(patience.loss_of_repeatable()).await;
        if matches!(&result, Err(error) if error.has_no_server()) {
            // That there is no server says less than what became of the write.
            return interrupted.map_or(result, Err);
        }
        let Some(failure) = retryable_failure(&result) else {
            return match (&result, interrupted) {
                // Nor does a refusal that could be that of a statement, or is that of a server which remembers no write: an attempt
                // before may have run all of them.
                (Err(error), Some(before))
                    if is_unclear(error) || error.refuses_transaction_number() =>
                {
                    Err(before)
                }
                _ => result,
            };
        };
        if !patience.wait_after(&failure).await {
            return result;
        }
        if is_sent {
            interrupted = Some(failure);
        }
    }
}

fn is_unclear(error: &MongoError) -> bool {
    matches!(error.blame(), Some(Blame::Unknown(_)))
}

/// Every reply to a write that is acknowledged counts what it has done; what does not is that to another command.
fn write_reply(reply: Document) -> Result<Document, MongoError> {
    if reply.contains_key("n") {
        Ok(reply)
    } else {
        Err(MongoError::WrongReply)
    }
}

/// A failure after which the same command may be sent again: the driver's, or one in the reply.
fn retryable_failure(result: &Result<Document, MongoError>) -> Option<MongoError> {
    let failure = match result {
        Ok(reply) => MongoError::check(reply).err(),
        Err(MongoError::Driver(error)) => Some(MongoError::Driver(error.clone())),
        Err(MongoError::Superseded) => Some(MongoError::Superseded),
        Err(MongoError::Silent(time)) => Some(MongoError::Silent(*time)),
        Err(_) => None,
    };
    failure.filter(MongoError::is_retryable_write)
}

#[cfg(test)]
mod tests;
