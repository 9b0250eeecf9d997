//! Work that would keep the runtime's only worker busy: on threads of its own.
//!
//! The keys of what this process writes never wait for those of what others have written: whoever can write the collection can ask
//! for about a second of work with each document. The work that a document asks for is done one piece after the other, and not at
//! all when nobody waits for it any more.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
    thread::available_parallelism,
};

use connect_mongo_native_core::crypto::Refusal;
use tokio::{sync::Mutex, task};

use crate::engine::errors::StoreError;

/// What is encrypted on the runtime's worker at most, in bytes: a fraction of a millisecond.
pub const MOST_BYTES_AT_ONCE: usize = 64 * 1024;

/// Who comes second finds the key that the first has derived.
static OWN_KEYS: Mutex<()> = Mutex::const_new(());

/// Does what needs the key of this process for what it writes.
///
/// # Errors
/// What the work is refused for.
pub async fn with_own_key<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, StoreError> {
    let _turn = OWN_KEYS.lock().await;
    on_another_thread(work).await
}

/// Does what needs a key for what is stored under this id.
///
/// # Errors
/// What the work is refused for; [`StoreError::Abandoned`] when its turn comes and nobody waits for it.
pub async fn with_key_of<T: Send + 'static>(
    storage_id: &str,
    is_gone: impl Fn() -> bool,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, StoreError> {
    let _turn = line_of(storage_id).lock().await;
    if is_gone() {
        return Err(StoreError::Abandoned);
    }
    on_another_thread(work).await
}

/// There is one for each processor but that which JavaScript needs, so that no document asks for more than one.
fn line_of(storage_id: &str) -> &'static Mutex<()> {
    static LINES: LazyLock<Vec<Mutex<()>>> = LazyLock::new(|| {
        let processors = available_parallelism().map_or(1, usize::from);
        (1..processors.max(2)).map(|_| Mutex::new(())).collect()
    });
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let hash = HASHER.hash_one(storage_id);
    let line = usize::try_from(hash % LINES.len() as u64).unwrap_or(0);
    &LINES[line]
}

/// Does what takes long.
///
/// # Errors
/// What the work is refused for.
pub async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, StoreError> {
    match task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(StoreError::Panic(error.to_string())),
    }
}
