//! Rows: JSON arrays of a kind and a few plain fields, such as `["tick",41]`.
//!
//! Strings are borrowed from the input where they can be; nothing is built that is not asked for.

use std::{borrow::Cow, fmt, sync::Arc};

use domain::{SlotId, TicketId};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::ticket;

/// Most fields after the kind.
pub(crate) const FIELDS_MAX: usize = 8;

/// One plain field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field<'de> {
    Text(Cow<'de, str>),
    Number(u64),
    Bool(bool),
    Null,
    /// A number below 0, with a fraction or too large; an array; an object.
    Other,
}

impl Field<'_> {
    pub(crate) fn ticket(&self) -> Option<TicketId> {
        self.text().and_then(ticket::parse)
    }

    pub(crate) fn slot(&self) -> Option<SlotId> {
        self.text().and_then(|text| text.parse().ok())
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn u32(&self) -> Option<u32> {
        self.number().and_then(|number| u32::try_from(number).ok())
    }

    /// Null is a value of its own here: `Some(None)`.
    pub(crate) fn nullable<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Option<Option<T>> {
        match self {
            Self::Null => Some(None),
            field => read(field).map(Some),
        }
    }

    pub(crate) fn arc(&self) -> Option<Arc<str>> {
        self.text().map(Arc::from)
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(Field::Number(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Field<'de>, E> {
        Ok(Field::Bool(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Field<'de>, E> {
        Ok(Field::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
        skip(&mut seq)?;
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

/// Reads to the end of an array; `true` if there was anything.
pub(crate) fn skip<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<bool, A::Error> {
    let mut any = false;
    while seq.next_element::<IgnoredAny>()?.is_some() {
        any = true;
    }
    Ok(any)
}

/// The fields of a row after its kind; `None` if there are too many.
pub(crate) struct Fields<'de> {
    fields: [Field<'de>; FIELDS_MAX],
    len: usize,
}

impl<'de> Fields<'de> {
    pub(crate) fn read<A: SeqAccess<'de>>(seq: &mut A) -> Result<Option<Self>, A::Error> {
        let mut row = Self { fields: [const { Field::Null }; FIELDS_MAX], len: 0 };
        while let Some(field) = seq.next_element()? {
            let Some(place) = row.fields.get_mut(row.len) else {
                skip(seq)?;
                return Ok(None);
            };
            *place = field;
            row.len += 1;
        }
        Ok(Some(row))
    }

    pub(crate) fn as_slice(&self) -> &[Field<'de>] {
        &self.fields[..self.len]
    }
}
