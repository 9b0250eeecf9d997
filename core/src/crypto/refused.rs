//! Messages that no secret opened. Whoever can write the collection can ask for about a second of work with each: once is enough.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::Stored;

/// How many are remembered.
const MOST_MESSAGES: usize = 1024;

/// How long one is remembered: a key may have been missing for want of memory.
const LONGEST: Duration = Duration::from_secs(60);

/// The hash of a message and of where it is.
pub struct MessageId([u8; 32]);

impl MessageId {
    /// Of what is stored there.
    pub fn new(storage_id: &str, stored: Stored<&str, &[u8]>) -> Self {
        let (kind, bytes) = match stored {
            Stored::Text(text) => (0, text.as_bytes()),
            Stored::Binary(bytes) => (1, bytes),
        };
        let hash = Sha256::new()
            .chain_update(storage_id.len().to_be_bytes())
            .chain_update(storage_id)
            .chain_update([kind])
            .chain_update(bytes);
        Self(hash.finalize().into())
    }
}

/// Those of late.
#[derive(Default)]
pub struct RefusedMessages(Mutex<VecDeque<([u8; 32], Instant)>>);

impl RefusedMessages {
    /// Whether this was refused a short time ago.
    pub fn contains(&self, message: &MessageId) -> bool {
        let messages = self.lock();
        let mut of_late = messages.iter().rev();
        of_late.any(|(id, since)| *id == message.0 && since.elapsed() < LONGEST)
    }

    /// This has been refused.
    pub fn add(&self, message: MessageId) {
        let mut messages = self.lock();
        if messages.len() == MOST_MESSAGES {
            messages.pop_front();
        }
        messages.push_back((message.0, Instant::now()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<([u8; 32], Instant)>> {
        // The list is whole wherever a panic could leave the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_remembered_with_its_place_and_kind() {
        let refused = RefusedMessages::default();
        refused.add(MessageId::new("a", Stored::Text("bc")));
        assert!(refused.contains(&MessageId::new("a", Stored::Text("bc"))));
        assert!(!refused.contains(&MessageId::new("ab", Stored::Text("c"))));
        assert!(!refused.contains(&MessageId::new("a", Stored::Binary(b"bc"))));
    }

    #[test]
    fn no_more_are_remembered_than_there_are_places() {
        let refused = RefusedMessages::default();
        let message = |number: usize| MessageId::new(&number.to_string(), Stored::Text(""));
        (0..=MOST_MESSAGES).for_each(|number| refused.add(message(number)));
        assert!(!refused.contains(&message(0)));
        assert!(refused.contains(&message(1)) && refused.contains(&message(MOST_MESSAGES)));
        assert_eq!(refused.lock().len(), MOST_MESSAGES);
    }
}
