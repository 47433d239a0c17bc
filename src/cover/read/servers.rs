//! What stands before the paths of a document: the paths of its servers.

use super::{entries, texts};
use crate::spec::Node;

/// How many spellings of one server's URL are made of its variables.
const SPELLINGS: usize = 32;

/// A server's URL with its variables put in: each value of an `enum`, its default first, else the default alone.
pub(super) fn spelt_out(url: &str, variables: Option<&Node>) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    for entry in variables.into_iter().flat_map(entries) {
        let mark = format!("{{{}}}", entry.key);
        let of = |key: &str| entry.value.get(key).map(|e| texts(&e.value)).unwrap_or_default();
        let (default, mut values) = (of("default"), of("enum"));
        values.retain(|value| !default.contains(value));
        let put = |url: &String| default.iter().chain(&values).map(|v| url.replace(&mark, v)).collect::<Vec<_>>();
        if url.contains(&mark) && !(default.is_empty() && values.is_empty()) {
            all = all.iter().flat_map(put).take(SPELLINGS).collect();
        }
    }
    all
}

/// The paths of servers, each once, without a slash at the end.
pub(super) fn prefixes(servers: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for url in servers {
        let path = path_of(url);
        if !out.contains(&path) {
            out.push(path);
        }
    }
    out
}

/// The path of a server's URL without a slash at the end. One that is relative to the place of the document stands below
/// the root: where the document was served from, nobody says.
pub fn path_of(url: &str) -> String {
    // `//host/path` is a URL without a scheme (RFC 3986, section 4.2).
    let path = match url.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => rest.find('/').map_or("", |i| &rest[i..]),
        Some(_) | None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut segments: Vec<&str> = path.split('/').collect();
    if !path.starts_with('/') {
        segments.retain(|segment| !matches!(*segment, "" | "." | ".."));
        segments.insert(0, "");
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_servers_stand_below_the_root() {
        for (url, path) in [
            ("https://a.example", ""),
            ("https://a.example/v1/", "/v1"),
            ("//a.example/v1?x=1", "/v1"),
            ("/", ""),
            ("/v1", "/v1"),
            ("v1", "/v1"),
            (".", ""),
            ("./", ""),
            ("./v1/", "/v1"),
            ("../v1", "/v1"),
            ("", ""),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }
}
