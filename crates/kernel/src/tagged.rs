//! An event as its enum reads it, `{"type": …, "data": …}`, without a copy of either.

use serde::de::{
    DeserializeSeed, MapAccess,
    value::{BorrowedStrDeserializer, StrDeserializer},
};
use serde_json::{Error, Value};

/// The two entries, the type first: serde need not put `data` aside until it knows what it is.
pub(crate) struct Tagged<'de> {
    type_name: Option<&'de str>,
    data: Option<&'de Value>,
}

impl<'de> Tagged<'de> {
    pub fn new(type_name: &'de str, data: &'de Value) -> Self {
        Self {
            type_name: Some(type_name),
            data: Some(data),
        }
    }
}

impl<'de> MapAccess<'de> for Tagged<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let key = match (self.type_name, self.data) {
            (Some(_), _) => "type",
            (None, Some(_)) => "data",
            (None, None) => return Ok(None),
        };
        seed.deserialize(StrDeserializer::<Error>::new(key))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.type_name.take() {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            None => seed.deserialize(self.data.take().unwrap_or(&Value::Null)),
        }
    }
}
