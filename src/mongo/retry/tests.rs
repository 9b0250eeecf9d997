use std::{collections::VecDeque, time::Duration};

use super::*;
use mongodb::{
    bson::{deserialize_from_document, doc},
    error::{Error as DriverError, ErrorKind},
};

/// Answers as it is told to, the last time for ever.
struct Script(VecDeque<fn() -> Attempt>, usize);

impl Repeatable for &mut Script {
    async fn send(&mut self, _: Loss) -> Attempt {
        self.1 += 1;
        let next = match self.0.len() {
            1 => self.0.front().copied(),
            _ => self.0.pop_front(),
        };
        next.expect("there is one more attempt")()
    }
}

fn script(attempts: &[fn() -> Attempt]) -> Script {
    Script(attempts.iter().copied().collect(), 0)
}

fn patience() -> Patience {
    Patience::new(Duration::from_secs(1), None)
}

fn done() -> Attempt {
    (Ok(doc! { "n": 1 }), true)
}

fn cut_off() -> Attempt {
    (Err(network_error()), true)
}

fn unconnected() -> Attempt {
    (Err(network_error()), false)
}

fn without_server() -> Attempt {
    let error = DriverError::custom("no server");
    (Err(MongoError::NoServer(error)), false)
}

fn interrupted_reply() -> Attempt {
    let error = doc! { "code": 91, "errmsg": "down" };
    let reply = doc! { "writeConcernError": error, "errorLabels": ["RetryableWriteError"] };
    (Ok(reply), true)
}

fn network_error() -> MongoError {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    DriverError::from(reset).into()
}

#[tokio::test(start_paused = true)]
async fn a_numbered_write_is_sent_again_until_it_is_answered() {
    let mut script = script(&[cut_off, unconnected, interrupted_reply, done]);
    let reply = send_until_answered(&mut script, patience()).await;
    assert_eq!(reply.ok(), Some(doc! { "n": 1 }));
    assert_eq!(script.1, 4);
}

#[tokio::test(start_paused = true)]
async fn as_many_attempts_as_there_is_time_for_are_no_panic() {
    let hours = Patience::new(Duration::from_secs(10_000), None);
    let result = send_until_answered(&mut script(&[cut_off]), hours).await;
    assert!(matches!(result, Err(MongoError::Driver(_))));
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_the_answer_when_the_time_is_over() {
    let mut script = script(&[cut_off]);
    let result = send_until_answered(&mut script, patience()).await;
    assert!(matches!(result, Err(MongoError::Driver(_))));
    assert!(script.1 > 2);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_a_write_is_told_before_that_there_is_no_server() {
    let mut sent = script(&[cut_off, without_server]);
    let result = send_until_answered(&mut sent, patience()).await;
    assert!(matches!(result, Err(MongoError::Driver(_))));

    let mut never_sent = script(&[unconnected, without_server]);
    let result = send_until_answered(&mut never_sent, patience()).await;
    assert!(matches!(result, Err(MongoError::NoServer(_))));
}

fn refused_with(code: i32, words: &str) -> Attempt {
    let reply = doc! { "code": code, "codeName": "Any", "errmsg": words };
    let error = deserialize_from_document(reply).expect("it is a command error");
    (
        Err(DriverError::from(ErrorKind::Command(error)).into()),
        true,
    )
}

fn refused() -> Attempt {
    refused_with(1, "refused")
}

#[tokio::test(start_paused = true)]
async fn what_became_of_a_write_is_told_before_that_it_was_refused_the_next_time() {
    let mut again = script(&[cut_off, refused]);
    let result = send_until_answered(&mut again, patience()).await;
    assert!(matches!(result, Err(error) if error.blame().is_none()));

    let mut at_once = script(&[refused]);
    let result = send_until_answered(&mut at_once, patience()).await;
    assert!(matches!(result, Err(error) if error.blame() == Some(Blame::Unknown(1))));
}

fn without_numbers() -> Attempt {
    refused_with(20, "Transaction numbers are only allowed on a replica set")
}

#[tokio::test(start_paused = true)]
async fn what_a_server_that_knows_no_numbers_may_have_run_before_is_not_for_it_again() {
    let mut again = script(&[cut_off, without_numbers]);
    let result = send_until_answered(&mut again, patience()).await;
    assert!(matches!(result, Err(error) if !error.refuses_transaction_number()));

    let mut at_once = script(&[without_numbers]);
    let result = send_until_answered(&mut at_once, patience()).await;
    assert!(matches!(result, Err(error) if error.refuses_transaction_number()));
}

#[tokio::test(start_paused = true)]
async fn a_plain_write_is_sent_again_only_where_it_was_not_sent() {
    let mut script = script(&[unconnected, unconnected, cut_off]);
    let result = send_until_connected(&mut script, patience()).await;
    assert!(matches!(result, Err(MongoError::Driver(_))));
    assert_eq!(script.1, 3);
}
