//! One write command, sent again once when the retryable writes specification says so.
//!
//! <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>

use mongodb::{
    ClientSession, Database,
    bson::{Document, RawDocumentBuf, cstr},
};

use crate::{client::SharedClient, error::StoreError};

/// What a write did, as far as the server says: nothing when the write concern asks for no acknowledgement.
pub struct Written {
    /// How many documents matched or were inserted.
    pub matched: i32,
    /// Whether a document was inserted.
    pub upserted: bool,
}

/// Whether a command may be sent again after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Once, where the deployment can tell a repeated write.
    Once,
    /// Never: a write of many documents, or one that is not acknowledged.
    Never,
}

/// Runs a write command.
///
/// # Errors
/// What the driver reports, a write error or a write concern error in the reply.
pub async fn write(
    client: &SharedClient,
    database: &Database,
    mut command: RawDocumentBuf,
    retry: Retry,
) -> Result<Written, StoreError> {
    if retry == Retry::Never || !client.can_retry_writes().await? {
        let reply = database.run_raw_command(command).await?;
        return written(&reply);
    }
    let (mut session, number) = client.start_retryable_write().await?;
    command.append(cstr!("txnNumber"), number);
    match send(database, command.clone(), &mut session).await {
        Err(error) if error.is_retryable_write() => {
            // The first failure says more than a second one that found no server.
            let second = send(database, command, &mut session).await;
            second.map_err(|second| {
                if second.is_retryable_write() {
                    second
                } else {
                    error
                }
            })
        }
        result => result,
    }
}

async fn send(
    database: &Database,
    command: RawDocumentBuf,
    session: &mut ClientSession,
) -> Result<Written, StoreError> {
    let reply = database.run_raw_command(command).session(session).await?;
    written(&reply)
}

fn written(reply: &Document) -> Result<Written, StoreError> {
    if let Some(error) = StoreError::in_reply(reply) {
        return Err(error);
    }
    let upserted = reply.get_array("upserted").is_ok_and(|ids| !ids.is_empty());
    let matched = reply.get_i32("n").unwrap_or_default();
    Ok(Written { matched, upserted })
}
