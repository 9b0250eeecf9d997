//! Writes of one session that one statement does.

use std::sync::{Arc, Mutex, atomic::Ordering};

use connect_mongo_native_core::document::{Beside, Marks, Payload, Times};
use mongodb::bson::{doc, rawdoc};
use tokio::time::Instant;

use super::script::{
    Bench, REPLICA_SET, Reply, STANDALONE, given_up, matched, no_server, refused, sessions,
};
use crate::engine::{
    caller::{Answer, Caller, Waiter},
    coalescing::{heard, runs},
    encryption::SessionEncryption,
    errors::StoreError,
    operation::{Codec, Operation, Request, Write},
};

#[tokio::test(start_paused = true)]
async fn writes_of_one_session_are_one_statement_and_each_caller_hears_its_own_answer() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&[
        "touch a", "update a", "set b", "set a", "touch a", "update a", "set a",
    ]);
    let command = bench.expect("update set a, set b").await;
    let created = doc! { "index": 0, "_id": "a" };
    command.answer(Reply::Written(doc! { "n": 2, "upserted": [created] }));
    bench.expect_no_more().await;
    let expected = [
        "set a: created",
        "set a: updated",
        "set b: updated",
        "touch a: matched",
        "touch a: missed",
        "update a: matched",
        "update a: missed",
    ];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn touches_of_one_session_that_is_not_there_have_all_missed() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "touch a", "update a"]);
    bench.expect("update set a").await.answer(matched(0));
    bench.expect_no_more().await;
    assert_eq!(
        bench.answers().await,
        ["touch a: missed", "touch a: missed", "update a: missed"]
    );
}

#[tokio::test(start_paused = true)]
async fn destroys_of_one_session_are_one_statement() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["destroy a", "destroy b", "destroy a"]);
    bench
        .expect("delete remove a, remove b")
        .await
        .answer(matched(2));
    assert_eq!(bench.answers().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_comes_between_keeps_writes_apart() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "get a", "set a"]);
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("find a").await.answer(sessions(&["a"]));
    bench.expect("update set a").await.answer(matched(1));
    assert_eq!(bench.answers().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_might_be_refused_is_not_passed_over() {
    let mut bench = Bench::new(STANDALONE).await;
    let takes_anything = &bench.engine.server().takes_anything;
    takes_anything.store(false, Ordering::Relaxed);
    bench.call_together(&["touch a", "set a", "touch a", "set a", "touch a"]);
    let command = bench.expect("ordered update set a, set a").await;
    command.answer(matched(2));
    assert_eq!(bench.answers().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn once_a_validator_has_refused_a_session_no_set_is_passed_over() {
    let mut bench = Bench::new(STANDALONE).await;
    let refused = doc! { "index": 0, "code": 121, "errmsg": "invalid" };
    bench.call("set a");
    let set = bench.expect("update set a").await;
    set.answer(Reply::Written(doc! { "n": 0, "writeErrors": [refused] }));
    bench.call_together(&["set a", "set a"]);
    let command = bench.expect("ordered update set a, set a").await;
    command.answer(matched(2));
    assert_eq!(bench.answers().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_together_is_sent_one_by_one() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b", "odd a", "touch a"]);
    let error = doc! { "index": 0, "code": 121, "errmsg": "invalid" };
    let together = bench.expect("update set a, set b").await;
    together.answer(Reply::Written(
        doc! { "n": 1, "writeErrors": [error.clone()] },
    ));
    assert_eq!(bench.answers().await, ["set b: updated"]);
    bench.expect("update set a").await.answer(matched(1));
    let odd = bench.expect("update set a").await;
    assert_eq!(bench.answers().await, ["set a: updated"]);
    odd.answer(Reply::Written(doc! { "n": 0, "writeErrors": [error] }));
    bench.expect("update touch a").await.answer(matched(1));
    bench.expect_no_more().await;
    assert_eq!(
        bench.answers().await,
        ["odd a: invalid", "touch a: matched"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_refused_for_several_writes_of_one_session_is_sent_one_by_one() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "odd a"]);
    bench.expect("update set a").await.answer(refused());
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("update set a").await.answer(refused());
    bench.expect_no_more().await;
    let answers = bench.answers().await;
    assert!(answers[0].starts_with("odd a: ") && answers[0].contains("nested too deeply"));
    assert_eq!(answers[1], "set a: updated");
}

#[tokio::test(start_paused = true)]
async fn without_a_server_what_was_refused_together_is_not_waited_for_one_by_one() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "touch a", "touch a"]);
    bench.expect("update set a").await.answer(refused());
    let first = bench.expect("update set a").await;
    first.answer(Reply::Failed(no_server()));
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_holds_up_a_command_holds_up_all_writes_of_its_session() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set held", "touch held", "set b"]);
    let whole = bench.expect("update set held, set b").await;
    whole.answer(given_up());
    let held = bench.expect("part 0..1 of update set held").await;
    held.answer(given_up());
    bench
        .expect("part 1..2 of update set b")
        .await
        .answer(matched(1));
    assert_eq!(bench.answers().await, ["set b: updated"]);
    let held = bench.expect("part 0..1 of update set held").await;
    held.answer(matched(1));
    assert_eq!(
        bench.answers().await,
        ["set held: updated", "touch held: matched"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_cannot_be_built_is_the_failure_of_its_caller_alone() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "spoil a", "touch a"]);
    let answers = bench.answers().await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("spoil a: "));
}

