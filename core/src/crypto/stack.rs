//! The stack below work with keys. What zeroises its variables when they are dropped cannot reach the copies that it has been moved
//! from: a cipher that is made in one function and returned to another leaves its key behind, until a call happens to be deep enough
//! to overwrite it.

use std::hint::black_box;

/// In bytes. Such work takes between 8 and 16 KiB with what a compiler makes of it for x86-64; the rest is for others.
const DEPTH: usize = 32 * 1024;

/// Does the work, and wipes the stack that it had.
pub fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    wipe();
    result
}

/// In a frame of its own, which [`wipe`] overwrites.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[expect(
    clippy::large_stack_arrays,
    reason = "the stack is what is to be wiped; every thread has some 2 MiB"
)]
#[inline(never)]
fn wipe() {
    black_box(&mut [0_u8; DEPTH]);
}
