//! Sealing of personal values: one data key per subject, wrapped by the master key.
//!
//! Destroying a subject's key erases the subject in the log, the stream, the read models and every
//! copy of them. A backup of the table `subject_keys` made before keeps the wrapped key: such backups
//! must age out, or be kept apart from the master key.
//! The vault never logs a value, a subject or a key.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::LogError;

/// What an erased value reads as.
pub const ERASED: &str = "effacé";

const NONCE_BYTES: usize = 12;
/// How long another process may go on reading a subject after its key was destroyed.
const KEY_CACHE_SECONDS: u64 = 30;

/// Seals and opens personal values. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pool: PgPool,
    wrapping: Aes256Gcm,
    /// Keyed once: a row's index takes hundreds of fingerprints.
    fingerprints: Hmac<Sha256>,
    by_subject: moka::sync::Cache<[u8; 32], Arc<SubjectKey>>,
    by_id: moka::sync::Cache<Uuid, FoundKey>,
    /// The index terms of words: the same ones come again and again.
    pub(crate) terms: moka::sync::Cache<String, Arc<[i64]>>,
}

/// A subject's key; `None` once it was destroyed.
pub(crate) type FoundKey = Option<Arc<SubjectKey>>;

pub(crate) struct SubjectKey {
    id: Uuid,
    cipher: Aes256Gcm,
}

