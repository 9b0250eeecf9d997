//! Who gets which answer.

use mongodb::bson::doc;

use super::script::{Bench, Reply, STANDALONE, Traits, matched, sessions};
use crate::mongo::errors::MongoError;

#[tokio::test(start_paused = true)]
async fn created_is_told_from_updated() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "set b"]);
    let reply = doc! { "n": 2, "upserted": [{ "index": 1, "_id": "b" }] };
    let command = bench.expect("update set a, set b").await;
    command.answer(Reply::Written(reply));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: created"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_error_reaches_its_own_caller_alone() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "set b", "destroy c", "destroy d"]);
    let errors = |index: i32| {
        let error = doc! { "index": index, "code": 11000, "errmsg": "duplicate" };
        Reply::Written(doc! { "n": 1, "writeErrors": [error] })
    };
    bench.expect("update set a, set b").await.answer(errors(0));
    bench
        .expect("delete remove c, remove d")
        .await
        .answer(errors(1));
    let expected = [
        "destroy c: done",
        "destroy d: duplicate",
        "set a: duplicate",
        "set b: updated",
    ];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_an_ordered_command_has_not_come_to_is_sent_once_more() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["odd a", "set a", "set b"]);
    let error = doc! { "index": 0, "code": 11000, "errmsg": "duplicate" };
    let command = bench.expect("ordered update set a, set a, set b").await;
    command.answer(Reply::Written(doc! { "n": 0, "writeErrors": [error] }));
    assert_eq!(bench.answers().await, ["odd a: duplicate"]);
    bench.expect("update set a, set b").await.answer(matched(2));
    assert_eq!(bench.answers().await, ["set a: updated", "set b: updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_concern_error_reaches_all_callers_of_the_command() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "touch b", "destroy c"]);
    let error = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
    let reply = doc! { "n": 2, "writeConcernError": error };
    let update = bench.expect("update set a, touch b").await;
    update.answer(Reply::Written(reply.clone()));
    let delete = bench.expect("delete remove c").await;
    delete.answer(Reply::Written(reply));
    let expected = ["destroy c", "set a", "touch b"]
        .map(|call| format!("{call}: waiting for replication timed out"));
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_has_refused_to_create_has_missed() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "set b", "update c", "touch d"]);
    let command = bench.expect("update touch a, set b, set c, touch d").await;
    let refused = |index| doc! { "index": index, "code": 66, "errmsg": "immutable" };
    let errors = [refused(0), refused(3)];
    command.answer(Reply::Written(doc! { "n": 2, "writeErrors": errors }));
    bench.expect_no_more().await;
    let expected = [
        "set b: updated",
        "touch a: missed",
        "touch d: missed",
        "update c: matched",
    ];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn one_question_finds_what_missed() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "set b", "update c", "touch d"]);
    let command = bench.expect("update touch a, set b, set c, touch d").await;
    command.answer(matched(2));
    let question = bench.expect("exist a c d").await;
    question.answer(Reply::There(vec!["c"]));
    bench.expect_no_more().await;
    let expected = [
        "set b: updated",
        "touch a: missed",
        "touch d: missed",
        "update c: matched",
    ];
    assert_eq!(bench.answers().await, expected);
}

#[tokio::test(start_paused = true)]
async fn without_a_miss_and_when_all_missed_nothing_is_asked() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "set b"]);
    bench
        .expect("update touch a, set b")
        .await
        .answer(matched(2));
    assert_eq!(
        bench.answers().await,
        ["set b: updated", "touch a: matched"]
    );
    bench.call_together(&["touch a", "set b"]);
    bench
        .expect("update touch a, set b")
        .await
        .answer(matched(1));
    bench.expect_no_more().await;
    assert_eq!(bench.answers().await, ["set b: updated", "touch a: missed"]);
}

