//! JSON as it was written: members in order, repeated keys kept, so that a repeated key can be reported.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that is not whole, or too large.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The value for a message: JSON, shortened where it is long, control characters escaped.
    pub fn shown(&self) -> String {
        shortened(self.json())
    }

    /// The member of that name of an object.
    pub fn member(&self, name: &str) -> Option<&Node> {
        let Node::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .find(|member| member.0 == name)
            .map(|member| &member.1)
    }

    /// The items of an array; none of anything else.
    pub fn items(&self) -> &[Node] {
        match self {
            Node::Array(items) => items,
            _ => &[],
        }
    }

    /// A string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn int(&self) -> Option<i64> {
        match self {
            Node::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn json(&self) -> String {
        let list = |items: Vec<String>| items.join(",");
        match self {
            Node::Null => "null".to_owned(),
            Node::Bool(value) => value.to_string(),
            Node::Int(value) => value.to_string(),
            // The formatter that is linked in anyway; the standard one would add 11 kB to the component.
            Node::Float(value) => serde_json::Value::from(*value).to_string(),
            Node::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Node::Array(items) => format!("[{}]", list(items.iter().map(Node::json).collect())),
            Node::Object(members) => {
                let member = |(key, value): &(String, Node)| {
                    format!("{}:{}", serde_json::Value::from(key.as_str()), value.json())
                };
                format!("{{{}}}", list(members.iter().map(member).collect()))
            }
        }
    }
}

/// A key for a message: as it stands where it is plain, else as JSON without the quotes; shortened where it is long.
pub fn shown_key(key: &str) -> String {
    let json = serde_json::Value::from(key).to_string();
    let inner = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    shortened(inner.unwrap_or(key).to_owned())
}

fn shortened(mut text: String) -> String {
    const CHARACTERS_MAX: usize = 60;
    // JSON leaves DEL and the C1 range as they are, and some terminals obey them.
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, "\u{fffd}");
    }
    if let Some((at, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "too large for any option; shown only"
        )]
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}
