//! When the lanes get their frames. A task of its own: a view that does not answer holds no heartbeat up.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::Hub;

/// Runs for ever.
pub(crate) async fn pace(hub: Arc<Hub>) {
    let mut last = Instant::now();
    loop {
        let (lane, due) = hub.lanes.next(&hub.latest().value.progress, last);
        tokio::select! {
            biased;
            () = sleep_until(due) => {
                last = Instant::now();
                hub.show(lane).await;
            }
            () = hub.news.notified() => {}
        }
    }
}
