//! Reads OpenAPI 3.0 and 3.1 into a [`Document`]; every fault is told at its place, and reading goes on.

use std::collections::HashMap;
use std::path::Path;

use super::diags;
use super::document::{Document, KeyPlace, Operation, Requirement, SchemeKind, Security, SecurityScheme};
use super::library::Library;
use super::route::Template;
use crate::diag::Diagnostics;
use crate::source::{SourceMap, Span};
use crate::spec::{Data, Entry, Node};

/// The methods that a path can have (OpenAPI 3.1, section 4.8.9).
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The extension that names the roles of an operation, unless another one is asked for.
pub const ROLES_KEY: &str = "x-required-roles";

/// Reads a document that stands in a folder; `None` when nothing can be made of it.
pub fn read(
    (name, text, folder): (&str, &str, &Path),
    roles_key: &str,
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> Option<Document> {
    let (library, root) = Library::open(name, text, folder, sources, diags);
    let mut reading = Reading { library, roles_key, v31: false, schemes: Vec::new() };
    reading.document(&root?, name)
}

struct Reading<'a> {
    library: Library<'a>,
    roles_key: &'a str,
    v31: bool,
    schemes: Vec<SecurityScheme>,
}

/// What paths and operations inherit.
#[derive(Clone)]
struct Inherited {
    prefixes: Vec<String>,
    security: Security,
}

