//! How people log in, as far as a document says it: by the first scheme that an operation asks for.

use super::login::{Travels, is_shown, login};
use crate::cover::document::{Document, Flow, KeyPlace, Operation, SchemeKind};
use crate::cover::read::path_of;
use crate::cover::written::{FILL_IN, scalar, with_vars};

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |end| &url[..start + end])
}

/// The keys of a scheme, and the fields that people have for it.
pub(super) fn auth(document: &Document, target: &str, bases: &[String]) -> (String, String) {
    let mut asked = document.operations.iter().flat_map(|o| o.security.alternatives()).flat_map(|r| &r.schemes);
    let kind = asked.find_map(|(name, _)| document.scheme(name)).map(|s| &s.kind);
    // A secret is masked wherever it stands, so it is not spelt like what is filled in elsewhere.
    let person = format!(", username: {FILL_IN}, password: {FILL_IN}-PASSWORD");
    let key = format!(", key: {FILL_IN}-KEY");
    let places = Places { document, target, bases };
    match kind {
        Some(SchemeKind::Http(word)) if word == "basic" || word == "digest" => {
            (format!("    scheme: {word}\n"), person)
        }
        // A key that is got by a password is the token of a login.
        Some(SchemeKind::ApiKey(KeyPlace::Header, name)) if is_shown(document) => {
            (login(&places, Travels::Header(name)), person)
        }
        Some(SchemeKind::ApiKey(KeyPlace::Header, name)) => {
            (format!("    scheme: api-key\n    header: {}\n", scalar(name)), key)
        }
        Some(SchemeKind::ApiKey(KeyPlace::Query, name)) => {
            (format!("    scheme: api-key\n    query: {}\n", scalar(name)), key)
        }
        Some(SchemeKind::MutualTls) => {
            let files = format!(", cert: {FILL_IN}.pem, key: {FILL_IN}.key");
            ("    scheme: mtls\n".to_owned(), files)
        }
        Some(SchemeKind::OpenId(url)) => {
            let issuer = url.strip_suffix("/.well-known/openid-configuration").unwrap_or(url);
            (grant("authorization_code", &format!("    issuer: {}\n", scalar(issuer))), person)
        }
        Some(SchemeKind::OAuth2(flows)) => match flow(flows, &places) {
            Some((text, true)) => (text, person),
            Some((text, false)) => (text, format!(", client: {{ id: {FILL_IN}, secret: {FILL_IN}-SECRET }}")),
            None => (login(&places, Travels::Bearer), person),
        },
        // The cookies that a login sets travel by themselves.
        Some(SchemeKind::ApiKey(KeyPlace::Cookie, _)) => (login(&places, Travels::Cookies), person),
        Some(SchemeKind::Http(_)) | None => (login(&places, Travels::Bearer), person),
    }
}

pub(super) struct Places<'a> {
    pub(super) document: &'a Document,
    target: &'a str,
    bases: &'a [String],
}

impl Places<'_> {
    /// The request of an operation as a scheme writes it. What has no value in a server's URL stands open.
    pub(super) fn request(&self, op: &Operation) -> String {
        let (mut path, vars) = with_vars(&op.written_path(self.bases));
        for var in vars {
            path = path.replace(&format!("{{{{ {var} }}}}"), FILL_IN);
        }
        scalar(&format!("{} {path}", op.method))
    }

    /// An endpoint of the document as a suite writes it: below the target, where it is the same server.
    fn endpoint(&self, url: &str) -> String {
        let same = |server: &&String| origin(server) == origin(url);
        let ours = !url.contains("://") || self.document.servers.iter().any(|s| same(&s)) || origin(url) == self.target;
        if !ours {
            return url.to_owned();
        }
        // A relative one is below the server.
        let relative = !url.contains("://") && !url.starts_with('/');
        let before = self.document.servers.first().filter(|_| relative).map(|s| path_of(s)).unwrap_or_default();
        let path = format!("{before}{}", path_of(url));
        let below = |base: &String| path.strip_prefix(&**base).filter(|rest| rest.starts_with('/'));
        self.bases.iter().find_map(below).unwrap_or(&path).to_owned()
    }
}

/// A grant of OAuth that a document describes, and whether it is about a person.
fn flow(flows: &[Flow], places: &Places<'_>) -> Option<(String, bool)> {
    let urls = |flow: &Flow| {
        let token = flow.token.as_deref().map(|url| format!("    token_url: {}\n", scalar(&places.endpoint(url))));
        let authorize = flow.authorize.as_deref();
        let authorize = authorize.map(|url| format!("    authorize_url: {}\n", scalar(&places.endpoint(url))));
        format!("{}{}", authorize.unwrap_or_default(), token.unwrap_or_default())
    };
    let of = |name: &str| flows.iter().find(|f| f.name == name && f.token.is_some()).map(urls);
    let person = |grant_name: &str, urls: String| (grant(grant_name, &urls), true);
    of("password")
        .map(|urls| person("password", urls))
        .or_else(|| of("authorizationCode").map(|urls| person("authorization_code", urls)))
        .or_else(|| {
            // Each program is a client of its own.
            let urls = of("clientCredentials")?;
            Some((format!("    scheme: oauth2\n    grant: client_credentials\n{urls}"), false))
        })
}

fn grant(name: &str, endpoints: &str) -> String {
    let back = if name == "authorization_code" {
        format!("    redirect_uri: http://127.0.0.1:9/cb # {FILL_IN}\n")
    } else {
        String::new()
    };
    format!("    scheme: oauth2\n    grant: {name}\n{endpoints}    client: {{ id: {FILL_IN} }}\n{back}")
}