impl Vault {
    /// `master_key` seals the subjects' keys; without it nothing sealed can be read.
    pub fn new(pool: PgPool, master_key: &[u8; 32]) -> Self {
        let derive = |purpose: &str| Zeroizing::new(mac(keyed(master_key), &[purpose.as_bytes()]));
        let wrapping = derive("greffe wrapping key");
        Self {
            inner: Arc::new(Inner {
                pool,
                wrapping: Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&*wrapping)),
                fingerprints: keyed(&derive("greffe fingerprint key")),
                by_subject: moka::sync::Cache::builder()
                    .max_capacity(100_000)
                    .time_to_live(Duration::from_secs(KEY_CACHE_SECONDS))
                    .build(),
                by_id: moka::sync::Cache::builder()
                    .max_capacity(100_000)
                    .time_to_live(Duration::from_secs(KEY_CACHE_SECONDS))
                    .build(),
                terms: moka::sync::Cache::new(10_000),
            }),
        }
    }

    /// `{"sealed": <subject key id>, "v": <base64>}` for any JSON value.
    pub async fn seal(
        &self,
        subject: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Value, LogError> {
        match self.key_of(subject).await? {
            Some(key) => key.seal(value),
            // The subject was erased: what comes later about it is not kept either.
            None => Ok(json!(ERASED)),
        }
    }

    /// Opens every sealed part within the values, each in place. An erased part becomes [`ERASED`].
    pub async fn open_all(&self, values: Vec<&mut Value>) -> Result<(), LogError> {
        match self.open_groups(vec![values]).await?.is_empty() {
            true => Ok(()),
            false => Err(LogError::Corrupt("a sealed value does not open".into())),
        }
    }

    /// The same for groups of values; returns the numbers of those that hold a part which is no sealed
    /// value of ours. Keys that are missing or do not unwrap concern all: they are an error.
    pub(crate) async fn open_groups(
        &self,
        groups: Vec<Vec<&mut Value>>,
    ) -> Result<BTreeSet<usize>, LogError> {
        let mut sealed = Vec::new();
        for (group, values) in groups.into_iter().enumerate() {
            let mut found = Vec::new();
            for value in values {
                find_sealed(value, &mut found);
            }
            sealed.extend(found.into_iter().map(|part| (group, part)));
        }
        let mut broken = BTreeSet::new();
        if sealed.is_empty() {
            return Ok(broken);
        }
        let ids = sealed.iter().filter_map(|(_, part)| key_id(part));
        let keys = self.keys_by_id(ids.collect()).await?;
        for (group, part) in sealed {
            let id = key_id(part)
                .ok_or_else(|| LogError::Corrupt("a sealed value names no key".into()))?;
            match keys.get(&id) {
                Some(Some(key)) => match key.open(part) {
                    Ok(opened) => *part = opened,
                    Err(_) => drop(broken.insert(group)),
                },
                Some(None) => *part = json!(ERASED),
                None => return Err(LogError::Seal(format!("there is no subject key {id}"))),
            }
        }
        Ok(broken)
    }

    /// Opens every sealed part within the value.
    pub async fn open(&self, value: &mut Value) -> Result<(), LogError> {
        self.open_all(vec![value]).await
    }

    /// Destroys a subject's key: what was sealed for it is erased for good.
    /// Returns whether there was a key to destroy.
    pub async fn destroy(&self, subject: &str) -> Result<bool, LogError> {
        let fingerprint = self.fingerprint("subject", subject);
        // A subject never seen gets a destroyed key too, so that it stays erased from now on.
        let row: Option<(Uuid, bool)> = sqlx::query_as(
            "INSERT INTO subject_keys AS k (key_id, subject, wrapped_key, destroyed_at)
             VALUES ($1, $2, NULL, clock_timestamp())
             ON CONFLICT (subject) DO UPDATE SET wrapped_key = NULL, destroyed_at = clock_timestamp()
             WHERE k.destroyed_at IS NULL
             RETURNING key_id, key_id <> $1",
        )
        .bind(Uuid::new_v4())
        .bind(&fingerprint[..])
        .fetch_optional(&self.inner.pool)
        .await?;
        self.inner.by_subject.invalidate(&fingerprint);
        let Some((id, existed)) = row else {
            return Ok(false);
        };
        self.inner.by_id.insert(id, None);
        Ok(existed)
    }

    /// A keyed fingerprint: equal texts have equal ones, and nothing can be read back from it.
    pub fn fingerprint(&self, scope: &str, text: &str) -> [u8; 32] {
        let parts = [scope.as_bytes(), b"\0", text.as_bytes()];
        mac(self.inner.fingerprints.clone(), &parts)
    }

    async fn key_of(&self, subject: &str) -> Result<FoundKey, LogError> {
        let fingerprint = self.fingerprint("subject", subject);
        if let Some(key) = self.inner.by_subject.get(&fingerprint) {
            return Ok(Some(key));
        }
        let fresh = random::<32>()?;
        let wrapped = encrypt(&self.inner.wrapping, &fingerprint, &*Zeroizing::new(fresh))?;
        let inserted: Option<(Uuid, Option<Vec<u8>>)> = sqlx::query_as(
            "INSERT INTO subject_keys (key_id, subject, wrapped_key) VALUES ($1, $2, $3)
             ON CONFLICT (subject) DO NOTHING RETURNING key_id, wrapped_key",
        )
        .bind(Uuid::new_v4())
        .bind(&fingerprint[..])
        .bind(&wrapped)
        .fetch_optional(&self.inner.pool)
        .await?;
        let (id, wrapped) = match inserted {
            Some(row) => row,
            None => self.read_key(&fingerprint).await?,
        };
        let Some(wrapped) = wrapped else {
            return Ok(None);
        };
        let key = self.unwrap_key(id, &fingerprint, &wrapped)?;
        self.inner.by_subject.insert(fingerprint, key.clone());
        self.inner.by_id.insert(id, Some(key.clone()));
        Ok(Some(key))
    }

    async fn read_key(&self, subject: &[u8; 32]) -> Result<(Uuid, Option<Vec<u8>>), sqlx::Error> {
        sqlx::query_as("SELECT key_id, wrapped_key FROM subject_keys WHERE subject = $1")
            .bind(&subject[..])
            .fetch_one(&self.inner.pool)
            .await
    }

    pub(crate) async fn keys_by_id(
        &self,
        ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, FoundKey>, LogError> {
        let mut keys = HashMap::new();
        let mut missing = BTreeSet::new();
        for id in ids {
            if keys.contains_key(&id) || missing.contains(&id) {
                continue;
            }
            match self.inner.by_id.get(&id) {
                Some(key) => drop(keys.insert(id, key)),
                None => drop(missing.insert(id)),
            }
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let rows: Vec<(Uuid, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(
            "SELECT key_id, subject, wrapped_key FROM subject_keys WHERE key_id = ANY($1)",
        )
        .bind(missing.into_iter().collect::<Vec<_>>())
        .fetch_all(&self.inner.pool)
        .await?;
        for (id, subject, wrapped) in rows {
            let key = match wrapped {
                Some(wrapped) => Some(self.unwrap_key(id, &subject, &wrapped)?),
                None => None,
            };
            self.inner.by_id.insert(id, key.clone());
            keys.insert(id, key);
        }
        Ok(keys)
    }

    fn unwrap_key(
        &self,
        id: Uuid,
        subject: &[u8],
        wrapped: &[u8],
    ) -> Result<Arc<SubjectKey>, LogError> {
        let key = Zeroizing::new(decrypt(&self.inner.wrapping, subject, wrapped).map_err(
            |_| {
                LogError::Seal(
                    "a subject's key does not open: is GREFFE_MASTER_KEY the right one?".into(),
                )
            },
        )?);
        if key.len() != 32 {
            return Err(LogError::Corrupt(
                "a subject's key has a wrong length".into(),
            ));
        }
        let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&key));
        Ok(Arc::new(SubjectKey { id, cipher }))
    }
}

impl SubjectKey {
    fn seal(&self, value: &(impl Serialize + ?Sized)) -> Result<Value, LogError> {
        let plain = Zeroizing::new(
            serde_json::to_vec(value).map_err(|error| LogError::Seal(error.to_string()))?,
        );
        let sealed = encrypt(&self.cipher, self.id.as_bytes(), &plain)?;
        Ok(json!({ "sealed": self.id, "v": BASE64.encode(sealed) }))
    }

    pub(crate) fn open(&self, part: &Value) -> Result<Value, LogError> {
        let corrupt = || LogError::Corrupt("a sealed value does not open".into());
        let text = part.get("v").and_then(Value::as_str).ok_or_else(corrupt)?;
        let bytes = BASE64.decode(text).map_err(|_| corrupt())?;
        let plain = decrypt(&self.cipher, self.id.as_bytes(), &bytes).map_err(|_| corrupt())?;
        serde_json::from_slice(&plain).map_err(|_| corrupt())
    }
}

pub(crate) fn key_id(part: &Value) -> Option<Uuid> {
    part.get("sealed")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok())
}

