//! Anything at all as the reply to a write command: nothing is said of a statement that there is not, and no error is lost.
#![no_main]

use std::collections::{HashMap, HashSet};

use bson::{Bson, Document, doc};
use connect_mongo_native_core::replies::{
    BulkReply, MISSED, Misses, first_error, is_acknowledgement_given_up,
};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
enum Value {
    Absent,
    Null,
    Small(i8),
    Int32(i32),
    Int64(i64),
    Double(f64),
    Missed,
    Text(String),
    Documents(Vec<Element>),
    Document(Box<Element>),
    Values(Vec<Value>),
}

#[derive(Arbitrary, Debug)]
struct Element {
    index: Value,
    code: Value,
    message: Value,
}

#[derive(Arbitrary, Debug)]
struct Reply {
    matched: Value,
    write_errors: Value,
    write_concern_error: Value,
    upserted: Value,
    labels: Value,
    /// A statement each: whether it may miss, and which session it is for.
    statements: Vec<(bool, u8)>,
    there: Vec<u8>,
}

fn put(document: &mut Document, name: &str, value: &Value) {
    let value = match value {
        Value::Absent => return,
        Value::Null => Bson::Null,
        Value::Small(number) => i32::from(*number).into(),
        Value::Int32(number) => (*number).into(),
        Value::Int64(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Missed => MISSED.into(),
        Value::Text(text) => text.into(),
        Value::Documents(elements) => Bson::Array(
            elements
                .iter()
                .map(|one| one.to_document().into())
                .collect(),
        ),
        Value::Document(element) => element.to_document().into(),
        Value::Values(values) => {
            let mut list = Document::new();
            for (index, value) in values.iter().enumerate() {
                put(&mut list, &index.to_string(), value);
            }
            Bson::Array(list.into_iter().map(|(_, value)| value).collect())
        }
    };
    document.insert(name, value);
}

impl Element {
    fn to_document(&self) -> Document {
        let mut document = doc! {};
        put(&mut document, "index", &self.index);
        put(&mut document, "code", &self.code);
        put(&mut document, "errmsg", &self.message);
        document
    }
}

impl Reply {
    fn to_document(&self) -> Document {
        let mut document = doc! { "ok": 1 };
        put(&mut document, "n", &self.matched);
        put(&mut document, "writeErrors", &self.write_errors);
        put(
            &mut document,
            "writeConcernError",
            &self.write_concern_error,
        );
        put(&mut document, "upserted", &self.upserted);
        put(&mut document, "errorLabels", &self.labels);
        document
    }

    fn may_miss(&self, index: usize) -> bool {
        self.statements
            .get(index)
            .is_some_and(|(may_miss, _)| *may_miss)
    }
}

/// Whether the server has said that something is wrong.
fn has_error(reply: &Document) -> bool {
    let is_given = |name| reply.get(name).is_some_and(|value| *value != Bson::Null);
    let is_empty = |name| reply.get_array(name).is_ok_and(Vec::is_empty);
    is_given("writeErrors") && !is_empty("writeErrors") || is_given("writeConcernError")
}

fn check(reply: &Reply, document: &Document) {
    let mut bulk = BulkReply::new(document, reply.statements.len());
    let is_statement = |index: &usize| *index < reply.statements.len();
    assert!(bulk.errors.keys().all(is_statement));
    assert!(bulk.created.iter().all(is_statement));
    assert!(bulk.last_error().is_none_or(|last| is_statement(&last)));
    let has_any = !bulk.errors.is_empty() || bulk.common_error.is_some();
    assert_eq!(has_any, has_error(document), "an error is lost or made up");

    let before: HashMap<_, _> = bulk
        .errors
        .iter()
        .map(|(index, one)| (*index, one.code))
        .collect();
    let created = bulk.created.clone();
    let misses = bulk.take_misses(reply.statements.iter().map(|(may_miss, _)| *may_miss));
    let (missed, candidates) = match misses {
        Misses::Known(missed) => (missed, HashSet::new()),
        Misses::Among { missed, candidates } => (missed, candidates),
    };
    assert!(
        missed
            .union(&candidates)
            .all(|index| reply.may_miss(*index))
    );
    assert!(missed.is_disjoint(&candidates));
    assert!(candidates.iter().all(|index| !before.contains_key(index)));
    for (index, code) in before {
        let is_answered = missed.contains(&index) && (code == MISSED || created.contains(&index));
        assert!(
            bulk.errors.contains_key(&index) || is_answered,
            "an error is lost"
        );
    }

    let ids: Vec<_> = reply
        .statements
        .iter()
        .map(|(_, id)| id.to_string())
        .collect();
    let there: HashSet<_> = reply.there.iter().map(u8::to_string).collect();
    let found = bulk.missed(candidates.clone(), |index| ids[index].as_str(), &there);
    assert!(found.is_subset(&candidates));
    let absent = candidates
        .iter()
        .filter(|index| !there.contains(&ids[**index]));
    assert!(absent.into_iter().all(|index| found.contains(index)));
}

fuzz_target!(|reply: Reply| {
    let document = reply.to_document();
    assert_eq!(first_error(&document).is_some(), has_error(&document));
    if is_acknowledgement_given_up(&document) {
        assert!(has_error(&document));
    }
    check(&reply, &document);
});
