//! Traces over the whole way of a request: its own span, the owner's part in it, the batch of the ledger that holds its
//! record, and the commit that projected it. Spans of a batch are linked to those of the requests in it, since one batch
//! serves many.
//!
//! Nothing here costs anything while tracing is off, which is the default: one relaxed load.

pub use opentelemetry::trace::SpanKind;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue, global};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The header that carries a [`Parent`], in HTTP and in Kafka's messages.
pub const HEADER: &str = "traceparent";

/// Spans that one batch is linked to at most.
pub(crate) const LINKS: usize = 32;
/// Batches whose spans wait for their projection; further ones are not linked to it.
const BATCHES: usize = 256;
/// Characters of a `traceparent`.
const PARENT_CHARS: usize = 55;

static ON: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static CURRENT: Parent;
}

thread_local! {
    static OF_THREAD: Cell<Option<Parent>> = const { Cell::new(None) };
}

/// From here on spans are made.
pub fn turn_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether spans are made.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// What names a span that is recorded, wherever it is: the ids of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
}

impl Parent {
    /// Reads a `traceparent` of version 00. Nothing for one that is not recorded, or is none.
    pub fn read(text: &str) -> Option<Self> {
        let wrong =
            text.len() != PARENT_CHARS || !text.starts_with("00-") || text.bytes().any(|b| b.is_ascii_uppercase());
        if wrong {
            return None;
        }
        let mut parts = text[3..].split('-');
        let (mut trace, mut span, mut flags) = ([0; 16], [0; 8], [0; 1]);
        hex::decode_to_slice(parts.next()?, &mut trace).ok()?;
        hex::decode_to_slice(parts.next()?, &mut span).ok()?;
        hex::decode_to_slice(parts.next()?, &mut flags).ok()?;
        (trace != [0; 16] && span != [0; 8] && flags[0] & 1 == 1).then_some(Self { trace, span })
    }

    /// Whether a `traceparent` says that its trace is not recorded.
    pub fn is_left_out(text: &str) -> bool {
        let recorded = text.strip_suffix("00").map(|before| format!("{before}01"));
        recorded.is_some_and(|recorded| Self::read(&recorded).is_some())
    }

    /// As a `traceparent`.
    pub fn text(&self) -> String {
        format!("00-{}-{}-01", hex::encode(self.trace), hex::encode(self.span))
    }

    fn context(self) -> SpanContext {
        let (trace, span) = (TraceId::from_bytes(self.trace), SpanId::from_bytes(self.span));
        SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
    }
}

/// A span that is open; it ends when it is dropped.
pub struct Span(global::BoxedSpan);

/// What a span is about.
pub type Detail = (&'static str, i64);

impl Span {
    /// Opens a span below a parent. Nothing while tracing is off, or where the sampler leaves it out.
    pub fn open(name: &'static str, kind: SpanKind, parent: Option<Parent>, links: &[Parent]) -> Option<Self> {
        if !is_on() {
            return None;
        }
        let tracer = global::tracer("koi");
        let links = links.iter().take(LINKS).map(|link| Link::with_context(link.context())).collect();
        let builder = tracer.span_builder(name).with_kind(kind).with_links(links);
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent.context()),
            None => Context::new(),
        };
        let span = tracer.build_with_context(builder, &context);
        span.is_recording().then_some(Self(span))
    }

    /// Opens a span that goes on with the first of some, and is linked to the others. Nothing where there are none.
    pub fn after(name: &'static str, kind: SpanKind, spans: &[Parent]) -> Option<Self> {
        let (first, others) = spans.split_first()?;
        Self::open(name, kind, Some(*first), others)
    }

    /// What names this span.
    pub fn parent(&self) -> Parent {
        let context = self.0.span_context();
        Parent { trace: context.trace_id().to_bytes(), span: context.span_id().to_bytes() }
    }

    /// Adds a number.
    pub fn note(&mut self, (name, value): Detail) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Adds a text of few different values.
    pub fn say(&mut self, name: &'static str, value: &str) {
        self.0.set_attribute(KeyValue::new(name, value.to_owned()));
    }

    /// What it stands for failed.
    pub fn fail(&mut self, why: &'static str) {
        self.0.set_status(Status::error(why));
    }
}

/// The spans of batches that are not projected yet, by the offset behind each.
#[derive(Debug, Default)]
pub struct Batches(Mutex<VecDeque<(u64, Parent)>>);

impl Batches {
    /// Notes a batch's span.
    pub(crate) fn note(&self, end: u64, span: &Span) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < BATCHES {
            waiting.push_back((end, span.parent()));
        }
    }

    /// Opens the span of a commit that projects all batches up to `next`. Nothing where none of them is traced.
    pub(crate) fn projecting(&self, next: u64) -> Option<Span> {
        if !is_on() {
            return None;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.partition_point(|(end, _)| *end <= next);
        let spans: Vec<Parent> = waiting.drain(..count).map(|(_, parent)| parent).collect();
        drop(waiting);
        Span::after("projection", SpanKind::Consumer, &spans)
    }
}

/// Runs some work as part of a span.
pub async fn within<T>(parent: Option<Parent>, work: impl Future<Output = T>) -> T {
    match parent {
        Some(parent) => CURRENT.scope(parent, work).await,
        None => work.await,
    }
}

/// The span that this work is part of.
pub fn current() -> Option<Parent> {
    if !is_on() {
        return None;
    }
    CURRENT.try_with(|parent| *parent).ok()
}

/// The span that this thread's work is part of, for engines that pass it on.
pub fn of_thread() -> Option<Parent> {
    OF_THREAD.get()
}

/// Runs some work of this thread as part of a span.
pub fn on_thread<T>(span: Option<&Span>, work: impl FnOnce() -> T) -> T {
    OF_THREAD.set(span.map(Span::parent));
    let done = work();
    OF_THREAD.set(None);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_recorded_parent_of_this_version_is_read() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Parent::read(good).map(|parent| parent.text()).as_deref(), Some(good));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤-1",
        ] {
            assert_eq!(Parent::read(bad), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn nothing_is_made_while_it_is_off() {
        assert!(Span::open("x", SpanKind::Internal, None, &[]).is_none());
        let parent = Parent { trace: [1; 16], span: [2; 8] };
        assert_eq!(within(Some(parent), async { current() }).await, None);
        assert_eq!(on_thread(None, of_thread), None);
    }
}
