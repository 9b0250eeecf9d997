//! Answers in the form in which JavaScript takes them: numbers into an array of its own, and values. Many at once, for a call from one
//! language to the other costs more than what it carries.

use connect_mongo_native_core::document::{Found, Payload};
use napi::bindgen_prelude::{Buffer, Either5, Latin1String, Utf16String};
use napi_derive::napi;

use crate::{
    edge::{failure::Failure, numbers::float_of_size},
    engine::{caller::Answer, errors::StoreError},
};

/// What an answer is. Answers that have a value take the next of the list of values.
#[napi]
#[derive(Clone, Copy)]
pub enum AnswerKind {
    /// There is nothing.
    Nothing = 0,
    /// Yes.
    Yes = 1,
    /// No.
    No = 2,
    /// The value is a session: text when the stored value is a string, otherwise a BSON document whose field `session` is the value;
    /// `undefined` when the document has no such field.
    Session = 3,
    /// The value is why there is no answer.
    Failure = 4,
    /// As [`AnswerKind::Session`], of text that was decrypted and that the serializer is known to have returned.
    Serialized = 5,
    /// As [`AnswerKind::Session`], of text that was decrypted: what the serializer returned, or its JSON.
    Decrypted = 6,
    /// Added to one of a session: only a collation takes its id for the one that was asked for.
    OtherwiseSpelt = 8,
}

/// Where JavaScript finds what among the numbers.
#[napi]
pub enum AnswerNumber {
    /// How many answers there are.
    Answers = 0,
    /// How many reports of commands there are, which are older.
    Reports = 1,
    /// How many answers are left, to be taken later.
    Left = 2,
    /// Here the answers begin. Each has four numbers: of the call, the [`AnswerKind`], and of a session `expires` and `lastModified`, in
    /// milliseconds since the epoch, NaN when the document has none.
    First = 3,
}

/// How many numbers each answer has.
const NUMBERS: usize = 4;

/// The value of an answer. One byte a character, or two, is what V8 takes as it is.
pub type Value = Either5<Latin1String, Utf16String, Buffer, Failure, ()>;

/// An answer on its way to the JavaScript thread, which is to have the least of the work.
pub struct Answered {
    numbers: [f64; NUMBERS],
    value: Option<Value>,
    /// Of its session.
    bytes: usize,
}

impl Answered {
    /// The answer to the call of this number.
    #[must_use]
    pub fn new(call: f64, result: Result<Answer, StoreError>) -> Self {
        let without = |kind, value| Self {
            numbers: [call, number_of(kind), f64::NAN, f64::NAN],
            value,
            bytes: 0,
        };
        match result {
            Ok(Answer::Found(Some(found))) => Self::of_session(call, found),
            Ok(Answer::Found(None) | Answer::Destroyed) => without(AnswerKind::Nothing, None),
            Ok(Answer::Created(true) | Answer::Matched(true)) => without(AnswerKind::Yes, None),
            Ok(Answer::Created(false) | Answer::Matched(false)) => without(AnswerKind::No, None),
            Err(error) => without(AnswerKind::Failure, Some(Either5::D(error.into()))),
        }
    }

    fn of_session(call: f64, found: Found) -> Self {
        let kind = match found.is_serialized {
            None => AnswerKind::Session,
            Some(true) => AnswerKind::Serialized,
            Some(false) => AnswerKind::Decrypted,
        };
        let spelling = if found.is_otherwise_spelt {
            number_of(AnswerKind::OtherwiseSpelt)
        } else {
            0.0
        };
        let [expires, last_modified] = [found.expires_ms, found.last_modified_ms].map(milliseconds);
        let bytes = found.payload.as_ref().map_or(0, Payload::bytes);
        Self {
            bytes,
            numbers: [call, number_of(kind) + spelling, expires, last_modified],
            value: Some(value_of(found.payload)),
        }
    }
}

fn value_of(payload: Option<Payload>) -> Value {
    match payload {
        None => Either5::E(()),
        Some(Payload::Text(text)) if text.is_ascii() => Either5::A(text.into()),
        Some(Payload::Text(text)) => Either5::B(text.into()),
        Some(Payload::Binary(bytes) | Payload::Bson(bytes)) => Either5::C(bytes.into()),
    }
}

/// A `Float64Array`, for the time of one call. By this name, as the macro of napi-rs knows no slice that can be written to.
pub type Numbers<'a> = &'a mut [f64];

/// Sessions of so many bytes go over at a time: what JavaScript makes of them keeps its event loop from all else.
const MOST_BYTES: usize = 256 << 10;

/// How many of these answers go over at a time, as far as the numbers have room: one at least.
#[must_use]
pub fn share(answered: &[Answered], numbers: &[f64]) -> usize {
    let most = numbers.len().saturating_sub(AnswerNumber::First as usize) / NUMBERS;
    let mut room = MOST_BYTES;
    let fits = |answer: &&Answered| {
        let fits = answer.bytes <= room;
        room = room.saturating_sub(answer.bytes);
        fits
    };
    let fitting = answered.iter().take_while(fits).count();
    fitting.max(1).min(most).min(answered.len())
}

/// Writes the numbers of these answers, for which there is room, and gives their values.
pub fn hand_over(
    answered: Vec<Answered>,
    reports: usize,
    left: usize,
    numbers: &mut [f64],
) -> Vec<Value> {
    let mut values = Vec::with_capacity(answered.len());
    let Some((head, rest)) = numbers.split_at_mut_checked(AnswerNumber::First as usize) else {
        return values;
    };
    head[AnswerNumber::Answers as usize] = float_of_size(answered.len());
    head[AnswerNumber::Reports as usize] = float_of_size(reports);
    head[AnswerNumber::Left as usize] = float_of_size(left);
    for (room, answer) in rest.chunks_exact_mut(NUMBERS).zip(answered) {
        room.copy_from_slice(&answer.numbers);
        values.extend(answer.value);
    }
    values
}

fn number_of(kind: AnswerKind) -> f64 {
    f64::from(kind as u32)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a JavaScript date holds no more than 8.64e15"
)]
fn milliseconds(date: Option<i64>) -> f64 {
    date.map_or(f64::NAN, |date| date as f64)
}
