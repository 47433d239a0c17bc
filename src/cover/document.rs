//! An API document as coverage needs it: operations, what they ask of a caller, and the schemes they ask it by.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::source::Span;

/// An OpenAPI document.
#[derive(Debug)]
pub struct Document {
    /// The name it gives itself.
    pub title: String,
    /// The version of the API.
    pub version: String,
    /// The version of OpenAPI it is written in.
    pub openapi: String,
    /// The URLs of all servers, those of the document before those of paths and operations, with the values of their
    /// variables.
    pub servers: Vec<String>,
    /// All operations, in the order of the document.
    pub operations: Vec<Operation>,
    /// The security schemes it declares.
    pub schemes: Vec<SecurityScheme>,
    /// The file it was read from, as it was named.
    pub file: Arc<str>,
}

/// One method of one path.
#[derive(Debug)]
pub struct Operation {
    /// The method in capitals.
    pub method: String,
    /// The path as it is written, with its parameters in braces.
    pub path: String,
    /// The paths of the servers it is served by, without a slash at the end.
    pub prefixes: Vec<String>,
    /// What it asks of a caller.
    pub security: Security,
    /// The parameters of its path that name an object: those that are not one of a few words.
    pub objects: Vec<String>,
    /// The roles that may call it, where the document says so.
    pub roles: Option<Vec<String>>,
    /// The statuses it documents, ranges such as `4XX` and `default` among them.
    pub statuses: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it takes.
    pub body: Option<Body>,
    /// Where the answer that lets in has texts and numbers: `$.access_token`, `$.data.id`.
    pub answers: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// The body of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// The key of a step that takes it: `json`, `form`, `multipart` or `body`.
    pub key: &'static str,
    /// What has to be in it, by its schema; all there is where that demands nothing.
    pub fields: Vec<Field>,
}

/// A field of a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// A value that it takes, as far as the document says one; null is what only a person knows.
    pub sample: serde_json::Value,
}

/// What an operation asks of a caller (OpenAPI 3.1, section 4.8.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Nothing is said, neither here nor for the whole document. That is not public: it is unknown.
    Undeclared,
    /// `security: []`.
    Public,
    /// With `{}` among the alternatives: a credential is welcome and not needed.
    Optional(Vec<Requirement>),
    /// One of the alternatives.
    Required(Vec<Requirement>),
}

impl Security {
    /// The word of reports.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Undeclared => "undeclared",
            Self::Public => "public",
            Self::Optional(_) => "optional",
            Self::Required(_) => "required",
        }
    }

    /// The alternatives, each of which is enough.
    pub fn alternatives(&self) -> &[Requirement] {
        match self {
            Self::Undeclared | Self::Public => &[],
            Self::Optional(all) | Self::Required(all) => all,
        }
    }
}

/// Schemes that are needed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Names of schemes, each with its scopes or roles.
    pub schemes: Vec<(String, Vec<String>)>,
}

/// A scheme of the document.
#[derive(Debug)]
pub struct SecurityScheme {
    /// Its name.
    pub name: String,
    /// How a credential travels.
    pub kind: SchemeKind,
    /// Where it is declared.
    pub span: Span,
}

/// How a credential travels by a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemeKind {
    /// `type: http` with the scheme in lower case: `bearer`, `basic`.
    Http(String),
    /// `type: apiKey`.
    ApiKey(KeyPlace, String),
    /// `type: oauth2` with its flows.
    OAuth2(Vec<Flow>),
    /// `type: openIdConnect` with the address of its metadata.
    OpenId(String),
    /// `type: mutualTLS`, since OpenAPI 3.1.
    MutualTls,
}

/// A flow of `type: oauth2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its name: `password`, `clientCredentials`, `authorizationCode`.
    pub name: String,
    /// The token endpoint.
    pub token: Option<String>,
    /// The authorization endpoint.
    pub authorize: Option<String>,
}

/// Where an API key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a header field.
    Header,
    /// In the query.
    Query,
    /// In a cookie.
    Cookie,
}

impl Document {
    /// The scopes that an operation asks for, by any of its alternatives.
    pub fn scopes(&self, op: &Operation) -> BTreeSet<String> {
        let has_scopes = |name: &str| {
            self.scheme(name).is_some_and(|s| matches!(s.kind, SchemeKind::OAuth2(_) | SchemeKind::OpenId(_)))
        };
        let asked = op.security.alternatives().iter().flat_map(|r| &r.schemes);
        asked.filter(|(name, _)| has_scopes(name)).flat_map(|(_, scopes)| scopes.iter().cloned()).collect()
    }

    /// Finds a scheme by its name.
    pub fn scheme(&self, name: &str) -> Option<&SecurityScheme> {
        self.schemes.iter().find(|s| s.name == name)
    }
}

impl Operation {
    /// Method and path, as people read it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path that a suite writes: behind a server's path, as far as the target does not have that already.
    pub fn written_path(&self, bases: &[String]) -> String {
        let behind = |prefix: &String| {
            let all = bases.iter().filter(|base| !base.is_empty());
            let rests = all.filter_map(|base| prefix.strip_prefix(&**base));
            rests.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(ToOwned::to_owned).min_by_key(String::len)
        };
        let rest = self.prefixes.iter().find_map(behind).or_else(|| self.prefixes.first().cloned());
        format!("{}{}", rest.unwrap_or_default(), self.path)
    }

    /// Tells whether it only looks (RFC 9110, section 9.2.1).
    pub fn is_safe(&self) -> bool {
        crate::http::is_safe(&self.method)
    }

    /// Tells whether strangers have to be refused; what is not declared counts as protected until it is.
    pub fn is_protected(&self) -> bool {
        matches!(self.security, Security::Required(_) | Security::Undeclared) && !self.is_preflight()
    }

    /// Tells whether browsers ask it before they send any credential (Fetch standard, CORS-preflight).
    pub fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
    }
}
