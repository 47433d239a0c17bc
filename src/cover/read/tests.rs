use super::*;
use crate::cover::testing::{document, read};

const HEAD: &str = "openapi: 3.1.0\ninfo: { title: Shop, version: '1' }\n";

#[test]
fn security_is_inherited_overridden_and_never_guessed() {
    let text = format!(
        "{HEAD}security: [ {{ token: [] }} ]
components:
  securitySchemes:
    token: {{ type: http, scheme: Bearer }}
    key: {{ type: apiKey, in: cookie, name: sid }}
paths:
  /a: {{ get: {{}}, post: {{ security: [] }}, put: {{ security: [ {{}}, {{ key: [] }} ] }} }}
  /b: {{ get: {{ security: [ {{ token: [], key: [] }}, {{ key: [] }} ] }}, patch: {{ security: [ {{}} ] }} }}
"
    );
    let doc = document(&text);
    let of = |name: &str| doc.operations.iter().find(|o| o.name() == name).unwrap().security.clone();
    let need = |names: &[&str]| Requirement { schemes: names.iter().map(|n| ((*n).to_owned(), vec![])).collect() };
    assert_eq!(of("GET /a"), Security::Required(vec![need(&["token"])]));
    assert_eq!(of("POST /a"), Security::Public);
    assert_eq!(of("PUT /a"), Security::Optional(vec![need(&["key"])]));
    assert_eq!(of("GET /b"), Security::Required(vec![need(&["token", "key"]), need(&["key"])]));
    assert_eq!(of("PATCH /b"), Security::Public);
    let silent = document(&format!("{HEAD}paths: {{ /a: {{ get: {{}} }} }}"));
    assert_eq!(silent.operations[0].security, Security::Undeclared);
    assert!(silent.operations[0].is_protected());
}

