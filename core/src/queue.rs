//! The order of operations that share commands. Pure: no I/O.
//!
//! Each storage id that has operations waiting or under way has a lane, first in, first out. A lane is in one of two
//! states: it waits, listed under the kind of its first operation, or operations of it are under way, and then the rest
//! waits whatever its kind. So no two commands under way ever hold operations on one id.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

/// Operations of one kind share a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// A `find` command.
    Read,
    /// An `update` command.
    Update,
    /// A `delete` command.
    Delete,
}

impl CommandKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Read, Self::Update, Self::Delete];
}

/// What concerns one session.
pub trait Keyed {
    /// The session that it is about.
    fn storage_id(&self) -> &Arc<str>;
    /// About how much it adds to a command.
    fn bytes(&self) -> usize;
}

/// What a [`Queue`] holds.
pub trait Queued: Keyed {
    /// What command it can be part of.
    fn kind(&self) -> CommandKind;
    /// Whether nobody waits for it any more, so that it is dropped and not sent.
    fn is_abandoned(&self) -> bool;
}

/// How much one command takes.
#[derive(Clone, Copy)]
pub struct Limits {
    /// The number of sessions.
    pub sessions: usize,
    /// The number of operations.
    pub operations: usize,
    /// The sum of their bytes; a larger operation goes alone.
    pub bytes: usize,
}

/// So many suspects are remembered. More of them are no sign of a few sessions that hold up others.
const MOST_SUSPECTS: usize = 1_000;

/// Operations that wait for their command.
pub struct Queue<T> {
    lanes: HashMap<Arc<str>, Lane<T>>,
    waiting: [VecDeque<Arc<str>>; CommandKind::ALL.len()],
    /// Sessions that share no command.
    suspects: HashSet<Arc<str>>,
}

struct Lane<T> {
    operations: VecDeque<T>,
    is_under_way: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            waiting: Default::default(),
            suspects: HashSet::new(),
        }
    }
}

impl<T: Queued> Queue<T> {
    /// Adds an operation behind those on the same id.
    pub fn push(&mut self, operation: T) {
        let id = operation.storage_id();
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.operations.push_back(operation);
            return;
        }
        let id = Arc::clone(id);
        self.waiting[operation.kind() as usize].push_back(Arc::clone(&id));
        let lane = Lane {
            operations: VecDeque::from([operation]),
            is_under_way: false,
        };
        self.lanes.insert(id, lane);
    }

    /// How many sessions have operations that [`Queue::take`] would find.
    #[must_use]
    pub fn waiting(&self, kind: CommandKind) -> usize {
        self.waiting[kind as usize].len()
    }

    /// Takes what goes into the next command of this kind, and the sessions that it is about. Operations on one id stand in
    /// their order of arrival; no others on these ids are given out before [`Queue::finish`].
    pub fn take(&mut self, kind: CommandKind, limits: Limits) -> (Vec<T>, Vec<Arc<str>>) {
        let (mut taken, mut ids) = (Vec::new(), Vec::new());
        let mut passed_over = Vec::new();
        let mut room = limits;
        while ids.len() < limits.sessions
            && let Some(id) = self.waiting[kind as usize].pop_front()
        {
            let is_suspect = self.suspects.contains(&id);
            if is_suspect && !ids.is_empty() {
                passed_over.push(id);
                continue;
            }
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let before = taken.len();
            let is_full = !lane.take_run(kind, &mut room, &mut taken);
            lane.is_under_way = taken.len() > before;
            if lane.is_under_way {
                ids.push(id);
            } else {
                self.list(id, is_full);
            }
            if is_full || (is_suspect && !ids.is_empty()) {
                break;
            }
        }
        for id in passed_over.into_iter().rev() {
            self.waiting[kind as usize].push_front(id);
        }
        (taken, ids)
    }

    /// These sessions share no command until they are acquitted: one of them may have held up a command of many.
    pub fn suspect(&mut self, ids: &[Arc<str>]) {
        if self.suspects.len() + ids.len() > MOST_SUSPECTS {
            self.suspects.clear();
        }
        let ids = ids.iter().take(MOST_SUSPECTS);
        self.suspects.extend(ids.cloned());
    }

    /// These sessions hold up nothing.
    pub fn acquit(&mut self, ids: &[Arc<str>]) {
        if !self.suspects.is_empty() {
            for id in ids {
                self.suspects.remove(id);
            }
        }
    }

    /// The operations on these ids that were under way are done.
    pub fn finish(&mut self, ids: impl IntoIterator<Item = Arc<str>>) {
        for id in ids {
            if let Some(lane) = self.lanes.get_mut(&id)
                && lane.is_under_way
            {
                lane.is_under_way = false;
                self.list(id, false);
            }
        }
    }

    /// Takes, for good, what waits and is `over`, of each id from the front.
    pub fn give_up(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let mut given_up = Vec::new();
        for lane in self.lanes.values_mut() {
            while lane.operations.front().is_some_and(&is_over) {
                given_up.extend(lane.operations.pop_front());
            }
        }
        for id in self
            .waiting
            .each_mut()
            .map(std::mem::take)
            .into_iter()
            .flatten()
        {
            self.list(id, false);
        }
        given_up
    }

    /// Lists a lane that waits under the kind of its first operation, and forgets one that is empty.
    fn list(&mut self, id: Arc<str>, is_next: bool) {
        let first = self
            .lanes
            .get(&id)
            .and_then(|lane| lane.operations.front())
            .map(Queued::kind);
        match first {
            Some(kind) if is_next => self.waiting[kind as usize].push_front(id),
            Some(kind) => self.waiting[kind as usize].push_back(id),
            None => {
                self.lanes.remove(&id);
            }
        }
    }
}