#[tokio::test(start_paused = true)]
async fn when_it_cannot_be_asked_only_those_who_may_have_missed_get_the_error() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["touch a", "set b", "touch c"]);
    bench
        .expect("update touch a, set b, touch c")
        .await
        .answer(matched(2));
    let question = bench.expect("exist a c").await;
    question.answer(Reply::Failed(MongoError::Superseded));
    let answers = bench.answers().await;
    assert_eq!(answers[0], "set b: updated");
    assert!(
        answers[1..]
            .iter()
            .all(|answer| answer.contains("not the primary"))
    );
    assert_eq!(answers.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_about_what_the_server_does_not_acknowledge() {
    let traits = Traits {
        is_acknowledged: false,
        ..STANDALONE
    };
    let mut bench = Bench::new(traits).await;
    bench.call_together(&["touch a", "set b"]);
    let command = bench.expect("update touch a, set b").await;
    command.answer(Reply::Written(doc! { "ok": 1 }));
    bench.expect_no_more().await;
    assert_eq!(
        bench.answers().await,
        ["set b: updated", "touch a: matched"]
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_come_in_as_many_replies_as_they_take() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get b", "get c"]);
    let replies = vec![vec!["c"], vec!["a"]];
    bench
        .expect("find a b c")
        .await
        .answer(Reply::Sessions(replies, None));
    assert_eq!(
        bench.answers().await,
        ["get a: found", "get b: none", "get c: found"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_that_finds_a_variant_of_it_is_asked_for_by_itself() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get b"]);
    bench.expect("find a b").await.answer(sessions(&["A", "b"]));
    bench.expect("find a").await.answer(sessions(&["A"]));
    assert_eq!(bench.answers().await, ["get a: found", "get b: found"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_spellings_in_one_command_each_gets_the_session() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get A", "get a", "get b"]);
    bench.expect("find A a b").await.answer(sessions(&["a"]));
    bench.expect("find A").await.answer(sessions(&["a"]));
    assert_eq!(
        bench.answers().await,
        ["get A: found", "get a: found", "get b: none"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_another_command_answers_nobody() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a", "get b"]);
    bench.expect("find a b").await.answer(sessions(&["b", "c"]));
    bench.expect("find a b").await.answer(sessions(&["a"]));
    assert_eq!(bench.answers().await, ["get a: found", "get b: none"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_other_sessions_again_gives_none() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["get a"]);
    bench.expect("find a").await.answer(sessions(&["b"]));
    bench.expect("find a").await.answer(sessions(&["b"]));
    let wrong = "get a: The server's answer is not that to the command";
    assert_eq!(bench.answers().await, [wrong]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_written_fails_alone() {
    let mut bench = Bench::new(STANDALONE).await;
    bench.call_together(&["set a", "spoil b"]);
    bench.expect("update set a").await.answer(matched(1));
    let answers = bench.answers().await;
    assert_eq!(answers[0], "set a: updated");
    assert!(answers[1].contains("not valid BSON"));
}

#[tokio::test(start_paused = true)]
async fn an_index_of_no_statement_harms_nobody() {
    for index in [2, 1_000, i32::MAX, -1, i32::MIN] {
        let mut bench = Bench::new(STANDALONE).await;
        bench.call_together(&["touch a", "touch b"]);
        let command = bench.expect("update touch a, touch b").await;
        let reply = doc! { "n": 1, "upserted": [{ "index": index, "_id": "x" }] };
        command.answer(Reply::Written(reply));
        let question = bench.expect("exist a b").await;
        question.answer(Reply::There(vec!["b"]));
        let expected = ["touch a: missed", "touch b: matched"];
        assert_eq!(bench.answers().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_no_statement_is_success_for_nobody() {
    for index in [2, 1_000, i32::MAX, -1, i32::MIN] {
        let mut bench = Bench::new(STANDALONE).await;
        bench.call_together(&["set a", "touch b", "destroy c", "destroy d"]);
        let error = doc! { "index": index, "code": 11000, "errmsg": "duplicate" };
        let reply = doc! { "n": 1, "writeErrors": [error] };
        let update = bench.expect("update set a, touch b").await;
        update.answer(Reply::Written(reply.clone()));
        let delete = bench.expect("delete remove c, remove d").await;
        delete.answer(Reply::Written(reply));
        let expected =
            ["destroy c", "destroy d", "set a", "touch b"].map(|call| format!("{call}: duplicate"));
        assert_eq!(bench.answers().await, expected);
    }
}
