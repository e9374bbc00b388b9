//! Threads that may wait: projection, checkpoints.
//!
//! The owner sleeps in an fsync some hundred times a second and must run the moment it wakes; threads that only catch up
//! would hold a core for a whole time slice then. A lower priority makes them give way. They still get a share under
//! full load, and the bound of unprojected records slows admission before they fall too far behind.

/// The niceness of threads that may wait: the lowest there is.
const NICE: i32 = 19;

/// Lowers the calling thread's priority, and that of threads it starts from here on. Where the system refuses, nothing
/// but speed is lost.
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a background thread keeps its priority");
    }
}
