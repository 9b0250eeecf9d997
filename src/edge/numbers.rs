//! Numbers as JavaScript has them.

/// A count, which is far below 2⁵³.
#[expect(
    clippy::cast_precision_loss,
    reason = "no process lives to count so far"
)]
#[must_use]
pub fn float(number: u64) -> f64 {
    number as f64
}

/// A size, of what fits into memory.
#[must_use]
pub fn float_of_size(size: usize) -> f64 {
    float(u64::try_from(size).unwrap_or(u64::MAX))
}

/// How many there are, which is far below 2³².
#[must_use]
pub fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
