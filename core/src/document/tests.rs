use super::{WithoutSession::*, *};
use bson::{Bson, Document, RawBson, doc, rawbson};

/// The `now_ms` of [`TIMES`].
const CALLED: DateTime = DateTime::from_millis(500);

const TIMES: Times = Times {
    now_ms: 500.0,
    expires_ms: 2000.0,
    last_modified_ms: None,
};

fn parsed(statement: &RawDocumentBuf) -> Document {
    Document::try_from(statement.as_ref()).expect("a statement is valid BSON")
}

const PLAIN: Beside = Beside {
    timestamps: false,
    max_lifetime_ms: None,
};
const STAMPED: Beside = Beside {
    timestamps: true,
    ..PLAIN
};
const LIMITED: Beside = Beside {
    max_lifetime_ms: Some(1000.0),
    ..PLAIN
};

fn set(payload: &Payload, times: Times, beside: Beside) -> Document {
    set_with(payload, times, beside, None)
}

fn set_with(payload: &Payload, times: Times, beside: Beside, marks: Option<&Marks>) -> Document {
    parsed(
        &set_statement("sid", payload, times, Created, beside, marks)
            .expect("the payload is valid"),
    )
}

#[test]
fn set_writes_text_and_expires() {
    let statement = set(&Payload::Text("{}".into()), TIMES, PLAIN);
    let expected = doc! {
        "q": { "_id": "sid" },
        "u": { "$set": { "_id": "sid", "session": "{}", "expires": DateTime::from_millis(2000) } },
        "upsert": true,
    };
    assert_eq!(statement, expected);
}

#[test]
fn a_set_without_upsert_creates_nothing() {
    let statement = set_statement(
        "sid",
        &Payload::Text("{}".into()),
        TIMES,
        Nothing,
        PLAIN,
        None,
    );
    let statement = parsed(&statement.expect("the payload is valid"));
    assert_eq!(statement.get_bool("upsert").ok(), Some(false));
}

#[test]
fn a_write_that_is_to_be_refused_would_create_another_id() {
    let text = Payload::Text("{}".into());
    let set =
        set_statement("sid", &text, TIMES, Refused, STAMPED, None).expect("the payload is valid");
    let touch = touch_statement("sid", TIMES, Refused, PLAIN);
    for statement in [parsed(&set), parsed(&touch)] {
        let update = statement.get_document("u").ok();
        let on_insert = update.and_then(|update| update.get_document("$setOnInsert").ok());
        let id = on_insert.and_then(|fields| fields.get("_id"));
        assert_eq!(id, Some(&Bson::Null));
        assert_eq!(statement.get_bool("upsert").ok(), Some(true));
    }
}

#[test]
fn set_splices_any_bson_value() {
    for value in [
        Bson::Null,
        Bson::Int32(7),
        Bson::Array(vec![Bson::Boolean(true)]),
        Bson::Document(doc! { "user": { "name": "a\u{0}b" } }),
    ] {
        let wrapper = RawDocumentBuf::try_from(&doc! { "session": value.clone() })
            .expect("the wrapper is valid");
        let statement = set(&Payload::Bson(wrapper.into_bytes()), TIMES, PLAIN);
        let stored = statement
            .get_document("u")
            .and_then(|update| update.get_document("$set"))
            .expect("there is a $set");
        assert_eq!(stored.get("session"), Some(&value));
    }
}

#[test]
fn set_refuses_bytes_that_are_no_document() {
    for bytes in [
        vec![],
        vec![1, 2, 3],
        vec![5, 0, 0, 0, 0],
        vec![9, 0, 0, 0, 2, b'a', 0, 9, 0],
    ] {
        assert!(set_statement("sid", &Payload::Bson(bytes), TIMES, Created, PLAIN, None).is_err());
    }
}

