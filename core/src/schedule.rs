//! Which operations go into the next command, and how many commands may be under way.
//!
//! Commands of one kind are sent by senders: tasks that send one after the other while operations wait. The schedule counts
//! them and says when one is to begin; who asks spawns it.

use std::{sync::Arc, time::Duration};

use crate::queue::{CommandKind, Limits, Queue, Queued};

/// How many commands of a kind are under way at a time: two keep the server and JavaScript busy at once, and each more makes
/// all of them smaller. Far from the server that matters less than the time that an operation waits for its command.
const FEWEST_COMMANDS: usize = 2;
const MOST_COMMANDS: usize = 8;
/// There is one more command for each of these that the quickest one has taken.
const TIME_PER_COMMAND: Duration = Duration::from_micros(500);

/// What waits is divided among the commands that may leave, so that the server works on it with several of its threads; but a
/// command of fewer sessions than these costs it more than that gains.
const LEAST_SHARE: usize = 16;

/// The bytes of a command's statements. A command is one BSON document of at most 16 MiB; the rest is for what is around them.
pub const MOST_BYTES: usize = 15 << 20;
/// Far below the server's 100,000: a larger command would keep its first callers waiting.
const MOST_STATEMENTS: usize = 1_000;

/// The operations that wait, and the commands that are under way.
pub struct Schedule<T> {
    queue: Queue<T>,
    traffic: [Traffic; CommandKind::ALL.len()],
}

/// The commands of one kind.
#[derive(Default)]
struct Traffic {
    senders: usize,
    /// Commands without a reply.
    under_way: usize,
    /// The time of the quickest so far: about what the network takes.
    quickest: Option<Duration>,
}

impl Traffic {
    /// How many commands may be under way at a time.
    fn most(&self) -> usize {
        let times = self.quickest.unwrap_or_default().as_micros() / TIME_PER_COMMAND.as_micros();
        let most = usize::try_from(times).unwrap_or(usize::MAX);
        most.clamp(FEWEST_COMMANDS, MOST_COMMANDS)
    }

    fn note(&mut self, time: Duration) {
        self.quickest = Some(self.quickest.map_or(time, |quickest| quickest.min(time)));
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            traffic: Default::default(),
        }
    }
}

impl<T: Queued> Schedule<T> {
    /// Adds an operation behind those on the same id.
    pub fn push(&mut self, operation: T) {
        self.queue.push(operation);
    }

    /// Whether no command of this kind is under way or about to leave.
    #[must_use]
    pub fn is_idle(&self, kind: CommandKind) -> bool {
        self.traffic[kind as usize].senders == 0
    }

    /// Whether one more sender of this kind is to begin. It counts from now on, until [`Schedule::next`] gives it nothing.
    pub fn claim_sender(&mut self, kind: CommandKind) -> bool {
        let traffic = &mut self.traffic[kind as usize];
        let is_due = traffic.senders < traffic.most() && self.queue.waiting(kind) > 0;
        traffic.senders += usize::from(is_due);
        is_due
    }

    /// What goes into the next command of a sender; one that gets nothing has ended.
    pub fn next(&mut self, kind: CommandKind) -> Vec<T> {
        let traffic = &mut self.traffic[kind as usize];
        let free = traffic.most().saturating_sub(traffic.under_way).max(1);
        let limits = Limits {
            sessions: self.queue.waiting(kind).div_ceil(free).max(LEAST_SHARE),
            operations: MOST_STATEMENTS,
            bytes: MOST_BYTES,
        };
        let next = self.queue.take(kind, limits);
        if next.is_empty() {
            traffic.senders -= 1;
        } else {
            traffic.under_way += 1;
        }
        next
    }

    /// The reply to a command on these ids is there, or will never be.
    pub fn finish(&mut self, kind: CommandKind, ids: Vec<Arc<str>>) {
        self.traffic[kind as usize].under_way -= 1;
        self.queue.finish(ids);
    }

    /// A command of this kind was answered after so long.
    pub fn note(&mut self, kind: CommandKind, time: Duration) {
        self.traffic[kind as usize].note(time);
    }

    /// Takes, for good, what waits and is `over`, of each id from the front.
    pub fn give_up(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        self.queue.give_up(is_over)
    }
}

#[cfg(test)]
mod tests;