impl Reading<'_> {
    fn document(&mut self, root: &Node, name: &str) -> Option<Document> {
        let openapi = self.version(root)?;
        let info = root.get("info").map(|e| e.value.clone());
        let word = |key: &str| info.as_ref().and_then(|i| i.get(key)?.value.scalar()).unwrap_or_default();
        let components = root.get("components").map(|e| e.value.clone());
        if let Some(schemes) = components.as_ref().and_then(|c| c.get("securitySchemes")) {
            for entry in entries(&schemes.value) {
                let scheme = self.scheme(entry);
                self.schemes.extend(scheme);
            }
        }
        let servers = self.servers(root.get("servers"));
        let inherited = Inherited {
            prefixes: servers.as_deref().map_or_else(|| vec![String::new()], prefixes),
            security: self.security(root.get("security")).unwrap_or(Security::Undeclared),
        };
        let mut operations = Vec::new();
        match root.get("paths") {
            Some(paths) => self.paths(&paths.value, &inherited, &mut operations),
            // Since 3.1 a document may hold components or webhooks alone; there is nothing to cover in it.
            None => self.library.diags.push(diags::no_paths(head(root), root.get("webhooks").is_some())),
        }
        Some(Document {
            title: word("title").to_string(),
            version: word("version").to_string(),
            openapi,
            servers: servers.unwrap_or_default(),
            operations,
            schemes: std::mem::take(&mut self.schemes),
            file: name.into(),
        })
    }

    fn version(&mut self, root: &Node) -> Option<String> {
        if !matches!(root.data, Data::Map(_)) {
            self.library.diags.push(diags::not_openapi(head(root), "it is no map"));
            return None;
        }
        let (entry, swagger) = match (root.get("openapi"), root.get("swagger")) {
            (Some(entry), _) => (entry, false),
            (None, Some(entry)) => (entry, true),
            (None, None) => {
                self.library.diags.push(diags::not_openapi(head(root), "it has no `openapi:` with a version"));
                return None;
            }
        };
        let version = entry.value.scalar().unwrap_or_default();
        self.v31 = version.starts_with("3.1");
        if swagger || !(self.v31 || version.starts_with("3.0")) {
            self.library.diags.push(diags::version(entry.value.span, &version));
            return None;
        }
        Some(version.to_string())
    }

    fn scheme(&mut self, entry: &Entry) -> Option<SecurityScheme> {
        let node = self.library.resolve(&entry.value)?;
        let word = |key: &str| node.get(key).and_then(|e| e.value.scalar()).unwrap_or_default();
        let kind = match &*word("type") {
            "http" => SchemeKind::Http(word("scheme").to_ascii_lowercase()),
            "apiKey" => {
                let place = match &*word("in") {
                    "query" => KeyPlace::Query,
                    "cookie" => KeyPlace::Cookie,
                    _ => KeyPlace::Header,
                };
                SchemeKind::ApiKey(place, word("name").to_string())
            }
            "oauth2" => {
                let flows = node.get("flows").map(|e| e.value.clone());
                SchemeKind::OAuth2(flows.iter().flat_map(entries).map(|e| e.key.to_string()).collect())
            }
            "openIdConnect" => SchemeKind::OpenId,
            "mutualTLS" if self.v31 => SchemeKind::MutualTls,
            other => {
                let span = node.get("type").map_or(entry.key_span, |e| e.value.span);
                self.library.diags.push(diags::unknown_type(span, other));
                return None;
            }
        };
        Some(SecurityScheme { name: entry.key.to_string(), kind, span: entry.key_span })
    }

    /// The URLs of `servers`, with the values of their variables; `None` where nothing is said.
    fn servers(&mut self, entry: Option<&Entry>) -> Option<Vec<String>> {
        let items = self.list(&entry?.value)?;
        let mut urls = Vec::new();
        for server in &items {
            let Some(url) = server.get("url").and_then(|e| e.value.scalar()) else { continue };
            let variables = server.get("variables").map(|e| e.value.clone());
            urls.extend(spelt_out(&url, variables.as_ref()));
        }
        Some(urls).filter(|urls| !urls.is_empty())
    }

    fn security(&mut self, entry: Option<&Entry>) -> Option<Security> {
        let items = self.list(&entry?.value)?;
        let mut optional = false;
        let mut all = Vec::new();
        for item in &items {
            let schemes: Vec<(String, Vec<String>)> = entries(item)
                .map(|entry| {
                    self.known(entry);
                    (entry.key.to_string(), texts(&entry.value))
                })
                .collect();
            if schemes.is_empty() {
                optional = true;
            } else {
                all.push(Requirement { schemes });
            }
        }
        Some(match (all.is_empty(), optional) {
            (true, _) => Security::Public,
            (false, true) => Security::Optional(all),
            (false, false) => Security::Required(all),
        })
    }

    /// A requirement names a scheme; since 3.1 it may be the address of one, which is another document's.
    fn known(&mut self, entry: &Entry) {
        let known: Vec<&str> = self.schemes.iter().map(|s| &*s.name).collect();
        if !known.contains(&&*entry.key) {
            self.library.diags.push(diags::unknown_scheme(entry.key_span, &entry.key, &known));
        }
    }

    fn paths(&mut self, paths: &Node, inherited: &Inherited, out: &mut Vec<Operation>) {
        if !matches!(paths.data, Data::Map(_)) {
            self.library.diags.push(diags::wrong_type(paths, "a map of paths"));
            return;
        }
        let mut seen: HashMap<String, (Span, String)> = HashMap::new();
        for entry in entries(paths).filter(|e| !e.key.starts_with("x-")) {
            if let Err(why) = Template::parse(&entry.key) {
                self.library.diags.push(diags::bad_path(entry.key_span, &entry.key, why));
                continue;
            }
            let form = without_names(&entry.key);
            if let Some((first, other)) = seen.get(&form) {
                self.library.diags.push(diags::same_path(entry.key_span, &entry.key, *first, other));
                continue;
            }
            seen.insert(form, (entry.key_span, entry.key.to_string()));
            if let Some(item) = self.library.resolve(&entry.value) {
                self.path(&entry.key, &item, inherited, out);
                // What stands beside a reference is there as well (OpenAPI 3.1, section 4.8.9).
                if entry.value.get("$ref").is_some() {
                    self.path(&entry.key, &without(&entry.value, &item), inherited, out);
                }
            }
        }
    }

    fn path(&mut self, path: &str, item: &Node, inherited: &Inherited, out: &mut Vec<Operation>) {
        let servers = self.servers(item.get("servers"));
        let prefixes_here = servers.as_deref().map_or_else(|| inherited.prefixes.clone(), prefixes);
        let shared = item.get("parameters").map(|e| e.value.clone());
        for entry in entries(item).filter(|e| METHODS.contains(&&*e.key)) {
            let node = &entry.value;
            let servers = self.servers(node.get("servers"));
            let words = |key: &str| node.get(key).map(|e| texts(&e.value));
            let security = self.security(node.get("security")).unwrap_or_else(|| inherited.security.clone());
            let own = node.get("parameters").map(|e| e.value.clone());
            let statuses = node.get("responses").map(|e| entries(&e.value).map(|e| e.key.to_string()).collect());
            out.push(Operation {
                method: entry.key.to_ascii_uppercase(),
                path: path.to_owned(),
                prefixes: servers.as_deref().map_or_else(|| prefixes_here.clone(), prefixes),
                objects: self.objects(path, &[own, shared.clone()]),
                roles: words(self.roles_key).or_else(|| self.named_roles(&security)),
                security,
                statuses: statuses.unwrap_or_default(),
                tags: words("tags").unwrap_or_default(),
                body: node.get("requestBody").is_some(),
                span: entry.key_span,
            });
        }
    }

    /// Since 3.1 a scheme without scopes may be followed by names of roles.
    fn named_roles(&self, security: &Security) -> Option<Vec<String>> {
        let has_scopes = |name: &str| {
            let kind = self.schemes.iter().find(|s| s.name == name).map(|s| &s.kind);
            matches!(kind, Some(SchemeKind::OAuth2(_) | SchemeKind::OpenId))
        };
        let all = security.alternatives().iter().flat_map(|r| &r.schemes);
        let roles: Vec<String> =
            all.filter(|(name, _)| !has_scopes(name)).flat_map(|(_, roles)| roles.iter().cloned()).collect();
        (self.v31 && !roles.is_empty()).then_some(roles)
    }

    /// The parameters of a path that name an object: one of a few fixed words names none.
    fn objects(&mut self, path: &str, lists: &[Option<Node>]) -> Vec<String> {
        let names = path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
        let mut fixed = Vec::new();
        for list in lists.iter().flatten() {
            for parameter in self.list(list).unwrap_or_default() {
                let Some(parameter) = self.library.resolve(&parameter) else { continue };
                let word = |key: &str| parameter.get(key).and_then(|e| e.value.scalar());
                let schema = parameter.get("schema").and_then(|e| self.library.resolve(&e.value));
                let few = schema.is_some_and(|s| s.get("enum").is_some() || s.get("const").is_some());
                if few && word("in").as_deref() == Some("path") {
                    fixed.extend(word("name").map(|n| n.to_string()));
                }
            }
        }
        names.filter(|name| fixed.iter().all(|f| f != name)).map(str::to_owned).collect()
    }

    fn list(&mut self, node: &Node) -> Option<Vec<Node>> {
        if let Data::List(items) = &node.data {
            return Some(items.to_vec());
        }
        self.library.diags.push(diags::wrong_type(node, "a list"));
        None
    }
}

