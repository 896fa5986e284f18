//! Records → file.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use ports::Record;
use serde::Serialize;

use super::{End, Footer, Header};

/// Writes an archive line by line; memory stays small.
#[derive(Debug)]
pub struct Writer<W: Write>(GzEncoder<W>);

#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Plain(&'a str),
    Bytes { b64: String },
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub fn begin(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self(GzEncoder::new(out, Compression::default()));
        writer.line(header)?;
        Ok(writer)
    }

    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        let text = match std::str::from_utf8(&record.bytes) {
            Ok(text) => Text::Plain(text),
            Err(_) => Text::Bytes { b64: STANDARD.encode(&record.bytes) },
        };
        self.line(&(record.offset, record.at, text))
    }

    /// Ends the file; gives back what it was written to.
    pub fn finish(mut self, footer: &Footer) -> io::Result<W> {
        self.line(&End { end: footer })?;
        self.0.finish()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }
}
