//! Whatever an API document says, what is written from it is what `authspec check` takes.

use std::fs;
use std::path::Path;

use authspec::cover::{Grid, ROLES_KEY, missing, parse_results, read as read_document, skeleton};
use authspec::diag::Diagnostics;
use authspec::report::json::SCHEMA;
use authspec::source::SourceMap;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Paths as documents write them, good and odd.
const PATHS: &[&str] = &[
    "/",
    "/login",
    "/logout",
    "/auth/logout",
    "/token",
    "/refresh",
    "/session",
    "/me",
    "/bye",
    "/request",
    "/expect",
    "/notes",
    "/notes/",
    "/Notes",
    "/notes/{id}",
    "/notes/{note-id}/parts/{id}",
    "/a/b",
    "/a-b",
    "/a_b",
    "/a b",
    "/a%20b",
    "/{id}",
    "/{if}/{and}",
    "/{request}",
    "/{row}/{env}",
    "/m(x={x},y={y})",
    "/a.{format}",
    "/{a}.{b}",
    "/it's/{a\"b}",
    "/#",
    "/a#b/{c}",
    "/q?x={y}",
    "//two",
    "/%7B%7Bx%7D%7D",
    "/$a/{$b}",
    "/c: d/{e}",
    "/tab\there",
    "/заметки/{ид}",
    "/задачи/{ид}",
    "/é/:verb",
    "/null/{true}",
    "/{% if %}",
    "/\u{85}/\u{2028}",
    "/a\nb",
    "/*/&a",
    "/- a",
    "/[x]",
    "/<<",
    "/@x/`y`",
    "/{#c#}",
];

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "trace"];

const ROLES: &[&str] = &[
    "user",
    "admin",
    "anonymous",
    "everyone",
    "others",
    "request",
    "given",
    "as",
    "null",
    "te#am: x",
    "{{ x }}",
    "a {{ x }}",
    "a b",
    "a-b",
    "user-1",
    "é",
    "1",
    "\"q\"",
    "a\nb",
    "",
    "peer",
    "x, y",
    "[z]",
];

/// Names of fields, with values that a document may give as examples.
const FIELDS: &[&str] = &[
    "username",
    "email",
    "password",
    "access_token",
    "refresh_token",
    "id",
    "{{ x }}",
    "a: b",
    "<<",
    "é",
    "null",
    "",
    "$.x",
    "a b",
    "grant_type",
];

fn requirement() -> impl Strategy<Value = Value> {
    let one = subsequence(vec!["bearer", "basic", "odd", "head", "query", "cookie", "tls", "oauth", "oidc"], 0..3);
    one.prop_map(|names| Value::Object(names.into_iter().map(|n| (n.to_owned(), json!([]))).collect()))
}

