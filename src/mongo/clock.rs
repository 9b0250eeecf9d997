//! What the server's clock says.

use futures_util::FutureExt;
use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::mongo::{deployment::Deployment, errors::MongoError, trace::Attempt};

impl Deployment {
    /// What the primary's clock says.
    ///
    /// # Errors
    /// What befell the command.
    pub async fn server_time(&self) -> Result<DateTime, MongoError> {
        let reply = match self.ask_once(doc! { "hello": 1 }).await {
            // MongoDB before 4.4.2, and some servers that are not MongoDB's.
            Err(error) if error.is_command_unknown() => {
                self.ask_once(doc! { "isMaster": 1 }).await?
            }
            reply => reply?,
        };
        reply
            .get("localTime")
            .and_then(as_time)
            .ok_or(MongoError::WrongReply)
    }

    async fn ask_once(&self, command: Document) -> Result<Document, MongoError> {
        let admin = self.driver().database("admin");
        let reply = async { Ok(admin.run_command(command).await?) }.boxed();
        let loss = self.patience().loss_of_repeatable();
        let attempt = Attempt::begin("hello", None);
        self.attempt(reply, loss, attempt).await.0
    }
}

/// The gateway of the open-source `DocumentDB` gives its time as a number of milliseconds.
fn as_time(value: &Bson) -> Option<DateTime> {
    match *value {
        Bson::DateTime(time) => Some(time),
        Bson::Int64(milliseconds) => Some(DateTime::from_millis(milliseconds)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time is a whole number, and a cast of what is none is within the bounds"
        )]
        Bson::Double(milliseconds) => Some(DateTime::from_millis(milliseconds as i64)),
        _ => None,
    }
}
