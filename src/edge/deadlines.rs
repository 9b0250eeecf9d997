//! Calls that may take no longer than `operationTimeoutMS`.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// The calls of a store that may still run out of time, the earliest first: all of them get the same time.
#[derive(Default)]
pub struct Deadlines {
    calls: VecDeque<Deadline>,
    is_watched: bool,
}

/// When a call is over.
pub struct Deadline {
    at: Instant,
    /// The number of the call.
    pub call: f64,
    /// Shared with whoever answers the call.
    pub is_answered: Arc<AtomicBool>,
}

impl Deadlines {
    /// Adds a call that has begun now. Whether somebody has to begin to watch, with [`Deadlines::next_late`].
    pub fn add(&mut self, call: f64, time: Duration, is_answered: Arc<AtomicBool>) -> bool {
        self.forget_answered();
        self.calls.push_back(Deadline {
            at: Instant::now() + time,
            call,
            is_answered,
        });
        !std::mem::replace(&mut self.is_watched, true)
    }

    /// When the next call is over; `None` ends the watch.
    pub fn next_late(&mut self) -> Option<Instant> {
        self.forget_answered();
        let next = self.calls.front().map(|deadline| deadline.at);
        self.is_watched = next.is_some();
        next
    }

    /// Takes the calls that are over.
    pub fn take_late(&mut self) -> Vec<Deadline> {
        let now = Instant::now();
        let count = self.calls.partition_point(|deadline| deadline.at <= now);
        self.calls.drain(..count).collect()
    }

    fn forget_answered(&mut self) {
        while self
            .calls
            .front()
            .is_some_and(|deadline| deadline.is_answered.load(Ordering::Acquire))
        {
            self.calls.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(1);

    fn add(deadlines: &mut Deadlines, call: f64) -> (Arc<AtomicBool>, bool) {
        let is_answered = Arc::new(AtomicBool::new(false));
        let begins = deadlines.add(call, TIME, Arc::clone(&is_answered));
        (is_answered, begins)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_without_an_answer_are_late_in_their_turn() {
        let mut deadlines = Deadlines::default();
        let (first, begins) = add(&mut deadlines, 1.0);
        assert!(begins);
        tokio::time::advance(TIME / 2).await;
        assert!(!add(&mut deadlines, 2.0).1);
        first.store(true, Ordering::Release);
        assert_eq!(deadlines.next_late(), Some(Instant::now() + TIME));
        assert!(deadlines.take_late().is_empty());
        tokio::time::advance(TIME).await;
        let late: Vec<_> = deadlines.take_late().iter().map(|one| one.call).collect();
        assert_eq!(late, [2.0]);
        assert_eq!(deadlines.next_late(), None);
        assert!(add(&mut deadlines, 3.0).1);
    }
}
