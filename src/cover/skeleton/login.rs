//! A login of the API's own, as far as its document shows one: which operation it is, what it takes and what it answers,
//! and beside it what renews a session, ends it, and says whose it is.

use super::auth::Places;
use crate::cover::document::{Body, Document, Field, Operation, Security};
use crate::cover::maker::plain;
use crate::cover::written::{FILL_IN, sample, scalar};

/// What the user's name is called in bodies.
const USERS: &[&str] = &[
    "username",
    "user",
    "login",
    "email",
    "mail",
    "emailaddress",
    "useremail",
    "usernameoremail",
    "userid",
    "loginid",
    "identifier",
    "account",
    "accountname",
    "phone",
    "phonenumber",
    "name",
];

/// What the password is called.
const PASSWORDS: &[&str] = &["password", "pass", "passwd", "pwd", "userpassword", "passphrase", "secret", "pin"];

/// What a token is called in answers, the likeliest first.
const TOKENS: &[&str] =
    &["accesstoken", "token", "authtoken", "jwt", "bearertoken", "sessiontoken", "access", "idtoken"];

/// What renews it.
const REFRESH: &[&str] = &["refreshtoken", "refresh"];

/// How the credential of a login travels.
#[derive(Clone, Copy)]
pub(super) enum Travels<'a> {
    /// As a bearer token.
    Bearer,
    /// In a field of its own.
    Header(&'a str),
    /// By the cookies that the login sets.
    Cookies,
}

/// The operation that looks like a login: by its path, or by a password in its body.
pub(super) fn operation(document: &Document) -> Option<&Operation> {
    // The first of the likeliest.
    let all = document.operations.iter().map(|op| (likeness(op), op));
    all.filter(|(like, _)| *like > 0).rev().max_by_key(|(like, _)| *like).map(|(_, op)| op)
}

/// Tells whether a document shows a login that takes a password and answers with a token.
pub(super) fn is_shown(document: &Document) -> bool {
    operation(document).is_some_and(|op| {
        op.body.as_ref().is_some_and(|b| find(b, PASSWORDS).is_some()) && answer(op, TOKENS).is_some()
    })
}

fn likeness(op: &Operation) -> u8 {
    const OTHERS: &[&str] = &[
        "register", "signup", "reset", "forgot", "refresh", "logout", "signout", "verify", "change", "confirm",
        "revoke",
    ];
    let path = plain_path(op);
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    if op.method != "POST" || path.contains('{') || matches!(op.security, Security::Required(_)) || has(OTHERS) {
        return 0;
    }
    let password = op.body.as_ref().is_some_and(|body| find(body, PASSWORDS).is_some());
    let named = has(&["login", "signin"]);
    let nearly = has(&["auth", "session", "token"]);
    4 * u8::from(named) + 2 * u8::from(password) + u8::from(nearly && password)
}

fn plain_path(op: &Operation) -> String {
    op.path.to_ascii_lowercase().replace(['-', '_'], "")
}

fn find<'b>(body: &'b Body, names: &[&str]) -> Option<&'b Field> {
    names.iter().find_map(|name| body.fields.iter().find(|f| plain(&f.name) == *name))
}

/// Where the answer has one of these: the likeliest name first, and the nearest of it.
fn answer<'o>(op: &'o Operation, names: &[&str]) -> Option<&'o str> {
    let of = |name: &&str| {
        let ends = |path: &&String| path.rsplit('.').next().is_some_and(|last| plain(last) == *name);
        op.answers.iter().filter(ends).min_by_key(|path| path.matches('.').count())
    };
    names.iter().find_map(of).map(String::as_str)
}

/// The keys of the scheme.
pub(super) fn login(places: &Places<'_>, travels: Travels<'_>) -> String {
    let found = operation(places.document);
    let (path, mark) = match found {
        Some(op) => (places.request(op), String::new()),
        None => ("POST /login".to_owned(), format!(" # {FILL_IN}: the request that logs in")),
    };
    let mut out = format!("    scheme: login\n    login:\n      request: {path}{mark}\n      {}", credentials(found));
    if !matches!(travels, Travels::Cookies) {
        let refresh = found.and_then(|op| answer(op, REFRESH));
        out.push_str(&captures(found.and_then(|op| answer(op, TOKENS)), refresh));
        if refresh.is_some() {
            out.push_str(&renewal(places).unwrap_or_default());
        }
    }
    out.push_str(&logout(places).unwrap_or_default());
    match travels {
        Travels::Bearer => out.push_str("    send: { bearer: access_token }\n"),
        Travels::Header(name) if name.eq_ignore_ascii_case("authorization") => {
            out.push_str(&format!(
                "    send: {{ bearer: access_token }} # {FILL_IN}: or another word before the token\n"
            ));
        }
        Travels::Header(name) => {
            let name = scalar(name);
            out.push_str(&format!("    send: {{ header: {{ {name}: \"{{{{ session.access_token }}}}\" }} }}\n"));
        }
        Travels::Cookies => {}
    }
    out.push_str(&whoami(places, found).unwrap_or_default());
    out
}

