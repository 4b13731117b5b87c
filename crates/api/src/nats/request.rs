//! What counts as a request of an account, and what is somebody else's message under its name.

use async_nats::Message;

/// Of the subject of an inbox (bytes).
const LONGEST_INBOX: usize = 256;

/// Whether the account named by the subject sent this message.
///
/// nats-server checks no reply subject: whoever may ask JetStream anything can have the answer sent
/// here. Such a message has a status ("no messages"), or the subject it is stored under, or the
/// reply subject of an acknowledgement or none. Only a request has a reply subject in the inbox of
/// the account it names; anywhere else we would write where that account may not.
pub fn is_request(message: &Message) -> bool {
    let subject = message.subject.as_str();
    let is_ours = subject.starts_with("commands.") || subject.starts_with("queries.");
    let replies_home = message
        .reply
        .as_ref()
        .is_some_and(|to| is_own_inbox(speaker(subject), to));
    message.status.is_none() && is_ours && replies_home
}

/// The account that speaks: the subject's second token.
pub fn speaker(subject: &str) -> &str {
    subject.split('.').nth(1).unwrap_or_default()
}

/// Whether the answer goes to the inbox of the account that asks (`_INBOX.<name>.…`).
fn is_own_inbox(name: &str, reply: &str) -> bool {
    let rest = reply
        .strip_prefix("_INBOX.")
        .and_then(|reply| reply.strip_prefix(name)?.strip_prefix('.'));
    rest.is_some_and(|rest| !rest.is_empty()) && is_inbox(reply)
}

/// Whether it is a plain subject of an inbox. nats-server ends the connection of whoever sends a line of
/// 4 KiB, and a reply subject may be nearly as long.
pub fn is_inbox(reply: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>');
    let tokens = reply.strip_prefix("_INBOX.").map(|rest| rest.split('.'));
    let has_tokens = tokens.is_some_and(|mut tokens| tokens.all(|token| !token.is_empty()));
    has_tokens && reply.len() <= LONGEST_INBOX && reply.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_the_asker_only() {
        let name = speaker("commands.support.safeguard.request_approval");
        assert!(is_own_inbox(name, "_INBOX.support.abc.1"));
        for bad in [
            "",
            "events.a.b",
            "_INBOX.supportx.a",
            "_INBOX.support",
            "_INBOX.other.a",
            "_INBOX.support.a..b",
            "_INBOX.support.é",
            "_INBOX.support.a*",
        ] {
            assert!(!is_own_inbox(name, bad), "{bad:?}");
        }
        let long = format!("_INBOX.support.{}", "x".repeat(3_900));
        assert!(!is_own_inbox(name, &long));
    }

    #[test]
    fn only_what_an_account_sent_itself_is_a_request() {
        let message = |subject: &str, reply: Option<&str>, status| Message {
            subject: subject.into(),
            reply: reply.map(Into::into),
            payload: "{}".into(),
            headers: None,
            status,
            description: None,
            length: 2,
        };
        let subject = "commands.support.safeguard.claim_execution";
        let home = Some("_INBOX.support.a");
        let not_found = Some(async_nats::StatusCode::NOT_FOUND);
        assert!(is_request(&message(subject, home, None)));
        assert!(!is_request(&message(subject, home, not_found)));
        assert!(!is_request(&message(subject, None, None)));
        let acknowledged = Some("$JS.ACK.EVENTS.readers.1.1.1.1.1");
        assert!(!is_request(&message(subject, acknowledged, None)));
        for stored in ["events.support.a.b", "decisions.support.a.approved"] {
            assert!(!is_request(&message(stored, home, None)), "{stored}");
        }
    }
}
