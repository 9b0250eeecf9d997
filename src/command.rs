//! One command, sent again while the retryable reads and writes specifications say so.
//!
//! <https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md>
//!
//! The specifications ask for one more attempt at least. An election takes longer than that: here the attempts go on until
//! `serverSelectionTimeoutMS` is over.

use std::time::Duration;

use mongodb::{
    ClientSession, Database,
    bson::{Document, RawDocumentBuf, cstr},
};
use tokio::time::{self, Instant};

use crate::{
    client::{Deployment, noting_connection},
    error::StoreError,
};

/// The first repetition comes at once, as the specifications ask; these are the pauses before those that follow.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// Whether a command may be sent again after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Where the deployment can tell a repeated write. A standalone server cannot: what is sent twice could overwrite what
    /// another process has written in between. There only what found no connection is sent again.
    WhereKnown,
    /// Never: a write of many documents, or one that is not acknowledged.
    Never,
}

/// How long a command is sent again, and how often.
pub struct Patience {
    ends: Instant,
    pause: Duration,
}

impl Patience {
    /// Begins now.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self {
            ends: Instant::now() + time,
            pause: Duration::ZERO,
        }
    }

    /// Waits for the next attempt. Whether there is to be one.
    pub async fn wait(&mut self) -> bool {
        let pause = self.pause;
        self.pause = (pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        if pause.is_zero() {
            return true;
        }
        let next = Instant::now() + pause;
        if next >= self.ends {
            return false;
        }
        time::sleep_until(next).await;
        true
    }
}

/// Runs a write command and gives the reply, which may hold write errors.
///
/// # Errors
/// What the driver reports.
pub async fn write(
    deployment: &Deployment,
    database: &Database,
    mut command: RawDocumentBuf,
    retry: Retry,
) -> Result<Document, StoreError> {
    if retry == Retry::Never {
        return Ok(database.run_raw_command(command).await?);
    }
    if !deployment.can_retry_writes().await? {
        return write_once(deployment, database, command).await;
    }
    // The same session and number with every attempt: by these the server knows a write that it has run.
    let (mut session, number) = deployment.start_retryable_write().await?;
    command.append(cstr!("txnNumber"), number);
    let mut patience = deployment.patience();
    let mut interrupted = None;
    loop {
        let (result, is_sent) = send(deployment, database, &command, &mut session).await;
        if matches!(&result, Err(error) if error.is_server_selection()) {
            // That there is no server says less than what became of the write.
            return interrupted.map_or(result, Err);
        }
        let Some(failure) = retryable_failure(&result) else {
            return result;
        };
        if !patience.wait().await {
            return result;
        }
        if is_sent {
            interrupted = Some(failure);
        }
    }
}

async fn write_once(
    deployment: &Deployment,
    database: &Database,
    command: RawDocumentBuf,
) -> Result<Document, StoreError> {
    let mut patience = deployment.patience();
    loop {
        let run = database.run_raw_command(command.clone()).into_future();
        let (result, is_sent) = noting_connection(run).await;
        match result.map_err(StoreError::from) {
            Err(error) if !is_sent && error.is_retryable_write() && patience.wait().await => {}
            result => return result,
        }
    }
}

async fn send(
    deployment: &Deployment,
    database: &Database,
    command: &RawDocumentBuf,
    session: &mut ClientSession,
) -> (Result<Document, StoreError>, bool) {
    let run = database.run_raw_command(command.clone()).session(session);
    let reply = async { Ok(run.await?) };
    deployment.unless_superseded(reply).await
}

/// A failure after which the same command may be sent again: the driver's, or one in the reply.
fn retryable_failure(result: &Result<Document, StoreError>) -> Option<StoreError> {
    let failure = match result {
        Ok(reply) => StoreError::in_reply(reply),
        Err(StoreError::Driver(error)) => Some(StoreError::Driver(error.clone())),
        Err(StoreError::Superseded) => Some(StoreError::Superseded),
        Err(_) => None,
    };
    failure.filter(StoreError::is_retryable_write)
}
