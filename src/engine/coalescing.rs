//! Writes of one session that wait together, as one statement: a page that asks for many things at once has its session touched or
//! saved for each of them.
//!
//! The server would do them one after the other, with nothing of this process between them. So one statement may do what they come
//! to, where nobody could tell: what is stored is the same, and each caller hears what it would have heard. A write that the server
//! might refuse for what it holds is not passed over for a later one, and what is refused of several is sent again one by one.

use std::sync::Arc;

use connect_mongo_native_core::document::{Marks, Times};

use crate::engine::{
    caller::{Answer, Caller, Waiter},
    operation::{Codec, Operation, Request, Write},
};

/// A write that a statement does, or one of several.
pub struct Share<C: Caller> {
    /// Whether it does nothing where there is no session, which is to be told.
    pub may_miss: bool,
    /// What it is by itself, where the statement does others as well.
    pub write: Option<Write>,
    /// Who is to be answered.
    pub waiter: Waiter<C>,
}

/// Writes of one session that one statement does.
pub struct Run<C: Caller> {
    /// The session that they are about.
    pub storage_id: Arc<str>,
    /// What they come to.
    pub write: Write,
    /// How their store writes.
    pub codec: Arc<Codec>,
    /// What they are by themselves, in order.
    pub shares: Vec<Share<C>>,
}

impl<C: Caller> Run<C> {
    fn new(storage_id: Arc<str>, write: Write, codec: Arc<Codec>, waiter: Waiter<C>) -> Self {
        let alone = Share {
            may_miss: write.may_miss(),
            write: None,
            waiter,
        };
        Self {
            storage_id,
            write,
            codec,
            shares: vec![alone],
        }
    }

    /// Who is to be answered.
    pub fn into_waiters(self) -> impl Iterator<Item = Waiter<C>> {
        self.shares.into_iter().map(|share| share.waiter)
    }

    fn may_take(
        &self,
        storage_id: &str,
        write: &Write,
        codec: &Arc<Codec>,
        may_pass_over: bool,
    ) -> bool {
        *self.storage_id == *storage_id
            && Arc::ptr_eq(&self.codec, codec)
            && may_coalesce(&self.write, write, may_pass_over)
    }

    fn take(&mut self, write: Write, waiter: Waiter<C>) {
        if let [first] = &mut *self.shares {
            first.write = Some(self.write.clone());
        }
        self.write.be_followed_by(&write);
        self.shares.push(Share {
            may_miss: write.may_miss(),
            write: Some(write),
            waiter,
        });
    }
}

/// Whether a session is set twice, so that one set may be passed over for another.
pub fn has_sets_in_a_row<C: Caller>(operations: &[Operation<C>]) -> bool {
    let is_set = |one: &&Operation<C>| matches!(one.request, Request::Write(Write::Set { .. }));
    let ids = operations.iter().filter(is_set).map(|one| &one.storage_id);
    ids.clone().zip(ids.skip(1)).any(|(one, next)| one == next)
}

/// The writes among these operations, those of one session in a row together as far as that makes no difference. `may_pass_over`: whether
/// nothing is refused for what it holds.
#[must_use]
pub fn runs<C: Caller>(operations: Vec<Operation<C>>, may_pass_over: bool) -> Vec<Run<C>> {
    let mut runs: Vec<Run<C>> = Vec::with_capacity(operations.len());
    for operation in operations {
        let (storage_id, codec, waiter) = (operation.storage_id, operation.codec, operation.waiter);
        // A read has no statement. It is never here; if it were, its caller would get an error.
        let Request::Write(write) = operation.request else {
            continue;
        };
        match runs.last_mut() {
            Some(run) if run.may_take(&storage_id, &write, &codec, may_pass_over) => {
                run.take(write, waiter);
            }
            _ => runs.push(Run::new(storage_id, write, codec, waiter)),
        }
    }
    runs
}

/// Each of these writes by itself.
#[must_use]
pub fn each<C: Caller>(
    storage_id: &Arc<str>,
    codec: &Arc<Codec>,
    shares: Vec<Share<C>>,
) -> Vec<Run<C>> {
    let alone = |share: Share<C>| {
        let (id, codec) = (Arc::clone(storage_id), Arc::clone(codec));
        Some(Run::new(id, share.write?, codec, share.waiter))
    };
    shares.into_iter().filter_map(alone).collect()
}

impl Write {
    /// What this and a later write come to.
    fn be_followed_by(&mut self, later: &Self) {
        let times = self.times().zip(later.times());
        let times = times.map(|(first, second)| first.followed_by(second));
        let was_upsert = matches!(
            self,
            Self::Set {
                is_upsert: true,
                ..
            }
        );
        if !matches!((&*self, later), (Self::Set { .. }, Self::Touch { .. })) {
            *self = later.clone();
        }
        if let (Some(own), Some(times)) = (self.times_mut(), times) {
            *own = times;
        }
        if let Self::Set { is_upsert, .. } = self {
            *is_upsert |= was_upsert;
        }
    }

    fn times(&self) -> Option<Times> {
        match self {
            Self::Set { times, .. } | Self::Touch { times } => Some(*times),
            Self::Destroy => None,
        }
    }

    fn times_mut(&mut self) -> Option<&mut Times> {
        match self {
            Self::Set { times, .. } | Self::Touch { times } => Some(times),
            Self::Destroy => None,
        }
    }
}

/// Whether nobody can tell a statement that does both from the two.
fn may_coalesce(earlier: &Write, later: &Write, may_pass_over: bool) -> bool {
    match (earlier, later) {
        (Write::Destroy, Write::Destroy)
        | (Write::Touch { .. } | Write::Set { .. }, Write::Touch { .. }) => true,
        (Write::Touch { times: first }, Write::Set { times, .. }) => times.cover(*first),
        (
            Write::Set {
                payload,
                times: first,
                marks: before,
                ..
            },
            Write::Set { times, marks, .. },
        ) => {
            may_pass_over
                && times.cover(*first)
                && may_follow(before.as_deref(), marks.as_deref())
                && payload.is_sure_to_be_taken()
        }
        _ => false,
    }
}

/// Whether nothing is left of the marks of a set once these of a later one are written, be that where the first has found no session
/// and the second has created it.
fn may_follow(before: Option<&Marks>, after: Option<&Marks>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return before.is_none() && after.is_none();
    };
    before.is_new_to_index.is_none()
        && before.handle.is_none()
        && before.created_ms == after.created_ms
        && (before.index.is_none() || after.index.is_some())
        && (before.description.is_none() || after.description.is_some())
}

/// Of a run whose writes have been done: what each of its callers hears.
pub fn heard<C: Caller>(
    shares: Vec<Share<C>>,
    was_there: bool,
) -> impl Iterator<Item = (Waiter<C>, Answer)> {
    let mut is_there = was_there;
    shares.into_iter().map(move |share| {
        if share.may_miss {
            return (share.waiter, Answer::Matched(is_there));
        }
        let is_created = !is_there;
        is_there = true;
        (share.waiter, Answer::Created(is_created))
    })
}
