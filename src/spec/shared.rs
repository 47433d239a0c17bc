//! Reads what projects, environments and suites can all say.

use std::sync::Arc;

use super::ask::REQUEST;
use super::diags;
use super::flow::{FLOW_KEYS, flow};
use super::model::{
    AuthSpec, Defaults, DemoSpec, IdentitySpec, Named, SchemeSpec, SecretSource, SecretSpec, Shared, TargetSpec,
    TlsSpec,
};
use super::outcomes::{OUTCOME_KEYS, outcomes};
use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::step::{STEP_KEYS, map_node, redirects_by_word};
use super::yaml::{Data, Entry, Node};
use crate::demo::{WEAKNESS_IDS, WEAKNESSES, Weakness};
use crate::jsonpath::Path;
use crate::source::Spanned;

/// The keys that a project, an environment and a suite share.
pub const SHARED_KEYS: &[Key] = &[
    key("target", "`demo`, a URL, or `{ url, command, ready, within }`")
        .is(Shape::Either(&[Shape::Text, Shape::Keys(TARGET_KEYS)])),
    key("targets", "other places by name, each a URL or `{ url, ready, within }`; a request there is `GET name:/path`")
        .is(Shape::by_name(&Shape::Either(&[Shape::Text, Shape::Keys(NAMED_TARGET_KEYS)]))),
    key("vars", "variables, computed once per run").is(Shape::by_name(&Shape::Any)),
    key("secrets", "values that are masked everywhere: `{ env | file | command, json, expires }`")
        .is(Shape::by_name(&Shape::Keys(SECRET_KEYS))),
    key("auth", "schemes by name").is(Shape::by_name(&Shape::The(Def::Scheme))),
    key("identities", "who: a scheme and that person's credentials").is(Shape::by_name(&Shape::The(Def::Identity))),
    key("flows", "steps under a name, run with `use`").is(Shape::Map(&Shape::Keys(FLOW_KEYS))),
    key("defaults", "`as`, `headers`, `redirects` and `timeout` of all steps").is(Shape::Keys(DEFAULT_KEYS)),
    key("tls", "`verify`, `ca`, `cert`, `key`").is(Shape::Keys(TLS_KEYS)),
    key("proxy", "`env` or a URL; none by default").is(Shape::Text),
    key("resolve", "hosts pinned to addresses").is(Shape::Map(&Shape::Text)),
    key("origins", "further origins that credentials may go to").is(Shape::TEXTS),
    key("outcomes", "what `allow`, `deny` and `hidden` mean for an API that answers in its own way")
        .is(Shape::Keys(OUTCOME_KEYS)),
    key(
        "allow_destructive",
        "`true`: destructive mutations may be sent, which write or delete where the server is weak; `false` forbids it",
    )
    .is(Shape::Flag),
];

/// The keys of an identity that every scheme knows; its other fields are the scheme's.
pub const IDENTITY_KEYS: &[Key] = &[
    key("auth", "a scheme of `auth:` by name, or one written in place")
        .is(Shape::Either(&[Shape::Text, Shape::The(Def::Scheme)])),
    key("like", "another identity: its fields and its `auth`, with these over them; `null` removes one")
        .is(Shape::Text),
    key("role", "what the person is; for people and reports").is(Shape::Either(&[Shape::Text, Shape::Null])),
];

/// The keys of `defaults`.
pub const DEFAULT_KEYS: &[Key] = &[
    key("as", "the caller of steps that name none").is(Shape::Text),
    key("headers", "header fields that every step sends").is(Shape::HEADERS),
    key("redirects", "`none` or `follow`").is(Shape::Words(&["none", "follow"])),
    key("timeout", "a duration for each exchange").is(Shape::Duration),
];

