//! Which stores share an engine.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::script::NamedCaller;
use crate::{
    engine::registry::{CollectionEngine, Engines},
    mongo::{
        deployment::Deployment,
        options::{AcknowledgedBy, ConnectionOptions, WriteConcern},
    },
};

/// Of servers that are never asked anything.
async fn deployment() -> Arc<Deployment> {
    let connection = ConnectionOptions::of_uri("mongodb://localhost");
    Arc::new(Deployment::new(connection).await.expect("it is valid"))
}

#[tokio::test]
async fn an_engine_is_shared_by_what_has_the_same_client_collection_and_concern() {
    let engines = Engines::<NamedCaller>::default();
    let get = |deployment, collection, nodes: Option<u32>| -> Arc<CollectionEngine<NamedCaller>> {
        let concern = nodes.map(|nodes| WriteConcern {
            nodes: Some(AcknowledgedBy::Count(nodes)),
            journal: None,
            timeout_ms: None,
        });
        engines.get(
            deployment,
            "app",
            collection,
            concern.as_ref(),
            &Handle::current(),
        )
    };
    let here = deployment().await;
    let first = get(&here, "sessions", None);
    assert!(Arc::ptr_eq(&first, &get(&here, "sessions", None)));
    for other in [
        get(&here, "others", None),
        get(&here, "sessions", Some(1)),
        get(&deployment().await, "sessions", None),
    ] {
        assert!(!Arc::ptr_eq(&first, &other));
    }
    let gone = Arc::downgrade(&first);
    drop(first);
    assert!(gone.upgrade().is_none());
}
