//! Who is answered, and how.

use connect_mongo_native_core::document::Found;

use crate::{engine::errors::StoreError, mongo::trace::WatchedCall};

/// What an operation came to.
pub enum Answer {
    /// The live session, if there is one.
    Found(Option<Found>),
    /// Whether a set created its session.
    Created(bool),
    /// Whether there was a session for a touch, or for a set that creates none.
    Matched(bool),
    /// A removal was done.
    Destroyed,
}

/// Who waits for an answer.
pub trait Caller: Send + Sync + 'static {
    /// Gathers whom answers have reached, so that each thread is woken once for all of them: when this is dropped.
    type Wakes: Default + Send;

    /// Whether its call has run out of time, or was given up.
    fn is_gone(&self) -> bool;

    /// Its call, if somebody looks on.
    fn watched(&self) -> Option<WatchedCall> {
        None
    }

    /// Takes the answer.
    fn answer(self, result: Result<Answer, StoreError>, wakes: &mut Self::Wakes);
}

/// A caller that is answered exactly once: with an error when this is dropped before.
pub struct Waiter<C: Caller>(Option<C>);

impl<C: Caller> Waiter<C> {
    /// From now on the caller is certain to be answered.
    #[must_use]
    pub fn new(caller: C) -> Self {
        Self(Some(caller))
    }

    /// Whether its call has run out of time, or was given up.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.as_ref().is_some_and(C::is_gone)
    }

    /// Its call, if somebody looks on.
    #[must_use]
    pub fn watched(&self) -> Option<WatchedCall> {
        self.0.as_ref().and_then(C::watched)
    }

    /// Answers the caller, whose thread is woken when `wakes` ends.
    pub fn answer(mut self, result: Result<Answer, StoreError>, wakes: &mut C::Wakes) {
        if let Some(caller) = self.0.take() {
            caller.answer(result, wakes);
        }
    }
}

impl<C: Caller> Drop for Waiter<C> {
    fn drop(&mut self) {
        if let Some(caller) = self.0.take() {
            let lost = StoreError::Panic("its command was lost".to_owned());
            caller.answer(Err(lost), &mut C::Wakes::default());
        }
    }
}
