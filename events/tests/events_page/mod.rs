//! The page `docs/events.md`, written from the catalogue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

use events::{EventDescription, FieldDescription, catalogue};
use kernel::ActorKind;

const HEAD: &str = "# Events

Every event that the platform records, as this release writes it. This page is generated from the code
(`UPDATE_SCHEMAS=1 cargo test -p events --test schemas`); the app shows the same under *Audit*, *Events*.

Whoever reads the JetStream stream `EVENTS` finds an event under its subject, in an envelope:

```json
{\"position\":1042,\"event_id\":\"…\",\"type\":\"safeguard.approval.approved\",\"schema_version\":1,
 \"aggregate_type\":\"safeguard.approval\",\"aggregate_id\":\"…\",\"sequence\":2,\"recorded_at\":\"…\",
 \"actor\":{\"kind\":\"user\",\"id\":\"…\"},\"correlation_id\":\"…\",\"causation_id\":\"…\",\"data\":{}}
```

Below is what `data` holds. An event has its name for ever. Fields may be added, and values to enumerations:
pass over what you do not know. Any other change is a new version, with a schema of its own; what is stored
keeps its version.

A *sealed* value is personal: `{\"sealed\":\"<subject key id>\",\"v\":\"<base64>\"}`. Only the platform opens it, and
once its subject was erased nobody does. What is written about somebody after that is the text `effacé`.
";

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut context = "";
    for event in catalogue() {
        if event.context != context {
            context = event.context;
            write!(page, "\n## {context}\n").unwrap();
        }
        write_event(&mut page, &event);
    }
    page
}

fn write_event(page: &mut String, event: &EventDescription) {
    let name = event.event_type;
    let (context, rest) = name.split_once('.').unwrap();
    let version = event.schema_version;
    let actors: Vec<_> = event.emitted_by.iter().map(actor).collect();
    write!(
        page,
        "\n### {name}\n\n{}\n\n\
         Subject `{}` · [version {version}](../events/schema/{context}/{rest}.v{version}.json) · by {}\n\n\
         | field | type | | |\n| --- | --- | --- | --- |\n",
        event.description,
        event.subject,
        actors.join(" or "),
    )
    .unwrap();
    for field in &event.fields {
        write_field(page, field);
    }
    let example = serde_json::to_string_pretty(&event.example).unwrap();
    write!(page, "\n```json\n{example}\n```\n").unwrap();
}

fn write_field(page: &mut String, field: &FieldDescription) {
    let kind = match field.personal_of.as_slice() {
        [] => field.kind.clone(),
        of => format!("**sealed**, of the {}", of.join(" or ")),
    };
    let needed = if field.required { "always" } else { "optional" };
    let description = field.description.replace('|', "\\|");
    let row = format!("| `{}` | {kind} | {needed} | {description}", field.name);
    writeln!(page, "{} |", row.trim_end()).unwrap();
}

fn actor(kind: &ActorKind) -> &'static str {
    match kind {
        ActorKind::User => "a person",
        ActorKind::Service => "a service account",
        ActorKind::System => "the platform",
        ActorKind::Anonymous => "nobody known",
    }
}
