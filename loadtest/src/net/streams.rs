//! Many WebSockets on one loop.

use std::{fmt, io, time::Duration};

use mio::{Events, Poll, Token, event::Event};
use slab::Slab;

use super::{
    connection::{Broken, CONNECTIONS_MAX, Connection, SCRATCH_BYTES},
    http::{Answer, read_answer},
    target::{Sources, Target},
    websocket::{Kind, NORMAL_CLOSURE, read_frame, write_control},
};

/// Events taken at once.
const EVENTS_MAX: usize = 4_096;

pub struct Streams {
    sources: Sources,
    poll: Poll,
    events: Events,
    streams: Slab<Stream>,
    scratch: Vec<u8>,
}

struct Stream {
    connection: Connection,
    /// The caller's mark.
    tag: usize,
    stage: Stage,
}

enum Stage {
    /// Asked for; to be answered with this.
    Opening(Box<str>),
    Open,
    /// We said goodbye.
    Closing,
}

/// What a socket tells.
#[derive(Debug)]
pub enum Heard<'a> {
    Open,
    /// The upgrade was refused; the connection is gone.
    Refused(&'a Answer<'a>),
    Text(&'a [u8]),
    /// The connection is gone.
    Ended(&'a End),
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a close frame of this code.
    Closed(u16),
    /// Without one.
    Torn(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(code) => write!(f, "closed with {code}"),
            Self::Torn(why) => write!(f, "torn: {why}"),
        }
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        Self::Torn(match broken {
            Broken::Closed => "the connection was closed".to_owned(),
            Broken::Io(error) => error.to_string(),
            Broken::Bad(why) => why,
        })
    }
}

/// Why a stream goes no further.
enum Stop {
    Refused,
    End(End),
}

