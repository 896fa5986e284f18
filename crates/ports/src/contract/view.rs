//! What every view keeps (R5).

use domain::TicketId;

use super::fresh_event;
use crate::{ViewReader, ViewWriter};

pub async fn without_a_head_nothing_is_known<W: ViewWriter, R: ViewReader>(
    open: impl AsyncFn() -> (W, R),
) {
    let ((writer, reader), event) = (open().await, fresh_event());
    assert_eq!(writer.head(&event).await, Ok(None));
    assert_eq!(reader.shared(&event).await, Ok(None));
    assert_eq!(reader.tickets(&event, &[TicketId([1; 16])]).await, Ok(None));
}