/// What MongoDB would have of one session: the fields that writes set.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stored {
    session: Vec<u8>,
    expires: f64,
    last_modified: Option<f64>,
    index: Option<String>,
    created: Option<f64>,
}

/// Does a write as an update command does, and tells whether the session was there.
fn apply(stored: &mut Option<Stored>, write: &Write) -> bool {
    let was_there = stored.is_some();
    let (times, is_upsert) = match write {
        Write::Touch { times } => (*times, false),
        Write::Set {
            times, is_upsert, ..
        } => (*times, *is_upsert),
        Write::Destroy => {
            *stored = None;
            return was_there;
        }
    };
    if !was_there && !is_upsert {
        return false;
    }
    let session = stored.get_or_insert_default();
    session.expires = times.expires_ms;
    session.last_modified = times.last_modified_ms.or(session.last_modified);
    if let Write::Set { payload, marks, .. } = write {
        session.session = match payload {
            Payload::Text(text) => text.clone().into_bytes(),
            Payload::Binary(bytes) | Payload::Bson(bytes) => bytes.clone(),
        };
        if let Some(marks) = marks {
            let values = marks.index.iter().flatten();
            session.index = values
                .map(|(_, value)| value.clone())
                .next()
                .or(session.index.take());
            if !was_there {
                session.created = marks.created_ms;
            }
        }
    }
    was_there
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }

    fn is(&mut self) -> bool {
        self.below(2) == 0
    }

    fn times(&mut self, now: u32) -> Times {
        Times {
            now_ms: f64::from(now),
            expires_ms: f64::from(now),
            last_modified_ms: self.is().then_some(f64::from(now)),
        }
    }

    fn marks(&mut self, now: u32) -> Option<Box<Marks>> {
        let index = |value: u32| {
            vec![(
                "owner".try_into().expect("it has no NUL"),
                value.to_string(),
            )]
        };
        self.is().then(|| {
            Box::new(Marks {
                index: self.is().then(|| index(now)),
                is_new_to_index: (self.below(4) == 0).then_some(true),
                created_ms: (self.below(4) == 0).then(|| f64::from(now)),
                ..Marks::default()
            })
        })
    }

    fn write(&mut self, now: u32) -> Write {
        match self.below(7) {
            0 => Write::Destroy,
            1..=3 => Write::Touch {
                times: self.times(now),
            },
            kind => Write::Set {
                payload: if self.below(8) == 0 {
                    Payload::Bson(rawdoc! { "session": { "a.b": 1 } }.into_bytes())
                } else {
                    Payload::Text(now.to_string())
                },
                times: self.times(now),
                is_upsert: kind > 4,
                marks: self.marks(now),
            },
        }
    }
}

/// A caller that keeps its answer.
struct Keeper(usize, Arc<Mutex<Vec<Option<String>>>>);

impl Caller for Keeper {
    type Wakes = ();

    fn is_gone(&self) -> bool {
        false
    }

    fn answer(self, result: Result<Answer, StoreError>, (): &mut ()) {
        let answer = match result {
            Ok(Answer::Created(is_created)) => format!("created {is_created}"),
            Ok(Answer::Matched(is_matched)) => format!("matched {is_matched}"),
            _ => "another".to_owned(),
        };
        self.1.lock().expect("nobody panics")[self.0] = Some(answer);
    }
}

fn answer_alone(write: &Write, was_there: bool) -> Option<String> {
    match write {
        Write::Destroy => None,
        write if write.may_miss() => Some(format!("matched {was_there}")),
        _ => Some(format!("created {}", !was_there)),
    }
}

#[test]
fn any_writes_of_a_session_come_to_what_they_come_to_one_by_one() {
    let codec = Arc::new(Codec {
        encryption: SessionEncryption::new(None),
        beside: Beside::default(),
    });
    let (mut writes_in_all, mut statements_in_all) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let writes: Vec<_> = (1..=random.below(9) + 1)
            .map(|now| random.write(u32::try_from(now).expect("it is small")))
            .collect();
        let before = random.is().then(Stored::default);
        let mut one_by_one = before.clone();
        let expected: Vec<_> = writes
            .iter()
            .map(|write| answer_alone(write, apply(&mut one_by_one, write)))
            .collect();

        let answers = Arc::new(Mutex::new(vec![None; writes.len()]));
        let operation = |(index, write): (usize, &Write)| Operation {
            storage_id: "a".into(),
            since: Instant::now(),
            request: Request::Write(write.clone()),
            codec: Arc::clone(&codec),
            waiter: Waiter::new(Keeper(index, Arc::clone(&answers))),
        };
        let runs = runs(writes.iter().enumerate().map(operation).collect(), true);
        writes_in_all += writes.len();
        statements_in_all += runs.len();
        let mut together = before;
        for run in runs {
            let was_there = apply(&mut together, &run.write);
            if !matches!(run.write, Write::Destroy) {
                for (waiter, answer) in heard(run.shares, was_there) {
                    waiter.answer(Ok(answer), &mut ());
                }
            }
        }
        assert_eq!(together, one_by_one, "seed {seed}");
        let answers = answers.lock().expect("nobody panics");
        for (index, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
            if expected.is_some() {
                assert_eq!(answer, expected, "seed {seed}, write {index}");
            }
        }
    }
    assert!(
        statements_in_all * 3 < writes_in_all * 2,
        "some are coalesced"
    );
}