#[test]
fn a_payload_of_any_depth_is_copied() {
    let mut document = rawdoc! { "leaf": 1 };
    for _ in 0..2_000 {
        let mut outer = RawDocumentBuf::new();
        outer.append(cstr!("a"), document);
        document = outer;
    }
    let statement = set_statement(
        "sid",
        &Payload::Bson(rawdoc! { "session": document }.into_bytes()),
        TIMES,
        Created,
        PLAIN,
        None,
    );
    assert!(statement.is_ok());
}

#[test]
fn timestamps_add_created_at_and_updated_at() {
    let statement = set(&Payload::Text("{}".into()), TIMES, STAMPED);
    let update = statement
        .get_document("u")
        .expect("there is an update document");
    assert!(
        update
            .get_document("$setOnInsert")
            .is_ok_and(|fields| fields.get("createdAt") == Some(&CALLED.into()))
    );
    assert_eq!(
        update.get_document("$currentDate").ok(),
        Some(&doc! { "updatedAt": true })
    );
}

#[test]
fn marks_go_beside_the_session() {
    let marks = Marks {
        index: Some(vec![(cstr!("userId").into(), "alice".into())]),
        is_new_to_index: Some(true),
        description: Some(Payload::Text("a phone".into())),
        handle: Some("00".into()),
        created_ms: Some(1000.0),
    };
    let update = |beside| {
        let text = Payload::Text("{}".into());
        let mut update = set_with(&text, TIMES, beside, Some(&marks));
        let mut update = update.remove("u").expect("there is an update");
        let fields = update
            .as_document_mut()
            .and_then(|update| update.get_document_mut("$set").ok())
            .expect("there is a $set");
        assert!(
            fields
                .remove("indexedAt")
                .is_some_and(|at| at.as_datetime() == Some(&CALLED))
        );
        update
    };
    let fields = doc! {
        "_id": "sid",
        "session": "{}",
        "expires": DateTime::from_millis(2000),
        "index": { "userId": "alice" },
        "description": "a phone",
    };
    let created = doc! { "createdAt": DateTime::from_millis(1000) };
    let on_insert = doc! { "handle": "00", "createdAt": DateTime::from_millis(1000) };
    assert_eq!(
        update(PLAIN),
        Bson::from(doc! { "$set": fields.clone(), "$setOnInsert": on_insert })
    );
    assert_eq!(
        update(LIMITED),
        Bson::from(doc! { "$set": fields, "$min": created, "$setOnInsert": { "handle": "00" } })
    );
}

#[test]
fn marks_that_say_nothing_leave_alone_what_is_there() {
    let update = set_with(
        &Payload::Text("{}".into()),
        TIMES,
        PLAIN,
        Some(&Marks::default()),
    );
    let update = update.get_document("u").expect("there is an update");
    let fields = update.get_document("$set").expect("there is a $set");
    assert_eq!(
        fields.keys().collect::<Vec<_>>(),
        ["_id", "session", "expires"]
    );
    let old_to_index = Marks {
        is_new_to_index: Some(false),
        ..Marks::default()
    };
    let update = set_with(
        &Payload::Text("{}".into()),
        TIMES,
        PLAIN,
        Some(&old_to_index),
    );
    let oldest = update
        .get_document("u")
        .and_then(|update| update.get_document("$min"));
    assert!(oldest.is_ok_and(|oldest| oldest.get("indexedAt") == Some(&CALLED.into())));
}

#[test]
fn a_lifetime_begins_with_the_first_write_that_knows_of_it() {
    let touch = parsed(&touch_statement("sid", TIMES, Nothing, LIMITED));
    let oldest = touch
        .get_document("u")
        .and_then(|update| update.get_document("$min"));
    assert!(oldest.is_ok_and(|oldest| oldest.get("createdAt") == Some(&CALLED.into())));
}

