//! Reads answers of HTTP/1.1: status, the few headers that matter here, a body of known length.

use std::fmt;

use memchr::{memchr, memmem};

/// Largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Largest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

const VERSION: &[u8] = b"HTTP/1.1 ";

/// One whole answer; its parts lie in the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer<'a> {
    pub status: u16,
    pub retry_after_secs: Option<u32>,
    /// `name=value` of the cookie that it sets.
    pub cookie: Option<&'a [u8]>,
    /// `Sec-WebSocket-Accept`.
    pub accept: Option<&'a [u8]>,
    /// The server closes the connection after it.
    pub closes: bool,
    pub body: &'a [u8],
}

/// Bytes that are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAnswer {
    TooLarge,
    Malformed,
    /// Without a length; our servers always say one.
    NoLength,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "an answer is too large",
            Self::Malformed => "an answer is not HTTP/1.1",
            Self::NoLength => "an answer has no Content-Length",
        })
    }
}

impl std::error::Error for BadAnswer {}

/// Reads the answer at the start of `bytes` and how many of them it took; `None`: there is more to
/// come.
pub fn read_answer(bytes: &[u8]) -> Result<Option<(Answer<'_>, usize)>, BadAnswer> {
    let Some(head_end) = memmem::find(bytes, b"\r\n\r\n") else {
        let whole = bytes.len() > HEAD_BYTES_MAX;
        return if whole { Err(BadAnswer::TooLarge) } else { Ok(None) };
    };
    let mut head = Head::read(&bytes[..head_end + 2])?;
    let body_start = head_end + 4;
    let body_end = body_start + head.body_bytes()?;
    let Some(body) = bytes.get(body_start..body_end) else { return Ok(None) };
    head.answer.body = body;
    Ok(Some((head.answer, body_end)))
}

struct Head<'a> {
    answer: Answer<'a>,
    length: Option<usize>,
}

impl<'a> Head<'a> {
    /// `bytes`: lines that each end with CR LF.
    fn read(bytes: &'a [u8]) -> Result<Self, BadAnswer> {
        let (line, mut rest) = cut_line(bytes).ok_or(BadAnswer::Malformed)?;
        let answer = Answer { status: status(line)?, ..Answer::default() };
        let mut head = Self { answer, length: None };
        while let Some((line, after)) = cut_line(rest) {
            head.header(line)?;
            rest = after;
        }
        Ok(head)
    }

    fn header(&mut self, line: &'a [u8]) -> Result<(), BadAnswer> {
        let colon = memchr(b':', line).ok_or(BadAnswer::Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        // The length of the name rules out all others before any letter is compared.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.length = Some(number(value)?);
            }
            10 if name.eq_ignore_ascii_case(b"set-cookie") => {
                let end = memchr(b';', value).unwrap_or(value.len());
                self.answer.cookie = Some(&value[..end]);
            }
            11 if name.eq_ignore_ascii_case(b"retry-after") => {
                self.answer.retry_after_secs = number(value).ok().and_then(|n| n.try_into().ok());
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.answer.closes = value.eq_ignore_ascii_case(b"close");
            }
            20 if name.eq_ignore_ascii_case(b"sec-websocket-accept") => {
                self.answer.accept = Some(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn body_bytes(&self) -> Result<usize, BadAnswer> {
        match (self.answer.status, self.length) {
            (101 | 204 | 304, _) => Ok(0),
            (_, Some(length)) if length <= BODY_BYTES_MAX => Ok(length),
            (_, Some(_)) => Err(BadAnswer::TooLarge),
            (_, None) => Err(BadAnswer::NoLength),
        }
    }
}

/// The first line without its CR LF, and what comes after it.
fn cut_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

fn status(line: &[u8]) -> Result<u16, BadAnswer> {
    let digits = line.strip_prefix(VERSION).and_then(|rest| rest.get(..3));
    let status = number(digits.ok_or(BadAnswer::Malformed)?)?;
    u16::try_from(status).map_err(|_| BadAnswer::Malformed)
}

fn number(digits: &[u8]) -> Result<usize, BadAnswer> {
    let text = std::str::from_utf8(digits).map_err(|_| BadAnswer::Malformed)?;
    text.parse().map_err(|_| BadAnswer::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n\
        Set-Cookie: twinkle=1.k.9.ab.cd; Path=/; HttpOnly\r\nContent-Length: 7\r\n\
        date: Sat, 21 Nov 2026 14:24:37 GMT\r\n\r\n{\"a\":1}";

    #[test]
    fn an_answer_is_read_whatever_it_is_split_into() {
        for split in 0..ACCEPTED.len() {
            assert_eq!(read_answer(&ACCEPTED[..split]), Ok(None), "{split}");
        }
        let more = [ACCEPTED, b"HTTP/1.1 2"].concat();
        let (answer, used) = read_answer(&more).unwrap().unwrap();
        assert_eq!((answer.status, answer.body, used), (202, &b"{\"a\":1}"[..], ACCEPTED.len()));
        assert_eq!(answer.cookie, Some(&b"twinkle=1.k.9.ab.cd"[..]));
        assert!(!answer.closes && answer.retry_after_secs.is_none());
        assert_eq!(read_answer(&more[used..]), Ok(None));
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let bytes =
            b"HTTP/1.1 503 x\r\nretry-after:  3 \r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let (answer, used) = read_answer(bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.retry_after_secs, used), (503, Some(3), bytes.len()));
        assert!(answer.closes && answer.body.is_empty());
    }

    #[test]
    fn an_upgrade_has_no_body() {
        let bytes = b"HTTP/1.1 101 x\r\nsec-websocket-accept: abc=\r\n\r\n\x81\x00";
        let (answer, used) = read_answer(bytes).unwrap().unwrap();
        assert_eq!((answer.accept, used), (Some(&b"abc="[..]), bytes.len() - 2));
    }

    #[test]
    fn bad_bytes_are_an_error_and_never_a_panic() {
        for (bytes, error) in [
            (&b"SSH-2.0\r\n\r\n"[..], BadAnswer::Malformed),
            (b"HTTP/1.1 20\r\n\r\n", BadAnswer::Malformed),
            (b"HTTP/1.1 2x0 OK\r\n\r\n", BadAnswer::Malformed),
            (b"\r\n\r\n", BadAnswer::Malformed),
            (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", BadAnswer::Malformed),
            (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", BadAnswer::Malformed),
            (b"HTTP/1.1 200 OK\r\n\r\n", BadAnswer::NoLength),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", BadAnswer::NoLength),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", BadAnswer::TooLarge),
        ] {
            assert_eq!(read_answer(bytes), Err(error), "{}", bytes.escape_ascii());
        }
        assert_eq!(read_answer(&[b'x'; HEAD_BYTES_MAX + 1]), Err(BadAnswer::TooLarge));
    }
}
