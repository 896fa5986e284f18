//! One TCP connection that never blocks, with hardly any memory of its own.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, SocketAddrV4},
};

use mio::{Interest, Registry, Token, net::TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use super::target::{Sources, Target};

/// Bytes read at once into the buffer that all connections of a loop share.
pub const SCRATCH_BYTES: usize = 64 * 1024;

/// Most connections of one process: as many files as the system usually grants, less a reserve.
pub const CONNECTIONS_MAX: usize = 19_500;

/// Ports that are tried one after the other.
const PORT_TRIES_MAX: usize = 1_000;

/// Why nothing more comes.
#[derive(Debug)]
pub enum Broken {
    /// The other side closed.
    Closed,
    Io(io::Error),
    /// It sent what can't be read.
    Bad(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What came of something that has not come whole: empty almost always.
    unread: Vec<u8>,
    /// What the kernel did not take yet: empty almost always.
    unsent: Vec<u8>,
}

impl Connection {
    /// Begins to connect; bytes can be sent at once and wait if need be.
    pub fn open(
        registry: &Registry,
        token: Token,
        target: &Target,
        sources: &Sources,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::from_std(connect(target, sources)?.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, unread: Vec::new(), unsent: Vec::new() })
    }

    /// Sends, or keeps what the kernel does not take now for [`Connection::flush`].
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let sent = write(&mut self.stream, bytes)?;
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what was kept.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let sent = write(&mut self.stream, &self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        Ok(())
    }

    /// Reads all that is there and hands it to `take`, which tells how many bytes it used; the rest
    /// is kept until more comes. `to_end`: the other side has closed, so read until that is seen.
    pub fn receive(
        &mut self,
        scratch: &mut [u8],
        to_end: bool,
        mut take: impl FnMut(&[u8]) -> Result<usize, Broken>,
    ) -> Result<(), Broken> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Err(Broken::Closed),
                Ok(read) => {
                    self.feed(&scratch[..read], &mut take)?;
                    // A short read has taken all; more to come is a new event.
                    if read < scratch.len() && !to_end {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Io(error)),
            }
        }
    }

    fn feed(
        &mut self,
        fresh: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<usize, Broken>,
    ) -> Result<(), Broken> {
        if self.unread.is_empty() {
            let used = take(fresh)?;
            self.unread.extend_from_slice(&fresh[used..]);
            return Ok(());
        }
        self.unread.extend_from_slice(fresh);
        let used = take(&self.unread)?;
        self.unread.drain(..used);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        Ok(())
    }
}

/// Tries one port after the other until one is free.
fn connect(target: &Target, sources: &Sources) -> io::Result<Socket> {
    let mut tries = 0;
    loop {
        let source = sources.next(target);
        match connect_from(target, source) {
            Err(error) if source.is_some() && is_taken(&error) && tries < PORT_TRIES_MAX => {
                tries += 1;
            }
            result => return result,
        }
    }
}

fn connect_from(target: &Target, source: Option<SocketAddrV4>) -> io::Result<Socket> {
    let domain = Domain::for_address(target.address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        // A port whose connection has just ended may be used again.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::V4(source).into())?;
    }
    match socket.connect(&target.address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket),
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable)
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
        || error.kind() == ErrorKind::WouldBlock
}

/// How much the kernel took.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Not connected yet is the same as full.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
