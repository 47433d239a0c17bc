//! `like`: an identity or a scheme that is another one with some fields of its own.
//!
//! The name is looked for where a project and its environment, or a suite above them, declare it; its own name
//! means the layer below. So a project's identities stay the same for all suites.

use std::sync::Arc;

use super::diags;
use super::world::Layers;
use crate::auth;
use crate::source::{Span, Spanned};
use crate::spec::{AuthSpec, Data, Entry, IdentitySpec, Named, Node, Reader, SchemeSpec, Shared, find};

/// A thing that can be like another of its kind.
trait Like: Clone {
    /// What its kind is called, with its article.
    const WHAT: &'static str;
    /// Whom it is like.
    fn like(&self) -> Option<&Spanned<Arc<str>>>;
    /// Puts its own fields over those of the one it is like.
    fn over(&self, base: Self) -> Self;
    /// Those that a layer declares.
    fn of(layer: &Shared) -> &[Named<Self>];
    /// The names of those that a layer declares and could not be read.
    fn faulty(layer: &Shared) -> &[Arc<str>];
    /// The fault of a name that nobody has.
    fn unknown(name: &Spanned<Arc<str>>, known: &[&str]) -> crate::diag::Diagnostic;
}

impl Like for IdentitySpec {
    const WHAT: &'static str = "an identity";

    fn like(&self) -> Option<&Spanned<Arc<str>>> {
        self.like.as_ref()
    }

    fn over(&self, base: Self) -> Self {
        let mut fields = base.fields;
        // `null` stays until the scheme is known: it may be a key of the scheme that it removes.
        for own in &self.fields {
            match fields.iter_mut().find(|f| f.name == own.name) {
                Some(slot) => *slot = own.clone(),
                None => fields.push(own.clone()),
            }
        }
        let stays = self.fields.iter().all(|f| &*f.name != "role" || !is_null(f));
        let role = self.role.clone().or_else(|| base.role.filter(|_| stays));
        Self { like: None, auth: self.auth.clone().or(base.auth), role, fields }
    }

    fn of(layer: &Shared) -> &[Named<Self>] {
        &layer.identities
    }

    fn faulty(layer: &Shared) -> &[Arc<str>] {
        &layer.faulty_identities
    }

    fn unknown(name: &Spanned<Arc<str>>, known: &[&str]) -> crate::diag::Diagnostic {
        match &*name.value {
            "anonymous" => diags::like_anonymous(name.span),
            other => diags::unknown_identity(name.span, other, known),
        }
    }
}

impl Like for SchemeSpec {
    const WHAT: &'static str = "a scheme";

    fn like(&self) -> Option<&Spanned<Arc<str>>> {
        self.like.as_ref()
    }

    fn over(&self, base: Self) -> Self {
        let own = entries(&self.node).iter().filter(|e| &*e.key != "like");
        let node = Node { span: self.node.span, ..base.node.with(own) };
        Self { kind: self.kind.clone().or(base.kind), like: None, node }
    }

    fn of(layer: &Shared) -> &[Named<Self>] {
        &layer.auth
    }

    fn faulty(layer: &Shared) -> &[Arc<str>] {
        &layer.faulty_auth
    }

    fn unknown(name: &Spanned<Arc<str>>, known: &[&str]) -> crate::diag::Diagnostic {
        diags::unknown_auth(name.span, &name.value, known)
    }
}

fn is_null(field: &Named<Node>) -> bool {
    matches!(field.value.data, Data::Null)
}

fn entries(node: &Node) -> &[Entry] {
    match &node.data {
        Data::Map(entries) => entries,
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => &[],
    }
}

