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

    /// Whether some document has one of these ids only to a collation, such as one that ignores case.
    ///
    /// # Errors
    /// [`MongoError::WrongReply`] when a document has none of these ids.
    pub fn check(&self, documents: &RawArray) -> Result<bool, MongoError> {
        let mut has_variants = false;
        for document in documents {
            let document = document?.as_document().ok_or(MongoError::WrongReply)?;
            has_variants |= self.is_variant(document)?;
        }
        Ok(has_variants)
    }

    /// As [`AskedFor::check`], of one document.
    ///
    /// # Errors
    /// The same.
    pub fn is_variant(&self, document: &RawDocument) -> Result<bool, MongoError> {
        match document::storage_id(document) {
            Ok(Some(id)) if self.0.contains(id) => Ok(false),
            Ok(Some(id)) if self.has_variant(id) => Ok(true),
            _ => Err(MongoError::WrongReply),
        }
    }

    fn has_variant(&self, id: &str) -> bool {
        let id = id.to_lowercase();
        self.0.iter().any(|asked| asked.to_lowercase() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

    fn check(asked: &[&str], found: &[RawDocumentBuf]) -> Option<bool> {
        let asked: Vec<Arc<str>> = asked.iter().map(|id| Arc::from(*id)).collect();
        let mut documents = RawArrayBuf::new();
        for document in found {
            documents.push(document.clone());
        }
        AskedFor::new(&asked).check(&documents).ok()
    }

    #[test]
    fn what_was_asked_for_may_come_and_nothing_else() {
        let (a, b) = (rawdoc! { "_id": "a" }, rawdoc! { "_id": "b" });
        assert_eq!(check(&["a", "b"], &[]), Some(false));
        assert_eq!(check(&["a", "b"], &[b.clone(), a.clone()]), Some(false));
        assert_eq!(check(&["a"], &[b]), None);
        assert_eq!(check(&["a"], &[a, rawdoc! { "_id": 1 }]), None);
        assert_eq!(check(&["a"], &[rawdoc! { "ok": 1 }]), None);
    }

    #[test]
    fn what_a_collation_takes_for_the_same_may_come() {
        let found = [rawdoc! { "_id": "A" }, rawdoc! { "_id": "b" }];
        assert_eq!(check(&["a", "b"], &found), Some(true));
    }
}
