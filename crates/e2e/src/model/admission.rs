//! Admission: in order, below the rate, never too many inside.

use super::history::Sale;
use crate::moment::Millis;

/// (position, time) of everyone let in whose place is known.
fn admitted(sale: &Sale) -> Vec<(u64, Millis)> {
    let mut line: Vec<_> =
        sale.tickets().filter_map(|(_, t)| Some((t.position()?, t.admitted?))).collect();
    line.sort_unstable();
    line
}

/// Nobody is let in before someone with a lower place who is let in later.
pub fn in_order(sale: &Sale) -> Vec<String> {
    let mut faults = Vec::new();
    let mut latest: Option<(u64, Millis)> = None;
    for (position, at) in admitted(sale) {
        if let Some((before, later)) = latest
            && at + sale.limits.skew_ms < later
        {
            faults.push(format!("place {position} was let in {} ms before {before}", later - at));
        }
        if latest.is_none_or(|(_, later)| at > later) {
            latest = Some((position, at));
        }
    }
    faults
}

/// Whoever still waits at the end has nobody let in behind them.
pub fn nobody_passed_over(sale: &Sale) -> Vec<String> {
    let Some((last, _)) = admitted(sale).pop() else { return vec![] };
    let waiting = sale.shoppers.iter().filter_map(|who| who.ending.as_ref());
    let passed = waiting.filter(|end| end.state == "waiting");
    passed
        .filter_map(|end| end.position.filter(|position| *position < last))
        .map(|position| format!("place {position} still waits, place {last} was let in"))
        .collect()
}

/// A token bucket with a burst of one second's worth, over every span of time.
pub fn below_rate(sale: &Sale) -> Vec<String> {
    let rate_per_ms = sale.limits.rate_per_min as f64 / 60_000.0;
    let burst = (rate_per_ms * 1_000.0).max(1.0);
    let mut times: Vec<Millis> = sale.tickets().filter_map(|(_, t)| t.admitted).collect();
    times.sort_unstable();
    let mut faults = Vec::new();
    // With level(i) = i - rate × t(i): a span from i to j has j - i + 1 people and is fine iff
    // level(j) - level(i) + 1 <= burst. The lowest level so far is the worst start.
    let mut lowest: Option<(f64, Millis)> = None;
    for (i, at) in times.iter().enumerate() {
        let level = i as f64 - rate_per_ms * (at - times[0]) as f64;
        if lowest.is_none_or(|(low, _)| level < low) {
            lowest = Some((level, *at));
        }
        if let Some((low, since)) = lowest {
            let excess = level - low + 1.0 - burst - sale.limits.slack;
            if excess > 0.001 {
                faults.push(format!("{excess:.1} too many let in during {} ms", at - since));
            }
        }
    }
    faults
}

/// The most people surely inside at once.
fn most_inside(sale: &Sale) -> usize {
    let mut steps: Vec<(Millis, i32)> = Vec::new();
    for span in sale.tickets().flat_map(|(_, t)| &t.inside).filter(|span| span.to > span.from) {
        steps.push((span.from, 1));
        steps.push((span.to, -1));
    }
    // At the same moment, whoever goes makes room first.
    steps.sort_unstable();
    let mut inside = 0;
    let counts = steps.into_iter().map(|(_, step)| {
        inside += step;
        inside
    });
    usize::try_from(counts.max().unwrap_or(0)).unwrap_or(0)
}

pub fn inside_bounded(sale: &Sale) -> Vec<String> {
    let most = most_inside(sale);
    if most <= sale.limits.max_inside {
        return vec![];
    }
    vec![format!("{most} were inside at once, {} are allowed", sale.limits.max_inside)]
}

pub fn stats_bounded(sale: &Sale) -> Vec<String> {
    let limit = i64::try_from(sale.limits.max_inside).unwrap_or(i64::MAX);
    let above = sale.inside_samples.iter().filter(|inside| **inside > limit);
    let mut faults: Vec<_> = above.map(|n| format!("{n} inside, {limit} are allowed")).collect();
    if sale.inside_samples.is_empty() {
        faults.push("the operator's numbers were never read".to_owned());
    }
    faults
}

