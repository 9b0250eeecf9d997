//! What the engine asks of a server. The tests' server follows a script.

use std::{collections::HashSet, ops::Range, sync::Arc, time::Duration};

use connect_mongo_native_core::queue::CommandKind;
use mongodb::bson::{Document, RawArrayBuf};

use crate::mongo::{
    collection::DriverCollection,
    deployment::WriteNumber,
    errors::MongoError,
    patience::{Loss, Patience},
    reader::OnReply,
};

/// The collection that an engine reads and writes.
pub trait Server: Send + Sync + 'static {
    /// Asks once for the documents of these ids, and gives the documents of each reply. `loss`: what may be done when nothing
    /// is heard of it.
    fn find(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
        loss: Loss,
    ) -> impl Future<Output = Result<(), MongoError>> + Send;

    /// After a failed [`Server::find`]: waits for the next attempt. Whether there is to be one.
    fn may_read_again(
        &self,
        error: &MongoError,
        patience: &mut Patience,
    ) -> impl Future<Output = bool> + Send;

    /// Those of the ids that have a document.
    fn existing(
        &self,
        ids: &[Arc<str>],
    ) -> impl Future<Output = Result<HashSet<String>, MongoError>> + Send;

    /// Whether the collection refuses no session for what it holds.
    fn takes_anything(&self) -> impl Future<Output = Result<bool, MongoError>> + Send;

    /// Runs these elements of an `update` or `delete` command, as often as that takes, and gives the reply.
    fn write(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        is_ordered: bool,
    ) -> impl Future<Output = Result<Document, MongoError>> + Send;

    /// By what the server knows a write again.
    type Number: Send + Sync;

    /// For a command whose statements may be sent again in parts; `None` where the server would do them twice.
    fn number(&self) -> impl Future<Output = Result<Option<Self::Number>, MongoError>> + Send;

    /// Runs the elements of an `update` or `delete` command under this number, or with `numbers` a part of them; what has been
    /// done of them is not done again. Ends with [`MongoError::is_time_over`] after `limit`.
    fn run_part(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        number: &mut Self::Number,
        numbers: Option<Range<usize>>,
        limit: Option<Duration>,
    ) -> impl Future<Output = Result<Document, MongoError>> + Send;

    /// How many commands may be under way in all, late ones included.
    fn most_commands(&self) -> usize;

    /// Whether there is a server for commands of this kind, as far as anybody knows.
    fn is_available(&self, kind: CommandKind) -> bool;

    /// Waits until there is a server for commands of this kind.
    fn available(&self, kind: CommandKind) -> impl Future<Output = Result<(), MongoError>> + Send;

    /// Whether the server says that it has too much to do, so that commands wait before they are sent again.
    fn is_overloaded(&self) -> bool;

    /// A command has taken long. Sees to it that connections that have died while nobody used them get none.
    fn check_connections(&self);

    /// Whether the server tells what became of a write.
    fn is_acknowledged(&self) -> bool;

    /// Whether a write command may reach the server twice.
    fn is_sent_again(&self) -> impl Future<Output = Result<bool, MongoError>> + Send;

    /// For a command that is sent now.
    fn patience(&self) -> Patience;

    /// How long a command waits for a server that can take it, and how long one that fails is sent again.
    fn server_selection_timeout(&self) -> Duration;
}

impl Server for DriverCollection {
    type Number = WriteNumber;

    async fn number(&self) -> Result<Option<WriteNumber>, MongoError> {
        self.writer.number().await
    }

    async fn run_part(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        number: &mut WriteNumber,
        numbers: Option<Range<usize>>,
        limit: Option<Duration>,
    ) -> Result<Document, MongoError> {
        let part = self
            .writer
            .run_part(kind, statements, number, numbers, limit);
        part.await
    }

    async fn find(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
        loss: Loss,
    ) -> Result<(), MongoError> {
        self.reader.find(ids, on_reply, loss).await
    }

    async fn may_read_again(&self, error: &MongoError, patience: &mut Patience) -> bool {
        self.deployment.may_read_again(error, patience).await
    }

    async fn existing(&self, ids: &[Arc<str>]) -> Result<HashSet<String>, MongoError> {
        self.reader.existing(ids).await
    }

    async fn takes_anything(&self) -> Result<bool, MongoError> {
        self.reader.takes_anything().await
    }

    async fn write(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        is_ordered: bool,
    ) -> Result<Document, MongoError> {
        self.writer.write(kind, statements, is_ordered).await
    }

    fn most_commands(&self) -> usize {
        self.deployment.most_commands()
    }

    fn is_available(&self, kind: CommandKind) -> bool {
        self.deployment.is_available(kind.is_read())
    }

    async fn available(&self, kind: CommandKind) -> Result<(), MongoError> {
        self.deployment.available(kind.is_read()).await
    }

    fn is_overloaded(&self) -> bool {
        self.deployment.is_overloaded()
    }

    fn check_connections(&self) {
        self.deployment.check_connections();
    }

    fn is_acknowledged(&self) -> bool {
        self.writer.is_acknowledged()
    }

    async fn is_sent_again(&self) -> Result<bool, MongoError> {
        self.writer.is_sent_again().await
    }

    fn patience(&self) -> Patience {
        self.deployment.patience()
    }

    fn server_selection_timeout(&self) -> Duration {
        self.deployment.server_selection_timeout()
    }
}
