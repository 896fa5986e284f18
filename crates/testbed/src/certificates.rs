//! Authorities and certificates made for one test, as PEM files.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};

/// Certificates count from this year on, or ended with it.
const YEAR_PAST: i32 = 2020;
const YEAR_FAR: i32 = 2090;

/// Until when a certificate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Good,
    /// Ended years ago.
    Expired,
}

/// Signs certificates for 127.0.0.1 and `localhost`; its own is `NAME.pem`.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes one; its files go into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let mut params = params(name, Validity::Good)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        write(&folder.join(format!("{name}.pem")), &params.self_signed(&key)?.pem())?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) })
    }

    /// Makes `NAME.pem`, `NAME.key` and, for servers that want one file, `NAME.both.pem`; the
    /// certificate's subject is `CN=NAME`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn issue(&self, name: &str, validity: Validity) -> Result<()> {
        let key = KeyPair::generate()?;
        let certificate = params(name, validity)?.signed_by(&key, &self.issuer)?.pem();
        let key = key.serialize_pem();
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        write(&file("pem"), &certificate)?;
        write(&file("key"), &key)?;
        write(&file("both.pem"), &format!("{key}{certificate}"))
    }
}

fn params(name: &str, validity: Validity) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(YEAR_PAST, 1, 1);
    let last = if validity == Validity::Good { YEAR_FAR } else { YEAR_PAST };
    params.not_after = date_time_ymd(last, 12, 31);
    Ok(params)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
