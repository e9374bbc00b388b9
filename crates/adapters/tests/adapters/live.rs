//! The embedded notifier and hints pass their suites; strategies and draws resume in one order.

use adapters::hints::Memory;
use adapters::notifier::{Crowd, InProcess};
use std::sync::Arc;
use std::time::Duration;
use testkit::builders::NOON_MS;
use testkit::clock::FakeClock;
use testkit::conformance::{hints, live};

fn notifier() -> Arc<InProcess> {
    let crowd = Crowd { sockets_max: 100, sockets_per_shopper: 3 };
    InProcess::start(crowd, Arc::new(FakeClock::at(NOON_MS)))
}

#[tokio::test]
async fn the_notifier_tells_each_shopper_their_own() {
    live::tells_each_shopper_their_own(notifier()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_listener_is_told_that_it_missed_something() {
    live::a_slow_listener_is_told_that_it_missed_something(notifier()).await;
}

#[tokio::test]
async fn a_hold_sends_listeners_to_what_is_durable() {
    live::a_hold_sends_listeners_to_what_is_durable(notifier()).await;
}

#[tokio::test]
async fn listeners_are_few_and_can_be_dismissed() {
    live::listeners_are_few_and_can_be_dismissed(notifier(), 3).await;
}

#[tokio::test]
async fn the_process_own_hints_keep_their_promises() {
    let clock = Arc::new(FakeClock::at(NOON_MS));
    let memory = Memory::new(clock.clone());
    hints::hold_for_their_time(&memory, &mut |time: Duration| clock.advance(time.as_millis() as i64)).await;
    hints::nobody_is_taken_for_another(&memory, 2_000).await;
}
