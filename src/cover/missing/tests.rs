use serde_json::json;

use super::*;
use crate::cover::testing::{document, results, step};

#[test]
fn missing_cases_are_written_for_the_target_and_each_place_once() {
    const DOORS: &str = "openapi: 3.1.0
info: { title: Doors, version: '1' }
servers: [ { url: https://a.example/api/v1 }, { url: https://a.example/api/v2 } ]
components:
  securitySchemes:
    token: { type: http, scheme: bearer }
    login: { type: oauth2, flows: {} }
    raw: { type: apiKey, in: header, name: authorization }
    old: { type: http, scheme: Digest }
paths:
  /a: { get: { security: [ { token: [], login: [], raw: [] } ] } }
  /b/{id}: { get: { security: [ { old: [] } ] } }
";
    let document = document(DOORS);
    let sources = SourceMap::default();
    let seen = |path: &str| vec![step(&format!("ann:user GET {path} 200"), json!({}))];
    let cases = [seen("/api/v1/a"), seen("/api/v1/b/1")];
    let grid = Grid::of(&document, &[results(&cases)]);
    let text = |bases: &[&str]| {
        let bases: Vec<String> = bases.iter().map(|b| (*b).to_owned()).collect();
        write(&document, &grid, &sources, &bases).unwrap().text
    };
    let whole = text(&[""]);
    assert!(whole.contains("headers: { Authorization: Bearer not-a-credential }\n"), "{whole}");
    assert!(whole.contains("headers: { Authorization: Digest not-a-credential }\n"), "{whole}");
    assert!(
        whole.contains("    as: ann\n    request: GET /api/v1/a\n    with: token-expired\n    expect: 401\n"),
        "{whole}"
    );
    assert!(whole.contains("# FILL-IN: GET /b/{id} and an expired credential: it takes"), "{whole}");
    // What the target ends in stands before the path already.
    assert!(text(&["/api/v2"]).contains("request: GET /b/{{ b_id }}\n"));
    assert!(text(&["/api"]).contains("request: GET /v1/b/{{ b_id }}\n"));
    assert!(text(&["/ap"]).contains("request: GET /api/v1/b/{{ b_id }}\n"));
}
