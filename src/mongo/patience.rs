//! How long and how often a command is sent again.
//!
//! The specifications ask for one more attempt at least. An election takes longer than that: here the attempts go on until
//! `serverSelectionTimeoutMS` is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::mongo::errors::MongoError;

/// The first repetition comes at once, as the specifications ask; these are the pauses before those that follow.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// How long a first attempt may go without an answer while the server answers others; each further one twice as long, as the
/// server may be at work on it.
const FIRST_SILENCE: Duration = Duration::from_secs(3);
/// What may not be repeated is waited for while a transaction of another program could hold it up, which the server ends after
/// `transactionLifetimeLimitSeconds`, 60 by default.
const LAST_SILENCE: Duration = Duration::from_secs(90);

/// A server that says that it is overloaded is asked again after a random part of these pauses, which double, as the
/// specification of client backpressure has it.
///
/// <https://github.com/mongodb/specifications/blob/master/source/client-backpressure/client-backpressure.md>
const FIRST_RELIEF: Duration = Duration::from_millis(100);
const LAST_RELIEF: Duration = Duration::from_secs(10);

/// What may be done about a command that nothing is heard of.
#[derive(Clone, Copy)]
pub struct Loss {
    /// It is given up when nothing has come for so long while the server answered others.
    pub silence: Duration,
    /// It may be sent to another server while the one that has it may still run it.
    pub may_be_repeated: bool,
}

/// The attempts of one command.
pub struct Patience {
    ends: Instant,
    pause: Duration,
    relief: Duration,
    /// How often a server that is overloaded may still be asked again; as often as there is time for where nobody says so.
    reliefs_left: Option<u32>,
    silence: Duration,
    repetitions: Arc<AtomicU64>,
}

impl Patience {
    /// Begins now. `reliefs`: how often a server that is overloaded is asked again at the most.
    #[must_use]
    pub fn new(time: Duration, reliefs: Option<u32>) -> Self {
        Self {
            ends: Instant::now() + time,
            pause: Duration::ZERO,
            relief: FIRST_RELIEF,
            reliefs_left: reliefs,
            silence: FIRST_SILENCE,
            repetitions: Arc::default(),
        }
    }

    /// The same, with further attempts counted here.
    #[must_use]
    pub fn counted_in(self, repetitions: &Arc<AtomicU64>) -> Self {
        Self {
            repetitions: Arc::clone(repetitions),
            ..self
        }
    }

    /// For an attempt that begins now, of a command that may be repeated.
    #[must_use]
    pub fn loss_of_repeatable(&self) -> Loss {
        Loss {
            silence: self.silence,
            may_be_repeated: true,
        }
    }

    /// For a command that may not be repeated.
    #[must_use]
    pub fn loss_of_plain() -> Loss {
        Loss {
            silence: LAST_SILENCE,
            may_be_repeated: false,
        }
    }

    /// Waits for the next attempt after this failure. Whether there is to be one.
    pub async fn wait_after(&mut self, error: &MongoError) -> bool {
        if error.is_overload() {
            self.wait_for_relief().await
        } else {
            self.wait().await
        }
    }

    /// Waits until a server that is overloaded can be asked again. Whether there is to be another attempt.
    pub async fn wait_for_relief(&mut self) -> bool {
        if let Some(left) = &mut self.reliefs_left {
            let Some(fewer) = left.checked_sub(1) else {
                return false;
            };
            *left = fewer;
        }
        let pause = self.relief.mul_f64(fastrand::f64());
        self.relief = (self.relief * 2).min(LAST_RELIEF);
        self.wait_for(pause).await
    }

    async fn wait(&mut self) -> bool {
        let pause = self.pause;
        self.silence = self.silence.saturating_mul(2);
        self.pause = (pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        self.wait_for(pause).await
    }

    async fn wait_for(&self, pause: Duration) -> bool {
        let next = Instant::now() + pause;
        // The first repetition is made in any case.
        if !pause.is_zero() {
            if next >= self.ends {
                return false;
            }
            time::sleep_until(next).await;
        }
        self.repetitions.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_second_attempt_comes_at_once_and_the_last_before_the_time_is_over() {
        let time = Duration::from_secs(2);
        let mut patience = Patience::new(time, None);
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
        let mut patience = Patience::new(Duration::ZERO, None);
        assert!(patience.wait().await);
        assert!(!patience.wait().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_overloaded_gets_longer_and_longer_pauses_at_random() {
        let mut patience = Patience::new(Duration::from_secs(300), None);
        for most in [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
            let before = Instant::now();
            assert!(patience.wait_for_relief().await);
            assert!(before.elapsed() <= Duration::from_millis(most + 1));
        }
        let mut short = Patience::new(Duration::from_secs(2), None);
        let mut attempts = 0;
        while short.wait_for_relief().await {
            attempts += 1;
            assert!(attempts < 1_000);
        }
        let mut twice = Patience::new(Duration::from_secs(300), Some(2));
        assert!(twice.wait_for_relief().await && twice.wait_for_relief().await);
        assert!(!twice.wait_for_relief().await);
    }
}
