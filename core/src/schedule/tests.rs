use super::{
    traffic::{FEWEST_COMMANDS, LATE_FACTOR, LEAST_LATE, MOST_COMMANDS},
    *,
};
use crate::queue::Keyed;

struct Item(Arc<str>);

impl Keyed for Item {
    fn storage_id(&self) -> &Arc<str> {
        &self.0
    }
    fn bytes(&self) -> usize {
        1
    }
}

impl Queued for Item {
    fn kind(&self) -> CommandKind {
        CommandKind::Read
    }
    fn is_abandoned(&self) -> bool {
        false
    }
}

const READ: CommandKind = CommandKind::Read;
const MOST_IN_ALL: usize = 5;
const NOW: Duration = Duration::from_secs(1);

type Sent = (Vec<Item>, Departure);

fn wait_for(schedule: &mut Schedule<Item>, sessions: impl IntoIterator<Item = usize>) {
    for session in sessions {
        schedule.push(Item(session.to_string().into()));
    }
}

fn schedule_of(sessions: usize) -> Schedule<Item> {
    let mut schedule = Schedule::new(MOST_IN_ALL);
    wait_for(&mut schedule, 0..sessions);
    schedule
}

/// Of a server that has answered before: these connections are trusted with all that may wait.
fn warm_schedule_of(sessions: usize) -> Schedule<Item> {
    let mut schedule = schedule_of(sessions);
    for _ in 0..MOST_IN_ALL {
        schedule.connections.put_back(NOW, MOST_STATEMENTS, 0);
    }
    schedule
}

/// Has a sender begin and take what waits, if there may be one.
fn send(schedule: &mut Schedule<Item>) -> Option<Sent> {
    schedule
        .claim_sender(READ)
        .then(|| schedule.next(READ, NOW))?
}

fn ids(items: &[Item]) -> Vec<Arc<str>> {
    items.iter().map(|item| Arc::clone(&item.0)).collect()
}

fn sessions_of(sent: Option<Sent>) -> Option<usize> {
    sent.map(|(items, _)| items.len())
}

#[test]
fn a_slow_network_takes_more_commands_at_a_time() {
    let most = |times: &[u64]| {
        let mut traffic = Traffic::default();
        for time in times {
            traffic.note(Duration::from_micros(*time));
        }
        traffic.most()
    };
    assert_eq!(most(&[]), FEWEST_COMMANDS);
    assert_eq!(most(&[150]), FEWEST_COMMANDS);
    assert_eq!(most(&[9_000, 2_100, 5_000]), 4);
    assert_eq!(most(&[60_000]), MOST_COMMANDS);
}

#[test]
fn no_more_senders_begin_than_there_may_be_commands() {
    let mut schedule = schedule_of(100);
    assert!(schedule.is_idle(READ));
    assert!(schedule.claim_sender(READ));
    assert!(schedule.claim_sender(READ));
    assert!(!schedule.claim_sender(READ));
    assert!(!schedule.is_idle(READ));
}

#[test]
fn without_operations_no_sender_begins() {
    assert!(!schedule_of(0).claim_sender(READ));
}

#[test]
fn what_waits_is_divided_among_the_commands_that_may_leave() {
    let mut schedule = warm_schedule_of(100);
    assert_eq!(sessions_of(send(&mut schedule)), Some(50));
    assert_eq!(sessions_of(send(&mut schedule)), Some(50));
}

#[test]
fn a_small_number_of_sessions_is_not_divided() {
    let mut schedule = warm_schedule_of(LEAST_SHARE);
    assert_eq!(sessions_of(send(&mut schedule)), Some(LEAST_SHARE));
}

#[test]
fn a_connection_of_which_nothing_is_known_gets_one_session() {
    let mut schedule = schedule_of(100);
    let first = send(&mut schedule);
    let second = send(&mut schedule);
    assert_eq!(first.as_ref().map(|(items, _)| items.len()), Some(1));
    assert_eq!(sessions_of(second), Some(1));
    schedule.finish(first.expect("it was sent").1, true, NOW);
    assert_eq!(sessions_of(schedule.next(READ, NOW)), Some(32));
}

#[test]
fn a_command_that_came_to_nothing_proves_no_connection() {
    let mut schedule = schedule_of(100);
    let (_, departure) = send(&mut schedule).expect("nothing is under way");
    schedule.finish(departure, false, NOW);
    assert_eq!(sessions_of(schedule.next(READ, NOW)), Some(1));
}

#[test]
fn a_sender_that_gets_nothing_has_ended() {
    let mut schedule = schedule_of(1);
    let (_, departure) = send(&mut schedule).expect("nothing is under way");
    schedule.finish(departure, true, NOW);
    assert!(!schedule.is_idle(READ));
    assert!(schedule.next(READ, NOW).is_none());
    assert!(schedule.is_idle(READ));
}

#[test]
fn what_waits_leaves_without_late_commands() {
    let mut schedule = warm_schedule_of(2 * LEAST_SHARE);
    let mut stuck = [send(&mut schedule), send(&mut schedule)];
    wait_for(&mut schedule, [100]);
    assert!(send(&mut schedule).is_none());
    for (_, departure) in stuck.iter_mut().flatten() {
        schedule.mark_late(departure);
    }
    assert_eq!(sessions_of(send(&mut schedule)), Some(1));
}

