//! One attempt at a command, until it seems to be lost.

use std::{future::pending, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::mongo::{
    connections::{connected_to, noting_connection},
    deployment::Deployment,
    errors::MongoError,
    patience::Loss,
    trace::Attempt,
};

impl Deployment {
    /// Runs a command once, until it seems to be lost. Tells too whether it got a connection: one that got none has not been sent.
    ///
    /// It seems lost when the server answers on another connection, or answers its monitor, while nothing has come for so long
    /// as `loss` says: some firewalls forget connections and tell nobody. Then it is a [`MongoError::Silent`], and the driver
    /// closes the connection. One that may be repeated seems lost, too, when another server is primary in place of the one that
    /// has the command, or that keeps it waiting for a connection: that one may have fallen silent, which the driver finds out
    /// only after `heartbeatFrequencyMS` and `connectTimeoutMS`. Then it is a [`MongoError::Superseded`].
    ///
    /// While a server lets nobody in, a command that has no connection gets to hear that, too.
    pub async fn attempt<T>(
        &self,
        command: BoxFuture<'_, Result<T, MongoError>>,
        loss: Loss,
        attempt: Attempt,
    ) -> (Result<T, MongoError>, bool) {
        let either = async {
            tokio::select! {
                result = command => result,
                error = self.lost(loss).boxed() => Err(error),
            }
        };
        let sent = Instant::now();
        let (result, server) = noting_connection(either).await;
        let result = result.map_err(|error| self.explained(error));
        attempt.end(server.as_ref(), result.as_ref().err());
        self.note(result.as_ref().err());
        if matches!(&result, Err(error) if error.is_that_to_another()) {
            self.replace_client(sent).boxed().await;
        }
        (result, server.is_some())
    }

    /// Until the command of this task seems lost.
    async fn lost(&self, loss: Loss) -> MongoError {
        tokio::select! {
            error = self.refused() => error,
            Ok(()) = self.superseded(), if loss.may_be_repeated => MongoError::Superseded,
            () = self.answering_others(loss.silence) => MongoError::Silent(loss.silence),
        }
    }

    /// Until no server lets this client in, while the command of this task has no connection.
    async fn refused(&self) -> MongoError {
        let (mut refusal, mut availability) = (self.known().refusal(), self.known().availability());
        loop {
            let error = refusal.borrow_and_update().clone();
            let is_up = availability
                .borrow_and_update()
                .is_some_and(|now| now.takes_writes);
            if let Some(error) = error
                && !is_up
                && connected_to().is_none()
            {
                return MongoError::Driver(error);
            }
            tokio::select! {
                Ok(()) = refusal.changed() => {}
                Ok(()) = availability.changed() => {}
                else => return pending().await,
            }
        }
    }

    async fn superseded(&self) -> Result<(), watch::error::RecvError> {
        let mut primary = self.known().primary();
        loop {
            let before = primary.borrow_and_update().clone();
            primary.changed().await?;
            // What another server has is left to it: to send that again could do a part of it twice.
            let is_elsewhere = connected_to().is_some_and(|server| before != Some(server));
            if before.is_some() && !is_elsewhere {
                return Ok(());
            }
        }
    }

    /// Until the server answers another command that is sent after this time, or its monitor, while the one of this task has a
    /// connection.
    async fn answering_others(&self, silence: Duration) {
        loop {
            time::sleep(silence).await;
            let asked_at = Instant::now();
            let ping = time::timeout(silence, self.ask(None));
            // In a scope of its own: its connection is not that of the command.
            let (is_answered, _) = noting_connection(Box::pin(ping)).await;
            let Some(server) = connected_to() else {
                continue;
            };
            if is_answered.is_ok_and(|result| result.is_ok())
                || self.known().has_answered_since(&server, asked_at)
            {
                return;
            }
        }
    }
}
