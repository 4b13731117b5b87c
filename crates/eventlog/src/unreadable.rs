//! Sealed parts that do not open, for those who show what is there all the same.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    ERASED, LogError, Vault,
    vault::{FoundKey, find_sealed, key_id},
};

/// What stands in the place of a sealed part that does not open.
pub const UNREADABLE: &str = "illisible";

/// Why a sealed part does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not what was sealed.
    Damaged,
    /// The key of its subject is not there; a key that was destroyed leaves a mark.
    KeyMissing,
    /// The key of its subject does not open with the master key.
    KeyDamaged,
}

impl Unreadable {
    /// The word for it in answers.
    pub fn code(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::KeyMissing => "key_missing",
            Self::KeyDamaged => "key_damaged",
        }
    }
}

impl Vault {
    /// Opens every sealed part of each group of values, each in place. An erased part becomes
    /// [`ERASED`], one that does not open [`UNREADABLE`]. Returns for each group why one of its parts
    /// does not open. An error is an outage.
    pub async fn open_or_mark(
        &self,
        groups: Vec<Vec<&mut Value>>,
    ) -> Result<Vec<Option<Unreadable>>, LogError> {
        let mut reasons = vec![None; groups.len()];
        let mut sealed = Vec::new();
        for (group, values) in groups.into_iter().enumerate() {
            let mut found = Vec::new();
            for value in values {
                find_sealed(value, &mut found);
            }
            sealed.extend(found.into_iter().map(|part| (group, part)));
        }
        let ids = sealed.iter().filter_map(|(_, part)| key_id(part)).collect();
        let keys = self.keys_or_reasons(ids).await?;
        for (group, part) in sealed {
            let key = key_id(part).and_then(|id| keys.get(&id));
            let opened = match key {
                Some(Ok(Some(key))) => key.open(part).map_err(|_| Unreadable::Damaged),
                Some(Ok(None)) => Ok(json!(ERASED)),
                Some(Err(reason)) => Err(*reason),
                None => Err(Unreadable::KeyMissing),
            };
            *part = opened.unwrap_or_else(|reason| {
                reasons[group].get_or_insert(reason);
                json!(UNREADABLE)
            });
        }
        Ok(reasons)
    }

    /// The keys that there are; one that does not unwrap is none.
    async fn keys_or_reasons(
        &self,
        ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Result<FoundKey, Unreadable>>, LogError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        match self.keys_by_id(ids.clone()).await {
            Ok(keys) => return Ok(keys.into_iter().map(|(id, key)| (id, Ok(key))).collect()),
            Err(LogError::Seal(_) | LogError::Corrupt(_)) => {}
            Err(outage) => return Err(outage),
        }
        // One of them: each by itself.
        let mut found = HashMap::new();
        for id in ids {
            match self.keys_by_id(vec![id]).await {
                Ok(keys) => found.extend(keys.into_iter().map(|(id, key)| (id, Ok(key)))),
                Err(LogError::Seal(_) | LogError::Corrupt(_)) => {
                    found.insert(id, Err(Unreadable::KeyDamaged));
                }
                Err(outage) => return Err(outage),
            }
        }
        Ok(found)
    }
}