#[test]
fn a_late_sender_ends_when_another_has_its_place() {
    let mut schedule = warm_schedule_of(3 * LEAST_SHARE);
    let (_, mut first) = send(&mut schedule).expect("nothing is under way");
    let second = send(&mut schedule);
    assert!(second.is_some());
    schedule.mark_late(&mut first);
    wait_for(&mut schedule, [100]);
    assert!(send(&mut schedule).is_some());
    schedule.finish(first, true, NOW);
    wait_for(&mut schedule, [101]);
    assert!(schedule.next(READ, NOW).is_none(), "two others are there");
    assert!(send(&mut schedule).is_none());
}

#[test]
fn a_session_of_a_late_command_leaves_alone_where_others_were_answered_in_time() {
    let mut schedule = warm_schedule_of(2);
    let (_, mut stuck) = send(&mut schedule).expect("nothing is under way");
    schedule.mark_late(&mut stuck);
    schedule.note(READ, Duration::from_millis(1));
    schedule.finish(stuck, true, NOW);
    wait_for(&mut schedule, 0..4);
    for expected in [&["0"][..], &["1"], &["2", "3"]] {
        let (items, departure) = schedule.next(READ, NOW).expect("there are more");
        let expected: Vec<Arc<str>> = expected.iter().map(|id| Arc::from(*id)).collect();
        assert_eq!(ids(&items), expected);
        schedule.note(READ, Duration::from_millis(1));
        schedule.finish(departure, true, NOW);
    }
    wait_for(&mut schedule, 0..4);
    assert_eq!(sessions_of(schedule.next(READ, NOW)), Some(4));
}

#[test]
fn where_all_are_late_nobody_is_a_suspect() {
    let mut schedule = warm_schedule_of(2);
    let (_, mut stuck) = send(&mut schedule).expect("nothing is under way");
    schedule.mark_late(&mut stuck);
    schedule.finish(stuck, true, NOW);
    for _ in 0..2 {
        schedule.note(READ, Duration::from_millis(1));
    }
    wait_for(&mut schedule, 0..2);
    assert_eq!(sessions_of(schedule.next(READ, NOW)), Some(2));
}

#[test]
fn a_server_that_turns_out_to_be_slow_for_everybody_gets_groups_at_once() {
    const SLOW: Duration = Duration::from_secs(2);
    let mut schedule = warm_schedule_of(2);
    let mut sent: Vec<_> = std::iter::from_fn(|| send(&mut schedule)).collect();
    for (_, departure) in &mut sent {
        schedule.mark_late(departure);
    }
    for (_, departure) in sent {
        schedule.note(READ, SLOW);
        schedule.finish(departure, true, NOW);
    }
    wait_for(&mut schedule, 0..4);
    assert_eq!(sessions_of(schedule.next(READ, NOW)), Some(4));
}

#[test]
fn a_server_that_is_slow_for_everybody_gets_no_more_than_a_few_commands() {
    let mut schedule = schedule_of(1);
    let mut sent = 0;
    for session in 1..100 {
        if let Some((_, mut departure)) = send(&mut schedule) {
            sent += 1;
            schedule.mark_late(&mut departure);
        }
        wait_for(&mut schedule, [session]);
    }
    assert_eq!(sent, MOST_IN_ALL);
}

#[test]
fn after_some_late_commands_each_makes_the_next_late_later_until_a_reply_is_in_time() {
    let mut traffic = Traffic::default();
    (0..6).for_each(|_| traffic.mark_late());
    assert_eq!(traffic.late_after(), LEAST_LATE);
    (0..3).for_each(|_| traffic.mark_late());
    assert_eq!(traffic.late_after(), LEAST_LATE * 8);
    traffic.note(Duration::from_millis(1));
    assert_eq!(traffic.late_after(), LEAST_LATE);
}

#[test]
fn late_is_by_what_is_usual_and_one_stuck_command_does_not_change_that() {
    let mut traffic = Traffic::default();
    for _ in 0..100 {
        traffic.note(Duration::from_millis(20));
    }
    assert_eq!(traffic.late_after().as_millis().div_ceil(10), 20);
    traffic.note(Duration::from_secs(8));
    assert!(traffic.late_after() < Duration::from_millis(40) * LATE_FACTOR);
    for _ in 0..30 {
        traffic.note(Duration::from_secs(2));
    }
    assert!(traffic.late_after() > Duration::from_secs(10));
}

#[test]
fn after_a_late_command_each_reply_in_time_doubles_what_the_next_may_hold() {
    let mut traffic = Traffic::default();
    assert_eq!(traffic.most_sessions(), usize::MAX);
    traffic.mark_late();
    let most = [1, 2, 4, 8].map(|_| {
        let most = traffic.most_sessions();
        traffic.note(Duration::from_millis(1));
        most
    });
    assert_eq!(most, [1, 2, 4, 8]);
    (0..100).for_each(|_| traffic.note(Duration::from_millis(1)));
    assert_eq!(traffic.most_sessions(), usize::MAX);
}

#[test]
fn a_server_that_becomes_slow_for_everybody_soon_gets_groups_again() {
    const SLOW: Duration = Duration::from_secs(2);
    let mut traffic = Traffic::default();
    (0..100).for_each(|_| traffic.note(Duration::from_millis(1)));
    (0..16).for_each(|_| traffic.mark_late());
    traffic.note(SLOW);
    assert!(!traffic.is_in_doubt());
    assert!(traffic.late_after() > SLOW);
    (0..9).for_each(|_| traffic.note(SLOW));
    assert!(traffic.most_sessions() >= 1_000);
}
