use super::*;
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

fn schedule_of(sessions: usize) -> Schedule<Item> {
    let mut schedule = Schedule::default();
    for session in 0..sessions {
        schedule.push(Item(session.to_string().into()));
    }
    schedule
}

fn ids(items: &[Item]) -> Vec<Arc<str>> {
    items.iter().map(|item| Arc::clone(&item.0)).collect()
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
    let mut schedule = schedule_of(100);
    assert!(schedule.claim_sender(READ) && schedule.claim_sender(READ));
    assert_eq!(schedule.next(READ).len(), 50);
    assert_eq!(schedule.next(READ).len(), 50);
}

#[test]
fn a_small_number_of_sessions_is_not_divided() {
    let mut schedule = schedule_of(LEAST_SHARE);
    assert!(schedule.claim_sender(READ));
    assert_eq!(schedule.next(READ).len(), LEAST_SHARE);
}

#[test]
fn a_sender_that_gets_nothing_has_ended() {
    let mut schedule = schedule_of(1);
    assert!(schedule.claim_sender(READ));
    let taken = schedule.next(READ);
    schedule.finish(READ, ids(&taken));
    assert!(!schedule.is_idle(READ));
    assert!(schedule.next(READ).is_empty());
    assert!(schedule.is_idle(READ));
}
