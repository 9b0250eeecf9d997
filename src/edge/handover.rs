//! Many answers as one flat list, which costs JavaScript less than an object for each.

use connect_mongo_native_core::document::{Found, Payload};
use napi::bindgen_prelude::{Buffer, Either6, FnArgs, Latin1String};
use napi_derive::napi;

use crate::{
    edge::{
        failure::Failure,
        reports::{CommandReport, Report},
    },
    engine::caller::Answer,
};

/// The most that an answer takes in the list.
const MOST_ELEMENTS: usize = 6;

/// What follows the number of a call in a list of answers.
#[napi]
pub enum AnswerKind {
    /// Nothing follows.
    Nothing = 0,
    /// Nothing follows: the answer is yes.
    Yes = 1,
    /// Nothing follows: the answer is no.
    No = 2,
    /// `session`, `expires` and `lastModified` follow. The session is text when the stored value is a string, otherwise a
    /// BSON document whose field `session` is the value; `undefined` when the document has no such field. The times are in
    /// milliseconds since the epoch, NaN when the document has none.
    Session = 3,
    /// Nothing follows: why there is no answer is the next in the list of failures.
    Failure = 4,
    /// As [`AnswerKind::Session`], of text that was decrypted and that the serializer is known to have returned.
    Serialized = 5,
    /// As [`AnswerKind::Session`], of text that was decrypted: what the serializer returned, or its JSON.
    Decrypted = 6,
    /// One of the kinds of a session follows: only a collation takes its id for the one that was asked for.
    OtherwiseSpelt = 7,
}

/// An element of a list of answers. ASCII crosses as Latin-1, which costs JavaScript less.
pub type Element = Either6<u32, f64, Latin1String, String, Buffer, ()>;

/// Answers one after the other, each the number of the call, the [`AnswerKind`] and what goes with that; and the failures
/// among them. For those who look on, what has become of commands before.
pub type Handover = FnArgs<(Vec<Element>, Vec<Failure>, Option<Vec<CommandReport>>)>;

/// The list of these answers, each with the number of its call.
#[must_use]
pub fn handover(answered: Vec<(f64, Result<Answer, Failure>)>, reports: Vec<Report>) -> Handover {
    let mut list = Vec::with_capacity(MOST_ELEMENTS * answered.len());
    let mut failures = Vec::new();
    for (call, result) in answered {
        list.push(Element::B(call));
        match result {
            Ok(Answer::Found(Some(found))) => append_session(&mut list, found),
            Ok(Answer::Found(None) | Answer::Destroyed) => {
                append_kind(&mut list, AnswerKind::Nothing);
            }
            Ok(Answer::Created(true) | Answer::Matched(true)) => {
                append_kind(&mut list, AnswerKind::Yes);
            }
            Ok(Answer::Created(false) | Answer::Matched(false)) => {
                append_kind(&mut list, AnswerKind::No);
            }
            Err(failure) => {
                append_kind(&mut list, AnswerKind::Failure);
                failures.push(failure);
            }
        }
    }
    let reports = (!reports.is_empty()).then(|| reports.into_iter().map(Into::into).collect());
    (list, failures, reports).into()
}

fn append_kind(list: &mut Vec<Element>, kind: AnswerKind) {
    list.push(Element::A(kind as u32));
}

fn append_session(list: &mut Vec<Element>, found: Found) {
    if found.is_otherwise_spelt {
        append_kind(list, AnswerKind::OtherwiseSpelt);
    }
    append_kind(
        list,
        match found.is_serialized {
            None => AnswerKind::Session,
            Some(true) => AnswerKind::Serialized,
            Some(false) => AnswerKind::Decrypted,
        },
    );
    list.push(match found.payload {
        None => Element::F(()),
        Some(Payload::Text(text)) if text.is_ascii() => Element::C(text.into()),
        Some(Payload::Text(text)) => Element::D(text),
        Some(Payload::Binary(bytes) | Payload::Bson(bytes)) => Element::E(bytes.into()),
    });
    list.push(Element::B(milliseconds(found.expires_ms)));
    list.push(Element::B(milliseconds(found.last_modified_ms)));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a JavaScript date holds no more than 8.64e15"
)]
fn milliseconds(date: Option<i64>) -> f64 {
    date.map_or(f64::NAN, |date| date as f64)
}
