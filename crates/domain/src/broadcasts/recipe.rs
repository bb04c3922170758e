//! Parameters that differ from recipient to recipient.
//!
//! A plan's `params` are those of a message, in any of their three forms, and every text in them may hold places:
//! `{{contact.name}}`, `{{contact.phone}}`, `{{contact.language}}`, `{{contact.username}}`, `{{contact.fields.city}}`
//! (a custom field), `{{row.coupon}}` (a column of the uploaded list). Behind a bar stands what is used when that is
//! empty: `{{contact.name|friend}}`, or nothing at all: `{{row.note|}}`. Without it the recipient is left out.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

/// Where a place takes its text from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Name,
    Phone,
    Language,
    Username,
    /// A custom field.
    Field(String),
    /// A column of the uploaded list.
    Row(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("contact.name"),
            Self::Phone => f.write_str("contact.phone"),
            Self::Language => f.write_str("contact.language"),
            Self::Username => f.write_str("contact.username"),
            Self::Field(name) => write!(f, "contact.fields.{name}"),
            Self::Row(name) => write!(f, "row.{name}"),
        }
    }
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('.') {
            Some(("row", column)) if !column.is_empty() => Ok(Self::Row(column.to_owned())),
            Some(("contact", "name")) => Ok(Self::Name),
            Some(("contact", "phone")) => Ok(Self::Phone),
            Some(("contact", "language")) => Ok(Self::Language),
            Some(("contact", "username")) => Ok(Self::Username),
            Some(("contact", field))
                if field.strip_prefix("fields.").is_some_and(|name| !name.is_empty()) =>
            {
                Ok(Self::Field(field["fields.".len()..].to_owned()))
            }
            _ => Err(format!(
                "{{{{{text}}}}} names nothing; use contact.name, contact.phone, contact.language, contact.username, \
                 contact.fields.NAME or row.COLUMN"
            )),
        }
    }
}

/// What a recipient has to fill places with.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub name: Option<&'a str>,
    pub phone: Option<&'a str>,
    pub language: Option<&'a str>,
    pub username: Option<&'a str>,
    pub fields: &'a Map<String, Value>,
    /// Columns of the uploaded list.
    pub row: Option<&'a Map<String, Value>>,
}

impl Facts<'_> {
    fn get(&self, source: &Source) -> Option<&str> {
        let found = match source {
            Source::Name => self.name,
            Source::Phone => self.phone,
            Source::Language => self.language,
            Source::Username => self.username,
            Source::Field(name) => self.fields.get(name).and_then(Value::as_str),
            Source::Row(name) => self.row.and_then(|row| row.get(name)).and_then(Value::as_str),
        };
        found.map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Params with their places found.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    root: Node,
    sources: BTreeSet<Source>,
    needed: BTreeSet<Source>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Without places.
    Fixed(Value),
    Text(Vec<Piece>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Words(String),
    Place { source: Source, fallback: Option<String> },
}

/// A place that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFault {
    /// JSON pointer below `template_params`.
    pub pointer: String,
    pub problem: String,
}

