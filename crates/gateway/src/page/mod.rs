//! The shopper's page: plain facts in, one HTML document out.
//!
//! The markup of every state is in `web/page/page.html`. The server shows one of its views and
//! fills in what is known; the script of the page moves between the same views, so that there is
//! one markup with and without JavaScript. Everything filled in is escaped.

mod assets;
mod island;
mod lang;
mod model;
mod slots;
mod template;
#[cfg(test)]
mod tests;
mod times;
mod trouble;
mod values;
mod view;

pub use assets::{ASSETS, Asset, CONTENT_SECURITY_POLICY};
pub use lang::{LANGUAGES, Texts, choose};
pub use model::{
    Booking, Event, EventState, Hold, PageModel, Place, Problem, Slot, Ticket, TicketState,
};
pub use trouble::render_trouble;

/// The page of one shopper as an HTML document. Send it with [`CONTENT_SECURITY_POLICY`] and
/// `Cache-Control: no-store`: it is theirs alone.
pub fn render(model: &PageModel) -> String {
    template::PAGE.fill(&values::Values::new(model))
}
