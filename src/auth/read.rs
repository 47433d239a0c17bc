//! Reads a scheme: its keys, those that all schemes have, and the steps that it is made of.

use std::sync::Arc;

use jiff::Timestamp;

use super::fields::is_broken;
use super::{COMMON_KEYS, Login, SCHEMES, SIGNING_KEYS, SigningKey, diags, kind_of};
use crate::http::Address;
use crate::jose::{Key as SignKey, sign_bytes};
use crate::source::{Span, Spanned};
use crate::spec::{AskSpec, Data, Fields, Key, Node, Redirects, SchemeSpec, StepSpec};
use crate::step::{Compile, Step, StepsId};
use crate::template::{Members, Template};

/// What reading a scheme needs.
pub struct ReadScheme<'a, 'c, 'r> {
    /// Compiles steps, with the identity's fields in scope.
    pub compile: &'a mut Compile<'c, 'r>,
    /// Takes finished step lists in.
    pub steps: &'a mut Vec<Vec<Step>>,
    /// The identity's fields by name, with their places.
    pub fields: &'a [(Arc<str>, Span)],
    /// Where the identity stands; none when the scheme is read for its own faults alone.
    pub identity: Option<Span>,
    /// The address of the target, where that is written out.
    pub base: Option<Arc<str>>,
    /// The time.
    pub now: Timestamp,
    /// The fields of the identity who approves its login, where another one does ([`super::approver`]).
    pub approver: Option<Members>,
}

impl ReadScheme<'_, '_, '_> {
    /// Compiles a step or a list of steps, and gives the names they capture.
    pub(super) fn steps(&mut self, node: &Node) -> Option<(StepsId, Vec<Arc<str>>)> {
        let specs = self.specs(node)?;
        self.compiled(&specs)
    }

    /// Reads steps, of which there has to be one.
    fn specs(&mut self, node: &Node) -> Option<Vec<StepSpec>> {
        if matches!(&node.data, Data::List(items) if items.is_empty()) {
            self.compile.reader.fault(diags::no_steps(node.span));
            return None;
        }
        Some(crate::spec::one_or_more_steps(node, self.compile.reader))
    }

    /// Compiles steps that follow redirects unless they say otherwise, as those through pages do.
    pub(super) fn following(&mut self, node: &Node) -> Option<(StepsId, Vec<Arc<str>>)> {
        let mut specs = self.specs(node)?;
        for spec in specs.iter_mut().filter(|s| s.redirects.is_none()) {
            spec.redirects = Some(Redirects::Follow);
        }
        self.compiled(&specs)
    }

    pub(super) fn compiled(&mut self, specs: &[StepSpec]) -> Option<(StepsId, Vec<Arc<str>>)> {
        if specs.is_empty() {
            return None;
        }
        for spec in specs {
            if let Some(with) = &spec.with {
                self.compile.reader.fault(crate::step::diags::misplaced_with(with.span));
                return None;
            }
            if let AskSpec::Talk(talk) = &spec.ask {
                self.compile.reader.fault(diags::talk_in_scheme(talk.node.span, talk.talk.word()));
                return None;
            }
        }
        let before = Arc::clone(&self.compile.reader.names);
        let steps = self.compile.steps(specs);
        self.compile.reader.names = before;
        let names = steps.iter().flat_map(|s| &s.captures).map(|c| Arc::clone(&c.name)).collect();
        self.steps.push(steps);
        Some((StepsId(u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX)), names))
    }

    /// Puts the fields of whoever approves the login in the place of `identity.*`.
    pub(super) fn as_approver<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let Some(fields) = self.approver.clone() else { return run(self) };
        let before = Arc::clone(&self.compile.reader.names);
        let mut names = (*before).clone();
        names.object("identity", fields);
        self.compile.reader.names = Arc::new(names);
        let out = run(self);
        self.compile.reader.names = before;
        out
    }

    /// Puts `session.*` into scope with the given members.
    pub(super) fn with_session<T>(&mut self, parts: &[Arc<str>], run: impl FnOnce(&mut Self) -> T) -> T {
        let before = Arc::clone(&self.compile.reader.names);
        let mut names = (*before).clone();
        names.object("session", Members::These(parts.iter().map(ToString::to_string).collect()));
        self.compile.reader.names = Arc::new(names);
        let out = run(self);
        self.compile.reader.names = before;
        out
    }
}