/// The keys of `demo`.
pub const DEMO_KEYS: &[Key] = &[
    key("tls", "whether it serves https and asks for client certificates").is(Shape::Flag),
    key("signing_key", "a PEM file with the RSA key that signs its tokens, so that a suite can hold the same key")
        .is(Shape::Text),
    key("weak", "deliberate defects, one or a list; `authspec list weaknesses` names them")
        .is(Shape::OneOrMore(&Shape::Words(WEAKNESS_IDS))),
];

/// The keys of a target in its long form.
pub const TARGET_KEYS: &[Key] = &[
    key("url", "where requests go").is(Shape::Text),
    key("demo", "instead of `url`: the embedded demo with settings of its own, `{ tls: true }` for https that asks for client certificates")
        .is(Shape::Keys(DEMO_KEYS)),
    key(
        "command",
        "a command as a list that serves it: started by the run in the folder of the file, awaited and stopped",
    )
    .is(Shape::TEXTS),
    key("ready", "a request, such as `GET /health`, that is asked until it is answered below 400")
        .is(Shape::Like(REQUEST)),
    key("within", "how long to wait for it, 30s by default").is(Shape::Duration),
];

/// The keys of one of `targets` in its long form.
pub const NAMED_TARGET_KEYS: &[Key] = &[
    key("url", "where its requests go").is(Shape::Text).needed(),
    key("ready", "a request, such as `GET /health`, that is asked until it is answered below 400")
        .is(Shape::Like(REQUEST)),
    key("within", "how long to wait for it, 30s by default").is(Shape::Duration),
];

/// The keys of a secret.
pub const SECRET_KEYS: &[Key] = &[
    key("env", "an environment variable").is(Shape::Text),
    key("file", "a file; a trailing newline is trimmed").is(Shape::Text),
    key("command", "a command as a list; its output, a trailing newline trimmed").is(Shape::TEXTS),
    key("json", "a JSONPath that picks the secret out of the text").is(Shape::Text),
    key("expires", "a date; a warning tells when it is near, an error when it is past").is(Shape::Text),
];

/// The keys of `tls`.
pub const TLS_KEYS: &[Key] = &[
    key("verify", "`false` switches verification off, which every report repeats").is(Shape::Flag),
    key("ca", "a PEM file with certificates of authorities to trust beside the system's").is(Shape::Text),
    key("cert", "a PEM file with the client's certificate chain").is(Shape::Text),
    key("key", "a PEM file with the client's private key").is(Shape::Text),
];

/// Reads the shared keys; others are left to the caller.
pub(super) fn shared(fields: Fields<'_>, reader: &mut Reader<'_>) -> Shared {
    let auth = named(fields, "auth", reader, scheme);
    let identities = identities(fields, reader);
    let flows = named(fields, "flows", reader, flow);
    let targets = named(fields, "targets", reader, |r, n| target_of(n, NAMED_TARGET_KEYS, "one of `targets`", r));
    Shared {
        faulty_targets: left_out(fields, "targets", &targets),
        targets,
        faulty_flows: left_out(fields, "flows", &flows),
        flows,
        faulty_auth: left_out(fields, "auth", &auth),
        faulty_identities: left_out(fields, "identities", &identities),
        target: fields.get("target").and_then(|n| target_of(n, TARGET_KEYS, "`target`", reader)),
        vars: named(fields, "vars", reader, |_, n| Some(n.clone())),
        secrets: named(fields, "secrets", reader, secret),
        auth,
        identities,
        defaults: fields.get("defaults").and_then(|n| defaults(n, reader)).unwrap_or_default(),
        tls: fields.get("tls").and_then(|n| tls(n, reader)),
        proxy: fields.get("proxy").filter(|n| reader.word(n).is_some()).cloned(),
        resolve: named(fields, "resolve", reader, |r, n| r.word(n).map(|_| n.clone())),
        origins: fields.get("origins").map_or_else(Vec::new, |n| {
            reader.one_or_more(n).iter().filter(|i| reader.word(i).is_some()).cloned().collect()
        }),
        outcomes: outcomes(fields, reader),
        attacks: fields.get("allow_attacks_on").map_or_else(Vec::new, |n| hosts(n, reader)),
        destructive: fields
            .get("allow_destructive")
            .and_then(|n| reader.flag(n).map(|value| Spanned::new(value, n.span))),
    }
}

