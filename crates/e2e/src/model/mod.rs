//! What the driver itself knows of a sale, and what must be true of it.
//!
//! Everything here comes from answers and frames only. Spans are lower bounds: they begin when the
//! driver learnt of something and end when it may have been over, so that a limit they break is broken.

pub mod admission;
pub mod answers;
pub mod history;
pub mod line;
pub mod places;
pub mod seats;

pub use history::{
    Address, Answered, Final, History, JoinSent, Known, Limits, Sale, SeatSpan, Ticket, Use,
};
pub use line::Line;

use crate::report::Report;

/// Every check of a finished sale.
pub fn check(report: &mut Report, sale: &Sale) {
    type Check = (&'static str, fn(&Sale) -> Vec<String>);
    let checks: [Check; 16] = [
        ("frames and answers never contradicted the line", line::contradictions),
        ("every acknowledged join has exactly one place", places::one_each),
        ("a place never changes", places::unchanged),
        ("places are dense, 1..N", places::dense),
        ("places follow the order of the log", places::follow_the_log),
        ("nobody acknowledged is told that they are not in line", places::nobody_forgotten),
        ("people are let in in order", admission::in_order),
        ("nobody waits behind someone who was let in", admission::nobody_passed_over),
        ("admissions stay below the rate", admission::below_rate),
        ("no more inside than allowed, by what shoppers saw", admission::inside_bounded),
        ("no more inside than allowed, by the operator's numbers", admission::stats_bounded),
        ("no slot is ever oversold", seats::never_oversold),
        ("remaining seats are what capacity and bookings leave", seats::sums_agree),
        ("a seat stays free only when nobody waits for it", seats::no_seat_wasted),
        ("the same command asked again gets the same answer", answers::repeats_agree),
        ("what was acknowledged is still so at the end", answers::endings_kept),
    ];
    for (what, check) in checks {
        report.judge(what, check(sale));
    }
}
