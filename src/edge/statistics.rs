//! What a store has done so far, as JavaScript sees it (lib/store/mongo-store.js).

use connect_mongo_native_core::queue::CommandKind;
use napi_derive::napi;

use crate::{
    edge::{
        numbers::{count, float},
        open_store::OpenStore,
    },
    engine::statistics::{STATEMENT_BOUNDS, Statistics},
};

/// What the stores of this process have done with one collection, and what goes on now.
#[napi(object, object_from_js = false)]
pub struct StoreStatistics {
    /// Operations that wait for a command.
    pub waiting: u32,
    /// Commands that are under way.
    pub under_way: u32,
    /// How many commands had how many statements, by kind.
    pub commands: Vec<CommandStatistics>,
    /// How often a command was sent again, over this connection.
    pub retries: f64,
    /// Connections that are open.
    pub open: u32,
    /// Connections that a command has.
    pub in_use: u32,
    /// Commands that wait for a connection.
    pub waiting_for_connection: u32,
}

/// What has been sent of one kind.
#[napi(object, object_from_js = false)]
pub struct CommandStatistics {
    /// That of MongoDB's command.
    pub name: String,
    /// The bounds of the buckets.
    pub bounds: Vec<u32>,
    /// How many commands had so many statements, one more than there are bounds.
    pub counts: Vec<f64>,
    /// The statements of all of them.
    pub sum: f64,
}

impl StoreStatistics {
    /// As it is now.
    #[must_use]
    pub fn of(store: &OpenStore) -> Self {
        let (waiting, under_way) = store.engine().load();
        let deployment = store.deployment();
        let pools = deployment.pools();
        let sent = store.engine().statistics();
        Self {
            waiting: count(waiting),
            under_way: count(under_way),
            commands: COMMANDS
                .map(|(kind, name)| commands_of(sent, kind, name))
                .into(),
            retries: float(deployment.repetitions()),
            open: pools.open,
            in_use: pools.in_use,
            waiting_for_connection: pools.waiting,
        }
    }
}

const COMMANDS: [(CommandKind, &str); 3] = [
    (CommandKind::Read, "find"),
    (CommandKind::Update, "update"),
    (CommandKind::Delete, "delete"),
];

fn commands_of(sent: &Statistics, kind: CommandKind, name: &str) -> CommandStatistics {
    let counted = sent.counted(kind);
    CommandStatistics {
        name: name.to_owned(),
        bounds: STATEMENT_BOUNDS.to_vec(),
        counts: counted.buckets.into_iter().map(float).collect(),
        sum: float(counted.statements),
    }
}
