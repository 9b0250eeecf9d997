//! A command that one of its statements holds up.

use super::script::{Bench, REPLICA_SET, STANDALONE, given_up, matched, refused_with, unconfirmed};

#[tokio::test(start_paused = true)]
async fn those_that_are_not_to_blame_leave_a_command_that_is_held_up() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b", "set held", "set d"]);
    let whole = bench.expect("update set a, set b, set held, set d").await;
    whole.answer(given_up());
    let first = bench.expect("part 0..2 of update set a, set b").await;
    first.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
    let second = bench.expect("part 2..4 of update set held, set d").await;
    second.answer(given_up());
    let held = bench.expect("part 2..3 of update set held").await;
    held.answer(given_up());
    let last = bench.expect("part 3..4 of update set d").await;
    last.answer(matched(1));
    let held = bench.expect("part 2..3 of update set held").await;
    assert_eq!(bench.answers().await, ["set d: updated"]);
    bench.call_together(&["set a", "set held"]);
    bench.expect("update set a").await.answer(matched(1));
    bench.expect_no_more().await;
    held.answer(matched(1));
    bench.expect("update set held").await.answer(matched(1));
    let held = "set held: updated";
    assert_eq!(bench.answers().await, ["set a: updated", held, held]);
}

#[tokio::test(start_paused = true)]
async fn removals_leave_one_that_is_held_up() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["destroy held", "destroy b"]);
    let whole = bench.expect("delete remove held, remove b").await;
    whole.answer(given_up());
    let held = bench.expect("part 0..1 of delete remove held").await;
    held.answer(given_up());
    let other = bench.expect("part 1..2 of delete remove b").await;
    other.answer(matched(1));
    let held = bench.expect("part 0..1 of delete remove held").await;
    assert_eq!(bench.answers().await, ["destroy b: done"]);
    held.answer(matched(1));
    assert_eq!(bench.answers().await, ["destroy held: done"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_numbers_of_statements_gets_the_whole_again() {
    const UNKNOWN_FIELD: i32 = 40415;
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b"]);
    let whole = bench.expect("update set a, set b").await;
    whole.answer(given_up());
    let part = bench.expect("part 0..1 of update set a").await;
    part.answer(refused_with(UNKNOWN_FIELD));
    let again = bench.expect("update set a, set b").await;
    bench.expect_no_more().await;
    again.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_would_do_twice_is_not_parted() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "set b"]);
    let whole = bench.expect("update set a, set b").await;
    whole.answer(given_up());
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_that_different_things_hold_up_wait_by_turns() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set long", "set short"]);
    let whole = bench.expect("update set long, set short").await;
    whole.answer(given_up());
    let mut limits = Vec::new();
    for turn in 1..=3 {
        let long = bench.expect("part 0..1 of update set long").await;
        limits.extend(long.limit);
        long.answer(given_up());
        let short = bench.expect("part 1..2 of update set short").await;
        assert_eq!(short.limit, limits.last().copied());
        short.answer(if turn == 3 { matched(1) } else { given_up() });
    }
    assert!(limits.is_sorted_by(|one, next| *next == *one * 2));
    let long = bench.expect("part 0..1 of update set long").await;
    assert_eq!(bench.answers().await, ["set short: updated"]);
    assert_eq!(long.limit, None);
    long.answer(matched(1));
    assert_eq!(bench.answers().await, ["set long: updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_long_to_give_up_gets_the_whole_again() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b"]);
    let whole = bench.expect("update set a, set b").await;
    tokio::time::sleep(whole.limit.expect("it can be parted") * 5).await;
    whole.answer(given_up());
    let again = bench.expect("update set a, set b").await;
    assert_eq!(again.limit, None);
    again.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_other_servers_is_not_parted() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b"]);
    let whole = bench.expect("update set a, set b").await;
    assert_ne!(whole.limit, None);
    whole.answer(unconfirmed(2));
    let again = bench.expect("update set a, set b").await;
    assert_eq!(again.limit, None);
    bench.expect_no_more().await;
    again.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_waits_for_other_servers_is_asked_about_again() {
    let mut bench = Bench::new(REPLICA_SET).await;
    bench.call_together(&["set a", "set b"]);
    let whole = bench.expect("update set a, set b").await;
    whole.answer(given_up());
    let first = bench.expect("part 0..1 of update set a").await;
    first.answer(unconfirmed(1));
    let second = bench.expect("part 1..2 of update set b").await;
    second.answer(matched(1));
    let again = bench.expect("part 0..1 of update set a").await;
    assert_eq!(again.limit, None);
    again.answer(matched(1));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
}
