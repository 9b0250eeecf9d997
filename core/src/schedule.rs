//! Which operations go into the next command, and how many commands may be under way.
//!
//! Commands of one kind are sent by senders: tasks that send one after the other while operations wait. The schedule counts
//! them and says when one is to begin; who asks spawns it.
//!
//! A command that has been out for much longer than its kind usually takes is late: it stops counting, so that what waits
//! leaves without it. A server that is slow for everybody must not be sent one command more for each late one: the more of
//! them are late with no timely reply in between, the longer the next may take before it counts as late, and there is a most
//! that may be under way in all. Until there is such a reply a command is for one session: whatever holds it up holds up
//! nobody else. With each such reply the next may hold twice as many: where one session holds up others, another may be near.
//! When a late one is answered and none was quicker, what it took is usual from then on, and the next hold what there is.
//! The sessions of a command that was late while others were answered in time leave in small parts, without others, next time:
//! one of them may have been the reason.

use std::{sync::Arc, time::Duration};

use crate::queue::{CommandKind, Limits, Queue, Queued, Taken};
use connections::Connections;
use traffic::Traffic;

mod connections;
mod traffic;

/// What waits is divided among the commands that may leave, so that the server works on it with several of its threads; but a
/// command of fewer sessions than these costs it more than that gains.
const LEAST_SHARE: usize = 16;

/// The bytes of a command's statements. A command is one BSON document of at most 16 MiB; the rest is for what is around them.
pub const MOST_BYTES: usize = 15 << 20;
/// Of large sessions a command holds no more, so that none of them waits long for the others.
const MOST_LARGE_SESSIONS: usize = 4;
/// Far below the server's 100,000: a larger command would keep its first callers waiting.
const MOST_STATEMENTS: usize = 1_000;

/// The operations that wait, and the commands that are under way. Times are since any one moment.
pub struct Schedule<T> {
    queue: Queue<T>,
    most_in_all: usize,
    traffic: [Traffic; CommandKind::ALL.len()],
    connections: Connections,
}

/// A command that has left.
pub struct Departure {
    kind: CommandKind,
    number: u64,
    ids: Vec<Arc<str>>,
    /// How many sessions its connection was trusted with.
    trust: usize,
    is_late: bool,
}

impl Departure {
    /// What tells the command from others.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl<T: Queued> Schedule<T> {
    /// Nothing waits. In place of late commands others may leave until there are `most_in_all` of all kinds.
    #[must_use]
    pub fn new(most_in_all: usize) -> Self {
        Self {
            queue: Queue::default(),
            most_in_all,
            traffic: Default::default(),
            connections: Connections::default(),
        }
    }

    /// Adds an operation behind those on the same id.
    pub fn push(&mut self, operation: T) {
        self.queue.push(operation);
    }

    /// Whether no command of this kind is under way or about to leave, but for late ones.
    #[must_use]
    pub fn is_idle(&self, kind: CommandKind) -> bool {
        self.traffic[kind as usize].free_senders() == 0
    }

    /// Whether operations of this kind wait.
    #[must_use]
    pub fn has_waiting(&self, kind: CommandKind) -> bool {
        self.queue.waiting(kind) > 0
    }