pub(super) fn named<T>(
    fields: Fields<'_>,
    name: &str,
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>, &Node) -> Option<T>,
) -> Vec<Named<T>> {
    let Some(map) = fields.get(name).and_then(|n| reader.map(n)) else { return Vec::new() };
    map.iter()
        .filter_map(|entry| {
            let good = entry.key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)) && !entry.key.is_empty();
            // These are not names that templates use.
            let free = name == "resolve" || (name == "flows" && !entry.key.trim().is_empty());
            if !free && !good {
                let reason = "a name holds letters, digits, `_` and `-`";
                reader.fault(diags::reserved_name(entry.key_span, &entry.key, reason));
                return None;
            }
            let value = read(reader, &entry.value)?;
            Some(Named { name: Arc::clone(&entry.key), span: entry.key_span, value })
        })
        .collect()
}

/// The names under a key that could not be read.
fn left_out<T>(fields: Fields<'_>, name: &str, read: &[Named<T>]) -> Vec<Arc<str>> {
    let Some(Data::Map(entries)) = fields.get(name).map(|n| &n.data) else { return Vec::new() };
    entries.iter().map(|e| &e.key).filter(|key| read.iter().all(|n| n.name != **key)).cloned().collect()
}

fn target_of(node: &Node, keys: &[Key], what: &str, reader: &mut Reader<'_>) -> Option<TargetSpec> {
    if !matches!(node.data, Data::Map(_)) {
        reader.word(node)?;
        return Some(TargetSpec { url: node.clone(), demo: None, ready: None, within: None, command: None });
    }
    let fields = reader.fields(node, keys, what)?;
    let ready = fields.get("ready").filter(|n| super::ask::request(n, reader).is_some()).cloned();
    let within = fields.get("within").and_then(|n| reader.duration(n));
    let command = fields.get("command").filter(|n| command_words(n, reader)).cloned();
    if let Some(entry) = fields.entry("demo") {
        for other in fields.iter().filter(|e| matches!(&*e.key, "url" | "command")) {
            let why = "the demo is started by the run, which knows where it is";
            reader.fault(diags::at_odds(("demo", entry.key_span), (&other.key, other.key_span), why));
        }
        let demo = demo(&entry.value, reader)?;
        return Some(TargetSpec { url: node.clone(), demo: Some(demo), ready, within, command: None });
    }
    let url = reader.need(fields, node, "url", what)?;
    let word = reader.word(url)?;
    if command.is_some() && &*word.value == "demo" {
        let fault = diags::bad_value(url.span, "the demo needs no `command`").label("say where the command serves");
        reader.fault(fault);
        return None;
    }
    Some(TargetSpec { url: url.clone(), demo: None, ready, within, command })
}

/// Reads how the demo is started; what is faulty is told and left out.
fn demo(node: &Node, reader: &mut Reader<'_>) -> Option<DemoSpec> {
    let keys = reader.fields(node, DEMO_KEYS, "`demo`")?;
    let tls = keys.get("tls").and_then(|node| reader.flag(node)).unwrap_or(false);
    let signing_key = keys.get("signing_key").and_then(|node| reader.word(node));
    let items = keys.get("weak").map_or(&[][..], |node| reader.one_or_more(node));
    let weak = items.iter().filter_map(|item| weakness(item, reader)).collect();
    Some(DemoSpec { tls, signing_key, weak })
}

