//! Links to tickets in GLPI, for answers and frames alike. They are not in the rows: where GLPI is may
//! change.

use serde_json::{Value, json};

/// Sets `url` of everything that has one and names a ticket.
pub(crate) fn link(value: &mut Value, glpi: Option<&str>) {
    let Some(glpi) = glpi else { return };
    link_all(value, glpi.trim_end_matches('/'));
}

fn link_all(value: &mut Value, glpi: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| link_all(item, glpi)),
        Value::Object(members) => {
            let ticket_id = members.get("ticket_id").and_then(Value::as_i64);
            if let (Some(ticket_id), Some(url)) = (ticket_id, members.get_mut("url")) {
                *url = json!(format!("{glpi}/front/ticket.form.php?id={ticket_id}"));
            }
            members.values_mut().for_each(|item| link_all(item, glpi));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_ticket_leads_to_it() {
        let mut body = json!({ "items": [
            { "ticket_id": 1234, "url": null, "steps": [{ "ticket_id": 5, "url": null }] },
            { "ticket_id": null, "url": null }, { "ticket_id": 7 }
        ] });
        let before = body.clone();
        link(&mut body, None);
        assert_eq!(body, before);
        link(&mut body, Some("https://glpi.example.fr/"));
        let url = |id: u32| format!("https://glpi.example.fr/front/ticket.form.php?id={id}");
        assert_eq!(body["items"][0]["url"], url(1234));
        assert_eq!(body["items"][0]["steps"][0]["url"], url(5));
        assert_eq!(body["items"][1]["url"], Value::Null);
        assert_eq!(body["items"][2], json!({ "ticket_id": 7 }));
    }
}
