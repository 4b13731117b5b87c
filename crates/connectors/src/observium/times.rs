//! When a notification's matter happened: Observium says it four times over.

use chrono::{DateTime, Utc};

/// The fields that say it, the least doubtful first.
pub const FIELDS: [&str; 4] = [
    "ALERT_UNIXTIME",
    "ALERT_TIMESTAMP_RFC3339",
    "ALERT_TIMESTAMP_RFC2822",
    "ALERT_TIMESTAMP",
];
/// 2000-01-01 and 2100-01-01 in Unix seconds: what is outside was not meant as a time.
const SENSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// The first of the fields that can be read.
pub fn occurred_at(field: impl Fn(&str) -> Option<String>) -> Option<DateTime<Utc>> {
    FIELDS
        .iter()
        .find_map(|name| read(name, &field(name)?))
        .filter(|time| SENSIBLE.contains(&time.timestamp()))
}

fn read(name: &str, text: &str) -> Option<DateTime<Utc>> {
    let time = match name {
        "ALERT_UNIXTIME" => {
            let seconds: i64 = text.parse().ok().filter(|it| SENSIBLE.contains(it))?;
            return DateTime::from_timestamp(seconds, 0);
        }
        "ALERT_TIMESTAMP_RFC3339" => DateTime::parse_from_rfc3339(text),
        "ALERT_TIMESTAMP_RFC2822" => DateTime::parse_from_rfc2822(text),
        // e.g. `2026-01-15 10:01:07 +01:00`
        _ => DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %:z"),
    };
    Some(time.ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<String> {
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        occurred_at(get).map(|time| time.to_rfc3339())
    }

    #[test]
    fn each_of_its_formats_is_read() {
        let same = Some("2026-01-15T09:01:07+00:00".to_owned());
        assert_eq!(of(&[("ALERT_UNIXTIME", "1768467667")]), same);
        let text = "2026-01-15T10:01:07+01:00";
        assert_eq!(of(&[("ALERT_TIMESTAMP_RFC3339", text)]), same);
        let text = "Thu, 15 Jan 2026 10:01:07 +0100";
        assert_eq!(of(&[("ALERT_TIMESTAMP_RFC2822", text)]), same);
        let text = "2026-01-15 10:01:07 +01:00";
        assert_eq!(of(&[("ALERT_TIMESTAMP", text)]), same);
    }

    #[test]
    fn what_cannot_be_a_time_gives_way_to_the_next() {
        let good = ("ALERT_TIMESTAMP", "2026-01-15 10:01:07 +01:00");
        for bad in [
            "",
            "0",
            "-5",
            "soon",
            "99999999999999999999",
            "1768467667000",
            "%ALERT_UNIXTIME%",
        ] {
            let read = of(&[("ALERT_UNIXTIME", bad), good]);
            assert_eq!(read.as_deref(), Some("2026-01-15T09:01:07+00:00"), "{bad}");
            assert_eq!(of(&[("ALERT_UNIXTIME", bad)]), None, "{bad}");
        }
        assert_eq!(of(&[("ALERT_TIMESTAMP", "2026-01-15 10:01:07")]), None);
        assert_eq!(of(&[]), None);
    }
}
