//! A store from its opening to its end.

use std::sync::{Arc, LazyLock};

use connect_mongo_native_core::{crypto::Envelopes, document::Beside};
use napi::Env;
use tokio::{runtime::Handle, time::Instant};

use crate::{
    edge::{
        answers::{Answers, LateCalls, PendingCall},
        config::StoreConfig,
        questions::Question,
    },
    engine::{
        background::{Background, BackgroundTasks, IndexDuty, OnNews},
        caller::Waiter,
        encryption::SessionEncryption,
        errors::StoreError,
        operation::{Codec, Operation},
        registry::{CollectionEngine, Engines},
        stored::StoredSessions,
    },
    mongo::{
        client::SharedClient, collection::DriverCollection, deployment::Deployment,
        errors::MongoError, indexes::WantedIndex, options::WriteConcern, trace::WatchedCall,
    },
};

/// The engines that some store of the process uses.
static ENGINES: LazyLock<Engines<PendingCall>> = LazyLock::new(Engines::default);

/// An open store.
pub struct OpenStore {
    client: Arc<SharedClient>,
    engine: Arc<CollectionEngine<PendingCall>>,
    codec: Arc<Codec>,
    answers: Arc<Answers>,
    /// What is asked for outside the queue.
    pub sessions: StoredSessions,
    /// What happens outside any call.
    pub background: Arc<Background<DriverCollection>>,
}

impl OpenStore {
    /// Opens a store, without waiting for a server.
    ///
    /// # Errors
    /// Options that the driver refuses.
    pub async fn open(
        config: StoreConfig,
        answers: Arc<Answers>,
        on_news: OnNews,
        envelopes: Option<Arc<Envelopes>>,
        runtime: &Handle,
    ) -> Result<(Arc<Self>, BackgroundTasks), StoreError> {
        let client = SharedClient::get(config.connection.into()).await?;
        let concern = config.write_concern.map(WriteConcern::from);
        let engine = ENGINES.get(
            client.deployment(),
            &config.database,
            &config.collection,
            concern.as_ref(),
            runtime,
        );
        let collection = engine.server();
        let codec = Arc::new(Codec {
            encryption: SessionEncryption::new(envelopes),
            beside: Beside {
                timestamps: config.timestamps,
                max_lifetime_ms: config.max_lifetime_ms,
            },
        });
        let expiry = config.expiry.parsed(config.max_lifetime_ms)?;
        let background = Arc::new(Background::new(Arc::clone(collection), expiry, on_news));
        let known = client.deployment().known();
        let duty = IndexDuty {
            make: config.indexes.into_iter().map(WantedIndex::from).collect(),
            report: config.unwanted_index.map(WantedIndex::from),
        };
        let tasks = background.start(duty, known, config.connection_events, runtime);
        let abandoned_in = Arc::downgrade(&engine);
        let waited_for = Arc::downgrade(client.deployment());
        answers.on_late(LateCalls {
            waiting_for: Box::new(move || {
                let deployment = waited_for.upgrade();
                deployment.map_or(MongoError::Unanswered, |deployment| {
                    deployment.waiting_for()
                })
            }),
            drop_abandoned: Box::new(move || {
                if let Some(engine) = abandoned_in.upgrade() {
                    engine.drop_abandoned();
                }
            }),
        });
        let store = Self {
            sessions: StoredSessions::new(Arc::clone(collection), Arc::clone(&codec)),
            background,
            client,
            engine,
            codec,
            answers,
        };
        Ok((Arc::new(store), tasks))
    }

    /// Queues an operation, in the order of the calls.
    ///
    /// # Errors
    /// Too many operations are pending.
    pub fn ask(&self, env: Env, question: Question, is_corked: bool) -> Result<(), StoreError> {
        let operation = Operation {
            waiter: Waiter::new(self.answers.register(env, question.call)?),
            storage_id: question.storage_id.into(),
            since: Instant::now(),
            request: question.request,
            codec: Arc::clone(&self.codec),
        };
        self.engine.submit(operation, is_corked);
        Ok(())
    }

    /// Where its answers are.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// What sends its operations, and those of other stores.
    #[must_use]
    pub fn engine(&self) -> &CollectionEngine<PendingCall> {
        &self.engine
    }

    /// Where its commands go.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        self.client.deployment()
    }

    /// Whether JavaScript is to hear of commands from now on.
    pub fn watch(&self, is_watched: bool) {
        self.answers.watch(is_watched);
    }

    /// A call that takes its own way to the server, if JavaScript is to hear of its commands.
    #[must_use]
    pub fn watched(&self, call: f64) -> Option<WatchedCall> {
        self.answers.watched(call)
    }

    /// What calls wait for now.
    #[must_use]
    pub fn waiting_for(&self) -> MongoError {
        self.client.deployment().waiting_for()
    }

    /// When a call that begins now runs out of time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.answers.deadline()
    }

    /// Sends what waits: a turn of the event loop is over in which there were calls.
    pub fn flush(&self) {
        self.engine.start_called();
    }

    /// Lets go of the calls that wait for an answer, on the JavaScript thread.
    pub fn give_up(&self, env: Env) {
        self.answers.give_up(env);
        self.engine.drop_abandoned();
    }

    /// Ends the background work, and the connections when no other store shares them.
    pub async fn close(self: Arc<Self>, tasks: BackgroundTasks) {
        tasks.finish(self.client.deployment().is_reached()).await;
        let client = Arc::clone(&self.client);
        drop(self);
        client.release().await;
    }
}
