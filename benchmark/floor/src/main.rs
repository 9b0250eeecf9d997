//! How fast a session store on MongoDB can be with one operation at a time: the commands that a store sends, written by
//! hand, over one blocking socket.
//!
//! `floor HOST:PORT DATABASE MILLISECONDS OPERATION…` reads the text of a session from standard input and prints one line
//! of JSON for each operation (`get`, `set`, `touch`).

mod bson;
mod connection;

use std::{
    env,
    error::Error,
    io::{self, Read},
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use crate::connection::{Connection, contains};

type Outcome<T> = Result<T, Box<dyn Error>>;

const COLLECTION: &str = "sessions";
const SESSIONS: usize = 1024;
const LIFETIME_MS: i64 = 14 * 24 * 60 * 60 * 1000;
/// The number in the text that counts up with every `set`, as the other stores' sessions do.
const COUNTER: &str = "100000000";
/// `n: 1`, the way a reply says that one document was matched or inserted.
const ONE_DOCUMENT: &[u8] = b"\x10n\0\x01\0\0\0";
const EMPTY_BATCH: &[u8] = b"firstBatch\0\x05\0\0\0\0";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome<()> {
    let [address, database, milliseconds, operations @ ..] = arguments else {
        return Err("Usage: floor HOST:PORT DATABASE MILLISECONDS OPERATION…".into());
    };
    let duration = Duration::from_millis(milliseconds.parse()?);
    let mut store = Store::open(address, database)?;
    for index in 0..SESSIONS {
        store.set(index)?;
    }
    for name in operations {
        let operation = operation(name)?;
        keep_running(&mut store, operation, duration / 3)?;
        let latencies = keep_running(&mut store, operation, duration)?;
        println!("{}", report(name, latencies)?);
    }
    Ok(())
}

type Operation = fn(&mut Store, usize) -> Outcome<()>;

fn operation(name: &str) -> Outcome<Operation> {
    match name {
        "get" => Ok(Store::get),
        "set" => Ok(Store::set),
        "touch" => Ok(Store::touch),
        _ => Err(format!("No such operation: {name}").into()),
    }
}

/// Runs one operation after the other for a time.
fn keep_running(
    store: &mut Store,
    operation: Operation,
    duration: Duration,
) -> Outcome<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(1 << 20);
    let start = Instant::now();
    let mut before = start;
    while before - start < duration {
        operation(store, latencies.len() % SESSIONS)?;
        let after = Instant::now();
        latencies.push(after - before);
        before = after;
    }
    Ok(latencies)
}

fn report(operation: &str, mut latencies: Vec<Duration>) -> Outcome<String> {
    latencies.sort_unstable();
    let count = latencies.len();
    let seconds = latencies.iter().sum::<Duration>().as_secs_f64();
    let per_second = f64::from(u32::try_from(count)?) / seconds;
    let p50 = latencies[count / 2].as_secs_f64() * 1e3;
    let p99 = latencies[count * 99 / 100].as_secs_f64() * 1e3;
    Ok(format!(
        r#"{{"operation":"{operation}","figures":{{"perSecond":{per_second},"p50Ms":{p50},"p99Ms":{p99}}}}}"#
    ))
}

/// The three commands of a store, as connect-mongo sends them.
struct Store {
    connection: Connection,
    database: String,
    ids: Vec<String>,
    text: Text,
}

impl Store {
    fn open(address: &str, database: &str) -> Outcome<Self> {
        let ids = (0..SESSIONS)
            .map(|index| format!("bench-{index}"))
            .collect();
        let text = Text::read(io::stdin())?;
        Ok(Self {
            connection: Connection::open(address)?,
            database: database.into(),
            ids,
            text,
        })
    }

    fn get(&mut self, index: usize) -> Outcome<()> {
        let reply = self.connection.run(|command| {
            command.string("find", COLLECTION);
            command.embedded("filter", |filter| filter.string("_id", &self.ids[index]));
            command.int32("limit", 1);
            command.truth("singleBatch");
            command.string("$db", &self.database);
        })?;
        if contains(&reply[..reply.len().min(100)], EMPTY_BATCH) {
            Err("A session is missing".into())
        } else {
            Ok(())
        }
    }

    fn set(&mut self, index: usize) -> Outcome<()> {
        let text = self.text.next();
        let expires = expires_ms()?;
        let reply = self.connection.run(|command| {
            command.string("update", COLLECTION);
            command.array_of_one("updates", |update| {
                update.embedded("q", |query| query.string("_id", &self.ids[index]));
                update.embedded("u", |change| {
                    change.embedded("$set", |fields| {
                        fields.string("session", text);
                        fields.date("expires", expires);
                    });
                });
                update.truth("upsert");
            });
            command.string("$db", &self.database);
        })?;
        one_document(reply)
    }

    fn touch(&mut self, index: usize) -> Outcome<()> {
        let expires = expires_ms()?;
        let reply = self.connection.run(|command| {
            command.string("update", COLLECTION);
            command.array_of_one("updates", |update| {
                update.embedded("q", |query| query.string("_id", &self.ids[index]));
                update.embedded("u", |change| {
                    change.embedded("$set", |fields| fields.date("expires", expires));
                });
            });
            command.string("$db", &self.database);
        })?;
        one_document(reply)
    }
}

fn one_document(reply: &[u8]) -> Outcome<()> {
    if contains(reply, ONE_DOCUMENT) {
        Ok(())
    } else {
        Err("An update matched nothing".into())
    }
}

fn expires_ms() -> Outcome<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())? + LIFETIME_MS)
}

/// The text of a session, with a number in it that counts up.
struct Text {
    whole: String,
    counter_at: usize,
    counter: u32,
}

impl Text {
    fn read(mut input: impl Read) -> Outcome<Self> {
        let mut whole = String::new();
        input.read_to_string(&mut whole)?;
        let counter_at = whole.find(COUNTER).ok_or("The session holds no counter")?;
        Ok(Self {
            whole,
            counter_at,
            counter: COUNTER.parse()?,
        })
    }

    fn next(&mut self) -> &str {
        self.counter += 1;
        let end = self.counter_at + COUNTER.len();
        self.whole
            .replace_range(self.counter_at..end, &self.counter.to_string());
        &self.whole
    }
}
