//! File → records.

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Read},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::bufread::GzDecoder;
use ports::Record;
use serde::Deserialize;

use super::{ArchiveError, End, Footer, Header, LINE_BYTES_MAX, VERSION};

/// Reads an archive line by line; memory stays small whatever the file holds.
#[derive(Debug)]
pub struct Reader<R: BufRead> {
    lines: Lines<R>,
    header: Header,
    footer: Option<Footer>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text<'a> {
    #[serde(borrow)]
    Plain(Cow<'a, str>),
    Bytes {
        b64: String,
    },
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn open(file: R) -> Result<Self, ArchiveError> {
        let input = BufReader::new(GzDecoder::new(file));
        let mut lines = Lines { input, count: 0, line: Vec::new() };
        // What is no gzip at all is no archive either.
        lines.next().map_err(|_| ArchiveError::NoArchive)?;
        let first = &lines.line;
        let version: Version =
            serde_json::from_slice(first).map_err(|_| ArchiveError::NoArchive)?;
        match version {
            Version { v: VERSION, twinkle } if twinkle == "archive" => {}
            Version { v, twinkle } if twinkle == "archive" => return Err(ArchiveError::Version(v)),
            Version { .. } => return Err(ArchiveError::NoArchive),
        }
        let header = serde_json::from_slice(first).map_err(|error| lines.wrong(&error))?;
        Ok(Self { lines, header, footer: None })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The last line, once every record has been read.
    pub fn footer(&self) -> Option<&Footer> {
        self.footer.as_ref()
    }

    /// The next record; `None` after the last one, when the file has proved to be whole.
    pub fn next_record(&mut self) -> Result<Option<Record>, ArchiveError> {
        if self.footer.is_some() {
            return Ok(None);
        }
        self.lines.next()?;
        let line = &self.lines.line;
        if line.first() == Some(&b'{') {
            let End { end } =
                serde_json::from_slice(line).map_err(|error| self.lines.wrong(&error))?;
            self.footer = Some(end);
            self.lines.check_end()?;
            return Ok(None);
        }
        let (offset, at, text) =
            serde_json::from_slice(line).map_err(|error| self.lines.wrong(&error))?;
        let bytes = match text {
            Text::Plain(text) => text.into_owned().into_bytes(),
            Text::Bytes { b64 } => {
                STANDARD.decode(b64).map_err(|error| self.lines.wrong(&error))?
            }
        };
        Ok(Some(Record { offset, at, bytes: bytes.into() }))
    }
}

#[derive(Deserialize)]
struct Version {
    twinkle: String,
    v: u32,
}

#[derive(Debug)]
struct Lines<R: BufRead> {
    input: BufReader<GzDecoder<R>>,
    /// Lines read so far.
    count: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<(), ArchiveError> {
        self.line.clear();
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        if self.line.pop_if(|last| *last == b'\n').is_some() {
            self.count += 1;
            return Ok(());
        }
        if read as u64 == LINE_BYTES_MAX {
            self.count += 1;
            return Err(self.wrong(&format!("it has more than {LINE_BYTES_MAX} bytes")));
        }
        Err(ArchiveError::CutOff(self.count))
    }

    fn wrong(&self, why: &dyn ToString) -> ArchiveError {
        ArchiveError::Line { line: self.count, why: why.to_string() }
    }

    /// The compressed stream ends here, with its checksum, and so does the file.
    fn check_end(&mut self) -> Result<(), ArchiveError> {
        let more = !self.input.fill_buf()?.is_empty()
            || !self.input.get_mut().get_mut().fill_buf()?.is_empty();
        if more { Err(ArchiveError::More) } else { Ok(()) }
    }
}
