//! The order of operations that share commands. Pure: no I/O.
//!
//! Each storage id that has operations waiting or under way has a lane, first in, first out. A lane is in one of two
//! states: it waits, listed under the kind of its first operation, or operations of it are under way, and then the rest
//! waits whatever its kind. So no two commands under way ever hold operations on one id.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

/// Operations of one kind share a command. Large sessions have kinds of their own: what the others wait for would be theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// A `find` command.
    Read,
    /// One of large sessions.
    LargeRead,
    /// An `update` command.
    Update,
    /// One of large sessions.
    LargeUpdate,
    /// A `delete` command.
    Delete,
}

impl CommandKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::LargeRead,
        Self::Update,
        Self::LargeUpdate,
        Self::Delete,
    ];

    /// The same command for large sessions.
    #[must_use]
    pub fn of_large(self) -> Self {
        match self {
            Self::Read | Self::LargeRead => Self::LargeRead,
            Self::Update | Self::LargeUpdate => Self::LargeUpdate,
            Self::Delete => Self::Delete,
        }
    }

    /// The same command for sessions that are not.
    #[must_use]
    pub fn of_small(self) -> Self {
        match self {
            Self::Read | Self::LargeRead => Self::Read,
            Self::Update | Self::LargeUpdate => Self::Update,
            Self::Delete => Self::Delete,
        }
    }

    /// Whether it is one of large sessions alone.
    #[must_use]
    pub fn is_large(self) -> bool {
        matches!(self, Self::LargeRead | Self::LargeUpdate)
    }

    /// Whether it is a `find`.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::LargeRead)
    }
}

/// A session of more than these bytes is large: they take about as long as all that a small one does.
const LARGE_BYTES: usize = 128 << 10;
/// So many large sessions are remembered, and then none of them any more.
const MOST_LARGE: usize = 1_000;

/// Whether a session of so many bytes is large.
#[must_use]
pub fn is_large(bytes: usize) -> bool {
    bytes > LARGE_BYTES
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
    /// What command it can be part of, if its session is not large.
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
/// The suspects of a command leave in so many parts the next time, to find out which it was.
const SUSPECT_PARTS: usize = 32;

/// Operations that wait for their command.
pub struct Queue<T> {
    lanes: HashMap<Arc<str>, Lane<T>>,
    waiting: [VecDeque<Arc<str>>; CommandKind::ALL.len()],
    /// Sessions that share no command with others than these, and how many may share theirs.
    suspects: HashMap<Arc<str>, usize>,
    /// Large sessions, as far as they have been met.
    large: HashSet<Arc<str>>,
    commands: u64,
}

/// What goes into one command.
pub struct Taken<T> {
    /// In their order of arrival.
    pub operations: Vec<T>,
    /// The sessions that they are about.
    pub ids: Vec<Arc<str>>,
    /// What tells the command from others.
    pub number: u64,
}

struct Lane<T> {
    operations: VecDeque<T>,
    /// The number of the command that operations of it are under way in.
    under_way: Option<u64>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            waiting: Default::default(),
            suspects: HashMap::new(),
            large: HashSet::new(),
            commands: 0,
        }
    }
}

