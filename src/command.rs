//! One write command, sent again once when the retryable writes specification says so.
//!
//! <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>

use mongodb::{
    ClientSession, Database,
    bson::{Document, RawDocumentBuf, cstr},
};

use crate::{client::SharedClient, error::StoreError};

/// Whether a command may be sent again after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Once, where the deployment can tell a repeated write.
    Once,
    /// Never: a write of many documents, or one that is not acknowledged.
    Never,
}

/// Runs a write command and gives the reply, which may hold write errors.
///
/// # Errors
/// What the driver reports.
pub async fn write(
    client: &SharedClient,
    database: &Database,
    mut command: RawDocumentBuf,
    retry: Retry,
) -> Result<Document, StoreError> {
    if retry == Retry::Never || !client.can_retry_writes().await? {
        return Ok(database.run_raw_command(command).await?);
    }
    let (mut session, number) = client.start_retryable_write().await?;
    command.append(cstr!("txnNumber"), number);
    let first = send(database, command.clone(), &mut session).await;
    let Some(failure) = retryable_failure(&first) else {
        return first;
    };
    let second = send(database, command, &mut session).await;
    // The first failure says more than a second attempt that found no server.
    second.map_err(|second| {
        if second.is_retryable_write() {
            second
        } else {
            failure
        }
    })
}

async fn send(
    database: &Database,
    command: RawDocumentBuf,
    session: &mut ClientSession,
) -> Result<Document, StoreError> {
    Ok(database.run_raw_command(command).session(session).await?)
}

/// A failure after which the same command may be sent again: the driver's, or one in the reply.
fn retryable_failure(result: &Result<Document, StoreError>) -> Option<StoreError> {
    let failure = match result {
        Ok(reply) => StoreError::in_reply(reply),
        Err(StoreError::Driver(error)) => Some(StoreError::Driver(error.clone())),
        Err(_) => None,
    };
    failure.filter(StoreError::is_retryable_write)
}