#[test]
fn servers_give_prefixes_the_nearest_ones() {
    let text = "openapi: 3.0.3
servers:
  - url: https://{host}/api/{version}/
    variables: { host: { default: a.example }, version: { enum: [v1, v2], default: v2 } }
  - url: ./relative
  - url: //cdn.example/v3/
paths:
  /a: { get: {}, post: { servers: [ { url: 'https://b.example' } ] } }
  /b: { servers: [ { url: https://c.example/other } ], get: {} }
";
    let doc = document(text);
    let prefixes: Vec<&[String]> = doc.operations.iter().map(|o| &o.prefixes[..]).collect();
    assert_eq!(prefixes[0], ["/api/v2", "/api/v1", "/relative", "/v3"]);
    assert_eq!(prefixes[1], [""]);
    assert_eq!(prefixes[2], ["/other"]);
    assert_eq!(doc.servers.last().unwrap(), "https://c.example/other");
    assert_eq!(doc.servers[0], "https://a.example/api/v2/", "the default first");
}

#[test]
fn references_are_followed_inside_and_never_in_circles() {
    let text = "openapi: 3.1.0
paths:
  /a/{id}: { $ref: '#/components/pathItems/a~1item' }
components:
  pathItems:
    a/item:
      parameters: [ { $ref: '#/components/parameters/kind' } ]
      get: { responses: { 200: {}, '401': {}, default: {} } }
  parameters:
    kind: { in: path, name: id, schema: { $ref: '#/components/schemas/Kind' } }
  schemas: { Kind: { enum: [a, b] } }
";
    let doc = document(text);
    assert_eq!(doc.operations[0].name(), "GET /a/{id}");
    assert_eq!(doc.operations[0].objects, Vec::<String>::new(), "one of two words is no object");
    assert_eq!(doc.operations[0].statuses, ["200", "401", "default"]);
    for (to, said) in [
        ("'#/components/pathItems/b'", "leads nowhere"),
        ("'#/paths/~1a'", "leads back to itself"),
        ("'#anchor'", "leads nowhere"),
        ("other.yaml", "cannot be read: no such file"),
        ("https://example.com/a.yaml", "is on the network"),
        ("../../../etc/hostname", "outside of the folder"),
    ] {
        let (_, told) = read(&format!("openapi: 3.1.0\npaths: {{ /a: {{ $ref: {to} }} }}\n"));
        assert!(told.contains("error[openapi-ref]") && told.contains(said), "{to}: {told}");
    }
}

#[test]
fn what_stands_beside_a_reference_counts_for_all_of_it() {
    let doc = document(
        "openapi: 3.1.0
paths:
  /a/{kind}/{id}:
    $ref: '#/components/pathItems/a'
    servers: [ { url: /beside } ]
    parameters: [ { in: path, name: kind, schema: { enum: [x, y] } } ]
    get: { security: [] }
    put: {}
components:
  pathItems:
    a:
      parameters: [ { in: path, name: id, schema: { const: 1 } } ]
      get: {}
      post: {}
",
    );
    let names: Vec<&str> = doc.operations.iter().map(|o| &*o.method).collect();
    assert_eq!(names, ["GET", "PUT", "POST"], "one that both have is told once");
    assert_eq!(doc.operations[0].security, Security::Public, "what stands nearer wins");
    for op in &doc.operations {
        assert_eq!((&op.prefixes[..], op.objects.len()), (&["/beside".to_owned()][..], 0), "{}", op.method);
    }
}

#[test]
fn documents_that_are_split_anywhere_are_one() {
    let doc = document(
        "openapi: 3.0.3
security: [ { token: [] } ]
paths: { $ref: '#/x-paths' }
x-paths:
  /a:
    parameters: { $ref: '#/x-lists/none' }
    get: { $ref: '#/x-operations/look' }
    post: { $ref: '#/x-operations/look', security: [ { token: [], key: [] } ] }
x-lists: { none: [] }
x-operations:
  look: { security: [], tags: [pii], responses: { $ref: '#/x-answers' } }
x-answers: { 200: {}, 401: {} }
components: { securitySchemes: { $ref: '#/x-schemes' } }
x-schemes: { token: { type: http, scheme: bearer }, key: { type: apiKey, in: query, name: k } }
",
    );
    let [get, post] = &doc.operations[..] else { panic!("{doc:?}") };
    assert_eq!(get.security, Security::Public, "what an operation says counts wherever it says it");
    assert_eq!(
        (&get.tags[..], &get.statuses[..]),
        (&["pii".to_owned()][..], &["200".to_owned(), "401".to_owned()][..])
    );
    assert!(post.is_protected() && post.statuses.len() == 2);
    assert_eq!(doc.schemes.len(), 2);
}

#[test]
fn two_names_of_one_path_may_share_its_methods_and_no_method() {
    let paths = |methods: &str| {
        format!("openapi: 3.0.3\npaths: {{ '/a/{{b}}': {{ get: {{}} }}, '/a/{{c}}': {{ {methods} }} }}\n")
    };
    let names: Vec<String> = document(&paths("delete: {}, x-get: {}")).operations.iter().map(Operation::name).collect();
    assert_eq!(names, ["GET /a/{b}", "DELETE /a/{c}"]);
    let (_, told) = read(&paths("delete: {}, get: {}"));
    assert!(told.contains("`/a/{c}` and `/a/{b}` match the same requests"), "{told}");
}

#[test]
fn a_requirement_that_is_no_map_is_not_public() {
    for (item, said) in [
        ("token", "`token: []` asks for the scheme; `{}` asks for nothing"),
        ("~", "`NAME: []` asks for a scheme"),
        ("[ token ]", "this is a list"),
    ] {
        let (_, told) = read(&format!(
            "openapi: 3.1.0
components: {{ securitySchemes: {{ token: {{ type: http, scheme: bearer }} }} }}
paths: {{ /a: {{ get: {{ security: [ {item} ] }} }} }}
"
        ));
        assert!(told.contains("error[openapi-security]: each item of `security`") && told.contains(said), "{told}");
    }
}

#[test]
fn bodies_have_the_key_that_takes_them() {
    let body = |content: &str| {
        let text =
            format!("openapi: 3.1.0\npaths: {{ /a: {{ post: {{ requestBody: {{ content: {content} }} }} }} }}\n");
        document(&text).operations[0].body.as_ref().map(|b| b.key)
    };
    assert_eq!(body("{ text/plain: {}, application/vnd.x+json: {} }"), Some("json"));
    assert_eq!(body("{ application/x-www-form-urlencoded: {} }"), Some("form"));
    assert_eq!(body("{ multipart/form-data: {} }"), Some("multipart"));
    assert_eq!(body("{ application/octet-stream: {} }"), Some("body"));
    assert_eq!(body("{}"), Some("json"));
}

#[test]
fn roles_stand_in_an_extension_or_since_3_1_behind_a_scheme() {
    let text = |version: &str| {
        format!(
            "openapi: {version}
components: {{ securitySchemes: {{ token: {{ type: http, scheme: bearer }}, login: {{ type: oauth2, flows: {{}} }} }} }}
paths:
  /a:
    get: {{ security: [ {{ token: [admin] }} ] }}
    put: {{ security: [ {{ login: [orders.read] }} ] }}
    post: {{ security: [ {{ token: [] }} ], x-required-roles: [auditor, admin] }}
    delete: {{ security: [ {{ token: [] }} ], x-required-roles: admin }}
"
        )
    };
    let roles = |version: &str| document(&text(version)).operations.into_iter().map(|o| o.roles).collect::<Vec<_>>();
    let list = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    assert_eq!(roles("3.1.0"), [list(&["admin"]), None, list(&["auditor", "admin"]), list(&["admin"])]);
    assert_eq!(roles("3.0.3")[0], None, "in 3.0 nothing may stand there");
    // Whoever has a key needs no role; an empty list says nothing, and a map is no list.
    let one = |more: &str| {
        format!(
            "openapi: 3.1.0
components: {{ securitySchemes: {{ token: {{ type: http, scheme: bearer }}, key: {{ type: apiKey, in: header, name: k }} }} }}
paths: {{ /a: {{ get: {{ {more} }} }} }}
"
        )
    };
    assert_eq!(document(&one("security: [ { token: [admin] }, { key: [] } ]")).operations[0].roles, None);
    assert_eq!(
        document(&one("security: [ { token: [admin] }, { key: [ops] } ]")).operations[0].roles,
        list(&["admin", "ops"])
    );
    assert_eq!(document(&one("x-required-roles: []")).operations[0].roles, None);
    for wrong in ["{ all: [admin] }", "[ { name: admin } ]"] {
        let (_, told) = read(&one(&format!("x-required-roles: {wrong}")));
        assert!(told.contains("a list of names is needed here"), "{told}");
    }
}

#[test]
fn json_is_read_and_old_versions_are_not() {
    let text = "{\n\t\"openapi\": \"3.0.0\",\n\t\"paths\": {\"/a\": {\"get\": {\"responses\": {\"200\": {}}}}}\n}";
    assert_eq!(document(text).operations.len(), 1);
    for (text, said) in [
        ("swagger: '2.0'\npaths: {}\n", "OpenAPI 2.0 is not read"),
        ("openapi: 4.0.0\npaths: {}\n", "OpenAPI 4.0.0 is not read"),
        ("cases: []\n", "it has no `openapi:`"),
        ("- 1\n", "it is no map"),
        ("openapi: 3.1.0\n", "`paths` is missing"),
        ("openapi: 3.1.0\nwebhooks: {}\n", "webhooks are what the API sends to others"),
        ("openapi: 3.0.0\npaths: { a: {} }\n", "does not begin with `/`"),
        ("openapi: 3.0.0\npaths: { '/a/{b}': { get: {} }, '/a/{c}': { get: {} } }\n", "match the same requests"),
        (
            "openapi: 3.0.0\npaths: { /a: { get: { security: [ { tokn: [] } ] } } }\n",
            "no security scheme called `tokn`",
        ),
        (
            "openapi: 3.0.0\ncomponents: { securitySchemes: { m: { type: mutualTLS } } }\npaths: {}\n",
            "no type of a security scheme",
        ),
    ] {
        let (_, told) = read(text);
        assert!(told.contains(said), "{text}: {told}");
    }
}