impl Streams {
    pub fn new(sources: Sources) -> io::Result<Self> {
        Ok(Self {
            sources,
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_MAX),
            streams: Slab::new(),
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Sends an upgrade on a new connection; what comes of it is told with `tag`.
    pub fn open(
        &mut self,
        tag: usize,
        target: &Target,
        upgrade: &(Vec<u8>, String),
    ) -> io::Result<usize> {
        if self.streams.len() >= CONNECTIONS_MAX {
            return Err(io::Error::other("as many sockets as one process may hold"));
        }
        let (request, accept) = upgrade;
        let entry = self.streams.vacant_entry();
        let (id, token) = (entry.key(), Token(entry.key()));
        let mut connection = Connection::open(self.poll.registry(), token, target, &self.sources)?;
        connection.send(request)?;
        let stage = Stage::Opening(accept.as_str().into());
        entry.insert(Stream { connection, tag, stage });
        Ok(id)
    }

    /// Says goodbye; true: the end will be told. A socket that is not open yet is just dropped.
    pub fn hang_up(&mut self, id: usize) -> bool {
        let Some(stream) = self.streams.get_mut(id) else { return false };
        if let Stage::Opening(_) = stream.stage {
            self.tear(id);
            return false;
        }
        stream.stage = Stage::Closing;
        // A connection that is gone already tells so by itself.
        let _ = stream.control(Kind::Close, &NORMAL_CLOSURE.to_be_bytes());
        true
    }

    /// Drops the connection like a phone that lost its network; nothing more is told.
    pub fn tear(&mut self, id: usize) {
        self.streams.try_remove(id);
    }

    /// Takes what has come and hands it to `heard`; never waits.
    pub fn turn(&mut self, mut heard: impl FnMut(usize, Heard<'_>)) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let Self { events, streams, scratch, .. } = self;
        for event in &*events {
            let id = event.token().0;
            let Some(stream) = streams.get_mut(id) else { continue };
            let tag = stream.tag;
            match stream.take(event, scratch, &mut |told| heard(tag, told)) {
                Ok(()) => {}
                Err(Stop::Refused) => drop(streams.remove(id)),
                Err(Stop::End(end)) => {
                    streams.remove(id);
                    heard(tag, Heard::Ended(&end));
                }
            }
        }
        Ok(())
    }
}

impl Stream {
    fn control(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(16);
        write_control(&mut frame, kind, payload);
        self.connection.send(&frame)
    }

    fn take(
        &mut self,
        event: &Event,
        scratch: &mut [u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Stop> {
        let Self { connection, stage, .. } = self;
        let mut reader = Reader { stage, stop: None, pongs: Vec::new() };
        let flushed = connection.flush().map_err(Broken::Io);
        let received = flushed.and_then(|()| {
            connection.receive(scratch, event.is_read_closed(), |bytes| reader.read(bytes, heard))
        });
        let Reader { stop, pongs, .. } = reader;
        if !pongs.is_empty() {
            // A connection that is gone already tells so by itself.
            let _ = connection.send(&pongs);
        }
        match (stop, received) {
            (Some(stop), _) => Err(stop),
            (None, Err(broken)) => Err(Stop::End(broken.into())),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// Reads the bytes of one socket.
struct Reader<'a> {
    stage: &'a mut Stage,
    stop: Option<Stop>,
    /// Answers to pings and to a close frame.
    pongs: Vec<u8>,
}

impl Reader<'_> {
    /// How many bytes were used.
    fn read(&mut self, bytes: &[u8], heard: &mut impl FnMut(Heard<'_>)) -> Result<usize, Broken> {
        let mut used = 0;
        if let Stage::Opening(_) = self.stage {
            used = self.upgraded(bytes, heard)?;
            if used == 0 {
                return Ok(0);
            }
        }
        while self.stop.is_none() {
            let read =
                read_frame(&bytes[used..]).map_err(|error| Broken::Bad(error.to_string()))?;
            let Some((frame, length)) = read else { break };
            used += length;
            match frame.kind {
                Kind::Text => heard(Heard::Text(frame.payload)),
                Kind::Ping => write_control(&mut self.pongs, Kind::Pong, frame.payload),
                Kind::Pong => {}
                Kind::Close => self.closed(frame.close_code()),
            }
        }
        Ok(used)
    }

    fn upgraded(
        &mut self,
        bytes: &[u8],
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<usize, Broken> {
        let read = read_answer(bytes).map_err(|error| Broken::Bad(error.to_string()))?;
        let Some((answer, used)) = read else { return Ok(0) };
        let Stage::Opening(accept) = &*self.stage else { return Ok(used) };
        if answer.status != 101 {
            heard(Heard::Refused(&answer));
            self.stop = Some(Stop::Refused);
        } else if answer.accept != Some(accept.as_bytes()) {
            return Err(Broken::Bad("the upgrade was answered with a wrong key".to_owned()));
        } else {
            *self.stage = Stage::Open;
            heard(Heard::Open);
        }
        Ok(used)
    }

    fn closed(&mut self, code: u16) {
        if !matches!(self.stage, Stage::Closing) {
            write_control(&mut self.pongs, Kind::Close, &code.to_be_bytes());
        }
        self.stop = Some(Stop::End(End::Closed(code)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard when these pieces come one after the other.
    fn hear(accept: &str, pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>, bool) {
        let mut stage = Stage::Opening(accept.into());
        let mut reader = Reader { stage: &mut stage, stop: None, pongs: Vec::new() };
        let (mut told, mut kept, mut broken) = (Vec::new(), Vec::new(), false);
        for piece in pieces {
            kept.extend_from_slice(piece);
            let read = reader.read(&kept, &mut |heard| {
                told.push(match heard {
                    Heard::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    Heard::Open => "open".to_owned(),
                    Heard::Refused(answer) => format!("refused {}", answer.status),
                    Heard::Ended(end) => end.to_string(),
                });
            });
            match read {
                Ok(used) => drop(kept.drain(..used)),
                Err(_) => broken = true,
            }
        }
        let ended = broken || reader.stop.is_some();
        (told, reader.pongs, ended)
    }

    const OPEN: &[u8] =
        b"HTTP/1.1 101 x\r\nsec-websocket-accept: ok\r\n\r\n\x81\x02{}\x89\x01p\x81\x01.\x88\x02\x03\xE8";

    #[test]
    fn a_stream_is_heard_whatever_it_is_split_into() {
        for split in 0..OPEN.len() {
            let (told, pongs, ended) = hear("ok", &[&OPEN[..split], &OPEN[split..]]);
            assert_eq!(told, ["open", "{}", "."], "{split}");
            // A pong and the answer to the close frame, each masked.
            assert_eq!((pongs.len(), pongs[0], pongs[7]), (6 + 1 + 6 + 2, 0x8A, 0x88));
            assert!(ended);
        }
    }

    #[test]
    fn a_refusal_and_a_wrong_key_end_it() {
        let refused = b"HTTP/1.1 503 x\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
        let (told, _, ended) = hear("ok", &[refused]);
        assert!(told == ["refused 503"] && ended);
        let (told, _, ended) = hear("other", &[OPEN]);
        assert!(told.is_empty() && ended);
    }
}
