//! Shared plumbing of the roles that speak HTTP: an accept loop with limits, problems, the cookie,
//! the Origin check, and waiting for outcomes.

pub mod admin;
pub mod body;
pub mod cookies;
mod cors;
pub mod extract;
pub mod jitter;
pub mod listen;
pub mod meters;
pub mod openapi;
pub mod origin;
pub mod outcomes;
pub mod problem;
pub mod respond;
pub mod serve;
pub mod settings;
pub mod socket;
mod turn_away;

pub use body::Payload;
pub use cookies::Cookies;
pub use listen::listen;
pub use meters::{CountRequests, RouteMeter};
pub use origin::{Ask, Origins, PublicUrl};
pub use outcomes::Outcomes;
pub use problem::ProblemResponse;
pub use respond::with_fallbacks;
pub use serve::{Drained, serve};
pub use settings::Settings;
pub use socket::Socket;