/// Resolves an identity and its scheme; the keys of the scheme that the identity has itself go over the scheme's.
pub(super) fn resolve(
    named: &Named<IdentitySpec>,
    layers: &Layers<'_>,
    reader: &mut Reader<'_>,
) -> Option<(IdentitySpec, SchemeSpec)> {
    let mut identity = whole(&named.name, &named.value, named.span, layers, reader)?;
    let mut scheme = match identity.auth.as_ref()? {
        AuthSpec::Inline(spec) => whole("", spec, named.span, layers, reader)?,
        AuthSpec::Name(name) => {
            let all = layers.named(|l| &l.auth);
            let Some(found) = all.iter().find(|a| a.name == name.value) else {
                // What is wrong with its declaration was told there.
                if !layers.down().any(|l| l.faulty_auth.contains(&name.value)) {
                    let known: Vec<&str> = all.iter().map(|a| &*a.name).collect();
                    reader.fault(diags::unknown_auth(name.span, &name.value, &known));
                }
                return None;
            };
            whole(&found.name, &found.value, found.span, layers, reader)?
        }
    };
    if let Some(kind) = auth::kind_of(&scheme) {
        let (keys, fields): (Vec<Named<Node>>, _) =
            identity.fields.into_iter().partition(|f| auth::is_key(kind, &scheme.node, &f.name, &f.value));
        identity.fields = fields;
        let own: Vec<Entry> =
            keys.into_iter().map(|f| Entry { key: f.name, key_span: f.span, value: f.value }).collect();
        scheme.node = scheme.node.with(own.iter());
    }
    if named.value.like.is_some() {
        identity.fields.retain(|f| !is_null(f));
    }
    Some((identity, scheme))
}

/// Resolves a scheme that stands under `auth:`.
pub(super) fn scheme(named: &Named<SchemeSpec>, layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<SchemeSpec> {
    whole(&named.name, &named.value, named.span, layers, reader)
}

/// Follows `like` to its end, and puts everything met on the way over it.
fn whole<T: Like>(name: &str, value: &T, span: Span, layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<T> {
    let all = [layers.project, layers.environment, layers.suite];
    // Who stands in the suite sees it; all others see the project and its environment alone.
    let sight = |layer: usize| if layer + 1 == all.len() { all.len() } else { all.len() - 1 };
    // An identity's own place is its name's; a scheme written in place has no name, and none below it.
    let home = (0..all.len()).find(|i| all[*i].is_some_and(|l| declares(l, span))).unwrap_or(all.len() - 1);
    let mut path: Vec<(Arc<str>, T, Span, usize)> = vec![(name.into(), value.clone(), span, home)];
    while let Some((own, item, _, here)) = path.last()
        && let Some(like) = item.like().cloned()
    {
        let same = *own == like.value;
        let seen = &all[..if same { *here } else { sight(*here) }];
        let found = (0..seen.len()).rev().find_map(|i| Some((i, find(T::of(seen[i]?), &like.value)?)));
        let Some((level, found)) = found else {
            // What is wrong with its declaration was told there.
            if !seen.iter().flatten().any(|l| T::faulty(l).contains(&like.value)) {
                let known = seen.iter().flatten().flat_map(|l| T::of(l)).map(|n| &*n.name);
                let known: Vec<&str> = known.filter(|name| **name != **own).collect();
                reader.fault(if same {
                    diags::like_itself(like.span, T::WHAT, &like.value)
                } else {
                    T::unknown(&like, &known)
                });
            }
            return None;
        };
        if let Some(start) = path.iter().position(|(_, _, span, _)| *span == found.span) {
            // From whomever it is met: told at the one that is written first, so that it is told once.
            let circle = &mut path[start..];
            let first = circle.iter().enumerate().min_by_key(|(_, (_, _, span, _))| (span.file, span.start));
            circle.rotate_left(first.map_or(0, |(i, _)| i));
            let names: Vec<&str> = circle.iter().map(|(name, ..)| &**name).collect();
            reader.fault(diags::like_cycle(circle[0].1.like().map_or(like.span, |l| l.span), &names));
            return None;
        }
        path.push((Arc::clone(&found.name), found.value.clone(), found.span, level));
    }
    let (_, mut out, ..) = path.pop()?;
    while let Some((_, item, ..)) = path.pop() {
        out = item.over(out);
    }
    Some(out)
}

/// Tells whether a declaration stands in a layer.
fn declares(layer: &Shared, span: Span) -> bool {
    layer.identities.iter().any(|i| i.span == span) || layer.auth.iter().any(|a| a.span == span)
}
