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
pub enum Kind {
    /// A `find` command.
    Read,
    /// An `update` command.
    Update,
    /// A `delete` command.
    Delete,
}

impl Kind {
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
    fn kind(&self) -> Kind;
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

/// Operations that wait for their command.
pub struct Queue<T> {
    lanes: HashMap<Arc<str>, Lane<T>>,
    waiting: [VecDeque<Arc<str>>; Kind::ALL.len()],
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
    pub fn waiting(&self, kind: Kind) -> usize {
        self.waiting[kind as usize].len()
    }

    /// Takes what goes into the next command of this kind. Operations on one id stand in their order of arrival; no others
    /// on these ids are given out before [`Queue::finish`].
    pub fn take(&mut self, kind: Kind, limits: Limits) -> Vec<T> {
        let mut taken = Vec::new();
        let mut room = limits;
        while room.sessions > 0
            && let Some(id) = self.waiting[kind as usize].pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let before = taken.len();
            let is_full = !lane.take_run(kind, &mut room, &mut taken);
            lane.is_under_way = taken.len() > before;
            room.sessions -= usize::from(lane.is_under_way);
            if !lane.is_under_way {
                self.list(id, is_full);
            }
            if is_full {
                break;
            }
        }
        taken
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
    fn take_run(&mut self, kind: Kind, room: &mut Limits, taken: &mut Vec<T>) -> bool {
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
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item {
        id: Arc<str>,
        kind: Kind,
        bytes: usize,
        is_abandoned: bool,
        number: usize,
    }

    impl Keyed for Item {
        fn storage_id(&self) -> &Arc<str> {
            &self.id
        }
        fn bytes(&self) -> usize {
            self.bytes
        }
    }

    impl Queued for Item {
        fn kind(&self) -> Kind {
            self.kind
        }
        fn is_abandoned(&self) -> bool {
            self.is_abandoned
        }
    }

    const LIMITS: Limits = Limits {
        sessions: usize::MAX,
        operations: 3,
        bytes: 10,
    };

    fn item(id: &str, kind: Kind, number: usize) -> Item {
        Item {
            id: id.into(),
            kind,
            bytes: 1,
            is_abandoned: false,
            number,
        }
    }

    fn sized(number: usize, bytes: usize) -> Item {
        Item {
            bytes,
            ..item(&number.to_string(), Kind::Update, number)
        }
    }

    fn queue_of(items: impl IntoIterator<Item = Item>) -> Queue<Item> {
        let mut queue = Queue::default();
        items.into_iter().for_each(|item| queue.push(item));
        queue
    }

    fn numbers(items: Vec<Item>) -> Vec<usize> {
        items.into_iter().map(|item| item.number).collect()
    }

    fn take(queue: &mut Queue<Item>, kind: Kind) -> Vec<usize> {
        numbers(queue.take(kind, LIMITS))
    }

    fn finish(queue: &mut Queue<Item>, ids: &[&str]) {
        queue.finish(ids.iter().map(|id| Arc::from(*id)));
    }

    #[test]
    fn a_command_takes_one_kind_up_to_its_limits() {
        use Kind::{Delete, Read, Update};
        let mut queue = queue_of([
            item("a", Read, 0),
            item("b", Update, 1),
            item("c", Read, 2),
            item("d", Read, 3),
            item("e", Read, 4),
            item("f", Delete, 5),
        ]);
        assert_eq!(take(&mut queue, Read), [0, 2, 3]);
        assert_eq!(take(&mut queue, Read), [4]);
        assert_eq!(take(&mut queue, Update), [1]);
        assert_eq!(take(&mut queue, Delete), [5]);
        assert!(!Kind::ALL.into_iter().any(|kind| queue.waiting(kind) > 0));
    }

    #[test]
    fn a_command_takes_so_many_sessions_with_all_that_waits_for_them() {
        let mut queue = queue_of([
            item("a", Kind::Update, 0),
            item("b", Kind::Update, 1),
            item("c", Kind::Update, 2),
            item("a", Kind::Update, 3),
        ]);
        let limits = Limits {
            sessions: 2,
            operations: 10,
            bytes: 10,
        };
        assert_eq!(numbers(queue.take(Kind::Update, limits)), [0, 3, 1]);
        assert_eq!(numbers(queue.take(Kind::Update, limits)), [2]);
    }

    #[test]
    fn a_large_operation_goes_alone_and_in_its_turn() {
        let mut queue = queue_of([sized(0, 6), sized(1, 5), sized(2, 20), sized(3, 1)]);
        for expected in [0, 1, 2, 3] {
            assert_eq!(take(&mut queue, Kind::Update), [expected]);
        }
    }

    #[test]
    fn operations_on_one_id_wait_for_each_other() {
        use Kind::{Read, Update};
        let mut queue = queue_of([
            item("a", Update, 0),
            item("a", Update, 1),
            item("a", Read, 2),
            item("a", Update, 3),
        ]);
        assert_eq!(take(&mut queue, Update), [0, 1]);
        assert_eq!(queue.waiting(Read), 0);
        queue.push(item("a", Read, 4));
        finish(&mut queue, &["a", "a"]);
        assert_eq!(queue.waiting(Update), 0);
        assert_eq!(take(&mut queue, Read), [2]);
        finish(&mut queue, &["a"]);
        assert_eq!(take(&mut queue, Update), [3]);
        finish(&mut queue, &["a"]);
        assert_eq!(take(&mut queue, Read), [4]);
        finish(&mut queue, &["a"]);
        assert!(queue.lanes.is_empty());
    }

    #[test]
    fn what_does_not_fit_of_one_id_waits_for_what_did() {
        let mut queue = queue_of((0..5).map(|number| item("a", Kind::Update, number)));
        assert_eq!(take(&mut queue, Kind::Update), [0, 1, 2]);
        assert!(take(&mut queue, Kind::Update).is_empty());
        finish(&mut queue, &["a"]);
        assert_eq!(take(&mut queue, Kind::Update), [3, 4]);
    }

    #[test]
    fn what_nobody_waits_for_is_dropped_and_holds_nothing_up() {
        let abandoned = Item {
            is_abandoned: true,
            ..item("a", Kind::Update, 0)
        };
        let mut queue = queue_of([abandoned, item("a", Kind::Read, 1)]);
        assert!(take(&mut queue, Kind::Update).is_empty());
        assert_eq!(take(&mut queue, Kind::Read), [1]);
    }

    #[test]
    fn what_is_given_up_leaves_the_rest_in_order() {
        use Kind::{Read, Update};
        let mut queue = queue_of([
            item("a", Update, 0),
            item("b", Update, 1),
            item("b", Read, 2),
            item("c", Read, 5),
            item("a", Read, 3),
            item("a", Update, 6),
        ]);
        assert_eq!(queue.take(Update, LIMITS).len(), 2);
        let mut given_up = queue.give_up(|item| item.number < 5);
        given_up.sort_by_key(|item| item.number);
        assert_eq!(numbers(given_up), [2, 3]);
        assert_eq!(take(&mut queue, Read), [5]);
        assert!(take(&mut queue, Update).is_empty());
        finish(&mut queue, &["a", "b", "c"]);
        assert_eq!(take(&mut queue, Update), [6]);
        finish(&mut queue, &["a"]);
        assert!(queue.lanes.is_empty());
    }

    fn numbers_of_parts(parts: Vec<Vec<Item>>) -> Vec<Vec<usize>> {
        parts.into_iter().map(numbers).collect()
    }

    #[test]
    fn parts_keep_the_order() {
        let items = vec![
            sized(0, 6),
            sized(1, 4),
            sized(2, 1),
            sized(3, 20),
            sized(4, 1),
        ];
        assert_eq!(
            numbers_of_parts(split(items.clone(), 10)),
            [vec![0, 1], vec![2], vec![3], vec![4]]
        );
        assert_eq!(numbers_of_parts(halves(items)), [vec![0, 1], vec![2, 3, 4]]);
        assert_eq!(split(Vec::<Item>::new(), 10), Vec::<Vec<Item>>::new());
    }

    #[test]
    fn parts_without_repeated_ids_keep_the_order_of_each() {
        let items: Vec<_> = ["a", "b", "a", "c", "a", "b"]
            .iter()
            .zip(0..)
            .map(|(id, number)| item(id, Kind::Update, number))
            .collect();
        assert!(has_repeated_id(&items));
        let parts = one_an_id(items);
        assert!(!parts.iter().any(|part| has_repeated_id(part)));
        assert_eq!(
            numbers_of_parts(parts),
            [vec![0, 1, 3], vec![2, 5], vec![4]]
        );
    }

    /// Small, and the same numbers for the same seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(self.0 >> 33).unwrap_or_default() % limit
        }
    }

