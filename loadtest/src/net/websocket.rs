//! WebSocket (RFC 6455) as a client speaks it: reads a server's frames, writes masked ones.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

/// Largest frame that is read, in bytes.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Largest payload of a control frame, in bytes (RFC 6455, 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// What a key is answered with is reckoned from (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Asked to close without a fault (RFC 6455, 7.4.1).
pub const NORMAL_CLOSURE: u16 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Close,
    Ping,
    Pong,
}

impl Kind {
    fn opcode(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    fn of(opcode: u8) -> Option<Self> {
        [Self::Text, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|kind| kind.opcode() == opcode)
    }
}

/// One frame; its payload lies in the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: Kind,
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The code of a close frame; 1005 when it has none.
    pub fn close_code(&self) -> u16 {
        self.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
    }
}

/// Bytes that no server may send, or more than is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFrame {
    TooLarge,
    /// A part of a message; the service sends none.
    Fragment,
    Malformed,
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "a frame is too large",
            Self::Fragment => "a frame is only a part of a message",
            Self::Malformed => "a frame is against RFC 6455",
        })
    }
}

impl std::error::Error for BadFrame {}

/// Reads the frame at the start of `bytes` and how many of them it took; `None`: there is more to
/// come.
pub fn read_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, BadFrame> {
    let Some([first, second]) = bytes.first_chunk() else { return Ok(None) };
    if first & FIN == 0 || first & 0x0F == 0 {
        return Err(BadFrame::Fragment);
    }
    let kind = Kind::of(first & 0x7F).ok_or(BadFrame::Malformed)?;
    if second & MASKED != 0 {
        return Err(BadFrame::Malformed);
    }
    let Some((length, start)) = length(bytes, *second) else { return Ok(None) };
    if kind != Kind::Text && length > CONTROL_BYTES_MAX {
        return Err(BadFrame::Malformed);
    }
    if length > PAYLOAD_BYTES_MAX {
        return Err(BadFrame::TooLarge);
    }
    let end = start + length;
    Ok(bytes.get(start..end).map(|payload| (Frame { kind, payload }, end)))
}

/// Length of the payload, and where it starts.
fn length(bytes: &[u8], second: u8) -> Option<(usize, usize)> {
    match second {
        126 => {
            let length = bytes.get(2..4)?.first_chunk()?;
            Some((usize::from(u16::from_be_bytes(*length)), 4))
        }
        127 => {
            let length = bytes.get(2..10)?.first_chunk()?;
            Some((usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX), 10))
        }
        short => Some((usize::from(short), 2)),
    }
}

/// Appends a masked control frame.
pub fn write_control(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
    // A fixed mask: it protects caches between a browser and a server, of which there are none here.
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    out.extend([FIN | kind.opcode(), MASKED | payload.len() as u8]);
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// A key for the upgrade, different for each `n`.
pub fn key(n: u64) -> String {
    let mut bytes = [0x5A; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    STANDARD.encode(bytes)
}

/// What a server must answer to a key.
pub fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's text frame.
    fn text(payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x81];
        match payload.len() {
            short @ 0..126 => bytes.push(short as u8),
            middle @ 126..65_536 => {
                bytes.push(126);
                bytes.extend((middle as u16).to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn a_frame_is_read_whatever_it_is_split_into() {
        for size in [0, 1, 125, 126, 300, 65_535, 65_536] {
            let payload = vec![b'x'; size];
            let bytes = text(&payload);
            let splits = (0..bytes.len().min(400)).chain([bytes.len() - 1]);
            splits.for_each(|split| assert_eq!(read_frame(&bytes[..split]), Ok(None), "{split}"));
            let more = [&bytes[..], b"\x89"].concat();
            let (frame, used) = read_frame(&more).unwrap().unwrap();
            assert_eq!((frame.kind, frame.payload.len(), used), (Kind::Text, size, bytes.len()));
        }
    }

    #[test]
    fn control_frames_are_read() {
        let (ping, used) = read_frame(b"\x89\x02hi").unwrap().unwrap();
        assert_eq!((ping.kind, ping.payload, used), (Kind::Ping, &b"hi"[..], 4));
        let (close, _) = read_frame(b"\x88\x02\x03\xE8").unwrap().unwrap();
        assert_eq!((close.kind, close.close_code()), (Kind::Close, NORMAL_CLOSURE));
        assert_eq!(read_frame(b"\x88\x00").unwrap().unwrap().0.close_code(), 1005);
    }

    #[test]
    fn bad_bytes_are_an_error_and_never_a_panic() {
        for (bytes, error) in [
            (&b"\x01\x00"[..], BadFrame::Fragment),
            (b"\x80\x00", BadFrame::Fragment),
            (b"\xC1\x00", BadFrame::Malformed),
            (b"\x83\x00", BadFrame::Malformed),
            (b"\x81\x80", BadFrame::Malformed),
            (b"\x89\x7E\x01\x00", BadFrame::Malformed),
            (b"\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", BadFrame::TooLarge),
        ] {
            assert_eq!(read_frame(bytes), Err(error), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_written_is_masked() {
        let mut out = Vec::new();
        write_control(&mut out, Kind::Pong, b"hello");
        assert_eq!(out[..2], [0x8A, 0x85]);
        let plain: Vec<u8> =
            out[6..].iter().zip(out[2..6].iter().cycle()).map(|(b, m)| b ^ m).collect();
        assert_eq!(plain, b"hello");
    }

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_ne!(key(1), key(2));
        assert_eq!(STANDARD.decode(key(7)).unwrap().len(), 16);
    }
}