impl Recipe {
    /// Finds the places.
    ///
    /// # Errors
    /// Every place that names nothing.
    pub fn read(params: &Value) -> Result<Self, Vec<RecipeFault>> {
        let mut faults = Vec::new();
        let root = node(params, &mut String::new(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let (mut sources, mut needed) = (BTreeSet::new(), BTreeSet::new());
        collect(&root, &mut sources, &mut needed);
        Ok(Self { root, sources, needed })
    }

    /// Everything that is named.
    pub fn sources(&self) -> &BTreeSet<Source> {
        &self.sources
    }

    /// What is named somewhere without a fallback.
    pub fn needed(&self) -> &BTreeSet<Source> {
        &self.needed
    }

    /// Where this is named without a fallback: JSON pointers below `template_params`.
    pub fn places(&self, source: &Source) -> Vec<String> {
        let mut found = Vec::new();
        places(&self.root, "", source, &mut found);
        found
    }

    /// The same for everybody.
    pub fn is_fixed(&self) -> bool {
        self.sources.is_empty()
    }

    /// Params as some recipient might have them: every place holds `text`. With a short one nothing is judged that comes
    /// from a recipient, and all that the plan itself says. An address that a place begins is one.
    pub fn trial(&self, text: &str) -> Value {
        trial(&self.root, "", text)
    }

    /// What stands behind the bars; empty where nothing does.
    pub fn fallbacks(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        fallbacks(&self.root, &mut found);
        found
    }

    /// The params of one recipient.
    ///
    /// # Errors
    /// The first source that is empty and has no fallback.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<Value, Source> {
        fill(&self.root, facts)
    }
}

fn node(value: &Value, at: &mut String, faults: &mut Vec<RecipeFault>) -> Node {
    match value {
        Value::String(text) if text.contains("{{") => match pieces(text) {
            Ok(pieces) => Node::Text(pieces),
            Err(problem) => {
                faults.push(RecipeFault { pointer: at.clone(), problem });
                Node::Fixed(Value::Null)
            }
        },
        Value::Array(items) => {
            let nodes =
                items.iter().enumerate().map(|(index, item)| below(at, &index.to_string(), item, faults));
            fixed_or(nodes.collect(), value, Node::List)
        }
        Value::Object(members) => {
            let nodes: Vec<(String, Node)> = members
                .iter()
                .map(|(name, member)| (name.clone(), below(at, name, member, faults)))
                .collect();
            if nodes.iter().all(|(_, node)| matches!(node, Node::Fixed(_))) {
                Node::Fixed(value.clone())
            } else {
                Node::Object(nodes)
            }
        }
        other => Node::Fixed(other.clone()),
    }
}

fn below(at: &mut String, name: &str, value: &Value, faults: &mut Vec<RecipeFault>) -> Node {
    let length = at.len();
    at.push('/');
    at.push_str(&escaped(name));
    let node = node(value, at, faults);
    at.truncate(length);
    node
}

/// As part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn fixed_or(nodes: Vec<Node>, value: &Value, make: impl FnOnce(Vec<Node>) -> Node) -> Node {
    if nodes.iter().all(|node| matches!(node, Node::Fixed(_))) {
        Node::Fixed(value.clone())
    } else {
        make(nodes)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Words(rest[..start].to_owned()));
        }
        let inner = &rest[start + 2..];
        let end = inner.find("}}").ok_or_else(|| format!("\"{text}\" opens {{{{ and does not close it"))?;
        let (source, fallback) = match inner[..end].split_once('|') {
            Some((source, fallback)) => (source, Some(fallback.trim().to_owned())),
            None => (&inner[..end], None),
        };
        pieces.push(Piece::Place { source: source.trim().parse()?, fallback });
        rest = &inner[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest.to_owned()));
    }
    Ok(pieces)
}

fn collect(node: &Node, sources: &mut BTreeSet<Source>, needed: &mut BTreeSet<Source>) {
    match node {
        Node::Fixed(_) => {}
        Node::Text(pieces) => {
            for piece in pieces {
                let Piece::Place { source, fallback } = piece else { continue };
                sources.insert(source.clone());
                if fallback.is_none() {
                    needed.insert(source.clone());
                }
            }
        }
        Node::List(nodes) => nodes.iter().for_each(|node| collect(node, sources, needed)),
        Node::Object(nodes) => nodes.iter().for_each(|(_, node)| collect(node, sources, needed)),
    }
}

fn places(node: &Node, at: &str, source: &Source, found: &mut Vec<String>) {
    match node {
        Node::Fixed(_) => {}
        Node::Text(pieces) => {
            let wanted = Piece::Place { source: source.clone(), fallback: None };
            found.extend(pieces.contains(&wanted).then(|| at.to_owned()));
        }
        Node::List(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                places(node, &format!("{at}/{index}"), source, found);
            }
        }
        Node::Object(nodes) => {
            for (name, node) in nodes {
                places(node, &format!("{at}/{}", escaped(name)), source, found);
            }
        }
    }
}

fn fallbacks<'a>(node: &'a Node, found: &mut BTreeSet<&'a str>) {
    match node {
        Node::Fixed(_) => {}
        Node::Text(pieces) => found.extend(pieces.iter().filter_map(|piece| match piece {
            Piece::Place { fallback, .. } => fallback.as_deref(),
            Piece::Words(_) => None,
        })),
        Node::List(nodes) => nodes.iter().for_each(|node| fallbacks(node, found)),
        Node::Object(nodes) => nodes.iter().for_each(|(_, node)| fallbacks(node, found)),
    }
}

/// `name`: of the member that the node is.
fn trial(node: &Node, name: &str, text: &str) -> Value {
    match node {
        Node::Fixed(value) => value.clone(),
        Node::Text(pieces) => {
            let begins = matches!(pieces.first(), Some(Piece::Place { .. }));
            let filled = pieces.iter().map(|piece| match piece {
                Piece::Words(words) => words,
                Piece::Place { .. } => text,
            });
            let filled: String = filled.collect();
            Value::String(if begins && name == "link" { format!("https://{filled}") } else { filled })
        }
        Node::List(nodes) => Value::Array(nodes.iter().map(|node| trial(node, name, text)).collect()),
        Node::Object(nodes) => {
            Value::Object(nodes.iter().map(|(name, node)| (name.clone(), trial(node, name, text))).collect())
        }
    }
}

