//! Generated passwords, each in a file of its own that only this process' user can read.

use std::fs;
use std::path::Path;

use crate::error::{Doing, EmbeddedError};
use crate::process::write_atomically;

/// The password in this file; made at the first start. Letters and digits only, beginning with a
/// letter: it stands in URLs, and nats-server reads `12e5` as a number.
pub(crate) fn kept_or_generated(file: &Path) -> Result<String, EmbeddedError> {
    let context = || format!("use {}", file.display());
    match fs::read_to_string(file) {
        Ok(password) => Ok(password.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut random = [0; 24];
            getrandom::fill(&mut random).doing(context)?;
            let password = format!("p{}", hex::encode(random));
            write_atomically(file, password.as_bytes(), None).doing(context)?;
            Ok(password)
        }
        Err(error) => Err(error).doing(context),
    }
}
