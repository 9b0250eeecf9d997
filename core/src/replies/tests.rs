use super::*;
use bson::doc;

#[test]
fn a_reply_without_errors_has_none() {
    assert!(first_error(&doc! { "ok": 1.0, "n": 1 }).is_none());
}

#[test]
fn a_write_error_comes_before_a_write_concern_error() {
    let error = first_error(&doc! {
        "writeErrors": [{ "index": 0, "code": 11000, "errmsg": "duplicate" }],
        "writeConcernError": { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "timeout" },
    })
    .expect("there is an error");
    assert_eq!(error.kind, ServerErrorKind::Write);
    assert_eq!(
        (error.code, error.to_string().as_str()),
        (11000, "duplicate")
    );
}

#[test]
fn a_write_concern_error_keeps_code_name_and_labels() {
    let error = first_error(&doc! {
        "writeConcernError": { "code": 91, "codeName": "ShutdownInProgress", "errmsg": "down" },
        "errorLabels": ["RetryableWriteError"],
    })
    .expect("there is an error");
    assert_eq!(error.kind, ServerErrorKind::WriteConcern);
    assert_eq!(error.code_name.as_deref(), Some("ShutdownInProgress"));
    assert!(error.has_label("RetryableWriteError"));
    assert!(!error.has_label("Retryable"));
}

#[test]
fn the_reply_says_what_was_inserted() {
    let reply = doc! { "n": 3, "upserted": [{ "index": 2, "_id": "c" }] };
    assert_eq!(BulkReply::new(&reply).created, HashSet::from([2]));
    assert!(BulkReply::new(&doc! { "n": 1 }).created.is_empty());
}

fn among(candidates: [usize; 2]) -> Misses {
    Misses::Among {
        missed: HashSet::new(),
        candidates: HashSet::from(candidates),
    }
}

#[test]
fn what_the_server_has_refused_for_it_has_missed() {
    let refused = |index, code| doc! { "index": index, "code": code, "errmsg": "" };
    let errors = [refused(0, MISSED), refused(1, MISSED), refused(2, 1)];
    let mut reply = BulkReply::new(&doc! { "n": 1, "writeErrors": errors });
    let misses = reply.take_misses([true, false, true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
    let mut left: Vec<_> = reply.errors.into_keys().collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2]);
}

#[test]
fn what_was_created_in_place_of_a_refusal_has_missed() {
    let upserted = [doc! { "index": 0, "_id": null }];
    let mut reply = BulkReply::new(&doc! { "n": 2, "upserted": upserted });
    let misses = reply.take_misses([true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
    assert!(reply.created.is_empty());
}

#[test]
fn as_many_matches_as_statements_are_no_misses() {
    let mut reply = BulkReply::new(&doc! { "n": 2 });
    let misses = reply.take_misses([true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::new()));
}

#[test]
fn what_may_have_missed_did_when_as_many_are_missing() {
    let mut reply = BulkReply::new(&doc! { "n": 1 });
    let misses = reply.take_misses([true, false].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
}

#[test]
fn fewer_misses_than_candidates_have_to_be_asked_for() {
    let mut reply = BulkReply::new(&doc! { "n": 2 });
    let misses = reply.take_misses([true, false, true].into_iter());
    assert_eq!(misses, among([0, 2]));
}

#[test]
fn a_statement_with_an_error_is_no_candidate() {
    let mut reply = BulkReply::new(&doc! { "n": 1, "writeErrors": [{ "index": 0, "code": 1 }] });
    let misses = reply.take_misses([true, true, true].into_iter());
    assert_eq!(misses, among([1, 2]));
}

#[test]
fn a_session_that_was_created_later_was_not_there_before() {
    let ids = ["a", "a", "b", "c"];
    let reply = BulkReply::new(&doc! { "n": 2, "upserted": [{ "index": 1, "_id": "a" }] });
    let there = HashSet::from(["a".to_owned(), "c".to_owned()]);
    let missed = reply.missed(HashSet::from([0, 2, 3]), |index| ids[index], &there);
    assert_eq!(missed, HashSet::from([0, 2]));
}
