//! What is spoken on the wire: HTTP/1.1 and WebSocket, as little of both as a shopper needs.

pub mod calls;
pub mod connection;
pub mod fetch;
pub mod http;
pub mod request;
pub mod streams;
pub mod target;
pub mod websocket;
