//! Whether documents are those that were asked for.
//!
//! The driver does not compare what a reply says it answers with what was asked. When a proxy lets one reply through twice, say,
//! each command on that connection gets the reply to the one before, and with it somebody else's session.

use std::{collections::HashSet, sync::Arc};

use connect_mongo_native_core::document;
use mongodb::bson::{RawArray, RawDocument};

use crate::mongo::errors::MongoError;

/// The ids that a command asks for.
pub struct AskedFor<'a>(HashSet<&'a str>);

impl<'a> AskedFor<'a> {
    /// These.
    #[must_use]
    pub fn new(ids: &'a [Arc<str>]) -> Self {
        Self(ids.iter().map(|id| &**id).collect())
    }

    /// Whether every document has one of these ids.
    ///
    /// # Errors
    /// [`MongoError::WrongReply`] when one has not.
    pub fn check(&self, documents: &RawArray) -> Result<(), MongoError> {
        for document in documents {
            let document = document?.as_document().ok_or(MongoError::WrongReply)?;
            self.check_one(document)?;
        }
        Ok(())
    }

    /// As [`AskedFor::check`], of one document.
    ///
    /// # Errors
    /// The same.
    pub fn check_one(&self, document: &RawDocument) -> Result<(), MongoError> {
        match document::storage_id(document) {
            Ok(Some(id)) if self.0.contains(id) || self.has_variant(id) => Ok(()),
            _ => Err(MongoError::WrongReply),
        }
    }

    /// With a collation that ignores case, an id finds what has another one too: that is nobody's session.
    fn has_variant(&self, id: &str) -> bool {
        let id = id.to_lowercase();
        self.0.iter().any(|asked| asked.to_lowercase() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

    fn check(asked: &[&str], found: &[RawDocumentBuf]) -> bool {
        let asked: Vec<Arc<str>> = asked.iter().map(|id| Arc::from(*id)).collect();
        let mut documents = RawArrayBuf::new();
        for document in found {
            documents.push(document.clone());
        }
        AskedFor::new(&asked).check(&documents).is_ok()
    }

    #[test]
    fn what_was_asked_for_may_come_and_nothing_else() {
        let (a, b) = (rawdoc! { "_id": "a" }, rawdoc! { "_id": "b" });
        assert!(check(&["a", "b"], &[]));
        assert!(check(&["a", "b"], &[b.clone(), a.clone()]));
        assert!(!check(&["a"], &[b]));
        assert!(!check(&["a"], &[a, rawdoc! { "_id": 1 }]));
        assert!(!check(&["a"], &[rawdoc! { "ok": 1 }]));
    }

    #[test]
    fn what_a_collation_takes_for_the_same_may_come() {
        assert!(check(
            &["a", "B"],
            &[rawdoc! { "_id": "A" }, rawdoc! { "_id": "b" }]
        ));
    }
}
