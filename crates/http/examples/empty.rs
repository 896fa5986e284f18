//! An empty axum handler, served as axum does it by itself: what our own requests are measured
//! against. `empty ADDRESS`

use std::env;

use axum::{Router, routing::any};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().fallback(any(async || "ok"))).await
}