impl<T: Queued> Queue<T> {
    /// Adds an operation behind those on the same id.
    pub fn push(&mut self, operation: T) {
        if is_large(operation.bytes()) {
            self.note_size(operation.storage_id(), true);
        }
        let id = operation.storage_id();
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.operations.push_back(operation);
            return;
        }
        let id = Arc::clone(id);
        let kind = kind_of(&operation, self.large.contains(&id));
        self.waiting[kind as usize].push_back(Arc::clone(&id));
        let lane = Lane {
            operations: VecDeque::from([operation]),
            under_way: None,
        };
        self.lanes.insert(id, lane);
    }

    /// How many sessions have operations that [`Queue::take`] would find.
    #[must_use]
    pub fn waiting(&self, kind: CommandKind) -> usize {
        self.waiting[kind as usize].len()
    }

    /// Takes what goes into the next command of this kind. Operations on one id stand in their order of arrival; no others on
    /// these ids are given out before [`Queue::finish`].
    pub fn take(&mut self, kind: CommandKind, limits: Limits) -> Taken<T> {
        self.commands += 1;
        let (mut taken, mut ids) = (Vec::new(), Vec::new());
        let mut passed_over = Vec::new();
        let mut room = limits;
        let mut are_suspects = None;
        while ids.len() < room.sessions
            && let Some(id) = self.waiting[kind as usize].pop_front()
        {
            let suspect = self.suspects.get(&id).copied();
            if !may_join(suspect, are_suspects, ids.len()) {
                passed_over.push(id);
                if suspect.is_none() {
                    break;
                }
                continue;
            }
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let before = taken.len();
            let is_large = self.large.contains(&id);
            let is_full = !lane.take_run(kind, is_large, &mut room, &mut taken);
            let is_under_way = taken.len() > before;
            lane.under_way = is_under_way.then_some(self.commands);
            if is_under_way {
                ids.push(id);
                are_suspects = Some(suspect.is_some());
                room.sessions = room.sessions.min(suspect.unwrap_or(usize::MAX));
            } else {
                self.list(id, is_full);
            }
            if is_full {
                break;
            }
        }
        for id in passed_over.into_iter().rev() {
            self.waiting[kind as usize].push_front(id);
        }
        Taken {
            operations: taken,
            ids,
            number: self.commands,
        }
    }

    /// Whether this session is large, from now on.
    pub fn note_size(&mut self, id: &Arc<str>, is_large: bool) {
        if is_large == self.large.contains(id) {
            return;
        }
        if !is_large {
            self.large.remove(id);
            return;
        }
        if self.large.len() >= MOST_LARGE {
            self.large.clear();
        }
        self.large.insert(Arc::clone(id));
    }

    /// One of these sessions may have held up a command of all of them: they leave in parts, without others, until they are
    /// acquitted.
    pub fn suspect(&mut self, ids: &[Arc<str>]) {
        if self.suspects.len() + ids.len() > MOST_SUSPECTS {
            self.suspects.clear();
        }
        let most = ids.len().div_ceil(SUSPECT_PARTS);
        let suspects = ids.iter().take(MOST_SUSPECTS);
        self.suspects
            .extend(suspects.map(|id| (Arc::clone(id), most)));
    }

    /// No session holds up others.
    pub fn acquit_all(&mut self) {
        self.suspects.clear();
    }

    /// These sessions hold up nothing.
    pub fn acquit(&mut self, ids: &[Arc<str>]) {
        if !self.suspects.is_empty() {
            for id in ids {
                self.suspects.remove(id);
            }
        }
    }

    /// Whether operations on this id are under way in this command.
    #[must_use]
    pub fn is_under_way(&self, id: &str, command: u64) -> bool {
        self.lanes
            .get(id)
            .is_some_and(|lane| lane.under_way == Some(command))
    }

    /// The operations on these ids that were under way in this command are done.
    pub fn finish(&mut self, command: u64, ids: impl IntoIterator<Item = Arc<str>>) {
        for id in ids {
            if let Some(lane) = self.lanes.get_mut(&id)
                && lane.under_way == Some(command)
            {
                lane.under_way = None;
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
        let is_large = self.large.contains(&id);
        let first = self
            .lanes
            .get(&id)
            .and_then(|lane| lane.operations.front())
            .map(|operation| kind_of(operation, is_large));
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
    fn take_run(
        &mut self,
        kind: CommandKind,
        is_large: bool,
        room: &mut Limits,
        taken: &mut Vec<T>,
    ) -> bool {
        while let Some(first) = self.operations.front() {
            if kind_of(first, is_large) != kind {
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

fn kind_of<T: Queued>(operation: &T, is_large: bool) -> CommandKind {
    let kind = operation.kind();
    if is_large { kind.of_large() } else { kind }
}

/// Suspects leave without others. `suspect`: the most sessions of its command, where it is one.
fn may_join(suspect: Option<usize>, are_suspects: Option<bool>, sessions: usize) -> bool {
    are_suspects.is_none_or(|are_suspects| are_suspects == suspect.is_some())
        && suspect.is_none_or(|most| sessions < most)
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