#[test]
fn handles_of_newer_sessions_are_greater() {
    let handle = |created_ms| new_handle(created_ms).expect("there are random bytes");
    let ordered = [-1.0, 1.0, 65_535.0, 1_700_000_000_000.0].map(|ms| handle(Some(ms)));
    assert!(ordered.is_sorted());
    for one in ordered {
        assert!(one.len() == 44 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    assert_ne!(handle(Some(1.0)), handle(Some(1.0)));
}

#[test]
fn touch_changes_times_alone() {
    let times = Times {
        now_ms: 500.0,
        expires_ms: 3000.0,
        last_modified_ms: Some(1000.0),
    };
    let expected = doc! {
        "q": { "_id": "sid" },
        "u": {
            "$set": {
                "expires": DateTime::from_millis(3000),
                "lastModified": DateTime::from_millis(1000),
            },
            "$currentDate": { "updatedAt": true },
        },
        "upsert": false,
    };
    assert_eq!(
        parsed(&touch_statement("sid", times, Nothing, STAMPED)),
        expected
    );
}

#[test]
fn replace_asks_for_the_stored_value_and_changes_what_it_is_told_to() {
    let stored = Payload::Bson(rawdoc! { "session": { "$gt": "" } }.into_bytes());
    let replace = |times| {
        let payload = Payload::Text("{}".into());
        let statement = replace_statement("sid", &stored, &payload, 500.0, times, STAMPED, None);
        parsed(&statement.expect("the payloads are valid"))
    };
    let filter = doc! { "_id": "sid", "session": { "$eq": { "$gt": "" } } };
    assert_eq!(
        replace(None),
        doc! { "q": filter.clone(), "u": { "$set": { "session": "{}" } } }
    );
    let update = doc! {
        "$set": { "session": "{}", "expires": DateTime::from_millis(2000) },
        "$currentDate": { "updatedAt": true },
    };
    assert_eq!(replace(Some(TIMES)), doc! { "q": filter, "u": update });
}

#[test]
fn an_invalid_date_is_the_epoch_as_in_the_bson_package() {
    assert_eq!(date(f64::NAN), DateTime::from_millis(0));
    assert_eq!(date(-1.0), DateTime::from_millis(-1));
}

#[test]
fn live_is_missing_or_a_later_date() {
    for (expires, live) in [
        (None, true),
        (Some(RawBson::DateTime(DateTime::from_millis(1001))), true),
        (Some(RawBson::DateTime(DateTime::from_millis(1000))), false),
        (Some(RawBson::DateTime(DateTime::from_millis(999))), false),
        (Some(RawBson::Null), false),
        (Some(RawBson::Int64(5000)), false),
        (Some(rawbson!([])), false),
        (Some(rawbson!([999, DateTime::from_millis(999)])), false),
        (Some(rawbson!([999, DateTime::from_millis(1001)])), true),
        (Some(rawbson!([[DateTime::from_millis(1001)]])), false),
    ] {
        let mut document = rawdoc! { "_id": "sid" };
        if let Some(expires) = expires {
            document.append(cstr!("expires"), expires);
        }
        assert_eq!(
            is_live(&document, 1000.0, None).ok(),
            Some(live),
            "{document:?}"
        );
    }
}

#[test]
fn a_lifetime_is_over_whatever_expires_says() {
    let at = DateTime::from_millis;
    let document = rawdoc! { "_id": "sid", "expires": at(9000), "createdAt": at(1000) };
    let live = |now, limit| is_live(&document, now, limit).expect("it can be read");
    assert!(live(1999.0, Some(1000.0)) && !live(2000.0, Some(1000.0)));
    assert!(live(2000.0, None) && !live(9000.0, Some(1e9)));
    let undated = rawdoc! { "_id": "sid", "expires": at(9000) };
    assert!(is_live(&undated, 8000.0, Some(1.0)).expect("it can be read"));
}

#[test]
fn what_is_beside_a_session_is_read_back() {
    let at = DateTime::from_millis;
    let document = rawdoc! {
        "_id": "sid", "handle": "00", "createdAt": at(1), "indexedAt": at(2), "description": { "a": 1 },
    };
    let beside = read_beside(&document).expect("it can be read");
    assert_eq!(beside.handle.as_deref(), Some("00"));
    assert_eq!((beside.created_ms, beside.indexed_ms), (Some(1), Some(2)));
    assert!(matches!(beside.description, Some(Payload::Bson(_))));
    let nothing = read_beside(&rawdoc! { "handle": 5 }).expect("it can be read");
    assert!(nothing.handle.is_none() && nothing.description.is_none());
}

#[test]
fn the_storage_id_is_a_string_or_a_symbol() {
    for (id, expected) in [
        (RawBson::String("sid".into()), Some("sid")),
        (RawBson::Symbol("sid".into()), Some("sid")),
        (RawBson::Int32(7), None),
        (RawBson::Null, None),
    ] {
        assert_eq!(storage_id(&rawdoc! { "_id": id }).ok().flatten(), expected);
    }
    assert!(storage_id(&rawdoc! {}).is_ok_and(|id| id.is_none()));
}

#[test]
fn read_gives_back_what_set_wrote() {
    let document = rawdoc! {
        "_id": "sid",
        "session": "text",
        "expires": DateTime::from_millis(5),
        "lastModified": DateTime::from_millis(6),
    };
    let found = read(&document).expect("the document is valid");
    assert!(matches!(found.payload, Some(Payload::Text(text)) if text == "text"));
    assert_eq!(
        (found.expires_ms, found.last_modified_ms),
        (Some(5), Some(6))
    );

    let found = read(&rawdoc! { "session": { "a": 1 } }).expect("the document is valid");
    let bytes = rawdoc! { "session": { "a": 1 } }.into_bytes();
    assert!(matches!(found.payload, Some(Payload::Bson(read)) if read == bytes));

    let found = read(&rawdoc! {}).expect("the document is valid");
    assert!(found.payload.is_none());
}

/// Bytes that no driver would make.
fn joined(documents: &[RawDocumentBuf]) -> RawDocumentBuf {
    let elements = documents.iter().flat_map(|document| {
        let bytes = document.as_bytes();
        bytes[4..bytes.len() - 1].iter().copied()
    });
    let mut bytes = vec![0; 4];
    bytes.extend(elements);
    bytes.push(0);
    let length = i32::try_from(bytes.len()).expect("it is small");
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    RawDocumentBuf::from_bytes(bytes).expect("it has a length and an end")
}

#[test]
fn the_last_of_several_fields_of_one_name_counts() {
    let at = DateTime::from_millis;
    let document = joined(&[
        rawdoc! { "_id": "first", "session": "first", "expires": at(1), "lastModified": at(1) },
        rawdoc! { "session": 5, "expires": "no date" },
        rawdoc! { "_id": "last", "session": "last", "expires": at(3), "lastModified": at(3) },
    ]);
    assert_eq!(storage_id(&document).ok().flatten(), Some("last"));
    assert!(is_live(&document, 2.0, None).expect("it can be read"));
    assert!(!is_live(&document, 3.0, None).expect("it can be read"));
    let found = read(&document).expect("it can be read");
    assert!(matches!(found.payload, Some(Payload::Text(text)) if text == "last"));
    assert_eq!(
        (found.expires_ms, found.last_modified_ms),
        (Some(3), Some(3))
    );
}

#[test]
fn a_last_field_of_another_type_counts_too() {
    let at = DateTime::from_millis;
    let document = joined(&[
        rawdoc! { "_id": "first", "expires": at(1), "lastModified": at(1) },
        rawdoc! { "_id": 5, "expires": null, "lastModified": "no date" },
    ]);
    assert_eq!(storage_id(&document).ok().flatten(), None);
    let found = read(&document).expect("it can be read");
    assert_eq!((found.expires_ms, found.last_modified_ms), (None, None));
}

#[test]
fn text_that_is_not_utf8_is_an_error_where_it_counts() {
    let mut document = rawdoc! { "_id": "sid", "session": "text" }.into_bytes();
    let at = document.len() - 3;
    document[at] = 0xff;
    let document = RawDocumentBuf::from_bytes(document).expect("it has a length and an end");
    assert!(read(&document).is_err());
    assert_eq!(storage_id(&document).ok().flatten(), Some("sid"));
    let last = joined(&[document, rawdoc! { "session": "last" }]);
    assert!(read(&last).is_ok());
}
