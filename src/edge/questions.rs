//! What JavaScript asks of sessions, many at once: numbers in an array of its own, and values. Answers cross in the same way.

use connect_mongo_native_core::document::Times;
use napi::bindgen_prelude::{Buffer, Either, Either3};
use napi_derive::napi;

use crate::{
    edge::{
        failure::Failure,
        records::{SessionMarks, to_payload},
    },
    engine::operation::{Request, Write},
};

/// What is asked. The first value of each question is the storage id.
#[napi]
#[derive(Clone, Copy)]
pub enum QuestionKind {
    /// The session, if it is live.
    Find = 0,
    /// To renew the session. The answer tells whether there was one.
    Touch = 1,
    /// To remove the session; one that is not there is no failure.
    Remove = 2,
    /// To write the session, if it is there, which the answer tells. The next value is the session: text, or a BSON document whose first
    /// element is the value to store.
    Update = 3,
    /// To write the session, wherever it is there or not; the answer tells whether it was created. The next value is the session.
    Upsert = 4,
    /// Added to one that writes: what is to be kept beside the session is one more value, a `SessionMarks`.
    Marked = 8,
}

/// How many numbers each question has: of the call, the [`QuestionKind`], what is to be stored as `expires` and `lastModified`, and what
/// counts as now, in milliseconds since the epoch; `lastModified` is left alone where it is NaN.
pub const NUMBERS: usize = 5;

/// A value of a question.
pub type QuestionValue = Either3<String, Buffer, SessionMarks>;

/// A question that will have no other answer.
#[napi(object, object_from_js = false)]
pub struct Refusal {
    /// The number of its call.
    pub call: f64,
    /// Why.
    pub failure: Failure,
}

/// A question, and whose it is.
pub struct Question {
    /// The number of the call.
    pub call: f64,
    /// Of which session.
    pub storage_id: String,
    /// What is asked for.
    pub request: Request,
}

/// The questions that these numbers and values hold, as far as they are complete.
pub fn questions(numbers: &[f64], values: Vec<QuestionValue>) -> impl Iterator<Item = Question> {
    let mut values = values.into_iter();
    let numbers = numbers.chunks_exact(NUMBERS);
    numbers.map_while(move |numbers| question(numbers, &mut values))
}

fn question(numbers: &[f64], values: &mut impl Iterator<Item = QuestionValue>) -> Option<Question> {
    let &[call, kind, expires_ms, last_modified_ms, now_ms] = numbers else {
        return None;
    };
    let marked = f64::from(QuestionKind::Marked as u32);
    let (kind, is_marked) = if kind > marked {
        (kind - marked, true)
    } else {
        (kind, false)
    };
    let is = |one: QuestionKind| kind.total_cmp(&f64::from(one as u32)).is_eq();
    let Some(Either3::A(storage_id)) = values.next() else {
        return None;
    };
    let times = Times {
        now_ms,
        expires_ms,
        last_modified_ms: (!last_modified_ms.is_nan()).then_some(last_modified_ms),
    };
    let request = if is(QuestionKind::Find) {
        Request::Get { now_ms }
    } else if is(QuestionKind::Touch) {
        Request::Write(Write::Touch { times })
    } else if is(QuestionKind::Remove) {
        Request::Write(Write::Destroy)
    } else {
        let payload = match values.next()? {
            Either3::A(text) => Either::A(text),
            Either3::B(bytes) => Either::B(bytes),
            Either3::C(_) => return None,
        };
        let marks = match is_marked.then(|| values.next()).flatten() {
            Some(Either3::C(marks)) => Some(marks.into()),
            _ => None,
        };
        Request::Write(Write::Set {
            payload: to_payload(payload),
            times,
            is_upsert: is(QuestionKind::Upsert),
            marks,
        })
    };
    Some(Question {
        call,
        storage_id,
        request,
    })
}
