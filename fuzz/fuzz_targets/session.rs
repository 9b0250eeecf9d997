//! Anything at all as a document of the sessions' collection.
#![no_main]

use bson::{RawBsonRef, RawDocument};
use connect_mongo_native_core::document::{
    Beside, Payload, is_live, read, read_beside, replace_statement, spread_text, storage_id,
};
use libfuzzer_sys::fuzz_target;

/// The frame of a document around the bytes, without which hardly any would be looked at.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = i32::try_from(data.len() + 5).expect("the fuzzer's inputs are small");
    [&length.to_le_bytes(), data, &[0]].concat()
}

/// The last value of this name, which is the one that counts.
fn last<'a>(document: &'a RawDocument, name: &str) -> Option<RawBsonRef<'a>> {
    let elements = document.iter_elements().flatten();
    let element = elements.filter(|one| one.key().as_str() == name).last()?;
    Some(element.value().expect("it has been read"))
}

fn check(document: &RawDocument) {
    let _ = is_live(document, 0.0, Some(1000.0));
    let _ = read_beside(document);
    if let Ok(Some(id)) = storage_id(document) {
        let stored = last(document, "_id").expect("it has been read");
        assert!(
            matches!(stored, RawBsonRef::String(one) | RawBsonRef::Symbol(one) if one == id),
            "{stored:?}"
        );
    }
    if let Some(text) = spread_text(document) {
        assert_eq!(text.chars().count(), document.iter().count());
    }
    let Ok(found) = read(document) else { return };
    let stored = last(document, "session");
    match &found.payload {
        None => assert!(stored.is_none()),
        Some(Payload::Text(text)) => {
            assert_eq!(stored.and_then(|value| value.as_str()), Some(text.as_str()))
        }
        Some(Payload::Binary(_)) => unreachable!("nothing is read as that"),
        Some(Payload::Bson(bytes)) => {
            let wrapper = RawDocument::from_bytes(bytes).expect("it is a document");
            let copied = wrapper.get("session").expect("it has been copied");
            // As text, since a double can be NaN.
            assert_eq!(format!("{copied:?}"), format!("{stored:?}"));
        }
    }
    if let Some(payload) = &found.payload {
        replace_statement("sid", payload, payload, 0.0, None, Beside::default(), None)
            .expect("what was read can be written");
    }
}

fuzz_target!(|data: &[u8]| {
    for bytes in [data, &framed(data)] {
        if let Ok(document) = RawDocument::from_bytes(bytes) {
            check(document);
        }
        let payload = Payload::Bson(bytes.to_vec());
        let _ = replace_statement(
            "sid",
            &payload,
            &payload,
            0.0,
            None,
            Beside::default(),
            None,
        );
    }
});
