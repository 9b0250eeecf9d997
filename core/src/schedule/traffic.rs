//! The commands of one kind that are under way, and how long such commands usually take.

use std::time::Duration;

/// How many commands of a kind are under way at a time: two keep the server and JavaScript busy at once, and each more makes
/// all of them smaller. Far from the server that matters less than the time that an operation waits for its command.
pub const FEWEST_COMMANDS: usize = 2;
pub const MOST_COMMANDS: usize = 8;
/// There is one more command for each of these that the quickest one has taken.
const TIME_PER_COMMAND: Duration = Duration::from_micros(500);

/// A command is late once it has taken this many times as long as usual, and at least so long.
pub const LATE_FACTOR: u32 = 10;
pub const LEAST_LATE: Duration = Duration::from_millis(50);
/// So many late commands in a row may be the trouble of so many users. Each one more doubles the time after which the next is
/// late, up to where that would make no difference.
const LEAST_DOUBT: u32 = 6;
const MOST_DOUBT: u32 = 14;
/// How much of the usual time a slower command makes up, a quicker one being half of it, and how many times as long as usual it
/// counts at the most: one that was stuck does not make others usual.
const NEWEST_SHARE: u32 = 8;
const MOST_SURPRISE: u32 = 8;

/// The commands of one kind.
#[derive(Default)]
pub struct Traffic {
    pub senders: usize,
    /// Commands without a reply.
    pub under_way: usize,
    /// Those of them that take much longer than usual.
    pub late: usize,
    /// How many commands were late since the last reply in time.
    doubt: u32,
    /// How many replies in time there were since the last command that was late; `None` when none was.
    relief: Option<u32>,
    usual: Option<Duration>,
    /// The time of the quickest so far: about what the network takes.
    quickest: Option<Duration>,
}

impl Traffic {
    /// How many commands may be under way at a time.
    pub fn most(&self) -> usize {
        let times = self.quickest.unwrap_or_default().as_micros() / TIME_PER_COMMAND.as_micros();
        let most = usize::try_from(times).unwrap_or(usize::MAX);
        most.clamp(FEWEST_COMMANDS, MOST_COMMANDS)
    }

    /// A command was answered after so long.
    pub fn note(&mut self, time: Duration) {
        self.quickest = Some(self.quickest.map_or(time, |quickest| quickest.min(time)));
        if self.is_slow_for_all(time) {
            // It does more when calls share commands.
            self.relief = None;
        }
        self.learn(time);
        if time < self.late_after() {
            self.doubt = 0;
            self.relief = self.relief.map(|relief| relief.saturating_add(1));
        }
    }

    /// Whether a command that was answered after so long shows that the server is slow for everybody: no other was quicker.
    pub fn is_slow_for_all(&self, time: Duration) -> bool {
        self.is_in_doubt() && time >= self.much_longer_than_usual()
    }

    fn learn(&mut self, time: Duration) {
        // The first may have had to connect, or to make the collection.
        let usual = self.usual.unwrap_or(time.min(LEAST_LATE / LATE_FACTOR));
        let counted = time.min(usual * MOST_SURPRISE);
        self.usual = Some(if time > usual && self.is_in_doubt() {
            // Nothing was quicker since: that is what commands take now.
            time
        } else if counted < usual {
            (usual + counted) / 2
        } else {
            (usual * (NEWEST_SHARE - 1) + counted) / NEWEST_SHARE
        });
    }

    /// A command that is under way is late.
    pub fn mark_late(&mut self) {
        self.late += 1;
        self.doubt += 1;
        self.relief = Some(0);
    }

    /// Whether nothing was answered in time since a command was late.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt > 0
    }

    /// Whether others were answered in time since a command was late.
    pub fn is_relieved(&self) -> bool {
        self.relief.is_some_and(|relief| relief > 0)
    }

    /// How many sessions a command may hold.
    pub fn most_sessions(&self) -> usize {
        self.relief
            .map_or(usize::MAX, |relief| 2_usize.saturating_pow(relief))
    }

    /// How long a command may take before it is late.
    pub fn late_after(&self) -> Duration {
        let doublings = self.doubt.clamp(LEAST_DOUBT, MOST_DOUBT) - LEAST_DOUBT;
        self.much_longer_than_usual() * 2_u32.pow(doublings)
    }

    fn much_longer_than_usual(&self) -> Duration {
        let usual = self.usual.unwrap_or_default();
        (usual * LATE_FACTOR).max(LEAST_LATE)
    }

    /// The senders that are not held up by a late command.
    pub fn free_senders(&self) -> usize {
        self.senders.saturating_sub(self.late)
    }

    /// How many commands may leave beside those that are in time.
    pub fn room(&self) -> usize {
        let in_time = self.under_way.saturating_sub(self.late);
        self.most().saturating_sub(in_time).max(1)
    }
}
