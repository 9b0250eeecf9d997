use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use mongodb::{
    bson::{deserialize_from_document, doc},
    error::{Error as DriverError, ErrorKind},
};

use super::*;
use crate::mongo::monitoring::Availability;

/// Does what it is told to, one result a call; `None` is a panic. Without a script all goes well.
#[derive(Default)]
struct Script {
    sweeps: Mutex<VecDeque<Option<Result<(), MongoError>>>>,
    indexes: Mutex<VecDeque<Result<(), MongoError>>>,
    has_index: bool,
}

impl Upkeep for Script {
    async fn ensure_index(&self, _: &WantedIndex) -> Result<(), MongoError> {
        next(&self.indexes).unwrap_or(Ok(()))
    }

    async fn has_index(&self, _: &WantedIndex) -> Result<bool, MongoError> {
        Ok(self.has_index)
    }

    async fn remove_expired(&self, _: &Expiry, _: i64) -> Result<(), MongoError> {
        time::sleep(Duration::from_millis(1)).await;
        next(&self.sweeps)
            .unwrap_or(Some(Ok(())))
            .expect("the sweep is to panic")
    }
}

fn next<T>(script: &Mutex<VecDeque<T>>) -> Option<T> {
    script
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

fn ttl_index() -> WantedIndex {
    WantedIndex {
        keys: doc! { "expires": 1 },
        expire_after: Some(Duration::ZERO),
        only_with: None,
        may_change: false,
    }
}

fn make() -> IndexDuty {
    IndexDuty {
        make: vec![ttl_index()],
        report: None,
    }
}

fn report() -> IndexDuty {
    IndexDuty {
        make: Vec::new(),
        report: Some(ttl_index()),
    }
}

type NewsSoFar = Arc<Mutex<Vec<News>>>;

fn background(script: Script) -> (Arc<Background<Script>>, NewsSoFar) {
    let news = NewsSoFar::default();
    let kept = Arc::clone(&news);
    let on_news = move |one| kept.lock().expect("no test panics here").push(one);
    let background = Background::new(Arc::new(script), Expiry::default(), Box::new(on_news));
    (Arc::new(background), news)
}

fn start(background: &Arc<Background<Script>>, duty: IndexDuty) -> BackgroundTasks {
    background.start(duty, &Arc::default(), false, &Handle::current())
}

fn said(news: &NewsSoFar) -> String {
    format!("{:?}", news.lock().expect("no test panics here"))
}

/// Sweeps, if that is not under way already; it takes a while.
fn sweep(background: &Arc<Background<Script>>) -> Option<JoinHandle<()>> {
    let sweep = background.claim_sweep()?;
    Some(tokio::spawn(sweep.run(0)))
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_panics_does_not_keep_the_next_from_beginning() {
    let script = Script {
        sweeps: Mutex::new([None].into()),
        ..Script::default()
    };
    let (background, news) = background(script);
    let first = sweep(&background).expect("none is under way");
    assert!(first.await.is_err_and(|error| error.is_panic()));
    let second = sweep(&background).expect("none is under way any more");
    assert!(second.await.is_ok());
    assert_eq!(said(&news), "[]");
}

#[tokio::test(start_paused = true)]
async fn one_sweep_is_under_way_at_a_time() {
    let (background, _) = background(Script::default());
    let first = sweep(&background).expect("none is under way");
    assert!(sweep(&background).is_none());
    drop(first.await);
    assert!(sweep(&background).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_fails_is_told() {
    let script = Script {
        sweeps: Mutex::new([Some(Err(MongoError::Superseded))].into()),
        ..Script::default()
    };
    let (background, news) = background(script);
    drop(sweep(&background).expect("none is under way").await);
    assert_eq!(said(&news), "[SweepFailed(Superseded)]");
}

#[tokio::test(start_paused = true)]
async fn the_index_is_tried_until_it_is_there() {
    let failure = || Err(MongoError::Superseded);
    let script = Script {
        indexes: Mutex::new([failure(), failure()].into()),
        ..Script::default()
    };
    let (background, news) = background(script);
    let started = time::Instant::now();
    let tasks = start(&background, make());
    background.indexes_tried().await;
    assert_eq!(said(&news), "[Unreachable(Superseded)]");
    drop(tasks.start_up.await);
    assert_eq!(said(&news).matches("Unreachable").count(), 2);
    assert_eq!(started.elapsed().as_secs(), 3);
}

fn refusal(code: i32) -> Result<(), MongoError> {
    let reply = doc! { "code": code, "codeName": "Any", "errmsg": "no" };
    let error = deserialize_from_document(reply).expect("it is a command error");
    Err(DriverError::from(ErrorKind::Command(error)).into())
}

#[tokio::test(start_paused = true)]
async fn an_index_that_the_server_will_never_make_is_tried_once() {
    let script = Script {
        indexes: Mutex::new([refusal(2), refusal(1)].into()),
        ..Script::default()
    };
    let (background, news) = background(script);
    drop(start(&background, make()).start_up.await);
    assert!(said(&news).starts_with("[IndexRefused("));
    assert_eq!(said(&news).matches("Index").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_somebody_has_to_make_room_for_is_told_once_and_tried_on() {
    let script = Script {
        indexes: Mutex::new([refusal(85), refusal(85), refusal(13), Ok(())].into()),
        ..Script::default()
    };
    let (background, news) = background(script);
    let started = time::Instant::now();
    drop(start(&background, make()).start_up.await);
    assert_eq!(said(&news).matches("IndexRefused").count(), 2);
    assert_eq!(started.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn refused_transaction_numbers_are_told_once() {
    let (background, news) = background(Script::default());
    let servers = Arc::new(KnownServers::default());
    let tasks = background.start(IndexDuty::default(), &servers, false, &Handle::current());
    for _ in 0..2 {
        servers.note_refused_numbers(&DriverError::custom("numbers").into());
        time::sleep(Duration::from_millis(1)).await;
    }
    tasks.finish(true).await;
    assert_eq!(said(&news).matches("NumbersRefused").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_closes_does_not_wait_for_the_next_attempt() {
    let script = Script {
        indexes: Mutex::new([Err(MongoError::Superseded)].into()),
        ..Script::default()
    };
    let (background, _) = background(script);
    let tasks = start(&background, make());
    background.indexes_tried().await;
    let started = time::Instant::now();
    tasks.finish(true).await;
    assert!(started.elapsed() < FIRST_RETRY_DELAY);
    assert_eq!(Arc::strong_count(&background), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_nobody_wants_is_told() {
    for (duty, expected) in [
        (report(), "[TtlIndexPresent]"),
        (IndexDuty::default(), "[]"),
    ] {
        let script = Script {
            has_index: true,
            ..Script::default()
        };
        let (background, news) = background(script);
        let tasks = start(&background, duty);
        background.indexes_tried().await;
        drop(tasks.start_up.await);
        assert_eq!(said(&news), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_go_and_come_are_told_once_each() {
    let (background, news) = background(Script::default());
    let servers = Arc::new(KnownServers::default());
    let tasks = background.start(IndexDuty::default(), &servers, true, &Handle::current());
    for takes_writes in [true, false, false, true] {
        servers.see(Availability {
            takes_writes,
            has_data: true,
        });
        time::sleep(Duration::from_millis(1)).await;
    }
    tasks.finish(true).await;
    let why = "Disconnected(Outage(Outage { troubles: [], others: [] }))";
    assert_eq!(said(&news), format!("[{why}, Connected]"));
}
