//! HTTP calls: one request at a time on each connection, answers handed out as they come.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use mio::{Events, Poll, Token, event::Event};
use slab::Slab;

use super::{
    connection::{Broken, CONNECTIONS_MAX, Connection, SCRATCH_BYTES},
    http::{Answer, read_answer},
    target::{Sources, Target},
};

/// Events taken at once.
const EVENTS_MAX: usize = 4_096;

/// How the connections are used.
#[derive(Debug, Clone)]
pub struct Use {
    /// Used in turn, one for each connection.
    pub targets: Vec<Target>,
    /// Most connections at once.
    pub most: usize,
    /// Kept for the next call; else each call has a connection of its own.
    pub keep: bool,
    /// Where connections come from.
    pub sources: Sources,
}

pub struct Calls {
    settings: Use,
    poll: Poll,
    events: Events,
    calls: Slab<Call>,
    idle: Vec<usize>,
    /// Calls that could not even be sent.
    failed: Vec<(u64, Broken)>,
    opened: usize,
    scratch: Vec<u8>,
}

struct Call {
    connection: Connection,
    /// The caller's mark; `None`: nothing is asked.
    asked: Option<Asked>,
}

struct Asked {
    tag: u64,
    at_us: u64,
}

/// What has become of a call.
pub type Result<'a> = std::result::Result<&'a Answer<'a>, &'a Broken>;

