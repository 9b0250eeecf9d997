use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Item {
    id: Arc<str>,
    kind: CommandKind,
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
    fn kind(&self) -> CommandKind {
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

fn item(id: &str, kind: CommandKind, number: usize) -> Item {
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
        ..item(&number.to_string(), CommandKind::Update, number)
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

fn take(queue: &mut Queue<Item>, kind: CommandKind) -> Vec<usize> {
    numbers(queue.take(kind, LIMITS).operations)
}

/// What was under way on these ids, in whatever command, is done.
fn finish(queue: &mut Queue<Item>, ids: &[&str]) {
    for id in ids {
        let under_way = queue.lanes.get(*id).and_then(|lane| lane.under_way);
        if let Some(command) = under_way {
            queue.finish(command, [Arc::from(*id)]);
        }
    }
}

#[test]
fn a_command_takes_one_kind_up_to_its_limits() {
    use CommandKind::{Delete, Read, Update};
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
    assert!(
        !CommandKind::ALL
            .into_iter()
            .any(|kind| queue.waiting(kind) > 0)
    );
}

#[test]
fn a_command_takes_so_many_sessions_with_all_that_waits_for_them() {
    let mut queue = queue_of([
        item("a", CommandKind::Update, 0),
        item("b", CommandKind::Update, 1),
        item("c", CommandKind::Update, 2),
        item("a", CommandKind::Update, 3),
    ]);
    let limits = Limits {
        sessions: 2,
        operations: 10,
        bytes: 10,
    };
    assert_eq!(
        numbers(queue.take(CommandKind::Update, limits).operations),
        [0, 3, 1]
    );
    assert_eq!(
        numbers(queue.take(CommandKind::Update, limits).operations),
        [2]
    );
}

#[test]
fn a_large_operation_goes_alone_and_in_its_turn() {
    let mut queue = queue_of([sized(0, 6), sized(1, 5), sized(2, 20), sized(3, 1)]);
    for expected in [0, 1, 2, 3] {
        assert_eq!(take(&mut queue, CommandKind::Update), [expected]);
    }
}

#[test]
fn operations_on_one_id_wait_for_each_other() {
    use CommandKind::{Read, Update};
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
    let mut queue = queue_of((0..5).map(|number| item("a", CommandKind::Update, number)));
    assert_eq!(take(&mut queue, CommandKind::Update), [0, 1, 2]);
    assert!(take(&mut queue, CommandKind::Update).is_empty());
    finish(&mut queue, &["a"]);
    assert_eq!(take(&mut queue, CommandKind::Update), [3, 4]);
}

#[test]
fn what_nobody_waits_for_is_dropped_and_holds_nothing_up() {
    let abandoned = Item {
        is_abandoned: true,
        ..item("a", CommandKind::Update, 0)
    };
    let mut queue = queue_of([abandoned, item("a", CommandKind::Read, 1)]);
    assert!(take(&mut queue, CommandKind::Update).is_empty());
    assert_eq!(take(&mut queue, CommandKind::Read), [1]);
}

#[test]
fn what_is_given_up_leaves_the_rest_in_order() {
    use CommandKind::{Read, Update};
    let mut queue = queue_of([
        item("a", Update, 0),
        item("b", Update, 1),
        item("b", Read, 2),
        item("c", Read, 5),
        item("a", Read, 3),
        item("a", Update, 6),
    ]);
    assert_eq!(queue.take(Update, LIMITS).operations.len(), 2);
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
        .map(|(id, number)| item(id, CommandKind::Update, number))
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
    use CommandKind::{Delete, Read, Update};
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut queue = Queue::default();
        let mut under_way: Vec<(u64, Vec<Item>)> = Vec::new();
        let mut done: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
        let total = 300;
        let mut pushed = 0;
        while done.values().map(Vec::len).sum::<usize>() < total {
            let action = random.below(3);
            if action == 0 && pushed < total {
                let id = random.below(4).to_string();
                let kind = [Read, Update, Delete][random.below(3)];
                queue.note_size(&id.as_str().into(), random.below(4) == 0);
                queue.push(item(&id, kind, pushed));
                pushed += 1;
            } else if action == 1 {
                let kind = CommandKind::ALL[random.below(CommandKind::ALL.len())];
                let Taken {
                    operations: taken,
                    number,
                    ..
                } = queue.take(kind, LIMITS);
                assert!(taken.len() <= LIMITS.operations);
                assert!(taken.iter().all(|item| item.kind == kind.of_small()));
                let mut others = under_way.iter().flat_map(|(_, items)| items);
                let mut is_free = |item: &Item| !others.any(|other| other.id == item.id);
                assert!(taken.iter().all(&mut is_free), "one id in two commands");
                under_way.extend((!taken.is_empty()).then_some((number, taken)));
            } else if !under_way.is_empty() {
                let (number, items) = under_way.swap_remove(random.below(under_way.len()));
                queue.finish(number, items.iter().map(|item| Arc::clone(&item.id)));
                for item in items {
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

#[test]
fn large_sessions_leave_without_those_that_are_not() {
    use CommandKind::{Delete, LargeRead, LargeUpdate, Read, Update};
    let set = Item {
        bytes: LARGE_BYTES + 1,
        ..item("large", Update, 1)
    };
    let mut queue = queue_of([
        item("a", Update, 0),
        set,
        item("b", Read, 2),
        item("large", Read, 3),
        item("large", Delete, 4),
    ]);
    assert_eq!(queue.waiting(LargeUpdate), 1);
    assert_eq!(take(&mut queue, Update), [0]);
    assert_eq!(take(&mut queue, LargeUpdate), [1]);
    finish(&mut queue, &["large"]);
    assert_eq!(take(&mut queue, Read), [2]);
    assert_eq!(take(&mut queue, LargeRead), [3]);
    finish(&mut queue, &["large"]);
    assert_eq!(take(&mut queue, Delete), [4]);
}

#[test]
fn what_waits_while_its_size_becomes_known_leaves_as_what_it_is() {
    use CommandKind::{LargeRead, Read};
    let mut queue = queue_of([item("a", Read, 0), item("b", Read, 1)]);
    queue.note_size(&"a".into(), true);
    assert_eq!(take(&mut queue, Read), [1]);
    assert_eq!(queue.waiting(LargeRead), 1);
    queue.note_size(&"a".into(), false);
    assert!(take(&mut queue, LargeRead).is_empty());
    assert_eq!(take(&mut queue, Read), [0]);
}

#[test]
fn no_more_large_sessions_are_remembered_than_so_many() {
    let mut queue: Queue<Item> = Queue::default();
    for id in 0..MOST_LARGE {
        queue.note_size(&id.to_string().into(), true);
    }
    queue.note_size(&"0".into(), true);
    assert_eq!(queue.large.len(), MOST_LARGE);
    queue.note_size(&"another".into(), true);
    assert_eq!(queue.large.len(), 1);
}

#[test]
fn a_suspect_shares_no_command_until_it_is_acquitted() {
    use CommandKind::Read;
    let ids: Vec<Arc<str>> = vec!["suspect".into()];
    let fill = |queue: &mut Queue<Item>| {
        for (number, id) in ["a", "suspect", "b"].into_iter().enumerate() {
            queue.push(item(id, Read, number));
        }
    };
    let mut queue = Queue::default();
    queue.suspect(&ids);
    fill(&mut queue);
    assert_eq!(take(&mut queue, Read), [0, 2]);
    assert_eq!(take(&mut queue, Read), [1]);
    finish(&mut queue, &["a", "b", "suspect"]);
    queue.acquit(&ids);
    fill(&mut queue);
    assert_eq!(take(&mut queue, Read), [0, 1, 2]);
}

#[test]
fn a_suspect_at_the_front_leaves_alone_and_holds_up_nobody() {
    use CommandKind::Read;
    let mut queue = queue_of([
        item("suspect", Read, 0),
        item("a", Read, 1),
        item("b", Read, 2),
    ]);
    queue.suspect(&["suspect".into()]);
    assert_eq!(take(&mut queue, Read), [0]);
    assert_eq!(take(&mut queue, Read), [1, 2]);
}

#[test]
fn the_suspects_of_a_large_command_leave_in_parts_without_others() {
    use CommandKind::Read;
    const SESSIONS: usize = 3 * SUSPECT_PARTS;
    let limits = Limits {
        operations: SESSIONS,
        bytes: usize::MAX,
        ..LIMITS
    };
    let ids: Vec<Arc<str>> = (0..SESSIONS).map(|id| id.to_string().into()).collect();
    let fill = |queue: &mut Queue<Item>| {
        for (number, id) in ids.iter().enumerate() {
            queue.push(item(id, Read, number));
        }
    };
    let mut queue = Queue::default();
    queue.suspect(&ids);
    queue.push(item("a", Read, SESSIONS));
    fill(&mut queue);
    queue.push(item("b", Read, SESSIONS));
    assert_eq!(queue.take(Read, limits).ids, ["a".into(), "b".into()]);
    let part = queue.take(Read, limits);
    assert_eq!(part.ids, ids[0..3]);
    queue.finish(part.number, part.ids);
    queue.acquit_all();
    queue.push(item("0", Read, 0));
    assert_eq!(queue.take(Read, limits).ids.len(), SESSIONS - 2);
}

#[test]
fn no_more_suspects_are_remembered_than_so_many() {
    let ids = |from: usize| -> Vec<Arc<str>> {
        (from..from + MOST_SUSPECTS)
            .map(|id| id.to_string().into())
            .collect()
    };
    let mut queue: Queue<Item> = Queue::default();
    queue.suspect(&ids(0));
    queue.suspect(&ids(1));
    assert_eq!(queue.suspects.len(), MOST_SUSPECTS);
}

#[test]
fn the_end_of_a_command_ends_nothing_of_another() {
    use CommandKind::Update;
    let mut queue = queue_of([item("a", Update, 0), item("b", Update, 1)]);
    let first = queue.take(Update, LIMITS);
    queue.finish(first.number, ["a".into()]);
    queue.push(item("a", Update, 2));
    assert_eq!(take(&mut queue, Update), [2]);
    queue.push(item("a", Update, 3));
    queue.finish(first.number, first.ids);
    assert!(take(&mut queue, Update).is_empty());
}