fn weakness(node: &Node, reader: &mut Reader<'_>) -> Option<&'static Weakness> {
    let name = reader.word(node)?;
    let found = WEAKNESSES.iter().find(|w| w.id == &*name.value);
    if found.is_none() {
        reader.fault(diags::unknown_weakness(name.span, &name.value));
    }
    found
}

fn command_words(node: &Node, reader: &mut Reader<'_>) -> bool {
    let words = reader.one_or_more(node);
    if words.is_empty() {
        reader.fault(diags::bad_value(node.span, "the command is empty").label("a program and its arguments"));
    }
    !words.is_empty() && words.iter().all(|w| reader.word(w).is_some())
}

fn secret(reader: &mut Reader<'_>, node: &Node) -> Option<SecretSpec> {
    if !matches!(node.data, Data::Map(_)) {
        let fault = diags::bad_value(node.span, "a secret is not written into a file; say where it comes from")
            .label("a source is needed")
            .help("`{ env: NAME }`, `{ file: path }` or `{ command: [program, argument] }`");
        reader.fault(fault);
        return None;
    }
    let fields = reader.fields(node, SECRET_KEYS, "a secret")?;
    let json = fields.get("json").cloned();
    if let Some((node, Err(fault))) = json.as_ref().map(|n| (n, Path::parse(&n.scalar().unwrap_or_default()))) {
        reader.fault(diags::bad_value(node.span, fault.message).label("not a JSONPath"));
    }
    let expires = fields.get("expires").and_then(|n| reader.word(n));
    if let Some(date) = expires.as_ref().filter(|d| d.value.parse::<jiff::civil::Date>().is_err()) {
        let message = format!("`{}` is no date", date.value);
        reader.fault(diags::bad_value(date.span, message).label("not a date").help("write for example `2027-01-31`"));
    }
    let mut sources = Vec::new();
    if let Some(name) = fields.get("env").and_then(|n| reader.word(n)) {
        sources.push(SecretSource::Env(name));
    }
    if let Some(path) = fields.get("file").and_then(|n| reader.word(n)) {
        sources.push(SecretSource::File(path));
    }
    if let Some(list) = fields.get("command") {
        let words: Vec<Arc<str>> =
            reader.one_or_more(list).iter().filter_map(|n| reader.word(n)).map(|w| w.value).collect();
        sources.push(SecretSource::Command(words, list.span));
    }
    if sources.len() != 1 {
        let fault =
            diags::bad_value(node.span, "a secret has exactly one source").label("one of `env`, `file`, `command`");
        reader.fault(fault);
        return None;
    }
    sources.pop().map(|source| SecretSpec { source, json, expires, span: node.span })
}

/// Reads a scheme's kind; its row of the scheme table reads the rest.
fn scheme(reader: &mut Reader<'_>, node: &Node) -> Option<SchemeSpec> {
    let fields = reader.map(node)?;
    let like = fields.get("like").map(|n| reader.word(n));
    let kind = match (fields.get("scheme"), &like) {
        (None, Some(_)) => None,
        _ => Some(reader.need(fields, node, "scheme", "a scheme").and_then(|n| reader.word(n))?),
    };
    // A `like` with a fault of its own is not asked for what it means.
    let like = like.map_or(Some(None), |word| word.map(Some))?;
    Some(SchemeSpec { kind, like, node: node.clone() })
}

fn identities(fields: Fields<'_>, reader: &mut Reader<'_>) -> Vec<Named<IdentitySpec>> {
    let all = named(fields, "identities", reader, identity);
    for entry in fields.get("identities").and_then(|node| reader.map(node)).iter().flat_map(super::reader::Fields::iter)
    {
        if let Data::Map(own) = &entry.value.data
            && own.iter().all(|e| !matches!(&*e.key, "auth" | "like"))
        {
            let scheme = own.iter().find(|e| &*e.key == "scheme");
            let span = scheme.or(own.first()).map_or(entry.value.span, |e| e.key_span);
            let kind = scheme.and_then(|e| if let Data::Text(text) = &e.value.data { Some(&**text) } else { None });
            reader.fault(diags::needs_auth(span, &entry.key, kind));
        }
    }
    for identity in &all {
        let reason = if &*identity.name == "anonymous" {
            "`anonymous` always exists, is always empty and cannot carry a credential"
        } else if STEP_KEYS.iter().any(|k| k.name == &*identity.name) {
            "it is a key of steps"
        } else {
            continue;
        };
        reader.fault(diags::reserved_name(identity.span, &identity.name, reason));
    }
    all
}

fn identity(reader: &mut Reader<'_>, node: &Node) -> Option<IdentitySpec> {
    let fields = reader.map(node)?;
    let like = fields.get("like").map(|n| reader.word(n));
    let auth = match (fields.get("auth"), &like) {
        (None, Some(_)) => None,
        // Told where its name is known.
        _ => Some(fields.get("auth")?),
    };
    let auth = match auth.map(|n| (n, &n.data)) {
        None => None,
        Some((node, Data::Map(_))) => Some(AuthSpec::Inline(scheme(reader, node)?)),
        Some((node, _)) => Some(AuthSpec::Name(reader.word(node)?)),
    };
    let like = like.map_or(Some(None), |word| word.map(Some))?;
    let none = |e: &Entry| like.is_some() && matches!(e.value.data, Data::Null);
    let role = fields.iter().find(|e| &*e.key == "role" && !none(e)).and_then(|e| reader.word(&e.value));
    if let Some(roles) = fields.iter().find(|e| &*e.key == "roles" && matches!(e.value.data, Data::List(_))) {
        reader.fault(diags::one_role(&roles.value));
    }
    // `role: null` is kept among the fields, where it removes the one of the identity below.
    let fields = fields
        .iter()
        .filter(|e| &*e.key != "roles" || !matches!(e.value.data, Data::List(_)))
        .filter(|e| IDENTITY_KEYS.iter().all(|k| k.name != &*e.key) || (&*e.key == "role" && none(e)))
        .map(|e| Named { name: Arc::clone(&e.key), span: e.key_span, value: e.value.clone() })
        .collect();
    Some(IdentitySpec { like, auth, role, fields })
}

fn defaults(node: &Node, reader: &mut Reader<'_>) -> Option<Defaults> {
    let fields = reader.fields(node, DEFAULT_KEYS, "`defaults`")?;
    Some(Defaults {
        caller: fields.get("as").and_then(|n| reader.word(n)),
        headers: map_node(fields, "headers", reader),
        redirects: fields.get("redirects").and_then(|n| redirects_by_word(n, reader)),
        timeout: fields.get("timeout").and_then(|n| reader.duration(n)),
    })
}

fn tls(node: &Node, reader: &mut Reader<'_>) -> Option<TlsSpec> {
    let fields = reader.fields(node, TLS_KEYS, "`tls`")?;
    let verify = fields.get("verify").and_then(|n| reader.flag(n).map(|v| Spanned::new(v, n.span)));
    let path = |name: &str, reader: &mut Reader<'_>| fields.get(name).and_then(|n| reader.path(n));
    let spec = TlsSpec { verify, ca: path("ca", reader), cert: path("cert", reader), key: path("key", reader) };
    if spec.cert.is_some() != spec.key.is_some() {
        reader.fault(diags::bad_value(node.span, "`cert` and `key` belong together").label("one of them is missing"));
    }
    Some(spec)
}

/// Reads globs of hosts; one that means all hosts means nothing.
fn hosts(node: &Node, reader: &mut Reader<'_>) -> Vec<Spanned<Arc<str>>> {
    let words: Vec<Spanned<Arc<str>>> = reader.one_or_more(node).iter().filter_map(|n| reader.word(n)).collect();
    for word in &words {
        let all = word.value.chars().all(|c| matches!(c, '*' | '.' | '?' | '[' | ']' | '!' | '{' | '}' | ','));
        if all {
            let fault = diags::bad_value(word.span, format!("`{}` permits attacks on every host", word.value));
            reader.fault(fault.label("name the hosts, as `*.staging.example.com`"));
        } else if globset::Glob::new(&word.value).is_err() {
            reader.fault(diags::bad_value(word.span, format!("`{}` is no glob", word.value)).label("this one"));
        }
    }
    words
}