    /// How many operations wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let kinds = CommandKind::ALL.iter();
        kinds.map(|kind| self.queue.waiting(*kind)).sum()
    }

    /// How many commands are under way or about to leave.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.traffic.iter().map(|traffic| traffic.senders).sum()
    }

    /// Whether one more sender of this kind is to begin. It counts from now on, until [`Schedule::next`] gives it nothing.
    pub fn claim_sender(&mut self, kind: CommandKind) -> bool {
        let is_due = self.has_room(kind) && self.queue.waiting(kind) > 0;
        self.traffic[kind as usize].senders += usize::from(is_due);
        is_due
    }

    /// Whether one more command of this kind may be under way.
    #[must_use]
    pub fn has_room(&self, kind: CommandKind) -> bool {
        let traffic = &self.traffic[kind as usize];
        traffic.senders < traffic.most()
            || (traffic.free_senders() < traffic.most() && self.under_way() < self.most_in_all)
    }

    /// What goes into the next command of a sender. One that gets nothing has ended.
    pub fn next(&mut self, kind: CommandKind, now: Duration) -> Option<(Vec<T>, Departure)> {
        let traffic = &mut self.traffic[kind as usize];
        // There are too many where it was late, and another has begun in its place.
        let is_due = traffic.free_senders() <= traffic.most() && self.queue.waiting(kind) > 0;
        let next = if is_due { self.take(kind, now) } else { None };
        let traffic = &mut self.traffic[kind as usize];
        match next {
            Some(_) => traffic.under_way += 1,
            None => traffic.senders -= 1,
        }
        next
    }

    fn take(&mut self, kind: CommandKind, now: Duration) -> Option<(Vec<T>, Departure)> {
        let traffic = &self.traffic[kind as usize];
        let share = self.queue.waiting(kind).div_ceil(traffic.room());
        let trust = self.connections.take(now);
        let most = if kind.is_large() {
            MOST_LARGE_SESSIONS
        } else {
            usize::MAX
        };
        let limits = Limits {
            sessions: share
                .max(LEAST_SHARE)
                .min(most)
                .min(trust)
                .min(traffic.most_sessions()),
            operations: MOST_STATEMENTS,
            bytes: MOST_BYTES,
        };
        let Taken {
            operations,
            ids,
            number,
        } = self.queue.take(kind, limits);
        let departure = Departure {
            kind,
            number,
            ids,
            trust,
            is_late: false,
        };
        (!operations.is_empty()).then_some((operations, departure))
    }

    /// The reply to a command is there, or with `is_answered` unset will never be.
    pub fn finish(&mut self, departure: Departure, is_answered: bool, now: Duration) {
        let Departure {
            kind,
            number,
            ids,
            trust,
            is_late,
        } = departure;
        let traffic = &mut self.traffic[kind as usize];
        traffic.under_way -= 1;
        traffic.late -= usize::from(is_late);
        if is_answered {
            self.connections.put_back(now, trust, ids.len());
        }
        if !is_late && is_answered {
            self.queue.acquit(&ids);
        } else if is_late && traffic.is_relieved() {
            let is_left = |id: &&Arc<str>| self.queue.is_under_way(id, number);
            let left: Vec<_> = ids.iter().filter(is_left).cloned().collect();
            self.queue.suspect(&left);
        }
        self.queue.finish(number, ids);
    }

    /// What a command of this number asks for about these sessions is done, whatever becomes of the rest of it. They may be what
    /// has held it up.
    pub fn release(&mut self, number: u64, ids: Vec<Arc<str>>, has_held_up: bool) {
        if has_held_up {
            self.queue.suspect(&ids);
        }
        self.queue.finish(number, ids);
    }

    /// How long a command of many sessions of this kind, which leaves now, may be held up before those that are not to blame leave
    /// it; `None` where everybody is held up.
    #[must_use]
    pub fn held_after(&self, kind: CommandKind) -> Option<Duration> {
        let traffic = &self.traffic[kind as usize];
        (!traffic.is_in_doubt()).then(|| traffic.late_after())
    }

    /// How long a command of this kind that leaves now may take before it is late.
    #[must_use]
    pub fn late_after(&self, kind: CommandKind) -> Duration {
        self.traffic[kind as usize].late_after()
    }

    /// A command has taken so long: it counts no more.
    pub fn mark_late(&mut self, departure: &mut Departure) {
        self.traffic[departure.kind as usize].mark_late();
        departure.is_late = true;
    }

    /// A command of this kind was answered after so long.
    pub fn note(&mut self, kind: CommandKind, time: Duration) {
        let traffic = &mut self.traffic[kind as usize];
        if traffic.is_slow_for_all(time) {
            self.queue.acquit_all();
        }
        traffic.note(time);
    }

    /// Whether this session is large, so that it leaves without those that are not.
    pub fn note_size(&mut self, id: &Arc<str>, is_large: bool) {
        self.queue.note_size(id, is_large);
    }

    /// Takes, for good, what waits and is `over`, of each id from the front.
    pub fn give_up(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        self.queue.give_up(is_over)
    }
}

#[cfg(test)]
mod tests;
