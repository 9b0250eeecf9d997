//! How long and how often a command is sent again.
//!
//! The specifications ask for one more attempt at least. An election takes longer than that: here the attempts go on until
//! `serverSelectionTimeoutMS` is over.

use std::time::Duration;

use tokio::time::{self, Instant};

/// The first repetition comes at once, as the specifications ask; these are the pauses before those that follow.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// The attempts of one command.
pub struct Patience {
    ends: Instant,
    pause: Duration,
}

impl Patience {
    /// Begins now.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self {
            ends: Instant::now() + time,
            pause: Duration::ZERO,
        }
    }

    /// Waits for the next attempt. Whether there is to be one.
    pub async fn wait(&mut self) -> bool {
        let pause = self.pause;
        self.pause = (pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        if pause.is_zero() {
            return true;
        }
        let next = Instant::now() + pause;
        if next >= self.ends {
            return false;
        }
        time::sleep_until(next).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_second_attempt_comes_at_once_and_the_last_before_the_time_is_over() {
        let time = Duration::from_secs(2);
        let mut patience = Patience::new(time);
        let started = Instant::now();
        let mut pauses = Vec::new();
        let mut last = started;
        while patience.wait().await {
            pauses.push(last.elapsed().as_millis());
            last = Instant::now();
        }
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 320, 500, 500]);
        assert!(started.elapsed() < time);
    }

    #[tokio::test(start_paused = true)]
    async fn even_without_time_there_is_a_second_attempt() {
        let mut patience = Patience::new(Duration::ZERO);
        assert!(patience.wait().await);
        assert!(!patience.wait().await);
    }
}
