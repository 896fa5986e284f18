
pub mod page;
