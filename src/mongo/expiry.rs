//! Which sessions are to be removed.

use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc};

/// When the sessions of a store have expired for so long that nobody needs them any more.
#[derive(Clone, Default)]
pub struct Expiry {
    /// A filter of its sessions; `None`: all of the collection.
    pub among: Option<RawDocumentBuf>,
    /// How long they stay, in milliseconds.
    pub grace_ms: i64,
    /// How long after `createdAt` they end, in milliseconds.
    pub max_lifetime_ms: Option<i64>,
}

impl Expiry {
    /// A filter of what is to be removed at that time.
    ///
    /// # Errors
    /// A filter that is not valid BSON.
    pub fn filter(&self, now: DateTime) -> Result<Document, mongodb::bson::error::Error> {
        let older_than = |milliseconds: i64| {
            let date = now.timestamp_millis().saturating_sub(milliseconds);
            doc! { "$lt": DateTime::from_millis(date) }
        };
        let expired = doc! { "expires": older_than(self.grace_ms) };
        let mut filter = match self.max_lifetime_ms {
            None => expired,
            Some(lifetime_ms) => {
                let ended = older_than(lifetime_ms.saturating_add(self.grace_ms));
                doc! { "$or": [expired, { "createdAt": ended }] }
            }
        };
        if let Some(among) = &self.among {
            filter.extend(Document::try_from(among.as_ref())?);
        }
        Ok(filter)
    }
}
