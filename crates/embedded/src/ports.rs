//! Loopback ports. A server keeps its port from one start to the next while nobody else took it,
//! so that clients outside find it again.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::error::{Doing, EmbeddedError};

/// Below the ports the system gives to outgoing connections (from 32768 on): otherwise a client
/// that reconnects while the server restarts could be given the very port it is calling.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The port of the last start if it is free, else another free one.
pub(crate) fn kept_or_free(file: &Path) -> Result<u16, EmbeddedError> {
    let kept = fs::read_to_string(file)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    match kept.filter(|port| is_free(*port)) {
        Some(port) => Ok(port),
        None => free(),
    }
}

pub(crate) fn free() -> Result<u16, EmbeddedError> {
    for _ in 0..200 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).doing(|| "read random bytes".to_owned())?;
        let port = FIRST + u16::from_ne_bytes(random) % COUNT;
        if is_free(port) {
            return Ok(port);
        }
    }
    let error = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    Err(error).doing(|| "find a free loopback port".to_owned())
}

pub(crate) fn keep(file: &Path, port: u16) -> Result<(), EmbeddedError> {
    fs::write(file, format!("{port}\n")).doing(|| format!("write {}", file.display()))
}
