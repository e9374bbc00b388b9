//! Places where a test can make the process die: `KOI_FAILPOINT=name[:count]` ends it at the count-th pass of `name`.
//! Only builds with debug assertions have them.

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Point {
        name: String,
        left: AtomicU64,
    }

    static POINT: OnceLock<Option<Point>> = OnceLock::new();

    fn read() -> Option<Point> {
        let text = std::env::var("KOI_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some(Point { name: name.to_owned(), left: AtomicU64::new(count.parse().unwrap_or(1).max(1)) })
    }

    /// Dies here when the test said so, as abruptly as a power cut of the process: no destructor, no flush.
    pub fn hit(name: &str) {
        if let Some(point) = POINT.get_or_init(read)
            && point.name == name
            && point.left.fetch_sub(1, Ordering::AcqRel) == 1
        {
            std::process::abort();
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::hit;

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub fn hit(_name: &str) {}