fn schema() -> impl Strategy<Value = Value> {
    let value = select(vec![
        json!({ "type": "string" }),
        json!({ "type": "integer", "minimum": 3 }),
        json!({ "type": "array", "items": { "$ref": "#/components/schemas/Loop" } }),
        json!({ "$ref": "#/components/schemas/Loop" }),
        json!({ "$ref": "nowhere.yaml#/x" }),
        json!({ "example": "{{ x }}" }),
        json!({ "example": "a: b # c" }),
        json!({ "enum": ["- x", 2] }),
        json!({ "const": null }),
        json!({ "default": { "a b": ["{% x", "null", true] } }),
    ]);
    let fields = proptest::collection::vec((select(FIELDS), value), 0..4);
    (fields, any::<bool>()).prop_map(|(fields, needed)| {
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let mut schema = json!({ "type": "object" });
        if needed {
            schema["required"] = json!(names);
        }
        schema["properties"] = fields.into_iter().map(|(n, s)| (n.to_owned(), s)).collect::<Map<_, _>>().into();
        schema
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let security = proptest::option::of(proptest::collection::vec(requirement(), 0..3));
    let roles = proptest::option::of(subsequence(ROLES.to_vec(), 0..3));
    let kind =
        select(vec!["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]);
    let body = proptest::option::of((kind, schema()));
    (security, roles, body, schema()).prop_map(|(security, roles, body, answer)| {
        let media = json!({ "application/json": { "schema": answer } });
        let mut op = json!({ "responses": { "200": { "content": media } } });
        if let Some(security) = security {
            op["security"] = security.into();
        }
        if let Some(roles) = roles {
            op[ROLES_KEY] = json!(roles);
        }
        if let Some((kind, schema)) = body {
            op["requestBody"] = json!({ "required": true, "content": { kind: { "schema": schema } } });
        }
        op
    })
}

fn document() -> impl Strategy<Value = Value> {
    let ops = proptest::collection::vec((select(PATHS), select(METHODS), operation()), 1..12);
    let server = select(vec!["/", "http://127.0.0.1:9/v1", "http://127.0.0.1:9", "/{region}/v2", "../v1"]);
    let title = select(vec!["Notes", "a: \"b\" # c", "{{ x }}", "null", "", "a\nb", "\u{85}"]);
    (ops, server, title, proptest::option::of(proptest::collection::vec(requirement(), 0..2))).prop_map(
        |(ops, server, title, security)| {
            let mut paths = json!({});
            for (path, method, op) in ops {
                paths[path][method] = op;
            }
            let schemes = json!({
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic" },
                "odd": { "type": "http", "scheme": "an odd: one" },
                "head": { "type": "apiKey", "in": "header", "name": "X-Key" },
                "query": { "type": "apiKey", "in": "query", "name": "api key: {x}" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "sid" },
                "tls": { "type": "mutualTLS" },
                "oauth": { "type": "oauth2", "flows": { "password": { "tokenUrl": "/token" } } },
                "oidc": { "type": "openIdConnect", "openIdConnectUrl": "https://id.example/.well-known/openid-configuration" },
            });
            let looped = json!({ "properties": { "next": { "$ref": "#/components/schemas/Loop" }, "id": { "type": "string" } } });
            let mut document = json!({
                "openapi": "3.1.0", "info": { "title": title, "version": "1" }, "servers": [ { "url": server } ],
                "components": { "securitySchemes": schemes, "schemas": { "Loop": looped } }, "paths": paths,
            });
            if let Some(security) = security {
                document["security"] = security.into();
            }
            document
        },
    )
}

/// Results in which everybody of a project was let in somewhere.
fn results(project: &str) -> Vec<u8> {
    let project: Value = people(project);
    let steps: Vec<Value> = project
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, role)| {
            json!({ "caller": name, "role": role, "request": "GET /somewhere", "status": 200, "broken": 0,
                    "sent": { "origin": "http://a", "credential": "own", "carries": ["authorization Bearer"] } })
        })
        .collect();
    let case = json!({ "id": "a/b", "verdict": "passed", "steps": steps });
    json!({ "schema": SCHEMA, "targets": ["http://127.0.0.1:9/v1"], "cases": [case] }).to_string().into_bytes()
}

/// The names of the identities of a project that was written, each with its role.
fn people(project: &str) -> Value {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let file = sources.add("authspec.yaml", project);
    let root = authspec::spec::document(file, project, &mut diags).expect("YAML");
    let all = root.get("identities").expect("identities").value.to_json();
    let roles = all.as_object().expect("a map").iter().map(|(name, one)| (name.clone(), one["role"].clone()));
    Value::Object(roles.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_from_a_document_passes_the_check(document in document()) {
        let text = document.to_string();
        let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
        let read = read_document(("api.json", &text, Path::new(".")), ROLES_KEY, &mut sources, &mut diags);
        let Some(document) = read.filter(|d| diags.errors() == 0 && !d.operations.is_empty()) else { return Ok(()) };

        let made = skeleton::write(&document, None);
        if made.project.contains("scheme: mtls") {
            // The files of a client certificate have to be there, and nobody can make them up.
            return Ok(());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("authspec.yaml", &made.project);
        write("access.yaml", &made.access);
        let grid = Grid::of(&document, &[parse_results("r", &results(&made.project), SCHEMA).expect("results")]);
        let missing = missing::write(&document, &grid, &sources, &["/v1".to_owned()]);
        write("missing.yaml", missing.as_ref().map_or("cases: [ { name: a, request: GET /, expect: 200 } ]", |m| &m.text));
        let told = super::read(vec![folder.path().to_owned()], None);
        prop_assert!(told.is_empty(), "{told}\n{}\n{}\n{}", made.project, made.access, missing.map_or_else(String::new, |m| m.text));
    }
}
