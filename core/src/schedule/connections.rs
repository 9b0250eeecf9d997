//! How many sessions a connection is trusted with.
//!
//! Some firewalls and address translators forget a connection that is idle, and tell nobody. Whatever is sent on it is lost,
//! and every session of the command with it. So a connection that has not been used for a while gets one session first, and
//! with each answer several times as many as it has just carried, much as TCP does on a path that it does not know.

use std::time::Duration;

/// For how long an answer says that a connection works. Under load they follow each other more closely.
const PROOF: Duration = Duration::from_millis(20);
const LEAST_TRUST: usize = 1;
const MOST_TRUST: usize = 1_000;
const GROWTH: usize = 32;

/// The idle connections that commands have used: a stack, as the driver's pool is one.
#[derive(Default)]
pub struct Connections(Vec<Connection>);

struct Connection {
    answered_at: Duration,
    trust: usize,
}

impl Connections {
    /// How many sessions the next command may hold; its connection is in use from `now` on.
    pub fn take(&mut self, now: Duration) -> usize {
        let next = self.0.pop();
        next.filter(|next| now.saturating_sub(next.answered_at) <= PROOF)
            .map_or(LEAST_TRUST, |next| next.trust)
    }

    /// A command that held so many `sessions` of so many that it was trusted with was answered.
    pub fn put_back(&mut self, now: Duration, trust: usize, sessions: usize) {
        let is_full = sessions >= trust;
        let trust = if is_full { trust * GROWTH } else { trust };
        self.0.push(Connection {
            answered_at: now,
            trust: trust.min(MOST_TRUST),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_that_answers_is_trusted_with_more() {
        let mut connections = Connections::default();
        let trusts: Vec<_> = (0..6)
            .map(|_| {
                let trust = connections.take(ONCE);
                connections.put_back(ONCE, trust, trust);
                trust
            })
            .collect();
        assert_eq!(trusts, [1, 32, 1_000, 1_000, 1_000, 1_000]);
    }

    #[test]
    fn what_was_not_used_proves_nothing() {
        let mut connections = Connections::default();
        connections.put_back(ONCE, 4, 3);
        assert_eq!(connections.take(ONCE), 4);
    }

    #[test]
    fn after_a_while_nothing_is_known_of_a_connection() {
        let mut connections = Connections::default();
        connections.put_back(ONCE, 8, 8);
        assert_eq!(connections.take(ONCE + PROOF * 2), LEAST_TRUST);
    }

    #[test]
    fn the_connection_that_was_used_last_is_used_next() {
        let mut connections = Connections::default();
        connections.put_back(ONCE, 2, 2);
        connections.put_back(ONCE, 8, 8);
        assert_eq!(connections.take(ONCE), 8 * GROWTH);
        assert_eq!(connections.take(ONCE), 2 * GROWTH);
        assert_eq!(connections.take(ONCE), LEAST_TRUST);
    }
}
