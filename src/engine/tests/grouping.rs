//! What leaves together, and in which order.

use std::sync::atomic::Ordering;

use super::script::{Bench, REPLICA_SET, STANDALONE, matched, sessions};

#[tokio::test(start_paused = true)]
async fn operations_that_come_while_two_commands_are_under_way_leave_together() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("get a");
    let first = bench.expect("find a").await;
    bench.call("get b");
    bench.engine.start();
    let second = bench.expect("find b").await;
    for call in ["get c", "get d", "get e"] {
        bench.call(call);
    }
    bench.engine.start();
    bench.expect_no_more().await;
    first.answer(sessions(&["a"]));
    bench.expect("find c d e").await.answer(sessions(&["d"]));
    second.answer(sessions(&[]));
    let expected = [
        "get a: found",
        "get b: none",
        "get c: none",
        "get d: found",
        "get e: none",
    ];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn commands_of_different_kinds_do_not_wait_for_each_other() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "set b", "touch c", "destroy d", "destroy e"]);
    let find = bench.expect("find a").await;
    let update = bench.expect("update set b, touch c").await;
    bench
        .expect("delete remove d, remove e")
        .await
        .answer(matched(0));
    assert_eq!(
        bench.answers().await,
        ["destroy d: done", "destroy e: done"]
    );
    update.answer(matched(2));
    assert_eq!(
        bench.answers().await,
        ["set b: updated", "touch c: matched"]
    );
    find.answer(sessions(&[]));
    assert_eq!(bench.answers().await, ["get a: none"]);
}

#[tokio::test(start_paused = true)]
async fn many_gets_of_one_session_are_one_question() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get a", "get a"]);
    bench.expect("find a").await.answer(sessions(&["a"]));
    assert_eq!(bench.answers().await, ["get a: found"; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_concerns_one_session_waits_for_what_was_called_before() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("set a");
    for call in ["get a", "destroy a", "set a", "touch a", "get a"] {
        bench.call(call);
        bench.engine.start();
    }
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("find a").await.answer(sessions(&["a"]));
    bench.expect("delete remove a").await.answer(matched(1));
    bench.expect("update set a").await.answer(matched(1));
    bench.expect("find a").await.answer(sessions(&[]));
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_the_middle_of_a_command_does_not_hold_others_up() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("set a");
    let held = bench.expect("update set a").await;
    bench.call_together(&["set a", "set b"]);
    bench.expect("update set b").await.answer(matched(1));
    assert_eq!(bench.answers().await, ["set b: updated"]);
    held.answer(matched(1));
    bench.expect("update set a").await.answer(matched(1));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_may_be_sent_again_has_one_statement_a_session() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["touch a", "set b", "odd a", "odd a", "touch a"]);
    let first = bench.expect("update set a, set b").await;
    bench.expect_no_more().await;
    first.answer(matched(2));
    bench.expect("update set a").await.answer(matched(1));
    assert_eq!(bench.answers().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_call_is_over_is_not_sent_and_holds_nothing_up() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call("set a");
    let held = bench.expect("update set a").await;
    let is_gone = bench.call("set a");
    bench.call("get a");
    is_gone.store(true, Ordering::Release);
    held.answer(matched(1));
    bench.expect("find a").await.answer(sessions(&["a"]));
    bench.expect_no_more().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_divided_among_the_commands_that_may_leave() {
    let mut bench = Bench::new(STANDALONE).await;
    let calls: Vec<_> = (10..50).map(|id| format!("destroy {id}")).collect();
    let calls: Vec<_> = calls.iter().map(String::as_str).collect();
    bench.call_together(&calls);
    let removals = |ids: std::ops::Range<usize>| {
        let ids: Vec<_> = ids.map(|id| format!("remove {id}")).collect();
        format!("delete {}", ids.join(", "))
    };
    bench.expect(&removals(10..30)).await.answer(matched(20));
    bench.expect(&removals(30..50)).await.answer(matched(20));
    assert_eq!(bench.answers().await.len(), 40);
}

#[tokio::test(start_paused = true)]
async fn large_sessions_hold_up_no_others() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "grow large", "set b"]);
    let small = bench.expect("update set a, set b").await;
    let large = bench.expect("update set large").await;
    small.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
    bench.call_together(&["get a", "get large", "get b"]);
    bench.expect("find a b").await.answer(sessions(&["a", "b"]));
    large.answer(matched(1));
    assert_eq!(bench.answers().await.len(), 3);
    bench
        .expect("find large")
        .await
        .answer(sessions(&["large"]));
    assert_eq!(bench.answers().await.len(), 1);
    // It has been found to be small.
    bench.call_together(&["get a", "get large"]);
    bench.expect("find a large").await.answer(sessions(&["a"]));
    assert_eq!(bench.answers().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_large_session_is_asked_for_at_once_while_nothing_else_is() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call("grow large");
    bench.expect("update set large").await.answer(matched(1));
    bench.call("get large");
    bench.expect("find large").await.answer(sessions(&[]));
    bench.call("touch large");
    bench.expect("update touch large").await.answer(matched(1));
    assert_eq!(bench.answers().await.len(), 3);
}
