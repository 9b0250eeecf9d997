//! A server that does nothing by itself: a test takes each command that reaches it, and says what comes of it and when.

use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use connect_mongo_native_core::{
    document::{Beside, Payload, Times},
    queue::CommandKind,
};
use mongodb::{
    bson::{
        Document, RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf, deserialize_from_document,
        doc, rawdoc,
    },
    error::{Error as DriverError, ErrorKind},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    time::{self, Instant},
};

use crate::{
    engine::{
        caller::{Answer, Caller, Waiter},
        encryption::SessionEncryption,
        errors::StoreError,
        group::Engine,
        operation::{Codec, Operation, Request, Write},
        server::Server,
    },
    mongo::{
        errors::MongoError,
        patience::{Loss, Patience},
        reader::OnReply,
    },
};

pub const TIMEOUT: Duration = Duration::from_secs(30);
pub const MOST_COMMANDS: usize = 6;
/// More bytes than a session has that is not large.
const LARGE: usize = 1 << 20;
/// Calls of two kinds after which the connections are trusted with more than a test calls at once.
const WARM_UP: usize = 120;

/// A command that has reached the server.
pub struct Command {
    /// Such as `find a b` or `update set a, touch b`; ids that have no order are sorted.
    pub text: String,
    /// After what time the server is to give it up.
    pub limit: Option<Duration>,
    reply: oneshot::Sender<Reply>,
}

/// What becomes of a command.
pub enum Reply {
    /// To a `find`: the documents of these ids, a reply each; then, perhaps, an error.
    Sessions(Vec<Vec<&'static str>>, Option<MongoError>),
    /// To the question which sessions exist.
    There(Vec<&'static str>),
    /// To a write.
    Written(Document),
    Failed(MongoError),
    Panicked,
}

impl Command {
    pub fn answer(self, reply: Reply) {
        drop(self.reply.send(reply));
    }
}

/// What a test decides for the whole of it.
#[derive(Clone, Copy)]
pub struct Traits {
    pub is_acknowledged: bool,
    pub is_sent_again: bool,
    pub is_there: bool,
}

pub const STANDALONE: Traits = Traits {
    is_acknowledged: true,
    is_sent_again: false,
    is_there: true,
};

pub const REPLICA_SET: Traits = Traits {
    is_sent_again: true,
    ..STANDALONE
};

/// Why there is no server.
#[derive(Clone, Copy)]
pub enum Away {
    /// It does not answer.
    Silent,
    /// It lets nobody in.
    Refuses,
}

pub struct ScriptedServer {
    traits: Traits,
    commands: mpsc::UnboundedSender<Command>,
    /// Whether there is a server, as far as the monitors know.
    servers: watch::Sender<Result<(), Away>>,
    /// Whether it says that it has too much to do.
    pub is_overloaded: AtomicBool,
    /// Whether it says that it refuses no session for what it holds.
    pub takes_anything: AtomicBool,
    /// How often connections were checked.
    pub checks: AtomicUsize,
}

impl ScriptedServer {
    async fn run(&self, text: String, limit: Option<Duration>) -> Result<Reply, MongoError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(Command { text, limit, reply });
        sent.expect("the test waits for commands");
        match answer.await.expect("the test answers every command") {
            Reply::Failed(error) => Err(error),
            Reply::Panicked => panic!("the server panics, as the test wants"),
            reply => Ok(reply),
        }
    }
}

fn name_of(kind: CommandKind) -> &'static str {
    if kind == CommandKind::Delete {
        "delete"
    } else {
        "update"
    }
}

fn written(name: &str, is_ordered: bool, list: &RawArrayBuf) -> String {
    let as_document = |one: RawBsonRef<'_>| statement(one.as_document().expect("it is a document"));
    let statements = list.into_iter().map(|one| one.map(as_document));
    let statements: Result<Vec<_>, _> = statements.collect();
    let statements = statements.expect("it is BSON").join(", ");
    let order = if is_ordered { "ordered " } else { "" };
    format!("{order}{name} {statements}")
}

