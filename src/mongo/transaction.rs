//! A few writes, all of them or none.

use connect_mongo_native_core::replies;
use futures_util::FutureExt;
use mongodb::{
    ClientSession,
    bson::RawDocumentBuf,
    error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::WriteConcern,
};

use crate::mongo::{deployment::Deployment, errors::MongoError, patience::Patience};

/// Runs these write commands in a transaction, and tells whether everything has been written: not when one of them found nothing to
/// change, nor where the server has no transactions.
///
/// # Errors
/// What befell a command, after as many attempts as there is time for.
pub async fn run(
    deployment: &Deployment,
    database: &str,
    commands: &[RawDocumentBuf],
    concern: Option<&WriteConcern>,
) -> Result<bool, MongoError> {
    let mut patience = deployment.patience();
    loop {
        match run_once(deployment, database, commands, concern, &mut patience).await {
            Err(error) if error.refuses_transaction() => return Ok(false),
            Err(error)
                if error.has_label(TRANSIENT_TRANSACTION_ERROR)
                    && patience.wait_after(&error).await => {}
            result => return result,
        }
    }
}

async fn run_once(
    deployment: &Deployment,
    database: &str,
    commands: &[RawDocumentBuf],
    concern: Option<&WriteConcern>,
    patience: &mut Patience,
) -> Result<bool, MongoError> {
    let mut session = deployment.driver().start_session().await?;
    let start = session.start_transaction();
    match concern {
        Some(concern) => start.write_concern(concern.clone()).await?,
        None => start.await?,
    }
    for command in commands {
        // What is not committed the driver aborts when it drops the session.
        if !has_changed(deployment, database, command.clone(), &mut session).await? {
            return Ok(false);
        }
    }
    loop {
        let commit = async { Ok(session.commit_transaction().await?) };
        let (committed, _) = deployment
            .attempt(commit.boxed(), Patience::loss_of_plain())
            .await;
        match committed {
            Err(error)
                if error.has_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    && patience.wait_after(&error).await => {}
            result => return result.map(|()| true),
        }
    }
}

async fn has_changed(
    deployment: &Deployment,
    database: &str,
    command: RawDocumentBuf,
    session: &mut ClientSession,
) -> Result<bool, MongoError> {
    let database = session.client().database(database);
    let run = database.run_raw_command(command).session(session);
    let reply = async { Ok(run.await?) };
    let (reply, _) = deployment
        .attempt(reply.boxed(), Patience::loss_of_plain())
        .await;
    let reply = reply?;
    MongoError::check(&reply)?;
    Ok(replies::matched(&reply) > 0)
}
