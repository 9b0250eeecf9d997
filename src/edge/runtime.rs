//! The threads that the driver and all stores run on.

use std::{io, sync::LazyLock};

use tokio::runtime::Runtime;

/// Workers beyond these have nothing to do: what takes time happens in the server.
const MOST_WORKERS: usize = 2;

/// The process's own, for all of its threads: napi's ends with the last environment, in the middle of what the driver does.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    // On two processors a second worker costs more in wake-ups than it does: JavaScript has the other one.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads((processors / 2).clamp(1, MOST_WORKERS))
        .thread_name("connect-mongo")
        .enable_all()
        .build()
});

/// The runtime, made now when there is none.
///
/// # Errors
/// The system gives no thread.
pub fn runtime() -> napi::Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| {
        napi::Error::from_reason(format!("Cannot start the threads of the store: {error}"))
    })
}
