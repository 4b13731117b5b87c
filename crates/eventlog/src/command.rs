//! Who sends a command, and how a repeated one is recognised.

use kernel::{Actor, Metadata};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Vault;

/// What goes with a command: who and why, and how to recognise it when it is repeated.
#[derive(Debug, Clone)]
pub struct CommandContext {
    pub metadata: Metadata,
    pub key: Option<CommandKey>,
}

/// Names a command, so that its repetition has no second effect and gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandKey {
    pub id: Uuid,
    /// Of what was asked: the same key with another body is refused. Keyed by the vault, because
    /// bodies are personal and short enough to be guessed from a plain hash.
    pub request_hash: [u8; 32],
}

const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_3c52_80b4_4f7e_9f0a_7b7e_6d61_11c4);

impl CommandKey {
    /// A key that a caller chose. It belongs to the caller and the operation: two callers may use
    /// the same text. `body` is what was asked, the target included.
    pub fn for_caller(
        vault: &Vault,
        actor: &Actor,
        operation: &str,
        key: &str,
        body: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let name = format!("caller\n{actor}\n{operation}\n{key}");
        let body = serde_json::to_string(body)?;
        Ok(Self {
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            request_hash: vault.fingerprint("request", &body),
        })
    }

    /// The key of a command that an event causes: it happens once per event.
    pub fn caused_by(event_id: Uuid, operation: &str) -> Self {
        let name = format!("event\n{event_id}\n{operation}");
        Self {
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            // Nothing personal is in it.
            request_hash: Sha256::digest(name).into(),
        }
    }
}
