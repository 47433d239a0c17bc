//! The keywords of JSON Schema. Its rule is that unknown ones are passed over, so a misspelt one would allow everything.

use serde_json::Value;

use crate::term::did_you_mean;

/// What stands behind a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// A schema, or a list of them.
    Schemas,
    /// Schemas by names of the user's choice.
    Named,
    /// No schema; it allows and refuses by itself.
    Plain,
    /// No schema, and it refuses nothing.
    Note,
    /// Schemas by names, which refuse nothing until something refers to them.
    Shelf,
}

/// The keywords of all drafts, and of the dialect of `OpenAPI`.
const KEYWORDS: &[(Behind, &[&str])] = &[
    (
        Behind::Schemas,
        &[
            "not",
            "if",
            "then",
            "else",
            "items",
            "contains",
            "additionalProperties",
            "propertyNames",
            "unevaluatedItems",
            "unevaluatedProperties",
            "additionalItems",
            "allOf",
            "anyOf",
            "oneOf",
            "prefixItems",
            "contentSchema",
        ],
    ),
    (Behind::Named, &["properties", "patternProperties", "dependentSchemas", "dependencies"]),
    (
        Behind::Plain,
        &[
            "type",
            "enum",
            "const",
            "multipleOf",
            "maximum",
            "exclusiveMaximum",
            "minimum",
            "exclusiveMinimum",
            "maxLength",
            "minLength",
            "pattern",
            "maxItems",
            "minItems",
            "uniqueItems",
            "maxContains",
            "minContains",
            "maxProperties",
            "minProperties",
            "required",
            "dependentRequired",
            "format",
            "contentEncoding",
            "contentMediaType",
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
        ],
    ),
    (
        Behind::Note,
        &[
            "title",
            "description",
            "default",
            "deprecated",
            "readOnly",
            "writeOnly",
            "examples",
            "example",
            "$schema",
            "$id",
            "id",
            "$anchor",
            "$dynamicAnchor",
            "$recursiveAnchor",
            "$vocabulary",
            "$comment",
            "nullable",
            "discriminator",
            "xml",
            "externalDocs",
        ],
    ),
    (Behind::Shelf, &["$defs", "definitions"]),
];

fn behind(key: &str) -> Option<Behind> {
    KEYWORDS.iter().find(|(_, words)| words.contains(&key)).map(|(behind, _)| *behind)
}

/// Tells whether a schema holds a keyword that could refuse something.
pub(super) fn could_refuse(schema: &Value) -> bool {
    let works = |key: &String| !matches!(behind(key), None | Some(Behind::Note | Behind::Shelf));
    schema.as_object().is_none_or(|map| map.keys().any(works))
}

/// A key that is no keyword but near to one.
#[derive(Debug)]
pub(super) struct Misspelt {
    /// The keys and indexes that lead to it, itself the last.
    pub(super) path: Vec<String>,
    pub(super) near: &'static str,
}

/// Finds the first misspelt keyword.
pub(super) fn misspelt(schema: &Value) -> Option<Misspelt> {
    match schema {
        Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| below(&at.to_string(), misspelt(item))),
        Value::Object(map) => map.iter().find_map(|(key, value)| match behind(key) {
            Some(Behind::Plain | Behind::Note) => None,
            Some(Behind::Schemas) => below(key, misspelt(value)),
            Some(Behind::Named | Behind::Shelf) => {
                let named = value.as_object()?;
                below(key, named.iter().find_map(|(name, schema)| below(name, misspelt_schema(schema))))
            }
            None if key.starts_with("x-") => None,
            None => {
                let near = did_you_mean(key, KEYWORDS.iter().flat_map(|(_, words)| words.iter().copied()))?;
                Some(Misspelt { path: vec![key.clone()], near })
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// `dependencies` may have lists of names.
fn misspelt_schema(schema: &Value) -> Option<Misspelt> {
    schema.as_object().and_then(|_| misspelt(schema))
}

fn below(key: &str, found: Option<Misspelt>) -> Option<Misspelt> {
    found.map(|mut found| {
        found.path.insert(0, key.to_owned());
        found
    })
}
