//! Opens the listening socket.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that may wait for `accept`: a storm of them must not wait for SYN retries.
const BACKLOG_MAX: i32 = 4_096;

/// Listens on `address`; port 0 takes a free one. Accepted sockets send small answers at once.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Linux hands both down to the sockets it accepts, which saves two calls for each of them.
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    TcpListener::from_std(socket.into())
}
