//! Commands, as those who look on in JavaScript hear of them (lib/tracing.js).

use mongodb::options::ServerAddress;
use napi_derive::napi;
use tokio::time::Instant;

use crate::{
    edge::{
        failure::Failure,
        numbers::{count, float, float_of_size},
    },
    mongo::trace::{Ended, Sent},
};

/// A command that was sent, or the end of one.
#[napi(object, object_from_js = false)]
pub struct CommandReport {
    /// What tells the attempt from others.
    pub id: f64,
    /// That it was sent; absent when it has ended.
    pub sent: Option<CommandSent>,
    /// How it has ended.
    pub ended: Option<CommandEnded>,
}

/// An attempt at a command.
#[napi(object, object_from_js = false)]
pub struct CommandSent {
    /// That of MongoDB's command.
    pub name: String,
    /// How many sessions it is about.
    pub statements: u32,
    /// From 1.
    pub attempt: u32,
    /// The size of the command, where it is known.
    pub request_bytes: Option<f64>,
    /// How long ago it was sent, in milliseconds.
    pub ago_ms: f64,
    /// The numbers of the calls that share it.
    pub calls: Vec<f64>,
}

/// What became of an attempt.
#[napi(object, object_from_js = false)]
pub struct CommandEnded {
    /// The host name, address or path of the server, if there was a connection.
    pub address: Option<String>,
    /// Its port.
    pub port: Option<u32>,
    /// The size of the documents in the reply, where it is known.
    pub response_bytes: Option<f64>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// Why there is no reply.
    pub error: Option<Failure>,
}

/// A [`CommandReport`] on its way.
pub enum Report {
    /// A command is sent now.
    Sent(u64, CommandSent, Instant),
    /// It has ended.
    Ended(u64, CommandEnded),
}

impl Report {
    /// That an attempt begins now.
    #[must_use]
    pub fn sent(sent: &Sent<'_>) -> Self {
        let command = CommandSent {
            name: sent.name.to_owned(),
            statements: count(sent.statements),
            attempt: sent.attempt,
            request_bytes: sent.request_bytes.map(float_of_size),
            ago_ms: 0.0,
            calls: sent.calls.to_vec(),
        };
        Self::Sent(sent.id, command, Instant::now())
    }

    /// What became of one.
    #[must_use]
    pub fn ended(ended: &Ended<'_>) -> Self {
        let (address, port) = ended.server.map(parts_of).unwrap_or_default();
        let command = CommandEnded {
            address,
            port,
            response_bytes: ended.response_bytes.map(float_of_size),
            duration_ms: ended.time.as_secs_f64() * 1000.0,
            error: ended.error.map(Failure::from),
        };
        Self::Ended(ended.id, command)
    }
}

impl From<Report> for CommandReport {
    fn from(report: Report) -> Self {
        let (id, sent, ended) = match report {
            Report::Sent(id, sent, since) => {
                let ago_ms = since.elapsed().as_secs_f64() * 1000.0;
                (id, Some(CommandSent { ago_ms, ..sent }), None)
            }
            Report::Ended(id, ended) => (id, None, Some(ended)),
        };
        let id = float(id);
        Self { id, sent, ended }
    }
}

fn parts_of(address: &ServerAddress) -> (Option<String>, Option<u32>) {
    match address {
        ServerAddress::Tcp { host, port } => (Some(host.clone()), port.map(u32::from)),
        address => (Some(address.to_string()), None),
    }
}