fn fill(node: &Node, facts: &Facts<'_>) -> Result<Value, Source> {
    Ok(match node {
        Node::Fixed(value) => value.clone(),
        Node::Text(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Words(words) => text.push_str(words),
                    Piece::Place { source, fallback } => match (facts.get(source), fallback) {
                        (Some(found), _) => text.push_str(found),
                        (None, Some(fallback)) => text.push_str(fallback),
                        (None, None) => return Err(source.clone()),
                    },
                }
            }
            Value::String(text)
        }
        Node::List(nodes) => {
            Value::Array(nodes.iter().map(|node| fill(node, facts)).collect::<Result<_, _>>()?)
        }
        Node::Object(nodes) => {
            let members = nodes.iter().map(|(name, node)| Ok((name.clone(), fill(node, facts)?)));
            Value::Object(members.collect::<Result<_, _>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts<'a>(fields: &'a Map<String, Value>, row: Option<&'a Map<String, Value>>) -> Facts<'a> {
        Facts { name: Some("Ana"), phone: Some("+15551234567"), language: None, username: None, fields, row }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn places_are_filled_from_contact_fields_and_the_row() {
        let fields = object(json!({ "city": "Lima" }));
        let row = object(json!({ "coupon": " X1 " }));
        let recipe = Recipe::read(&json!({
            "header": { "link": "https://img.example/{{row.coupon}}.png" },
            "body": ["Hi {{contact.name}}", "{{ contact.fields.city }}", "fixed"],
        }))
        .unwrap();
        assert_eq!(
            recipe.fill(&facts(&fields, Some(&row))).unwrap(),
            json!({
                "header": { "link": "https://img.example/X1.png" },
                "body": ["Hi Ana", "Lima", "fixed"],
            })
        );
        assert_eq!(recipe.needed().len(), 3);
    }

    #[test]
    fn a_fallback_stands_in_and_without_one_the_empty_source_is_told() {
        let fields = object(json!({ "city": "  " }));
        let with = Recipe::read(&json!(["{{contact.fields.city|your town}}{{contact.language|}}"])).unwrap();
        assert_eq!(with.fill(&facts(&fields, None)), Ok(json!(["your town"])));
        assert!(with.needed().is_empty() && !with.is_fixed());
        let without = Recipe::read(&json!(["{{contact.fields.city}}"])).unwrap();
        assert_eq!(without.fill(&facts(&fields, None)), Err(Source::Field("city".into())));
    }

    #[test]
    fn a_trial_holds_a_text_in_every_place_and_addresses_that_are_some() {
        let recipe = Recipe::read(&json!({
            "header": { "image": { "link": "{{row.url}}" } },
            "body": ["Hi {{contact.name|friend}}", "fixed"],
            "buttons": [{ "index": 0, "text": "{{row.a|}}{{row.b|b}}" }],
        }))
        .unwrap();
        let expected = json!({
            "header": { "image": { "link": "https://1" } },
            "body": ["Hi 1", "fixed"],
            "buttons": [{ "index": 0, "text": "11" }],
        });
        assert_eq!(recipe.trial("1"), expected);
        assert_eq!(recipe.fallbacks().into_iter().collect::<Vec<_>>(), ["", "b", "friend"]);
    }

    #[test]
    fn a_source_is_found_wherever_nothing_stands_in_for_it() {
        let params = json!({ "body": ["a", "Hi {{row.a}} {{row.a}}", "{{row.a|x}}"], "a/b": "{{row.a}}" });
        let recipe = Recipe::read(&params).unwrap();
        let mut places = recipe.places(&Source::Row("a".into()));
        places.sort_unstable();
        assert_eq!(places, ["/a~1b", "/body/1"]);
        assert!(recipe.places(&Source::Row("b".into())).is_empty());
    }

    #[test]
    fn what_has_no_places_is_the_same_for_everybody() {
        let params = json!({ "body": ["a", "b"], "buttons": [{ "index": 0, "text": "x" }] });
        let recipe = Recipe::read(&params).unwrap();
        assert!(recipe.is_fixed());
        assert_eq!(recipe.fill(&facts(&Map::new(), None)), Ok(params));
    }

    #[test]
    fn every_place_that_names_nothing_is_told_with_its_pointer() {
        let faults =
            Recipe::read(&json!({ "body": ["{{name}}", "ok", "{{contact.name"], "a/b": "{{row.}}" }));
        let faults = faults.unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/body/0", "/body/2", "/a~1b"]);
        assert!(faults[0].problem.contains("contact.fields.NAME"));
    }
}
