//! Someone who calls the API over HTTP.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

/// A person or a service, and the process it talks to.
#[derive(Clone)]
pub struct Caller {
    client: reqwest::Client,
    pub address: String,
    pub token: String,
}

impl Caller {
    pub async fn sign_in(address: &str, username: &str) -> Self {
        let mut caller = Self::with_key(address, "");
        let body = json!({ "username": username, "password": PASSWORD });
        let session = caller.done("/api/auth/login", &body).await;
        caller.token = session["access_token"].as_str().unwrap().to_owned();
        caller
    }

    /// A service with its key.
    pub fn with_key(address: &str, key: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            address: address.to_owned(),
            token: key.to_owned(),
        }
    }

    /// The same one, at another process.
    pub fn at(&self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        match self.token.is_empty() {
            true => request,
            false => request.bearer_auth(&self.token),
        }
    }

    /// Fails only if no whole answer came.
    pub async fn send(request: RequestBuilder) -> reqwest::Result<(StatusCode, Value)> {
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        Self::send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        Self::send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn keyed(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.request(Method::POST, path);
        Self::send(request.header("Idempotency-Key", key).json(body)).await
    }

    /// A command that must be accepted.
    pub async fn done(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// A query that must be answered.
    pub async fn read(&self, path: &str) -> Value {
        let (status, answer) = Self::send(self.request(Method::GET, path)).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// A query that must be answered, as of a position.
    pub async fn read_as_of(&self, path: &str, position: &Value) -> Value {
        super::eventually(path, || async {
            let request = self.request(Method::GET, path);
            let request = request.header("Greffe-Min-Position", position.to_string());
            let (status, answer) = Self::send(request).await.unwrap();
            let is_behind = answer["code"] == "projection_behind";
            assert!(
                status.is_success() || is_behind,
                "{path}: {status} {answer}"
            );
            (!is_behind).then_some(answer)
        })
        .await
    }
}

/// A request that one approver may decide: it is about no client.
pub fn request(nth: u64) -> Value {
    json!({
        "tool_name": "ad_reset_password", "arguments": { "username": "jean.dupont", "nth": nth },
        "security_level": "L3", "context": { "workflow": "SUPPORT", "confidence": 95 },
    })
}
