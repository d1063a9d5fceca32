//! JSON Schemas as tables.

use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use super::html::{code, escape, prose};
use crate::{
    description::openapi::{self, SCHEMAS},
    operation::Shape,
};

/// The schemas that the page shows.
pub(super) struct Schemas {
    generator: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self { generator: openapi::generator() }
    }

    /// The name of what a shape is, as a link to where it is shown, or what it is when that takes few words.
    pub(super) fn kind(&mut self, shape: Shape) -> String {
        let schema = shape(&mut self.generator).to_value();
        kind(&schema, self.generator.definitions())
    }

    /// The shape itself.
    pub(super) fn shown(&mut self, shape: Shape) -> String {
        let schema = shape(&mut self.generator).to_value();
        let definitions = self.generator.definitions();
        table(resolve(&schema, definitions), definitions)
    }

    /// Every shape with members, each with its name.
    pub(super) fn all(&self) -> String {
        let definitions = self.generator.definitions();
        let shapes = definitions.iter().filter(|(_, schema)| is_object(schema));
        let shown = |(name, schema): (&String, &Value)| {
            let about = prose(&about(schema));
            let table = table(schema, definitions);
            format!("<article id=\"shape-{name}\"><h3>{}</h3><p>{about}</p>{table}</article>", escape(name))
        };
        shapes.map(shown).collect()
    }
}

fn table(schema: &Value, definitions: &Map<String, Value>) -> String {
    let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let row = |(name, member): (&String, &Value)| {
        let needed = if required.contains(&name.as_str()) { "required" } else { "optional" };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{needed}</td><td>{} {}</td></tr>",
            code(name),
            prose(&about(member)),
            kind(member, definitions)
        )
    };
    let (first, last): (Vec<_>, Vec<_>) = members.partition(|(name, _)| required.contains(&name.as_str()));
    format!("<table>{}</table>", first.into_iter().chain(last).map(row).collect::<String>())
}

/// What a value is, in few words.
fn kind(schema: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(name) = referred(schema) {
        return match definitions.get(name) {
            Some(target) if is_object(target) => format!("<a href=\"#shape-{name}\">{}</a>", escape(name)),
            Some(target) => kind(target, definitions),
            None => escape(name),
        };
    }
    let not_null = |part: &&Value| part.get("type").and_then(Value::as_str) != Some("null");
    if let Some(part) = list(schema, "anyOf").iter().find(not_null) {
        return kind(part, definitions);
    }
    if let Some(items) = schema.get("items") {
        return format!("<span class=\"kind\">list of</span> {}", kind(items, definitions));
    }
    let words: Vec<&str> = words(schema);
    if !words.is_empty() {
        return words.iter().map(|word| code(word)).collect::<Vec<_>>().join(" ");
    }
    format!("<span class=\"kind\">{}{}</span>", escape(&type_name(schema)), limits(schema))
}

/// The words that are allowed, where only some are.
fn words(schema: &Value) -> Vec<&str> {
    let plain = list(schema, "enum").iter().filter_map(Value::as_str);
    let described = list(schema, "oneOf").iter().filter_map(constant);
    plain.chain(described).chain(constant(schema)).collect()
}

fn constant(schema: &Value) -> Option<&str> {
    schema.get("const").and_then(Value::as_str)
}

fn type_name(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("anything").to_owned()
        }
        _ => "anything".to_owned(),
    }
}

fn limits(schema: &Value) -> String {
    let number = |name: &str| schema.get(name).and_then(Value::as_u64);
    let range = |low: Option<u64>, high: Option<u64>, unit: &str| match (low, high) {
        (Some(low), Some(high)) => format!(", {low} to {high}{unit}"),
        (Some(low), None) => format!(", at least {low}{unit}"),
        (None, Some(high)) => format!(", at most {high}{unit}"),
        (None, None) => String::new(),
    };
    let format = schema.get("format").and_then(Value::as_str).filter(|format| !format.starts_with("uint"));
    [
        range(number("minLength"), number("maxLength"), " characters"),
        range(number("minimum").filter(|low| *low > 0), number("maximum"), ""),
        format.map(|format| format!(", {}", escape(format))).unwrap_or_default(),
    ]
    .concat()
}

fn about(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    openapi::unlinked(text)
}

fn is_object(schema: &Value) -> bool {
    schema.get("properties").is_some()
}

fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix('#')?.strip_prefix(SCHEMAS)?.strip_prefix('/')
}

fn resolve<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    referred(schema).and_then(|name| definitions.get(name)).unwrap_or(schema)
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