/// The entries of a map, or none.
fn entries(node: &Node) -> impl Iterator<Item = &Entry> {
    let all: &[Entry] = match &node.data {
        Data::Map(entries) => entries,
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => &[],
    };
    all.iter()
}

/// A path without the methods that another one has.
fn without(node: &Node, other: &Node) -> Node {
    let own = entries(node).filter(|e| !METHODS.contains(&&*e.key) || other.get(&e.key).is_none());
    Node { data: Data::Map(own.cloned().collect()), ..node.clone() }
}

/// A text, or a list of them.
fn texts(node: &Node) -> Vec<String> {
    match &node.data {
        Data::List(items) => items.iter().filter_map(Node::scalar).map(|t| t.to_string()).collect(),
        Data::Null | Data::Map(_) => Vec::new(),
        Data::Bool(_) | Data::Number(..) | Data::Text(_) => node.scalar().iter().map(ToString::to_string).collect(),
    }
}

/// The first byte of a document: the whole of it would be drawn otherwise.
fn head(root: &Node) -> Span {
    Span { end: root.span.start.saturating_add(1), ..root.span }
}

/// `/a/{}` for `/a/{id}`.
fn without_names(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside &= c != '}';
        if !inside {
            out.push(c);
        }
        inside |= c == '{';
    }
    out
}

/// How many spellings of one server's URL are made of its variables.
const SPELLINGS: usize = 32;

/// A server's URL with its variables put in: each value of an `enum`, else the default.
fn spelt_out(url: &str, variables: Option<&Node>) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    for entry in variables.into_iter().flat_map(entries) {
        let mark = format!("{{{}}}", entry.key);
        let mut values = entry.value.get("enum").map(|e| texts(&e.value)).unwrap_or_default();
        if values.is_empty() {
            values = entry.value.get("default").map(|e| texts(&e.value)).unwrap_or_default();
        }
        let put = |url: &String| values.iter().map(|v| url.replace(&mark, v)).collect::<Vec<_>>();
        if url.contains(&mark) && !values.is_empty() {
            all = all.iter().flat_map(put).take(SPELLINGS).collect();
        }
    }
    all
}

/// The paths of servers, each once, without a slash at the end.
fn prefixes(servers: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for url in servers {
        // `//host/path` is a URL without a scheme (RFC 3986, section 4.2).
        let path = match url.split_once("//") {
            Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
                rest.find('/').map_or("", |i| &rest[i..])
            }
            Some(_) | None => url,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let path = if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if !out.contains(&path) {
            out.push(path);
        }
    }
    out
}

#[cfg(test)]
mod tests;
