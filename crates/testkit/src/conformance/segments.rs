//! [`Segments`]: named segments.

use app::ports::{SegmentRow, Segments};

/// A name has one segment; what is put is read, what is deleted is gone.
pub async fn keeps_one_of_a_name<S: Segments>(open: impl AsyncFn() -> S) {
    let store = open().await;
    let row = |name: &str, expression: &str| SegmentRow {
        name: name.to_owned(),
        expression: expression.to_owned(),
        description: "谁".to_owned(),
        updated_at_ms: 5,
    };
    assert!(store.segments().await.expect("readable").is_empty());
    for (name, expression, is_new) in [("vip", "true", true), ("late", "false", true), ("vip", "false", false)] {
        assert_eq!(store.put_segment(&row(name, expression)).await.expect("stored"), is_new, "{name}");
    }
    assert_eq!(store.segments().await.expect("readable"), [row("late", "false"), row("vip", "false")]);
    assert!(store.delete_segment("vip").await.expect("deleted"));
    assert!(!store.delete_segment("vip").await.expect("asked"), "it is gone");
    assert_eq!(store.segments().await.expect("readable").len(), 1);
}
