//! Reads OpenAPI 3.0 and 3.1 into a [`Document`]; every fault is told at its place, and reading goes on.

use std::collections::HashMap;
use std::path::Path;

use super::diags;
use super::document::{Document, Flow, KeyPlace, Operation, Requirement, SchemeKind, Security, SecurityScheme};
use super::library::Library;
use super::route::Template;
use crate::diag::Diagnostics;
use crate::source::{SourceMap, Span};
use crate::spec::{Data, Entry, Node};

mod servers;
mod shape;
pub use servers::path_of;
use servers::{prefixes, spelt_out};

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
    let mut reading = Reading { library, roles_key, v31: false, schemes: Vec::new(), urls: Vec::new(), left: 0 };
    reading.document(&root?, name)
}

struct Reading<'a> {
    library: Library<'a>,
    roles_key: &'a str,
    v31: bool,
    schemes: Vec<SecurityScheme>,
    /// The URLs of all servers, those of the document first.
    urls: Vec<String>,
    /// How many schemas may still be looked at for a body.
    left: usize,
}

/// Where an operation was first: by the form of its path and its method, the path.
type Seen = HashMap<(String, String), (Span, String)>;

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
        let components = components.and_then(|c| self.library.merged(&c));
        let schemes = components.as_ref().and_then(|c| c.get("securitySchemes"));
        if let Some(schemes) = schemes.and_then(|e| self.library.merged(&e.value)) {
            for entry in entries(&schemes) {
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
            servers: std::mem::take(&mut self.urls),
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
                let flow = |e: &Entry| {
                    let url = |key: &str| Some(e.value.get(key)?.value.scalar()?.to_string());
                    Flow { name: e.key.to_string(), token: url("tokenUrl"), authorize: url("authorizationUrl") }
                };
                SchemeKind::OAuth2(flows.iter().flat_map(entries).map(flow).collect())
            }
            "openIdConnect" => SchemeKind::OpenId(word("openIdConnectUrl").to_string()),
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
        self.urls.extend(urls.clone());
        Some(urls).filter(|urls| !urls.is_empty())
    }

    fn security(&mut self, entry: Option<&Entry>) -> Option<Security> {
        let items = self.list(&entry?.value)?;
        let mut optional = false;
        let mut all = Vec::new();
        for item in &items {
            if !matches!(item.data, Data::Map(_)) {
                // `- token` asks for something, and `- {}` for nothing: they must not be the same.
                self.library.diags.push(diags::not_a_requirement(item));
                continue;
            }
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
        let paths = self.library.merged(paths).unwrap_or_else(|| paths.clone());
        let mut seen = HashMap::new();
        for entry in entries(&paths).filter(|e| !e.key.starts_with("x-")) {
            if let Err(why) = Template::parse(&entry.key) {
                self.library.diags.push(diags::bad_path(entry.key_span, &entry.key, why));
                continue;
            }
            let Some(item) = self.library.merged(&entry.value) else { continue };
            let before = out.len();
            self.path(&entry.key, &item, inherited, out);
            self.apart(entry, &mut seen, (before, out));
        }
    }

    /// Two paths that differ in the names of their parameters alone are one path to a server. Documents split one so, with
    /// other methods under each name, and then no request is of both.
    fn apart(&mut self, entry: &Entry, seen: &mut Seen, (from, out): (usize, &mut Vec<Operation>)) {
        let here = (entry.key_span, entry.key.to_string());
        let mut told = false;
        let all = out.split_off(from);
        for op in all {
            let key = (without_names(&op.path), op.method.clone());
            match seen.get(&key) {
                Some((first, other)) if !told => {
                    self.library.diags.push(diags::same_path(entry.key_span, &entry.key, *first, other));
                    told = true;
                }
                Some(_) => {}
                None => {
                    seen.insert(key, here.clone());
                    out.push(op);
                }
            }
        }
    }

    fn path(&mut self, path: &str, item: &Node, inherited: &Inherited, out: &mut Vec<Operation>) {
        let servers = self.servers(item.get("servers"));
        let prefixes_here = servers.as_deref().map_or_else(|| inherited.prefixes.clone(), prefixes);
        let shared = item.get("parameters").map(|e| e.value.clone());
        for entry in entries(item).filter(|e| METHODS.contains(&&*e.key)) {
            // A reference has no place here by the letter, and stands here where documents are split into files.
            let Some(node) = self.library.merged(&entry.value) else { continue };
            let servers = self.servers(node.get("servers"));
            let words = |key: &str| node.get(key).map(|e| texts(&e.value));
            let roles = self.roles(node.get(self.roles_key));
            let security = self.security(node.get("security")).unwrap_or_else(|| inherited.security.clone());
            let own = node.get("parameters").map(|e| e.value.clone());
            let responses = node.get("responses").and_then(|e| self.library.merged(&e.value));
            let statuses = responses.iter().flat_map(entries).map(|e| e.key.to_string()).collect();
            out.push(Operation {
                method: entry.key.to_ascii_uppercase(),
                path: path.to_owned(),
                prefixes: servers.as_deref().map_or_else(|| prefixes_here.clone(), prefixes),
                objects: self.objects(path, &[own, shared.clone()]),
                roles: roles.or_else(|| self.named_roles(&security)),
                security,
                statuses,
                tags: words("tags").unwrap_or_default(),
                body: self.body(node.get("requestBody").map(|e| &e.value)),
                answers: self.answers(responses.as_ref()),
                span: entry.key_span,
            });
        }
    }

    /// The roles that an extension names. An empty list names none, which says nothing.
    fn roles(&mut self, entry: Option<&Entry>) -> Option<Vec<String>> {
        let node = &entry?.value;
        let named = match &node.data {
            Data::Map(_) => false,
            Data::List(items) => items.iter().all(|item| item.scalar().is_some()),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => true,
        };
        if !named {
            self.library.diags.push(diags::wrong_type(node, "a list of names"));
        }
        Some(texts(node)).filter(|roles| !roles.is_empty())
    }

    /// Since 3.1 a scheme without scopes may be followed by names of roles. Where another alternative names none, whoever
    /// comes by that needs none.
    fn named_roles(&self, security: &Security) -> Option<Vec<String>> {
        let has_scopes = |name: &str| {
            let kind = self.schemes.iter().find(|s| s.name == name).map(|s| &s.kind);
            matches!(kind, Some(SchemeKind::OAuth2(_) | SchemeKind::OpenId(_)))
        };
        let of = |r: &Requirement| -> Vec<String> {
            let named = r.schemes.iter().filter(|(name, _)| !has_scopes(name));
            named.flat_map(|(_, roles)| roles.iter().cloned()).collect()
        };
        let all: Vec<Vec<String>> = security.alternatives().iter().map(of).collect();
        let named = self.v31 && !all.is_empty() && all.iter().all(|roles| !roles.is_empty());
        named.then(|| all.concat())
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
        let node = &self.library.resolve(node)?;
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
pub(super) fn without_names(path: &str) -> String {
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

#[cfg(test)]
mod tests;
