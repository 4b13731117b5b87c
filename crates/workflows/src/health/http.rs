//! Asks an HTTP server whether it is there. Nothing of its answer but the status is looked at.

use std::error::Error;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::probe::Failure;

/// Where an HTTP server is asked.
#[derive(Clone)]
pub struct HttpProbe {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    uri: Uri,
}

/// Why an address cannot be asked. Does not repeat it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    #[error("it is not a URL like https://glpi.example")]
    NotAUrl,
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl HttpProbe {
    /// Asks `path` below a base URL; user name and password in it are not used.
    pub fn new(base: &str, path: &str) -> Result<Self, InvalidAddress> {
        let uri = address(base, path).ok_or(InvalidAddress::NotAUrl)?;
        let tls = tls().map_err(|error| InvalidAddress::Tls(error.to_string()))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            // Every question makes a connection of its own: an old one says nothing about new ones.
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self { client, uri })
    }

    /// The status it answers with.
    pub async fn ask(&self) -> Result<u16, Failure> {
        let request = Request::get(self.uri.clone())
            .header(header::USER_AGENT, "greffe")
            .body(Empty::new())
            .map_err(|_| Failure::Unreachable)?;
        let answer = self.client.request(request).await.map_err(|e| why(&e))?;
        Ok(answer.status().as_u16())
    }
}

/// The certificates this machine trusts; `SSL_CERT_FILE` names others. Without any, no certificate is
/// trusted, and plain HTTP works all the same.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn address(base: &str, path: &str) -> Option<Uri> {
    let base: Uri = base.trim().parse().ok()?;
    let scheme = base
        .scheme_str()
        .filter(|it| matches!(*it, "http" | "https"))?;
    let authority = base.authority()?.as_str();
    let host = authority.rsplit('@').next()?;
    let below = base.path().trim_end_matches('/');
    Uri::builder()
        .scheme(scheme)
        .authority(host)
        .path_and_query(format!("{below}{path}"))
        .build()
        .ok()
}

fn why(error: &legacy::Error) -> Failure {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return Failure::Refused;
        }
        let is_tls = cause.is::<rustls::Error>()
            || cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .is_some_and(|inner| inner.is::<rustls::Error>());
        if is_tls {
            return Failure::Tls;
        }
        source = cause.source();
    }
    match error.is_connect() {
        true => Failure::Unreachable,
        false => Failure::BrokeOff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, path: &str) -> Option<String> {
        address(base, path).map(|uri| uri.to_string())
    }

    #[test]
    fn a_path_goes_below_the_base() {
        let health = |base| of(base, "/health");
        let expected = Some("http://mcp.example:3001/health".to_owned());
        assert_eq!(health("http://mcp.example:3001"), expected);
        assert_eq!(health(" http://mcp.example:3001/ "), expected);
        assert_eq!(
            of("https://glpi.example/glpi/", "/").as_deref(),
            Some("https://glpi.example/glpi/")
        );
    }

    #[test]
    fn credentials_are_left_out() {
        let read = of("https://user:hunter2@glpi.example/", "/");
        assert_eq!(read.as_deref(), Some("https://glpi.example/"));
    }

    #[test]
    fn other_addresses_are_refused_without_being_shown() {
        for bad in [
            "",
            "glpi",
            "glpi.example/x",
            "ftp://glpi.example",
            "https://",
            "http://a b",
            "/x",
        ] {
            let error = HttpProbe::new(bad, "/").err();
            assert_eq!(error, Some(InvalidAddress::NotAUrl), "{bad}");
        }
    }
}
