//! The audit of an event's log: replay with the rules themselves, every invariant, the digest chain
//! against signed heads, any ticket's life in words; and the archive, a file with all of it.
//!
//! Pure but for reading and writing archives: where records and heads come from is the caller's
//! business, so the same audit runs on a broker, on a data folder and on a file.

pub mod archive;
pub mod heads;
pub mod life;
pub mod replay;
pub mod report;

pub use archive::{ArchiveError, Footer, Header};
pub use heads::{Claim, Claims};
pub use life::Life;
pub use replay::{Replay, ReplayError};
pub use report::{Check, Report, Verdict};