impl Calls {
    pub fn new(settings: Use) -> io::Result<Self> {
        let settings = Use { most: settings.most.clamp(1, CONNECTIONS_MAX), ..settings };
        Ok(Self {
            settings,
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_MAX),
            calls: Slab::new(),
            idle: Vec::new(),
            failed: Vec::new(),
            opened: 0,
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    /// Opens all connections, so that no request waits for one.
    pub fn warm(&mut self) -> io::Result<()> {
        while self.calls.len() < self.settings.most {
            let index = self.open()?;
            self.idle.push(index);
        }
        Ok(())
    }

    /// Calls that were sent and not answered.
    pub fn under_way(&self) -> usize {
        self.calls.len() - self.idle.len()
    }

    /// Sends a request; false: all connections are taken. What becomes of it is told with `tag`.
    pub fn ask(&mut self, tag: u64, now_us: u64, request: &[u8]) -> bool {
        while let Some(index) = self.idle.pop() {
            // A connection that was closed while idle: the next one, or a new one.
            match self.send(index, tag, now_us, request) {
                Ok(()) => return true,
                Err(_) => drop(self.calls.try_remove(index)),
            }
        }
        if self.calls.len() >= self.settings.most {
            return false;
        }
        let sent = self.open().and_then(|index| {
            self.send(index, tag, now_us, request).inspect_err(|_| drop(self.calls.remove(index)))
        });
        if let Err(error) = sent {
            self.failed.push((tag, Broken::Io(error)));
        }
        true
    }

    fn open(&mut self) -> io::Result<usize> {
        let Use { targets, sources, .. } = &self.settings;
        let target = targets.get(self.opened % targets.len().max(1)).ok_or(ErrorKind::NotFound)?;
        self.opened += 1;
        let entry = self.calls.vacant_entry();
        let (index, token) = (entry.key(), Token(entry.key()));
        let connection = Connection::open(self.poll.registry(), token, target, sources)?;
        entry.insert(Call { connection, asked: None });
        Ok(index)
    }

    fn send(&mut self, index: usize, tag: u64, at_us: u64, request: &[u8]) -> io::Result<()> {
        let Some(call) = self.calls.get_mut(index) else {
            return Err(ErrorKind::NotConnected.into());
        };
        call.connection.send(request)?;
        call.asked = Some(Asked { tag, at_us });
        Ok(())
    }

    /// Takes what has come and hands it to `heard`; never waits.
    pub fn turn(&mut self, mut heard: impl FnMut(u64, Result<'_>)) -> io::Result<()> {
        self.failed.drain(..).for_each(|(tag, why)| heard(tag, Err(&why)));
        if self.calls.is_empty() {
            return Ok(());
        }
        match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let Self { events, calls, idle, scratch, settings, .. } = self;
        for event in &*events {
            let index = event.token().0;
            let Some(call) = calls.get_mut(index) else { continue };
            let was_idle = call.asked.is_none();
            match call.take(event, scratch, &mut heard) {
                Ok(false) if was_idle || call.asked.is_some() => {}
                Ok(false) if settings.keep => idle.push(index),
                Ok(_) => drop(calls.remove(index)),
                Err(why) => {
                    let call = calls.remove(index);
                    idle.retain(|other| *other != index);
                    if let Some(asked) = call.asked {
                        heard(asked.tag, Err(&why));
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives up on calls that were sent before this moment; `heard` is told.
    pub fn give_up_before(&mut self, moment_us: u64, mut heard: impl FnMut(u64, Result<'_>)) {
        let late = |call: &Call| call.asked.as_ref().is_some_and(|asked| asked.at_us < moment_us);
        self.calls.retain(|_, call| {
            let late = late(call);
            if let Some(asked) = call.asked.as_ref().filter(|_| late) {
                heard(asked.tag, Err(&Broken::Bad("no answer in time".to_owned())));
            }
            !late
        });
    }
}

impl Call {
    /// True: the server is about to close the connection.
    fn take(
        &mut self,
        event: &Event,
        scratch: &mut [u8],
        heard: &mut impl FnMut(u64, Result<'_>),
    ) -> std::result::Result<bool, Broken> {
        let Self { connection, asked } = self;
        connection.flush()?;
        let mut closes = false;
        connection.receive(scratch, event.is_read_closed(), |bytes| {
            let read = read_answer(bytes).map_err(|error| Broken::Bad(error.to_string()))?;
            let Some((answer, used)) = read else { return Ok(0) };
            let unasked = || Broken::Bad("an answer that nobody asked for".to_owned());
            let Asked { tag, .. } = asked.take().ok_or_else(unasked)?;
            closes |= answer.closes;
            heard(tag, Ok(&answer));
            if used < bytes.len() { Err(unasked()) } else { Ok(used) }
        })?;
        Ok(closes)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
        time::Instant,
    };

    use super::*;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// Answers as many requests as there are `answers`, one connection after the other.
    fn server(answers: Vec<&'static [u8]>) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                for byte in answer.chunks(5) {
                    stream.write_all(byte).unwrap();
                    stream.flush().unwrap();
                }
            }
        });
        format!("http://{address}").parse().unwrap()
    }

    fn calls(target: Target, most: usize) -> Calls {
        Calls::new(Use { targets: vec![target], most, keep: true, sources: Sources::new(1, 0) })
            .unwrap()
    }

    /// Turns until something is heard.
    fn hear(calls: &mut Calls) -> (u64, std::result::Result<u16, String>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut found = None;
        while found.is_none() {
            assert!(Instant::now() < deadline, "nothing was heard");
            calls
                .turn(|tag, result| {
                    let told = result.map(|answer| answer.status);
                    found = Some((tag, told.map_err(|why| format!("{why:?}"))));
                })
                .unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        found.unwrap()
    }

    #[test]
    fn an_answer_in_pieces_comes_with_its_mark() {
        let mut calls = calls(server(vec![OK]), 1);
        assert!(calls.ask(7, 0, b"GET / HTTP/1.1\r\n\r\n"));
        assert!(!calls.ask(8, 0, b"GET / HTTP/1.1\r\n\r\n"), "the only connection is taken");
        assert_eq!(hear(&mut calls), (7, Ok(200)));
        assert_eq!(calls.under_way(), 0);
    }

    #[test]
    fn a_lost_answer_is_told_and_the_next_call_has_a_new_connection() {
        let mut calls = calls(server(vec![b"HTTP/1.1 20", OK]), 1);
        assert!(calls.ask(1, 0, b"x"));
        let (tag, told) = hear(&mut calls);
        assert!(tag == 1 && told.is_err(), "{told:?}");
        assert!(calls.ask(2, 0, b"x"));
        assert_eq!(hear(&mut calls), (2, Ok(200)));
    }

    #[test]
    fn bad_bytes_are_told() {
        let mut calls = calls(server(vec![b"nonsense\r\n\r\n"]), 1);
        assert!(calls.ask(1, 0, b"x"));
        assert!(hear(&mut calls).1.unwrap_err().contains("not HTTP"));
    }

    #[test]
    fn a_late_answer_is_given_up() {
        // It takes connections and never says a word.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mut calls = calls(target, 1);
        assert!(calls.ask(1, 5, b"x"));
        let mut told = Vec::new();
        calls.give_up_before(5, |tag, _| told.push(tag));
        assert!(told.is_empty());
        calls.give_up_before(6, |tag, _| told.push(tag));
        assert_eq!((told, calls.under_way()), (vec![1], 0));
    }
}
