//! Filters and queries, as JavaScript gives them (lib/collection/native.js, scope.js): BSON documents.

use connect_mongo_native_core::document::DocumentError;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::{engine::errors::StoreError, mongo::reader::Query};

/// Of which sessions `replace` is to be told what is stored.
#[napi(string_enum)]
#[derive(PartialEq, Eq)]
pub enum WantedStored {
    /// None.
    #[napi(value = "none")]
    None,
    /// All.
    #[napi(value = "of-all")]
    OfAll,
    /// Those that are not stored as they would be today.
    #[napi(value = "of-outdated")]
    OfOutdated,
}

/// Which sessions are asked for.
#[napi(object, object_to_js = false)]
pub struct SessionQuery {
    /// A filter, as a BSON document.
    pub filter: Buffer,
    /// In which order, as a BSON document; without it as the server has them.
    pub sort: Option<Buffer>,
    /// So many at the most; 0: all.
    pub limit: u32,
    /// As the primary has them, whatever the read preference says.
    pub is_of_primary: bool,
}

impl SessionQuery {
    /// As the engine takes it. On the JavaScript thread: buffers that end on another one have to be brought back, which costs more.
    ///
    /// # Errors
    /// A filter or an order that is no BSON document.
    pub fn parsed(&self) -> Result<Query, StoreError> {
        Ok(Query {
            filter: parsed(&self.filter)?,
            sort: self.sort.as_ref().map(|sort| parsed(sort)).transpose()?,
            limit: self.limit,
            is_of_ids: false,
            is_of_primary: self.is_of_primary,
        })
    }
}

/// A filter.
///
/// # Errors
/// Bytes that are no BSON document.
pub fn parsed(bytes: &[u8]) -> Result<Document, StoreError> {
    let document = RawDocument::from_bytes(bytes).map_err(DocumentError::from)?;
    Ok(Document::try_from(document).map_err(DocumentError::from)?)
}

/// A filter or an update that is passed on as it is.
///
/// # Errors
/// Bytes that are no BSON document.
pub fn raw(bytes: Vec<u8>) -> Result<RawDocumentBuf, StoreError> {
    Ok(RawDocumentBuf::from_bytes(bytes).map_err(DocumentError::from)?)
}