    #[test]
    fn any_interleaving_keeps_the_order_of_each_id() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let mut queue = Queue::default();
            let mut under_way: Vec<Vec<Item>> = Vec::new();
            let mut done: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
            let total = 300;
            let mut pushed = 0;
            while done.values().map(Vec::len).sum::<usize>() < total {
                let action = random.below(3);
                if action == 0 && pushed < total {
                    let id = random.below(4).to_string();
                    queue.push(item(&id, Kind::ALL[random.below(3)], pushed));
                    pushed += 1;
                } else if action == 1 {
                    let kind = Kind::ALL[random.below(3)];
                    let taken = queue.take(kind, LIMITS);
                    assert!(taken.len() <= LIMITS.operations);
                    assert!(taken.iter().all(|item| item.kind == kind));
                    let is_free =
                        |item: &Item| !under_way.iter().flatten().any(|other| other.id == item.id);
                    assert!(taken.iter().all(is_free), "one id in two commands");
                    under_way.extend((!taken.is_empty()).then_some(taken));
                } else if !under_way.is_empty() {
                    let command = under_way.swap_remove(random.below(under_way.len()));
                    queue.finish(command.iter().map(|item| Arc::clone(&item.id)));
                    for item in command {
                        done.entry(item.id).or_default().push(item.number);
                    }
                }
            }
            assert!(
                done.values().all(|numbers| numbers.is_sorted()),
                "seed {seed}"
            );
            assert!(queue.lanes.is_empty());
        }
    }
}