fn written_reply(reply: Reply) -> Document {
    match reply {
        Reply::Written(reply) => reply,
        _ => panic!("that is no reply to a write"),
    }
}

fn statement(document: &RawDocument) -> String {
    let query = document.get_document("q").expect("there is a query");
    let id = query.get_str("_id").expect("it names a session");
    let set = document
        .get_document("u")
        .and_then(|update| update.get_document("$set"));
    match set {
        Ok(fields) if fields.get("session").is_ok_and(|session| session.is_some()) => {
            format!("set {id}")
        }
        Ok(_) => format!("touch {id}"),
        Err(_) => format!("remove {id}"),
    }
}

fn sorted(ids: &[Arc<str>]) -> String {
    let mut ids: Vec<_> = ids.iter().map(|id| &**id).collect();
    ids.sort_unstable();
    ids.join(" ")
}

impl Server for ScriptedServer {
    type Number = ();

    async fn number(&self) -> Result<Option<()>, MongoError> {
        Ok(self.traits.is_sent_again.then_some(()))
    }

    async fn run_part(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        (): &mut (),
        numbers: Option<Range<usize>>,
        limit: Option<Duration>,
    ) -> Result<Document, MongoError> {
        let part = numbers.map(|numbers| format!("part {numbers:?} of "));
        let name = format!("{}{}", part.unwrap_or_default(), name_of(kind));
        let text = written(&name, false, &statements);
        Ok(written_reply(self.run(text, limit).await?))
    }

    async fn find(
        &self,
        ids: &[Arc<str>],
        on_reply: &mut OnReply<'_>,
        _: Loss,
    ) -> Result<(), MongoError> {
        let Reply::Sessions(replies, error) =
            self.run(format!("find {}", sorted(ids)), None).await?
        else {
            panic!("that is no reply to a find");
        };
        for ids in replies {
            let mut documents = RawArrayBuf::new();
            for id in ids {
                documents.push(session(id));
            }
            on_reply(&documents)?;
        }
        error.map_or(Ok(()), Err)
    }

    async fn may_read_again(&self, error: &MongoError, patience: &mut Patience) -> bool {
        error.is_retryable_read() && patience.wait_after(error).await
    }

    async fn existing(&self, ids: &[Arc<str>]) -> Result<HashSet<String>, MongoError> {
        match self.run(format!("exist {}", sorted(ids)), None).await? {
            Reply::There(ids) => Ok(ids.into_iter().map(str::to_owned).collect()),
            _ => panic!("that does not say what exists"),
        }
    }

    async fn takes_anything(&self) -> Result<bool, MongoError> {
        Ok(self.takes_anything.load(Ordering::Relaxed))
    }

    async fn write(
        &self,
        kind: CommandKind,
        statements: RawArrayBuf,
        is_ordered: bool,
    ) -> Result<Document, MongoError> {
        let text = written(name_of(kind), is_ordered, &statements);
        Ok(written_reply(self.run(text, None).await?))
    }

    fn most_commands(&self) -> usize {
        MOST_COMMANDS
    }

    fn is_available(&self, _: CommandKind) -> bool {
        self.servers.borrow().is_ok()
    }

    async fn available(&self, _: CommandKind) -> Result<(), MongoError> {
        let mut servers = self.servers.subscribe();
        let error = async {
            time::sleep(TIMEOUT).await;
            no_server()
        };
        let refused = async {
            let servers =
                servers.wait_for(|servers| matches!(servers, Ok(()) | Err(Away::Refuses)));
            servers
                .await
                .expect("the server is there")
                .map_err(|_| refusal())
        };
        tokio::select! {
            result = refused => result,
            error = error => Err(error),
        }
    }

    fn is_overloaded(&self) -> bool {
        self.is_overloaded.load(Ordering::Relaxed)
    }