/// The longest span during which admissions kept up at least `share` of the rate, in ms.
pub fn rate_bound_for(sale: &Sale, share: f64) -> Millis {
    let per_ms = sale.limits.rate_per_min as f64 / 60_000.0 * share;
    let mut times: Vec<Millis> = sale.tickets().filter_map(|(_, t)| t.admitted).collect();
    times.sort_unstable();
    let mut longest = 0;
    for start in 0..times.len() {
        for end in (start..times.len()).rev() {
            let span = times[end] - times[start];
            if span <= longest {
                break;
            }
            if (end - start) as f64 >= per_ms * span as f64 {
                longest = span;
                break;
            }
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Final, History, Limits, Ticket, Use};

    /// Tickets with places 1.. let in at these times.
    fn sale(times: &[Millis]) -> Sale {
        let ticket = |(i, at): (usize, &Millis)| Ticket {
            positions: vec![i as u64 + 1],
            admitted: Some(*at),
            inside: vec![Use { from: *at, to: at + 1_000 }],
            ..Ticket::default()
        };
        let tickets = times.iter().enumerate().map(ticket).collect();
        // One a second, burst of one.
        let limits = Limits { rate_per_min: 60, max_inside: 1, ..Limits::default() };
        let shoppers = vec![History { tickets, ..History::default() }];
        Sale { limits, shoppers, inside_samples: vec![1], ..Sale::default() }
    }

    #[test]
    fn an_orderly_admission_passes() {
        let sale = sale(&[0, 1_000, 2_000, 9_000, 10_000]);
        for check in [in_order, nobody_passed_over, below_rate, inside_bounded, stats_bounded] {
            assert_eq!(check(&sale), Vec::<String>::new());
        }
    }

    #[test]
    fn out_of_order_is_found_beyond_the_skew() {
        let mut sale = sale(&[0, 5_000, 4_000]);
        assert_eq!(in_order(&sale).len(), 1);
        sale.limits.skew_ms = 1_000;
        assert!(in_order(&sale).is_empty());
    }

    #[test]
    fn someone_passed_over_is_found() {
        let mut sale = sale(&[0, 1_000]);
        sale.shoppers[0].tickets[0].positions = vec![3];
        let ending = Final { state: "waiting".into(), position: Some(1), ..Final::default() };
        sale.shoppers.push(History { ending: Some(ending), ..History::default() });
        assert_eq!(nobody_passed_over(&sale).len(), 1);
    }

    #[test]
    fn a_rate_too_high_is_found_even_late() {
        assert_eq!(below_rate(&sale(&[0, 900])).len(), 1);
        assert!(!below_rate(&sale(&[0, 1_000, 2_000, 2_500])).is_empty());
        // Time missed earns nothing: two at once after a long gap are one too many.
        assert_eq!(below_rate(&sale(&[0, 60_000, 60_000])).len(), 1);
        let mut forgiven = sale(&[0, 60_000, 60_000]);
        forgiven.limits.slack = 1.0;
        assert!(below_rate(&forgiven).is_empty());
    }

    #[test]
    fn too_many_inside_is_found() {
        assert_eq!(inside_bounded(&sale(&[0, 900])).len(), 1);
        let mut sale = sale(&[0]);
        sale.inside_samples = vec![1, 2];
        assert_eq!(stats_bounded(&sale).len(), 1);
        sale.inside_samples.clear();
        assert_eq!(stats_bounded(&sale).len(), 1);
    }

    #[test]
    fn tells_how_long_the_rate_was_the_limit() {
        assert_eq!(rate_bound_for(&sale(&[0, 1_000, 2_000, 3_000]), 1.0), 3_000);
        assert_eq!(rate_bound_for(&sale(&[0, 1_000, 9_000, 10_000]), 0.9), 1_000);
        assert_eq!(rate_bound_for(&sale(&[]), 0.9), 0);
    }
}
