//! Commands that take much longer than usual, and those that wait beside them.

use std::{sync::atomic::Ordering, time::Duration};

use super::script::{Bench, MOST_COMMANDS, REPLICA_SET, STANDALONE, matched, sessions};
use tokio::time;

/// Longer than a command may take that is the first of its kind.
const LATE: Duration = Duration::from_millis(60);

#[tokio::test(start_paused = true)]
async fn others_leave_without_commands_that_are_stuck() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("get a");
    let first = bench.expect("find a").await;
    bench.call_together(&["get b"]);
    let second = bench.expect("find b").await;
    bench.call_together(&["get c", "get d"]);
    bench.expect_no_more().await;
    time::sleep(LATE).await;
    // One by itself finds out whether the server answers at all.
    bench.expect("find c").await.answer(sessions(&["c"]));
    bench.expect("find d").await.answer(sessions(&["d"]));
    bench.call_together(&["get e", "get f"]);
    bench.expect("find e f").await.answer(sessions(&["e", "f"]));
    assert_eq!(
        bench.answers().await,
        [
            "get c: found",
            "get d: found",
            "get e: found",
            "get f: found"
        ]
    );
    first.answer(sessions(&["a"]));
    second.answer(sessions(&["b"]));
    assert_eq!(bench.answers().await, ["get a: found", "get b: found"]);
}

#[tokio::test(start_paused = true)]
async fn calls_about_a_session_wait_for_a_late_command_about_it() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call("set a");
    let stuck = bench.expect("update set a").await;
    time::sleep(LATE).await;
    bench.call("get a");
    bench.call("set a");
    bench.call("set b");
    bench.expect("update set b").await.answer(matched(1));
    bench.expect_no_more().await;
    stuck.answer(matched(1));
    bench.expect("find a").await.answer(sessions(&["a"]));
    bench.expect("update set a").await.answer(matched(1));
    assert_eq!(
        bench.answers().await,
        [
            "get a: found",
            "set a: updated",
            "set a: updated",
            "set b: updated"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_for_everybody_gets_few_commands_with_all_that_waits() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("get first");
    let mut commands = vec![bench.expect("find first").await];
    for number in 0..400 {
        bench.call_together(&[&format!("get {number}")]);
        time::sleep(Duration::from_millis(5)).await;
        commands.extend(bench.sent().await);
    }
    assert!(
        commands.len() <= MOST_COMMANDS,
        "{} commands",
        commands.len()
    );
}

#[tokio::test(start_paused = true)]
async fn connections_are_checked_when_a_command_is_late_and_not_before() {
    let mut bench = Bench::new(STANDALONE).await;
    let checks = |bench: &Bench| bench.engine.server().checks.load(Ordering::Relaxed);
    bench.call("get a");
    let stuck = bench.expect("find a").await;
    assert_eq!(checks(&bench), 0);
    time::sleep(LATE).await;
    assert_eq!(checks(&bench), 1);
    stuck.answer(sessions(&[]));
    assert_eq!(bench.answers().await, ["get a: none"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_while_without_answers_one_session_leaves_first() {
    let mut bench = Bench::new(STANDALONE).await;
    time::sleep(LATE).await;
    bench.call_together(&["get a", "get b", "get c", "get d"]);
    let first = bench.expect("find a").await;
    let second = bench.expect("find b").await;
    bench.expect_no_more().await;
    first.answer(sessions(&[]));
    bench.expect("find c d").await.answer(sessions(&[]));
    second.answer(sessions(&[]));
    assert_eq!(bench.answers().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_in_a_late_command_is_not_grouped_again_at_once() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "set b"]);
    let stuck = bench.expect("update set a, set b").await;
    time::sleep(LATE).await;
    bench.call("set c");
    bench.expect("update set c").await.answer(matched(1));
    bench.answers().await;
    stuck.answer(matched(2));
    bench.answers().await;
    bench.call_together(&["set a", "set c", "set d", "set e"]);
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("update set c, set d").await.answer(matched(2));
    bench.expect("update set e").await.answer(matched(1));
    assert_eq!(bench.answers().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_for_an_overloaded_server_is_not_late() {
    let mut bench = Bench::new(STANDALONE).await;
    let is_overloaded = |bench: &Bench, now| {
        let server = bench.engine.server();
        server.is_overloaded.store(now, Ordering::Relaxed);
    };
    bench.call("get a");
    let first = bench.expect("find a").await;
    bench.call_together(&["get b"]);
    let second = bench.expect("find b").await;
    is_overloaded(&bench, true);
    bench.call_together(&["get c", "get d"]);
    time::sleep(LATE * 10).await;
    bench.expect_no_more().await;
    is_overloaded(&bench, false);
    time::sleep(LATE).await;
    bench.expect("find c").await.answer(sessions(&[]));
    for command in [first, second] {
        command.answer(sessions(&[]));
    }
    bench.expect("find d").await.answer(sessions(&[]));
    assert_eq!(bench.answers().await.len(), 4);
}