/// A sealed part is an object of exactly `sealed` (a UUID) and `v` (base64). A caller cannot smuggle
/// one in: free JSON is itself a personal field, and so sealed as a whole.
pub(crate) fn find_sealed<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    let is_sealed = value
        .as_object()
        .is_some_and(|object| object.len() == 2 && object.contains_key("v"))
        && key_id(value).is_some();
    if is_sealed {
        found.push(value);
        return;
    }
    match value {
        Value::Object(object) => object
            .values_mut()
            .for_each(|value| find_sealed(value, found)),
        Value::Array(array) => array.iter_mut().for_each(|value| find_sealed(value, found)),
        _ => {}
    }
}

fn encrypt(cipher: &Aes256Gcm, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, LogError> {
    let nonce = random::<NONCE_BYTES>()?;
    let sealed = cipher
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: plain, aad })
        .map_err(|_| LogError::Seal("encryption failed".into()))?;
    Ok([&nonce[..], &sealed].concat())
}

fn decrypt(cipher: &Aes256Gcm, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, aes_gcm::Error> {
    let (nonce, msg) = sealed.split_at_checked(NONCE_BYTES).ok_or(aes_gcm::Error)?;
    cipher.decrypt(Nonce::from_slice(nonce), Payload { msg, aad })
}

fn random<const N: usize>() -> Result<[u8; N], LogError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| LogError::Seal(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a short key up to the block with zeros (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    Mac::new((&*block).into())
}

fn mac(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
