//! What a failure does to those who share a command.

use tokio::time;

use super::script::{
    Away, Bench, REPLICA_SET, Reply, STANDALONE, TIMEOUT, Traits, matched, no_server, refused,
    refused_with, sessions,
};
use crate::mongo::errors::MongoError;

const LOST: &str =
    "The operation panicked, which is a bug in connect-mongo-native: its command was lost";

#[tokio::test(start_paused = true)]
async fn a_refused_command_is_halved_until_the_culprit_is_alone() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b", "set c", "set d"]);
    bench
        .expect("update set a, set b, set c, set d")
        .await
        .answer(refused());
    bench.expect("update set a, set b").await.answer(matched(2));
    bench.expect("update set c, set d").await.answer(refused());
    bench.expect("update set c").await.answer(refused());
    bench.expect("update set d").await.answer(matched(1));
    bench.expect_no_more().await;
    let answers = bench.answers().await;
    assert_eq!(answers[..2], ["set a: updated", "set b: updated"]);
    assert!(answers[2].starts_with("set c: ") && answers[2].contains("nested too deeply"));
    assert_eq!(answers[3..], ["set d: updated"]);
}

#[tokio::test(start_paused = true)]
async fn two_culprits_spoil_nothing_where_a_statement_is_known_to_be_to_blame() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b", "set c", "set d"]);
    let whole = "update set a, set b, set c, set d";
    bench.expect(whole).await.answer(refused());
    bench.expect("update set a, set b").await.answer(refused());
    bench.expect("update set c, set d").await.answer(refused());
    bench.expect("update set c").await.answer(refused());
    bench.expect("update set d").await.answer(matched(1));
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("update set b").await.answer(refused());
    let answers = bench.answers().await;
    let fine: Vec<_> = answers
        .iter()
        .filter(|one| one.ends_with("updated"))
        .collect();
    assert_eq!(fine, ["set a: updated", "set d: updated"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_by_halves_alike_is_refused_for_all() {
    const FAILED_TO_PARSE: i32 = 9;
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b", "set c", "set d"]);
    for text in [
        "update set a, set b, set c, set d",
        "update set a, set b",
        "update set c, set d",
    ] {
        let command = bench.expect(text).await;
        command.answer(refused_with(FAILED_TO_PARSE));
    }
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_no_statement_is_to_blame_for_is_not_halved() {
    for code in [13, 115] {
        let mut bench = Bench::new(REPLICA_SET).await;
        bench.call_together(&["set a", "set b"]);
        let command = bench.expect("update set a, set b").await;
        command.answer(refused_with(code));
        bench.expect_no_more().await;
        assert_eq!(bench.answers().await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_session_survives_a_refusal() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["odd a", "set b", "update a"]);
    let together = bench.expect("ordered update set a, set a, set b").await;
    together.answer(refused());
    bench.expect("update set a, set b").await.answer(refused());
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("update set b").await.answer(refused());
    bench.expect("update set a").await.answer(matched(1));
    let answers = bench.answers().await;
    assert!(answers[1].contains("nested too deeply"));
    assert_eq!(answers[2], "update a: matched");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_was_interrupted_asks_again_for_the_rest() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get b", "get c"]);
    let interrupted = Reply::Sessions(vec![vec!["b"]], Some(MongoError::Superseded));
    bench.expect("find a b c").await.answer(interrupted);
    let again = bench.expect("find a c").await;
    assert_eq!(bench.answers().await, ["get b: found"]);
    again.answer(sessions(&["a"]));
    assert_eq!(bench.answers().await, ["get a: found", "get c: none"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_for_good_fails_all_its_callers_once() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get b"]);
    let refusal = refused();
    bench.expect("find a b").await.answer(refusal);
    bench.expect_no_more().await;
    let answers = bench.answers().await;
    assert_eq!(answers.len(), 2);
    assert!(
        answers
            .iter()
            .all(|answer| answer.contains("nested too deeply"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_answers_the_callers_of_its_command_once_and_holds_nothing_up() {
    for call in ["get", "set", "touch", "destroy"] {
        let mut bench = Bench::new(STANDALONE).await;
        bench.call_together(&[&format!("{call} a"), &format!("{call} b")]);
        let text = match call {
            "get" => "find a b",
            "set" => "update set a, set b",
            "touch" => "update touch a, touch b",
            _ => "delete remove a, remove b",
        };
        let command = bench.expect(text).await;
        bench.call("get a");
        bench.expect_no_more().await;
        command.answer(Reply::Panicked);
        bench.expect("find a").await.answer(sessions(&[]));
        let lost = [format!("{call} a: {LOST}"), format!("{call} b: {LOST}")];
        let mut expected = lost.to_vec();
        expected.push("get a: none".to_owned());
        expected.sort_unstable();
        assert_eq!(bench.answers().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_question_what_missed_loses_no_caller() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "touch b"]);
    bench
        .expect("update touch a, touch b")
        .await
        .answer(matched(1));
    bench.expect("exist a b").await.answer(Reply::Panicked);
    let expected = [format!("touch a: {LOST}"), format!("touch b: {LOST}")];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_lost_command_is_sent() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("set a");
    let held = bench.expect("update set a").await;
    bench.call("set a");
    held.answer(Reply::Panicked);
    bench.expect("update set a").await.answer(matched(1));
    let expected = [format!("set a: {LOST}"), "set a: updated".to_owned()];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn without_a_server_each_call_waits_as_long_as_may_be_since_it_was_made() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.server_is(Err(Away::Silent));
    bench.call("set a");
    bench.call("get b");
    time::sleep(TIMEOUT / 2).await;
    bench.call("destroy c");
    bench.call("set a");
    time::sleep(TIMEOUT * 4 / 10).await;
    assert!(bench.answers().await.is_empty());
    time::sleep(TIMEOUT * 2 / 10).await;
    let answers = bench.answers().await;
    let names: Vec<_> = answers.iter().map(|answer| &answer[..6]).collect();
    assert_eq!(names, ["get b:", "set a:"]);
    time::sleep(TIMEOUT * 3 / 10).await;
    assert!(bench.answers().await.is_empty());
    time::sleep(TIMEOUT * 2 / 10).await;
    assert_eq!(bench.answers().await.len(), 2);
    bench.expect_no_more().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_server_leaves_when_there_is_one() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.server_is(Err(Away::Silent));
    bench.call_together(&["get a"]);
    bench.expect_no_more().await;
    time::sleep(TIMEOUT / 3).await;
    bench.call("get b");
    bench.expect_no_more().await;
    bench.server_is(Ok(()));
    bench.expect("find a").await.answer(sessions(&["a"]));
    bench.expect("find b").await.answer(sessions(&[]));
    assert_eq!(bench.answers().await, ["get a: found", "get b: none"]);
}

#[tokio::test(start_paused = true)]
async fn that_a_server_lets_nobody_in_reaches_everybody_at_once() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.server_is(Err(Away::Refuses));
    bench.call_together(&["set a", "set a", "get b", "destroy c"]);
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn that_there_is_no_server_ends_the_rest_of_a_command_in_parts() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "touch a", "touch a"]);
    let first = bench.expect("update set a").await;
    first.answer(Reply::Failed(no_server()));
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_server_to_ask_what_it_is_nothing_is_written() {
    let traits = Traits {
        is_there: false,
        ..REPLICA_SET
    };
    let mut bench = Bench::new(traits).await;
    bench.call_together(&["set a", "set b"]);
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_command_is_none_of_another_one() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("set a");
    let first = bench.expect("update set a").await;
    bench.call_together(&["set b"]);
    let second = bench.expect("update set b").await;
    first.answer(Reply::Failed(MongoError::Superseded));
    second.answer(matched(1));
    let answers = bench.answers().await;
    assert!(answers[0].contains("not the primary"));
    assert_eq!(answers[1..], ["set b: updated"]);
}
