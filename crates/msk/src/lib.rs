//! Who we are towards Amazon MSK: tokens signed with the AWS role of this process.
//!
//! A token is a presigned request `kafka-cluster:Connect` (Signature Version 4), in base64url, that
//! brokers take as the token of SASL/OAUTHBEARER. Shape and limits: "IAM access control" in the
//! developer guide of Amazon MSK, and its published signers for other languages.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sigv4::{
    http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
    },
    sign::v4::SigningParams,
};
use aws_smithy_http_client::{Builder, tls};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// How long a token lets in, at most: the longest that MSK takes, in seconds.
pub const TOKEN_SECS: u64 = 900;

const SERVICE: &str = "kafka-cluster";
/// `kafka-cluster:Connect`, as it stands in a query.
const ACTION: &str = "kafka-cluster%3AConnect";
const USER_AGENT: &str = concat!("twinkle%2F", env!("CARGO_PKG_VERSION"));

/// No token could be made. The texts never hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum MskError {
    #[error(
        "AWS_REGION is not set: name the region of the MSK cluster (EKS Pod Identity and IRSA set it)"
    )]
    NoRegion,
    #[error(
        "there are no AWS credentials: give the pod's service account a role by EKS Pod Identity or IRSA ({0})"
    )]
    NoCredentials(String),
    #[error("the token for MSK can't be signed: {0}")]
    Unsigned(#[from] SigningError),
}

/// A token and when it ends to let in.
#[derive(Clone)]
pub struct Token {
    pub text: String,
    pub until: SystemTime,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Makes tokens as the role that this process has.
#[derive(Debug, Clone)]
pub struct Signer {
    region: Region,
    credentials: SharedCredentialsProvider,
}

impl Signer {
    /// Looks where AWS' own tools look: environment, shared files, web identity (IRSA), container
    /// endpoint (EKS Pod Identity), instance metadata.
    ///
    /// # Errors
    /// Without a region or any such place.
    pub async fn from_environment() -> Result<Self, MskError> {
        let https = Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let latest = BehaviorVersion::latest();
        Self::of(&aws_config::defaults(latest).http_client(https).load().await)
    }

    fn of(config: &SdkConfig) -> Result<Self, MskError> {
        let region = config.region().cloned().ok_or(MskError::NoRegion)?;
        let none = || MskError::NoCredentials("no place to look for them".to_owned());
        Ok(Self { region, credentials: config.credentials_provider().ok_or_else(none)? })
    }

    /// A fresh token.
    ///
    /// # Errors
    /// When there are no credentials now.
    pub async fn token(&self) -> Result<Token, MskError> {
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| MskError::NoCredentials(causes(&error)))?;
        signed(&self.region, credentials, SystemTime::now())
    }
}

/// The token as it is at this moment. It ends with the credentials, should they end first.
fn signed(region: &Region, credentials: Credentials, now: SystemTime) -> Result<Token, MskError> {
    let lifetime = Duration::from_secs(TOKEN_SECS);
    let until = credentials.expiry().map_or(now + lifetime, |end| end.min(now + lifetime));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()
        .expect("every parameter is given")
        .into();
    let host = format!("kafka.{region}.amazonaws.com");
    let uri = format!("https://{host}/?Action={ACTION}");
    let headers = [("host", host.as_str())].into_iter();
    let connect = SignableRequest::new("GET", uri.as_str(), headers, SignableBody::Bytes(&[]))?;
    let (instructions, _signature) = sign(connect, &params)?.into_parts();
    let mut url = uri;
    for (name, value) in instructions.params() {
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        url.push_str(&format!("&{name}={value}"));
    }
    url.push_str(&format!("&User-Agent={USER_AGENT}"));
    Ok(Token { text: BASE64_URL_SAFE_NO_PAD.encode(url), until })
}

/// An error with what caused it, in one line.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
