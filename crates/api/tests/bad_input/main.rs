//! Bad input, over HTTP and NATS: each is refused with its stable code, and changes nothing.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod http;
mod nats;

use common::TestApp;

/// Bodies that ask for an approval wrongly: what it is, the bytes.
fn bad_requests() -> Vec<(String, Vec<u8>)> {
    let asks = |arguments: &str| format!(r#"{{"tool_name":"t","arguments":{arguments}}}"#);
    let with = |member: &str| format!(r#"{{"tool_name":"t","arguments":{{}},{member}}}"#);
    let about = |member: &str| with(&format!(r#""context":{{{member}}}"#));
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut rows: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |what: &str, body: String| rows.push((what.to_owned(), body.into_bytes()));
    add("empty", String::new());
    for text in ["not json", "[1,2]", "\"text\"", "null", "7", "{} {}"] {
        add(text, text.into());
    }
    add("no tool", r#"{"arguments":{}}"#.into());
    add("no arguments", r#"{"tool_name":"t"}"#.into());
    add(
        "a tool's wrong type",
        r#"{"tool_name":7,"arguments":{}}"#.into(),
    );
    add(
        "a space in a tool",
        r#"{"tool_name":"a b","arguments":{}}"#.into(),
    );
    add(
        "a control character in a tool",
        r#"{"tool_name":"a\u0007","arguments":{}}"#.into(),
    );
    add(
        "U+0000 in a tool",
        r#"{"tool_name":"a\u0000","arguments":{}}"#.into(),
    );
    add(
        "a tool over 128",
        format!(r#"{{"tool_name":"{}","arguments":{{}}}}"#, "t".repeat(129)),
    );
    for arguments in [
        "[]",
        "7",
        "null",
        r#"{"a":"\u0000"}"#,
        r#"{"\u0000":1}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00\ud800"}"#,
        r#"{"\ud800":1}"#,
        r#"{"a":1e999}"#,
        r#"{"a":-1e999}"#,
        r#"{"a":NaN}"#,
        r#"{"a":Infinity}"#,
        r#"{"a":9007199254740993}"#,
        r#"{"a":9007199254740993.0}"#,
        r#"{"a":[{"b":-99999999999999999999}]}"#,
        r#"{"a":0.1000000000000000055511151231257827}"#,
        r#"{"a":1.00000000000000001}"#,
        r#"{"a":1e20}"#,
        r#"{"a":1e-400}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"b":[{"a":1,"a":2}]}"#,
        "{\"a\":\"\u{7}\"}",
    ] {
        add(
            &format!("arguments {}", arguments.escape_debug()),
            asks(arguments),
        );
    }
    add(
        "arguments over 64 KiB",
        asks(&format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000))),
    );
    add(
        "arguments 40 deep",
        asks(&format!(r#"{{"a":{}}}"#, nested(40))),
    );
    add(
        "arguments 5,000 deep",
        asks(&format!(r#"{{"a":{}}}"#, nested(5_000))),
    );
    for member in [
        r#""tool_name":"u""#,
        r#""security_level":"L9""#,
        r#""security_level":3"#,
        r#""on_behalf_of":"a\u0007b""#,
        r#""on_behalf_of":"a\u0000b""#,
        r#""on_behalf_of":{}"#,
        r#""on_behalf_of":"admin\u200b@widip.fr""#,
        r#""on_behalf_of":"je\u0301ro\u0302me""#,
        r#""on_behalf_of":"Jean Dupont""#,
        r#""expires_in_seconds":"60""#,
        r#""expires_in_seconds":59"#,
        r#""expires_in_seconds":-1"#,
        r#""expires_in_seconds":86401"#,
        r#""expires_in_seconds":1e999"#,
        r#""expires_in_seconds":60.5"#,
        r#""unknown":{"a":1,"a":2}"#,
        r#""unknown":"\ud800""#,
        r#""context":"text""#,
    ] {
        add(member, with(member));
    }
    for member in [
        r#""ticket_id":1.5"#,
        r#""ticket_id":-1"#,
        r#""ticket_id":99999999999999999999"#,
        r#""ticket_id":1,"ticket_id":2"#,
        r#""ticket_title":"a\u0000b""#,
        r#""ticket_title":"a\u202eb""#,
        r#""client_id":"a\u0000b""#,
        r#""client_id":7"#,
        r#""client_name":"\u001b[2J""#,
        r#""client_critical":"yes""#,
        r#""workflow":"Mme. Martin, 01 23""#,
        r#""workflow":"\u200b""#,
        r#""confidence":101"#,
        r#""confidence":300"#,
        r#""confidence":-1"#,
    ] {
        add(&format!("context {member}"), about(member));
    }
    add(
        "a client's id over 64",
        about(&format!(r#""client_id":"{}""#, "4".repeat(65))),
    );
    let mut bytes = asks("{\"a\":\"").into_bytes();
    bytes.extend_from_slice(b"\xff\xfe\"}}");
    rows.push(("invalid UTF-8".into(), bytes));
    rows
}

/// A body that nothing is wrong with; what it does not know is passed over.
const GOOD: &str = r#"{"tool_name":"t","arguments":{},"unknown":[{"a":1},{"a":2}]}"#;

/// What may not change: commands, their keys and numbers. And how far the log was.
struct Before {
    head: u64,
    tables: Vec<i64>,
}

async fn tables(app: &TestApp) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT count(*) FROM commands UNION ALL SELECT count(*) FROM numbers
         UNION ALL SELECT count(*) FROM claims UNION ALL SELECT count(*) FROM credentials",
    )
    .fetch_all(app.app.log.pool())
    .await
    .unwrap()
}

impl Before {
    async fn of(app: &TestApp) -> Self {
        app.settle().await;
        Self {
            head: app.head().await,
            tables: tables(app).await,
        }
    }

    /// Only the audit's own refusals came.
    async fn nothing_changed(self, app: &TestApp) {
        let kinds: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT event_type FROM events WHERE position > $1")
                .bind(self.head as i64)
                .fetch_all(app.app.log.pool())
                .await
                .unwrap();
        assert_eq!(kinds, ["audit.refusal.recorded"]);
        assert_eq!(tables(app).await, self.tables);
        app.settle().await;
    }
}
