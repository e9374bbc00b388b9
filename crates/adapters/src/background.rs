//! Threads that may wait: projection, checkpoints.
//!
//! The owner sleeps in an fsync some hundred times a second and must run the moment it wakes; threads that only catch up
//! would hold a core for a whole time slice then, at the lowest niceness too. The system's idle class makes them give way
//! at once: they take what nobody else wants, and a small share under full load. The bound of unprojected records slows
//! admission before they fall too far behind.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Puts the calling thread into the idle class, and with it the threads that it starts from here on. Where the system
/// refuses, nothing but speed is lost.
pub(crate) fn give_way() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        tracing::debug!(?error, "a background thread keeps its priority");
    }
}
