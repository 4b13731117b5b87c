//! Refuses objects that name a member twice. Of two values one reader takes the first and another the
//! last: an approver could read other arguments than those that run. RFC 8785 forbids them (I-JSON).

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any JSON; reading it fails where an object names a member twice.
pub struct DistinctKeys;

impl<'de> Deserialize<'de> for DistinctKeys {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = DistinctKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_bool<E>(self, _: bool) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<DistinctKeys, A::Error> {
        while items.next_element::<DistinctKeys>()?.is_some() {}
        Ok(DistinctKeys)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DistinctKeys, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            // The name is the caller's: it is not repeated.
            if !seen.insert(key) {
                return Err(A::Error::custom("an object names a member twice"));
            }
            members.next_value::<DistinctKeys>()?;
        }
        Ok(DistinctKeys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_every_depth() {
        let reads = |text: &str| serde_json::from_str::<DistinctKeys>(text).is_ok();
        for good in [
            r#"{"a":{"b":1},"b":{"b":-2.5}}"#,
            r#"[{"a":null},{"a":true}]"#,
            r#""a""#,
        ] {
            assert!(reads(good), "{good}");
        }
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":[{"b":1,"c":2,"b":3}]}"#,
            // One name, written in two ways.
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(!reads(bad), "{bad}");
        }
    }
}