    fn check_connections(&self) {
        self.checks.fetch_add(1, Ordering::Relaxed);
    }

    fn is_acknowledged(&self) -> bool {
        self.traits.is_acknowledged
    }

    async fn is_sent_again(&self) -> Result<bool, MongoError> {
        if self.traits.is_there {
            Ok(self.traits.is_sent_again)
        } else {
            Err(no_server())
        }
    }

    fn patience(&self) -> Patience {
        Patience::new(TIMEOUT, None)
    }

    fn server_selection_timeout(&self) -> Duration {
        TIMEOUT
    }
}

fn session(id: &str) -> RawDocumentBuf {
    rawdoc! { "_id": id, "session": "{}" }
}

/// That many statements matched.
pub fn matched(count: i32) -> Reply {
    Reply::Written(doc! { "n": count })
}

/// All these sessions, in one reply.
pub fn sessions(ids: &[&'static str]) -> Reply {
    Reply::Sessions(vec![ids.to_vec()], None)
}

/// The server refuses the whole command for what it holds.
pub fn refused() -> Reply {
    refused_with(15)
}

/// The server gives the command up after `maxTimeMS`.
pub fn given_up() -> Reply {
    refused_with(50)
}

/// The server has done what was asked for, and gives up the wait for the others after `maxTimeMS`.
pub fn unconfirmed(count: i32) -> Reply {
    Reply::Written(doc! {
        "n": count,
        "writeConcernError": { "code": 50, "errmsg": "operation exceeded time limit" },
    })
}

/// The server refuses the whole command.
pub fn refused_with(code: i32) -> Reply {
    Reply::Failed(refusal_with(code))
}

/// The server lets nobody in.
fn refusal() -> MongoError {
    refusal_with(18)
}

fn refusal_with(code: i32) -> MongoError {
    let error = doc! { "code": code, "codeName": "Refused", "errmsg": "nested too deeply" };
    let error = deserialize_from_document(error).expect("it is a command error");
    DriverError::from(ErrorKind::Command(error)).into()
}

pub fn no_server() -> MongoError {
    MongoError::NoServer(DriverError::custom("nobody is there"))
}

type Answers = Arc<Mutex<Vec<String>>>;

/// A caller whose answers a test reads as text.
pub struct NamedCaller {
    name: String,
    answers: Answers,
    is_gone: Arc<AtomicBool>,
}

impl Caller for NamedCaller {
    type Wakes = ();

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    fn answer(self, result: Result<Answer, StoreError>, (): &mut ()) {
        let answer = match result {
            Ok(Answer::Found(Some(_))) => "found".to_owned(),
            Ok(Answer::Found(None)) => "none".to_owned(),
            Ok(Answer::Created(true)) => "created".to_owned(),
            Ok(Answer::Created(false)) => "updated".to_owned(),
            Ok(Answer::Matched(true)) => "matched".to_owned(),
            Ok(Answer::Matched(false)) => "missed".to_owned(),
            Ok(Answer::Destroyed) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(format!("{}: {answer}", self.name));
    }
}

/// An engine, its server and its callers.
pub struct Bench {
    pub engine: Arc<Engine<ScriptedServer, NamedCaller>>,
    commands: mpsc::UnboundedReceiver<Command>,
    answers: Answers,
    codec: Arc<Codec>,
    is_corked: bool,
}

impl Bench {
    pub async fn new(traits: Traits) -> Self {
        let (sender, commands) = mpsc::unbounded_channel();
        let server = ScriptedServer {
            traits,
            commands: sender,
            servers: watch::Sender::new(Ok(())),
            is_overloaded: AtomicBool::new(false),
            takes_anything: AtomicBool::new(true),
            checks: AtomicUsize::new(0),
        };
        let mut bench = Self {
            engine: Arc::new(Engine::new(server, Handle::current())),
            commands,
            answers: Answers::default(),
            codec: Arc::new(Codec {
                encryption: SessionEncryption::new(None),
                beside: Beside::default(),
            }),
            is_corked: false,
        };
        bench.warm_up().await;
        bench
    }

    /// Connections that have answered often are trusted with many sessions.
    async fn warm_up(&mut self) {
        let both = |id| [format!("get {id}"), format!("destroy other {id}")];
        let calls: Vec<_> = (0..WARM_UP).flat_map(both).collect();
        let calls: Vec<_> = calls.iter().map(String::as_str).collect();
        self.call_together(&calls);
        loop {
            let commands = self.sent().await;
            if commands.is_empty() {
                break;
            }
            for command in commands {
                let is_read = command.text.starts_with("find");
                command.answer(if is_read { sessions(&[]) } else { matched(1) });
            }
        }
        self.answers().await;
    }

    /// What the monitors see from now on.
    pub fn server_is(&self, now: Result<(), Away>) {
        let _before = self.engine.server().servers.send_replace(now);
    }

    /// Calls these, such as `get a` or `set b`, all of them before any leaves.
    pub fn call_together(&mut self, calls: &[&str]) {
        self.is_corked = true;
        for call in calls {
            self.call(call);
        }
        self.is_corked = false;
        self.engine.start();
    }

    /// Calls one: `odd` is a set of what a server might refuse, `grow` of a large session. It is gone once the flag is set.
    pub fn call(&self, call: &str) -> Arc<AtomicBool> {
        let (name, id) = call.split_once(' ').expect("a call has an id");
        let times = Times {
            now_ms: 0.0,
            expires_ms: 0.0,
            last_modified_ms: None,
        };
        let set = |payload, is_upsert| {
            Request::Write(Write::Set {
                payload,
                times,
                is_upsert,
                marks: None,
            })
        };
        let text = Payload::Text("{}".to_owned());
        let odd = rawdoc! { "session": { "$odd": 1 } };
        let odd = Payload::Bson(odd.into_bytes());
        let request = match name {
            "get" => Request::Get { now_ms: 0.0 },
            "set" => set(text, true),
            "odd" => set(odd, true),
            "grow" => set(Payload::Text(" ".repeat(LARGE)), true),
            "spoil" => set(Payload::Bson(vec![1]), true),
            "update" => set(text, false),
            "touch" => Request::Write(Write::Touch { times }),
            "destroy" => Request::Write(Write::Destroy),
            other => panic!("there is no call {other}"),
        };
        let is_gone = Arc::new(AtomicBool::new(false));
        let operation = Operation {
            storage_id: id.into(),
            since: Instant::now(),
            request,
            codec: Arc::clone(&self.codec),
            waiter: Waiter::new(NamedCaller {
                name: call.to_owned(),
                answers: Arc::clone(&self.answers),
                is_gone: Arc::clone(&is_gone),
            }),
        };
        self.engine.submit(operation, self.is_corked);
        is_gone
    }

    /// The next command, which has to be this one.
    pub async fn expect(&mut self, text: &str) -> Command {
        settle().await;
        let command = self.commands.try_recv();
        let command = command.unwrap_or_else(|_| panic!("{text} has not been sent"));
        assert_eq!(command.text, text);
        command
    }

    /// The commands that have been sent since.
    pub async fn sent(&mut self) -> Vec<Command> {
        settle().await;
        std::iter::from_fn(|| self.commands.try_recv().ok()).collect()
    }

    /// No other command has been sent.
    pub async fn expect_no_more(&mut self) {
        settle().await;
        if let Ok(command) = self.commands.try_recv() {
            panic!("{} has been sent", command.text);
        }
    }

    /// The answers since this was last asked, sorted.
    pub async fn answers(&self) -> Vec<String> {
        settle().await;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = std::mem::take(&mut *answers);
        answers.sort_unstable();
        answers
    }
}

/// Lets everything run until it waits for the test: the clock stands still until then.
async fn settle() {
    time::sleep(Duration::from_millis(1)).await;
}