/// The body of a login. What is neither name nor password has the document's own value, or stands open.
fn credentials(op: Option<&Operation>) -> String {
    const USER: &str = "\"{{ identity.username }}\"";
    const PASSWORD: &str = "\"{{ identity.password }}\"";
    let body = op.and_then(|op| op.body.as_ref());
    let key = body.map(|body| body.key).filter(|key| *key == "form").unwrap_or("json");
    let known = body.and_then(|body| Some((body, find(body, USERS)?, find(body, PASSWORDS)?)));
    let Some((body, user, password)) = known else {
        let why = "what the login takes, which the document does not say";
        return format!("{key}: {{ username: {USER}, password: {PASSWORD} }} # {FILL_IN}: {why}\n");
    };
    let mut open = false;
    let mut all = Vec::new();
    for field in &body.fields {
        let value = match field {
            _ if field.name == user.name => USER.to_owned(),
            _ if field.name == password.name => PASSWORD.to_owned(),
            _ if plain(&field.name) == "granttype" && field.sample.is_null() => "password".to_owned(),
            _ => {
                open |= field.sample.is_null();
                sample(&field.sample)
            }
        };
        all.push(format!("{}: {value}", scalar(&field.name)));
    }
    let mark = if open { format!(" # {FILL_IN}") } else { String::new() };
    format!("{key}: {{ {} }}{mark}\n", all.join(", "))
}

fn captures(token: Option<&str>, refresh: Option<&str>) -> String {
    let mark = match token {
        Some(_) => String::new(),
        None => format!(" # {FILL_IN}: where the answer has the token, which the document does not say"),
    };
    let refresh = refresh.map(|path| format!(", refresh_token: {path}")).unwrap_or_default();
    format!("      capture: {{ access_token: {}{refresh} }}{mark}\n", token.unwrap_or("$.access_token"))
}

/// The fields of a body that takes a token to renew with, and nothing else that only a person knows.
fn with_refresh(body: &Body) -> Option<String> {
    let token = find(body, REFRESH)?;
    let mut all = Vec::new();
    for field in &body.fields {
        let value = match field {
            _ if field.name == token.name => "\"{{ session.refresh_token }}\"".to_owned(),
            _ if field.sample.is_null() => return None,
            _ => sample(&field.sample),
        };
        all.push(format!("{}: {value}", scalar(&field.name)));
    }
    Some(format!("{}: {{ {} }}", body.key, all.join(", ")))
}

fn renewal(places: &Places<'_>) -> Option<String> {
    let renews = |op: &&Operation| op.method == "POST" && plain_path(op).contains("refresh") && !op.path.contains('{');
    let op = places.document.operations.iter().find(renews)?;
    let (body, token) = (with_refresh(op.body.as_ref()?)?, answer(op, TOKENS)?);
    let request = places.request(op);
    let captures = captures(Some(token), answer(op, REFRESH));
    Some(format!("    refresh:\n      request: {request}\n      {body}\n{captures}"))
}

fn logout(places: &Places<'_>) -> Option<String> {
    let ends = |op: &&Operation| {
        let path = plain_path(op);
        let named = ["logout", "signout", "logoff", "signoff"].iter().any(|word| path.ends_with(word));
        named && matches!(&*op.method, "POST" | "DELETE" | "GET") && !path.contains('{')
    };
    let op = places.document.operations.iter().find(ends)?;
    let request = places.request(op);
    let has_body = op.body.as_ref().filter(|body| !body.fields.is_empty());
    match has_body {
        None => Some(format!("    logout: {{ request: {request} }}\n")),
        // Something to renew with is there only where the login was seen to answer it.
        Some(body) => {
            operation(places.document).and_then(|op| answer(op, REFRESH))?;
            Some(format!("    logout: {{ request: {request}, {} }}\n", with_refresh(body)?))
        }
    }
}

/// What says whose session it is, where it answers with what the login took.
fn whoami(places: &Places<'_>, login: Option<&Operation>) -> Option<String> {
    const SELF: &[&str] = &["me", "whoami", "userinfo", "profile", "self", "currentuser", "account"];
    let user = plain(&find(login?.body.as_ref()?, USERS)?.name);
    let own = |op: &&Operation| {
        let last = plain(op.path.rsplit('/').next().unwrap_or_default());
        op.method == "GET" && op.is_protected() && SELF.contains(&&*last) && !op.path.contains('{')
    };
    let mut all = places.document.operations.iter().filter(own);
    let (op, path) = all.find_map(|op| Some((op, answer(op, &[&user])?)))?;
    let request = places.request(op);
    let expect = format!("expect: {{ json: {{ {path}: \"{{{{ identity.username }}}}\" }} }}");
    Some(format!("    whoami: {{ request: {request}, {expect} }}\n"))
}