/// Reads a scheme for one identity.
pub fn read(spec: &SchemeSpec, place: Span, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Login> {
    let word = spec.kind.as_ref()?;
    let known: Vec<&str> = SCHEMES.iter().map(|s| s.name).collect();
    let Some(kind) = kind_of(spec) else {
        cx.compile.reader.fault(diags::unknown_scheme(word.span, &word.value, &known));
        return None;
    };
    let keys: Vec<Key> = COMMON_KEYS.iter().chain(kind.keys).copied().collect();
    let fields = cx.compile.reader.fields(&spec.node, &keys, &format!("the scheme `{}`", kind.name))?;
    for need in kind.needs {
        if cx.fields.iter().all(|(n, _)| &**n != *need) {
            let others: Vec<_> = cx.fields.iter().filter(|(n, _)| !kind.needs.contains(&&**n)).collect();
            cx.compile.reader.fault(diags::missing_field(place, need, (kind.name, word.span), &others));
        }
    }
    let scheme = (kind.read)(fields, &spec.node, cx)?;
    let parts = scheme.parts();
    let whoami = match fields.get("whoami") {
        None => None,
        Some(node) => cx.with_session(&parts, |cx| cx.steps(node)).map(|(id, _)| id),
    };
    let signing_key = fields.get("signing_key").and_then(|node| signing_key(node, cx));
    let jwks = address(fields, "jwks_url", cx);
    Some(Login { kind, scheme, whoami, signing_key, jwks })
}

/// Reads an absolute address, or a path below the target.
pub(super) fn address(fields: Fields<'_>, key: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let node = fields.get(key)?;
    cx.compile.reader.word(node)?;
    let template = cx.compile.reader.template(node)?;
    one_line(node, key, &template, cx);
    let literal = template.as_literal().filter(|text| !text.starts_with('/'));
    if let Some(Err(why)) = literal.map(|text| Address::parse(text)) {
        cx.compile.reader.fault(diags::no_address(node.span, key, &why.to_string()));
        return None;
    }
    Some(template)
}

/// Refuses a value with a line break where it is written out.
pub(super) fn one_line(node: &Node, key: &str, template: &Template, cx: &mut ReadScheme<'_, '_, '_>) {
    if template.as_literal().is_some_and(|text| is_broken(text)) {
        cx.compile.reader.fault(diags::line_break(node.span, key));
    }
}

/// Reads the key that a server signs with.
fn signing_key(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<SigningKey> {
    if !matches!(node.data, Data::Map(_)) {
        return cx.compile.reader.template(node).map(SigningKey::Text);
    }
    let fields = cx.compile.reader.fields(node, SIGNING_KEYS, "`signing_key`")?;
    let node = cx.compile.reader.need(fields, node, "file", "`signing_key`")?;
    let path = cx.compile.reader.word(node)?;
    let fault = match crate::step::read_file(cx.compile.folder, cx.compile.root, &path.value) {
        Err(why) => crate::step::diags::file(path.span, &path.value, &why),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let signs = || SignKey::from_text(&text).and_then(|key| sign_bytes(key.usual_algorithm(), b"", &key));
            match SignKey::is_written(&text).then(signs) {
                // A bare secret shows nothing before it is used.
                None | Some(Ok(_)) => return Some(SigningKey::File(text.into())),
                Some(Err(why)) => crate::step::diags::file(path.span, &path.value, &why.to_string()),
            }
        }
    };
    cx.compile.reader.fault(fault);
    None
}

/// Reads a map of one name to one template, as `send: { header: { X-Auth: … } }` has it.
pub(super) fn pairs(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Vec<(Arc<str>, Template)> {
    let Some(map) = cx.compile.reader.map(node) else { return Vec::new() };
    map.iter().filter_map(|e| Some((Arc::clone(&e.key), cx.compile.reader.template(&e.value)?))).collect()
}

/// The same where the names are those of header fields.
pub(super) fn header_pairs(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Vec<(Arc<str>, Template)> {
    if let Data::Map(entries) = &node.data {
        entries.iter().for_each(|entry| field_name(entry.key_span, &entry.key, cx));
    }
    pairs(node, cx)
}

/// Refuses a name that no header field can have.
pub(super) fn field_name(span: Span, name: &str, cx: &mut ReadScheme<'_, '_, '_>) {
    if let Some(fault) = crate::step::diags::field_name_fault(span, name) {
        cx.compile.reader.fault(fault);
    }
}

/// The word of a scalar node, for schemes whose keys are plain names.
pub(super) fn plain(node: Option<&Node>, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Spanned<Arc<str>>> {
    node.and_then(|n| cx.compile.reader.word(n))
}
