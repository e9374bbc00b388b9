//! Objects are objects: serde reads a struct from an array by position too, at any depth, and a caller who sends one means
//! something else. [`Strict`] stands around a deserializer and lets everything pass but that.
//!
//! What serde buffers (an internally tagged or untagged enum, a flattened struct) is read from its own buffer and not seen
//! here: request bodies have none of those around structs.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use std::fmt;

/// A deserializer, its visitors, or what they are given, all the way down.
pub struct Strict<T>(pub T);

/// A visitor of a struct: what comes by position is refused.
struct Named<V>(V);

macro_rules! pass_on {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$name(Strict(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Strict(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Strict(Named(visitor)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Strict(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! as_told {
    ($around:ident: $($name:ident($type:ty))*) => {
        $(fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$name(value)
        })*

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }

        fn visit_none<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_none()
        }

        fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_unit()
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    as_told! { Strict:
        visit_bool(bool) visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128) visit_u8(u8)
        visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128) visit_f32(f32) visit_f64(f64) visit_char(char)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String) visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Strict(data))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Named<V> {
    type Value = V::Value;

    as_told! { Named:
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) visit_borrowed_str(&'de str)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Seq, &Object(&self.0)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(inner)
    }
}

/// What a visitor of a struct wants to see.
struct Object<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> Expected for Object<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)?;
        f.write_str(" as an object")
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, Strict(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Strict(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Strict(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Strict(Named(visitor)))
    }
}

/// Reads JSON in which whatever is a struct here is an object there.
///
/// # Errors
/// As serde_json's, and for an array in a struct's place.
pub fn from_slice<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Strict(&mut reader))?;
    reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i64,
        #[serde(default)]
        y: i64,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Nothing,
        Line { from: Point, to: Point },
        Dot(Point),
        Pair(i64, i64),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct All {
        shape: Option<Shape>,
        list: Vec<Point>,
        named: BTreeMap<String, Point>,
        maybe: Option<Point>,
        pair: (i64, i64),
        boxed: Option<Box<Point>>,
    }

    #[test]
    fn arrays_are_no_objects_at_any_depth() {
        for (text, ok) in [
            (r#"{"x": 1}"#, false),
            (r#"{}"#, true),
            (r#"[null, [], {}, null, [1, 2], null]"#, false),
            (r#"{"list": [{"x": 1}, {"x": 2, "y": 3}]}"#, true),
            (r#"{"list": [[1, 2]]}"#, false),
            (r#"{"list": {"x": 1}}"#, false),
            (r#"{"named": {"a": {"x": 1}}}"#, true),
            (r#"{"named": {"a": [1, 2]}}"#, false),
            (r#"{"maybe": {"x": 1}}"#, true),
            (r#"{"maybe": null}"#, true),
            (r#"{"maybe": [1, 2]}"#, false),
            (r#"{"boxed": [1, 2]}"#, false),
            (r#"{"boxed": {"x": 1, "y": 2}}"#, true),
            (r#"{"pair": [1, 2]}"#, true),
            (r#"{"pair": {"0": 1}}"#, false),
            (r#"{"shape": "nothing"}"#, true),
            (r#"{"shape": {"line": {"from": {"x": 1}, "to": {"x": 2}}}}"#, true),
            (r#"{"shape": {"line": [{"x": 1}, {"x": 2}]}}"#, false),
            (r#"{"shape": {"line": {"from": [1, 2], "to": {"x": 2}}}}"#, false),
            (r#"{"shape": {"dot": {"x": 1}}}"#, true),
            (r#"{"shape": {"dot": [1, 2]}}"#, false),
            (r#"{"shape": {"pair": [1, 2]}}"#, true),
            (r#"{"list": []} x"#, false),
        ] {
            let read = from_slice::<All>(text.as_bytes());
            assert_eq!(read.is_ok(), ok, "{text}: {read:?}");
            if let Ok(read) = read {
                assert_eq!(read, serde_json::from_str(text).unwrap(), "{text}: the same value");
            }
        }
    }

    #[test]
    fn what_is_no_struct_is_read_as_ever() {
        let text = r#"{"a": [1, "two", 3.5, null, {"b": [true]}], "n": 18446744073709551615}"#;
        assert_eq!(
            from_slice::<serde_json::Value>(text.as_bytes()).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        let raw: Vec<&RawValue> = from_slice(br#"[{"x": [1]}, 2]"#).unwrap();
        assert_eq!(raw.iter().map(|part| part.get()).collect::<Vec<_>>(), [r#"{"x": [1]}"#, "2"]);
        let wrong = from_slice::<All>(br#"{"maybe": [1]}"#).unwrap_err().to_string();
        assert!(wrong.starts_with("invalid type: sequence, expected struct Point as an object"), "{wrong}");
    }
}
