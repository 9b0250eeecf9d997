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
    assert_eq!(BulkReply::new(&reply, 4).created, HashSet::from([2]));
    assert!(BulkReply::new(&doc! { "n": 1 }, 4).created.is_empty());
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
    let mut reply = BulkReply::new(&doc! { "n": 1, "writeErrors": errors }, 4);
    let misses = reply.take_misses([true, false, true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
    let mut left: Vec<_> = reply.errors.into_keys().collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2]);
}

#[test]
fn what_was_created_in_place_of_a_refusal_has_missed() {
    let upserted = [doc! { "index": 0, "_id": null }];
    let mut reply = BulkReply::new(&doc! { "n": 2, "upserted": upserted }, 2);
    let misses = reply.take_misses([true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
    assert!(reply.created.is_empty());
}

#[test]
fn as_many_matches_as_statements_are_no_misses() {
    let mut reply = BulkReply::new(&doc! { "n": 2 }, 4);
    let misses = reply.take_misses([true, true].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::new()));
}

#[test]
fn what_may_have_missed_did_when_as_many_are_missing() {
    let mut reply = BulkReply::new(&doc! { "n": 1 }, 4);
    let misses = reply.take_misses([true, false].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([0])));
}

#[test]
fn fewer_misses_than_candidates_have_to_be_asked_for() {
    let mut reply = BulkReply::new(&doc! { "n": 2 }, 4);
    let misses = reply.take_misses([true, false, true].into_iter());
    assert_eq!(misses, among([0, 2]));
}

#[test]
fn a_statement_with_an_error_is_no_candidate() {
    let mut reply = BulkReply::new(
        &doc! { "n": 1, "writeErrors": [{ "index": 0, "code": 1 }] },
        4,
    );
    let misses = reply.take_misses([true, true, true].into_iter());
    assert_eq!(misses, among([1, 2]));
}

#[test]
fn a_session_that_was_created_later_was_not_there_before() {
    let ids = ["a", "a", "b", "c"];
    let reply = BulkReply::new(
        &doc! { "n": 2, "upserted": [{ "index": 1, "_id": "a" }] },
        4,
    );
    let there = HashSet::from(["a".to_owned(), "c".to_owned()]);
    let missed = reply.missed(HashSet::from([0, 2, 3]), |index| ids[index], &there);
    assert_eq!(missed, HashSet::from([0, 2]));
}

/// What no count is.
fn odd_numbers() -> Vec<Bson> {
    vec![
        Bson::Int32(-1),
        Bson::Int32(i32::MIN),
        Bson::Int32(i32::MAX),
        Bson::Int64(i64::MIN),
        Bson::Int64(i64::MAX),
        Bson::Double(f64::NAN),
        Bson::Double(f64::INFINITY),
        Bson::Double(-0.5),
        Bson::Double(0.5),
        Bson::Double(1e300),
        Bson::String("0".to_owned()),
        Bson::Null,
        Bson::Array(vec![Bson::Int32(0)]),
    ]
}

#[test]
fn counts_may_be_numbers_of_any_type() {
    for n in [Bson::Int32(2), Bson::Int64(2), Bson::Double(2.0)] {
        let reply = doc! { "n": &n, "upserted": [{ "index": &n }], "writeErrors": [{ "index": &n, "code": &n }] };
        assert_eq!(matched(&reply), 2);
        let reply = BulkReply::new(&reply, 3);
        assert_eq!(reply.created, HashSet::from([2]));
        assert_eq!(reply.errors.get(&2).map(|error| error.code), Some(2));
    }
}

#[test]
fn a_count_that_cannot_be_acknowledges_nothing() {
    for n in odd_numbers() {
        let mut reply = BulkReply::new(&doc! { "n": &n }, 3);
        let misses = reply.take_misses([true, false, true].into_iter());
        assert_eq!(misses, among([0, 2]), "{n}");
        let misses = reply.take_misses([false, false].into_iter());
        assert_eq!(misses, Misses::Known(HashSet::new()), "{n}");
    }
}

#[test]
fn an_error_of_no_statement_is_that_of_all() {
    for index in odd_numbers().into_iter().chain([Bson::Int32(3)]) {
        let errors = doc! { "n": 2, "writeErrors": [{ "index": 1, "code": 1 }, { "index": &index, "code": 2 }] };
        let reply = BulkReply::new(&errors, 3);
        assert_eq!(reply.errors.keys().collect::<Vec<_>>(), [&1], "{index}");
        assert_eq!(reply.last_error(), Some(1));
        assert_eq!(
            reply.common_error.map(|error| error.code),
            Some(2),
            "{index}"
        );
    }
}

#[test]
fn an_error_that_is_none_is_that_of_all() {
    for errors in [
        Bson::Int32(1),
        Bson::Array(vec![Bson::Null]),
        Bson::Document(doc! {}),
    ] {
        let reply = BulkReply::new(&doc! { "n": 1, "writeErrors": &errors }, 1);
        assert!(reply.common_error.is_some(), "{errors}");
        assert!(first_error(&doc! { "n": 1, "writeConcernError": "no" }).is_some());
    }
    assert!(first_error(&doc! { "writeErrors": null, "writeConcernError": null }).is_none());
    assert!(first_error(&doc! { "writeErrors": [] }).is_none());
}

#[test]
fn an_index_may_come_twice() {
    let reply = doc! {
        "n": 1,
        "upserted": [{ "index": 2 }, { "index": 2 }],
        "writeErrors": [{ "index": 0, "code": 1 }, { "index": 0, "code": 2 }],
    };
    let mut reply = BulkReply::new(&reply, 3);
    assert_eq!((reply.created.len(), reply.errors.len()), (1, 1));
    let misses = reply.take_misses([true, true, false].into_iter());
    assert_eq!(misses, Misses::Known(HashSet::from([1])));
}

#[test]
fn what_was_created_is_one_of_the_statements() {
    let ids = ["a", "b"];
    for index in odd_numbers().into_iter().chain([Bson::Int32(2)]) {
        let reply = BulkReply::new(
            &doc! { "n": 0, "upserted": [{ "index": &index }] },
            ids.len(),
        );
        assert!(reply.created.is_empty(), "{index}");
        let there = HashSet::from(["a".to_owned()]);
        let missed = reply.missed(HashSet::from([0, 1]), |index| ids[index], &there);
        assert_eq!(missed, HashSet::from([1]));
    }
}
