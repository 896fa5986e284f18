//! The one contract suite that every implementation of a port passes.
//!
//! Each check is a `#[test]` of its own in the crate that calls the macro:
//!
//! ```text
//! ports::log_contract!({
//!     let broker = start().await;                       // once a check, may await
//!     async move || MyLog::connect(&broker).await       // opens the port on the same data
//! });
//! ports::keep_contract!({ async move || my_log().await });
//! ports::facts_contract!({ async move || my_facts().await });
//! ports::view_contract!({ async move || (my_writer().await, my_reader().await) });
//! ```
//!
//! The expression is evaluated inside an async block, once for each check; it gives an async closure
//! that opens the port. A check may open it again, but only after it dropped what it opened before,
//! and expects the same data. Checks make up their own event ids and keys, so many may share one
//! broker or server.

use std::{
    future::Future,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use domain::EventId;

use crate::{Clock, SystemClock};

pub mod facts;
pub mod keep;
pub mod log;
pub mod view;

/// Longest wait of a check for something that must happen.
const WAIT_SECS: u64 = 30;

/// How long a check watches that something does not happen.
const QUIET_MS: u64 = 100;

/// Threads of a check's runtime.
const THREADS: usize = 2;

/// Runs one check on a runtime of its own.
pub fn run(check: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(THREADS).enable_all().build().expect("a runtime");
    runtime.block_on(check);
}

/// A name nobody used before, here or in another process; fits an event id.
fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("check-{:x}-{:x}-{count:x}", SystemClock.now(), std::process::id())
}

/// An event nobody used before.
fn fresh_event() -> EventId {
    fresh_name().parse().expect("a fresh name is an event id")
}

/// Waits for what must happen.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(WAIT_SECS), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {WAIT_SECS} s for {what}"),
    }
}

/// Sees to it that something does not happen for a while; drops the future in the middle.
async fn quiet<T: std::fmt::Debug>(what: &str, future: impl Future<Output = T>) {
    if let Ok(value) = tokio::time::timeout(Duration::from_millis(QUIET_MS), future).await {
        panic!("{what}: {value:?}");
    }
}

/// Makes one `#[test]` of each named check. For the three macros below.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($module:path, $setup:expr, [$($check:ident)+]) => {
        $(
            #[test]
            fn $check() {
                use $module as checks;
                $crate::contract::run(async { checks::$check($setup).await });
            }
        )+
    };
}

/// The contract of [`EventLog`](crate::EventLog) as tests.
///
/// `$setup` gives `impl AsyncFn() -> impl EventLog`; see [`contract`](crate::contract).
#[macro_export]
macro_rules! log_contract {
    ($setup:expr) => {
        $crate::contract_tests!($crate::contract::log, $setup, [
            creating_twice_keeps_the_log
            creating_at_once_makes_one_log
            an_unknown_event_is_told
            records_come_back_as_answered
            times_are_never_missing
            any_bytes_survive
            the_largest_record_fits
            a_larger_record_is_refused
            appends_at_once_all_land_once
            an_append_after_an_answer_comes_after
            an_append_given_up_harms_nothing
            a_long_log_comes_back_whole
            the_end_covers_what_was_answered
            the_end_of_an_empty_log_is_its_start
            a_log_is_read_from_any_offset
            a_reader_at_the_end_waits_and_wakes
            a_reader_beyond_the_end_waits_for_its_offset
            a_reader_follows_while_others_append
            two_readers_see_the_same
            a_wait_given_up_skips_nothing
            events_are_apart
            a_log_opened_again_is_the_same
            a_commit_is_taken
        ]);
    };
}

/// The contract of [`LogKeeper`](crate::LogKeeper) as tests.
///
/// `$setup` gives `impl AsyncFn() -> impl EventLog + LogKeeper`; see [`contract`](crate::contract).
#[macro_export]
macro_rules! keep_contract {
    ($setup:expr) => {
        $crate::contract_tests!($crate::contract::keep, $setup, [
            an_imported_log_is_the_same
            an_imported_log_goes_on
            no_log_is_written_over
            a_gap_is_refused
            a_deleted_log_is_unknown
            what_was_deleted_can_come_back
        ]);
    };
}

/// The contract of [`Facts`](crate::Facts) as tests.
///
/// `$setup` gives `impl AsyncFn() -> impl Facts`; see [`contract`](crate::contract).
#[macro_export]
macro_rules! facts_contract {
    ($setup:expr) => {
        $crate::contract_tests!(
            $crate::contract::facts, $setup, [
            the_first_answer_waits_for_nothing
            the_first_answer_holds_everything
            the_first_answer_has_the_last_values
            changes_are_followed
            a_waiting_reader_wakes
            the_same_value_again_is_a_change
            without_a_change_a_reader_waits
            the_order_of_a_key_holds
            the_order_across_keys_holds
            many_keys_are_kept
            two_followers_see_the_same
            a_wait_given_up_skips_nothing
            any_bytes_survive
            the_longest_key_fits
            a_longer_key_is_refused
            facts_opened_again_are_the_same
        ]);
    };
}

/// The contract of [`ViewWriter`](crate::ViewWriter) and [`ViewReader`](crate::ViewReader) as tests.
///
/// `$setup` gives `impl AsyncFn() -> (impl ViewWriter, impl ViewReader)`; see
/// [`contract`](crate::contract).
#[macro_export]
macro_rules! view_contract {
    ($setup:expr) => {
        $crate::contract_tests!($crate::contract::view, $setup, [
            without_a_head_nothing_is_known
            without_a_head_a_write_is_unexpected
            a_write_moves_everything
            a_write_without_entries_moves_the_head
            a_repeated_write_is_done
            a_late_write_undoes_nothing
            a_gap_is_unexpected
            an_overlap_is_unexpected
            another_generation_is_unexpected
            an_older_epoch_is_fenced
            epochs_compare_as_numbers
            offsets_compare_as_numbers
            a_newer_epoch_takes_over
            many_entries_go_in_one_write
            a_large_write_is_fenced_whole
            the_last_entry_of_a_ticket_counts
            the_same_write_at_once_counts_once
            a_rebuild_makes_everything
            a_rebuild_does_not_look_at_from
            a_rebuild_leaves_no_old_value
            a_rebuilt_view_is_written_on
            a_large_rebuild_flips_once
            a_repeated_rebuild_is_done
            a_rebuild_needs_a_newer_generation
            a_rebuild_by_an_older_epoch_is_fenced
            tickets_come_in_the_order_asked
            tickets_come_with_the_head
            five_thousand_tickets_are_read_at_once
            any_value_survives
            tickets_of_like_ids_are_apart
            events_are_apart
            readers_get_what_the_head_says
            every_listener_hears_every_write_in_order
            a_listener_may_come_before_the_head
            a_listener_hears_what_comes_after
            a_slow_listener_is_told_of_its_loss
            what_is_heard_can_be_read
            events_are_heard_apart
            any_live_message_survives
            a_wait_given_up_loses_no_message
        ]);
    };
}
