//! What an answer over NATS looks like.

use async_nats::{
    HeaderMap,
    service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE},
};
use serde_json::{Value, json};

use crate::problem::Problem;

/// `{"ok":true,…}` or `{"ok":false,"code","detail"}`, the latter also in the micro error headers and,
/// where waiting helps, with `retry_after_seconds`.
pub fn reply(answered: Result<Value, Problem>) -> (Value, HeaderMap) {
    let mut headers = HeaderMap::new();
    let body = match answered {
        Ok(mut body) => {
            if let Some(object) = body.as_object_mut() {
                object.insert("ok".into(), Value::Bool(true));
            }
            body
        }
        Err(problem) => {
            let status = problem.status.as_u16().to_string();
            headers.insert(NATS_SERVICE_ERROR, problem.code);
            headers.insert(NATS_SERVICE_ERROR_CODE, status.as_str());
            let mut body = json!({
                "ok": false, "code": problem.code, "detail": problem.detail,
                "errors": problem.errors, "current": problem.current,
            });
            // As `Retry-After` over HTTP.
            if let Some(wait) = problem.retry_after {
                body["retry_after_seconds"] = wait.as_secs().max(1).into();
            }
            body
        }
    };
    (body, headers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn refusals_carry_their_code_twice() {
        let (body, headers) = reply(Err(Problem::not_found("no")));
        assert_eq!(body["ok"], false);
        assert_eq!(body["code"], "not_found");
        assert_eq!(
            headers.get(NATS_SERVICE_ERROR).map(|v| v.as_str()),
            Some("not_found")
        );
        assert_eq!(
            headers.get(NATS_SERVICE_ERROR_CODE).map(|v| v.as_str()),
            Some("404")
        );
        assert!(body.get("retry_after_seconds").is_none());
        let (body, _) = reply(Err(Problem::rate_limited(Duration::from_secs(12))));
        assert_eq!(body["retry_after_seconds"], 12);
        let (body, headers) = reply(Ok(json!({"id": "x"})));
        assert_eq!(body, json!({"ok": true, "id": "x"}));
        assert!(headers.is_empty());
    }
}
