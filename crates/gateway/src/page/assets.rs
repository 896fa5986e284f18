//! The files a page loads. Their paths carry a hash of their content, so they never change:
//! serve them with `Cache-Control: public, max-age=31536000, immutable`.

use std::{io::Write, sync::LazyLock};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// Goes with every page. Only our own files run or style; nothing is framed or loaded elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// One immutable file.
#[derive(Debug)]
pub struct Asset {
    /// Absolute path, below `/assets/`.
    pub path: String,
    pub content_type: &'static str,
    pub body: &'static str,
    /// The body, compressed once for all: a crowd loads it in the same second.
    pub gzip: Bytes,
}

macro_rules! script {
    ($($file:literal)*) => {
        concat!($(include_str!(concat!("../../../../web/page/script/", $file, ".js"))),*)
    };
}

/// The parts share one scope; each uses what is above it while loading.
const SCRIPT: &str =
    script!("base" "times" "slots" "draw" "speak" "state" "link" "commands" "start");

/// All of them.
pub static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let style = include_str!("../../../../web/page/page.css");
    let icon = include_str!("../../../../web/page/star.svg");
    [
        asset("page", "js", "text/javascript; charset=utf-8", SCRIPT),
        asset("page", "css", "text/css; charset=utf-8", style),
        asset("star", "svg", "image/svg+xml", icon),
    ]
});

pub(super) fn script() -> &'static str {
    &ASSETS[0].path
}

pub(super) fn style() -> &'static str {
    &ASSETS[1].path
}

pub(super) fn icon() -> &'static str {
    &ASSETS[2].path
}

fn asset(name: &str, ext: &str, content_type: &'static str, body: &'static str) -> Asset {
    let path = format!("/assets/{name}-{:016x}.{ext}", fnv1a(body.as_bytes()));
    Asset { path, content_type, body, gzip: gzip(body.as_bytes()) }
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory can't fail.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default().into()
}

/// FNV-1a: names versions of our own files, so it need not withstand anyone.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
