//! Which of the page's views is shown. `view()` in `web/page/page.js` decides the same.

use super::model::{Event, Place, TicketState};

/// The views of `web/page/page.html`, by their `data-name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Finding,
    Soon,
    Join,
    Registered,
    Waiting,
    Admitted,
    Inside,
    Pass,
    Holding,
    Booked,
    Ended,
    Closed,
}

impl View {
    pub(super) fn of(event: &Event, place: &Place) -> Self {
        match place {
            Place::Held(ticket) => Self::of_ticket(event, &ticket.state),
            _ if event.state.over() => Self::Closed,
            Place::Unknown => Self::Finding,
            Place::None if event.state.joinable() => Self::Join,
            Place::None => Self::Soon,
        }
    }

    fn of_ticket(event: &Event, state: &TicketState) -> Self {
        let over = event.state.over();
        match state {
            TicketState::Booked(_) => Self::Booked,
            TicketState::Holding { .. } => Self::Holding,
            TicketState::Inside { .. } if event.queue_only => Self::Pass,
            _ if over => Self::Closed,
            TicketState::Inside { .. } => Self::Inside,
            TicketState::Registered => Self::Registered,
            TicketState::Waiting { .. } => Self::Waiting,
            TicketState::Admitted { .. } => Self::Admitted,
            TicketState::Left | TicketState::Expired | TicketState::Cancelled => Self::Ended,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Soon => "soon",
            Self::Join => "join",
            Self::Registered => "registered",
            Self::Waiting => "waiting",
            Self::Admitted => "admitted",
            Self::Inside => "inside",
            Self::Pass => "pass",
            Self::Holding => "holding",
            Self::Booked => "booked",
            Self::Ended => "ended",
            Self::Closed => "closed",
        }
    }

    /// Slots can be chosen here.
    pub(super) fn chooses(self) -> bool {
        matches!(self, Self::Inside | Self::Holding)
    }

    /// Remaining seats are shown here.
    pub(super) fn shows_slots(self) -> bool {
        use View::{Admitted, Finding, Join, Registered, Soon, Waiting};
        self.chooses() || matches!(self, Finding | Soon | Join | Registered | Waiting | Admitted)
    }

    /// Leaving the line means something here.
    pub(super) fn can_leave(self) -> bool {
        use View::{Admitted, Holding, Inside, Pass, Registered, Waiting};
        matches!(self, Registered | Waiting | Admitted | Inside | Pass | Holding)
    }
}
