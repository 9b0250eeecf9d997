//! How many commands an engine has sent.

use std::sync::atomic::{AtomicU64, Ordering};

use connect_mongo_native_core::queue::CommandKind;

/// The bounds of the buckets of statements a command; the last bucket is of what is above all of them, and there is none: a command has
/// a thousand at the most.
pub const STATEMENT_BOUNDS: [u32; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// What has been sent of one kind.
#[derive(Default)]
struct Sent {
    buckets: [AtomicU64; STATEMENT_BOUNDS.len() + 1],
    statements: AtomicU64,
}

/// Of one kind of command, so far.
pub struct Counted {
    /// How many commands had so many statements, by [`STATEMENT_BOUNDS`].
    pub buckets: Vec<u64>,
    /// The statements of all of them.
    pub statements: u64,
}

/// What an engine has sent.
#[derive(Default)]
pub struct Statistics([Sent; CommandKind::ALL.len()]);

impl Statistics {
    /// A command of so many statements is sent.
    pub fn note(&self, kind: CommandKind, statements: usize) {
        let sent = &self.0[kind.of_small() as usize];
        let is_within = |bound: &u32| u32::try_from(statements).is_ok_and(|count| count <= *bound);
        let bucket = STATEMENT_BOUNDS.iter().position(is_within);
        let bucket = bucket.unwrap_or(STATEMENT_BOUNDS.len());
        sent.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let statements = u64::try_from(statements).unwrap_or(u64::MAX);
        sent.statements.fetch_add(statements, Ordering::Relaxed);
    }

    /// What has been sent of this kind, large sessions among it.
    #[must_use]
    pub fn counted(&self, kind: CommandKind) -> Counted {
        let sent = &self.0[kind.of_small() as usize];
        let buckets = sent.buckets.iter();
        Counted {
            buckets: buckets
                .map(|bucket| bucket.load(Ordering::Relaxed))
                .collect(),
            statements: sent.statements.load(Ordering::Relaxed),
        }
    }
}