impl<T: Queued> Lane<T> {
    /// Moves the first operations of this kind as far as there is room. Whether there is room for more.
    fn take_run(&mut self, kind: CommandKind, room: &mut Limits, taken: &mut Vec<T>) -> bool {
        while let Some(first) = self.operations.front() {
            if first.kind() != kind {
                break;
            }
            if first.is_abandoned() {
                self.operations.pop_front();
                continue;
            }
            let is_alone = taken.is_empty();
            let fits = room.operations > 0 && (first.bytes() <= room.bytes || is_alone);
            if !fits {
                return false;
            }
            room.operations -= 1;
            room.bytes = room.bytes.saturating_sub(first.bytes());
            taken.extend(self.operations.pop_front());
        }
        true
    }
}

/// Whether the order of these matters.
pub fn has_repeated_id<T: Keyed>(items: &[T]) -> bool {
    let mut ids = HashSet::with_capacity(items.len());
    !items.iter().all(|item| ids.insert(item.storage_id()))
}

/// Parts of at most so many bytes, in order; a larger item is a part of its own.
#[must_use]
pub fn split<T: Keyed>(items: Vec<T>, most_bytes: usize) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        match parts.last_mut() {
            Some(part) if item.bytes() <= room => {
                room -= item.bytes();
                part.push(item);
            }
            _ => {
                room = most_bytes.saturating_sub(item.bytes());
                parts.push(vec![item]);
            }
        }
    }
    parts
}

/// Parts without repeated ids, each id in order.
#[must_use]
pub fn one_an_id<T: Keyed>(mut items: Vec<T>) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    while !items.is_empty() {
        let mut ids = HashSet::new();
        let (first, later) = items
            .into_iter()
            .partition(|item| ids.insert(Arc::clone(item.storage_id())));
        parts.push(first);
        items = later;
    }
    parts
}

/// Two parts, in order.
#[must_use]
pub fn halves<T>(mut items: Vec<T>) -> Vec<Vec<T>> {
    let second = items.split_off(items.len() / 2);
    vec![items, second]
}

#[cfg(test)]
mod tests;
