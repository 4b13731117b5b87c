//! Whether facts of workflows are taken in, and whether some wait for people.

use kernel::{Clock, SystemClock};

use super::Findings;

pub async fn check_intake(client: &async_nats::Client, runs: bool, findings: &mut Findings) {
    let waiting = match ::intake::look(client, SystemClock.now()).await {
        Ok(Some(waiting)) => waiting,
        Ok(None) if runs => {
            return findings.fail(
                "intake",
                "the stream INTAKE is missing",
                "is a process with role `workflows` running? read its log",
            );
        }
        Ok(None) => return findings.note("intake", "made at the first start"),
        Err(error) => {
            return findings.fail("intake", error, "is JetStream on? see the line `nats`");
        }
    };
    let seconds = waiting.oldest.num_seconds();
    let detail = format!(
        "{} facts wait, the oldest for {seconds} s",
        waiting.unfinished
    );
    match runs && waiting.stands_still() {
        true => findings.fail(
            "intake",
            detail,
            "is a process with role `workflows` running? read its log",
        ),
        false => findings.ok("intake", detail),
    }
    if waiting.rejected > 0 {
        let detail = format!(
            "{} facts were not accepted: Supervision says why",
            waiting.rejected
        );
        findings.note("rejected", detail);
    }
}
