//! Redirects.

use super::{Example, example};
use crate::evidence::testing::{get, send};

pub(super) fn examples() -> Vec<Example> {
    let from = |base: &str| get(&format!("{base}/me")).bearer().gets(302);
    vec![
        example(
            "credential-left-at-https",
            from("http://api.test").then("GET", "https://api.test/me").gets(401),
            from("http://api.test").then("GET", "https://other.test/me").gets(401),
        ),
        example(
            "credential-left-behind",
            from("https://api.test").then("GET", "https://other.test/me").gets(401),
            from("https://api.test").then("GET", "https://other.test/me").bearer().gets(401),
        ),
        example(
            "credential-left-behind",
            from("https://api.test").then("GET", "https://api.test:8443/me").gets(403),
            from("https://api.test").then("GET", "https://api.test/you").gets(403),
        ),
        example(
            "method-rewritten",
            send("POST", "https://api.test/notes")
                .bearer()
                .gets(301)
                .then("GET", "https://api.test/notes/")
                .bearer()
                .gets(405),
            send("POST", "https://api.test/notes")
                .bearer()
                .gets(307)
                .then("POST", "https://api.test/notes/")
                .bearer()
                .gets(405),
        ),
        example(
            "slash-redirect",
            get("https://api.test/notes").bearer().gets(301).then("GET", "https://api.test/notes/").gets(401),
            get("https://api.test/notes").bearer().gets(301).then("GET", "https://api.test/notes/1").gets(401),
        ),
        example(
            "slash-redirect",
            get("https://api.test/notes").bearer().gets(404).then("GET", "https://api.test/notes/").bearer().gets(404),
            get("https://api.test/notes").bearer().gets(404),
        ),
    ]
}
