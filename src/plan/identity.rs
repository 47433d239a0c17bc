//! Resolves identities: which declaration and which scheme a name means in a suite.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::flow::Flows;
use super::offer::Offer;
use super::world::Layers;
use super::{Commands, Identity, IdentityField, Plan, PlanOptions, diags, like, target};
use crate::auth::{self, ReadScheme};
use crate::check::Outcomes;
use crate::source::{SourceMap, Span, Spanned};
use crate::spec::{Data, Defaults, IdentitySpec, Named, Reader, SchemeSpec};
use crate::step::diags::no_flow_here;
use crate::step::{Caller, Callers, Compile, Found, IdentityId, Step};
use crate::template::{Asked, Members, Names};

/// Finds no identity; for steps that nobody may send, such as `ready`.
pub(super) struct NoCallers;

impl<'r> Callers<'r> for NoCallers {
    fn find(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<IdentityId> {
        reader.fault(diags::unknown_identity(name.span, &name.value, &[]));
        None
    }

    fn flow(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<Found> {
        reader.fault(no_flow_here(name.span));
        None
    }

    fn names(&self, base: &Arc<Names>, _: Caller) -> Arc<Names> {
        Arc::clone(base)
    }
}

/// What an identity adds to the names of its steps.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) fields: BTreeSet<String>,
    pub(super) parts: BTreeSet<String>,
}

/// What tells compiled identities apart: where they and their schemes stand, and their world.
type Key = (Span, Span, usize);

/// The identities met so far, shared by all suites.
#[derive(Debug, Default)]
pub(super) struct Register {
    by_key: HashMap<Key, Option<IdentityId>>,
    pub(super) known: Vec<Known>,
    /// Those that are being compiled, each needed by the one before.
    path: Vec<(Arc<str>, Key)>,
    /// Schemes that were compiled for their faults alone.
    checked: HashSet<Span>,
    /// The flows that were met.
    pub(super) flows: Flows,
}

/// Resolves names for one suite.
pub(super) struct SuiteCallers<'p, 'a> {
    pub(super) plan: &'p mut Plan,
    pub(super) register: &'p mut Register,
    pub(super) layers: &'p Layers<'a>,
    /// World and names of the suite.
    pub(super) own: (usize, Arc<Names>),
    /// World and names of its project under the same target.
    pub(super) base: (usize, Arc<Names>),
    pub(super) options: &'p PlanOptions,
    pub(super) sources: &'a SourceMap,
    /// The caller of steps that name none, when the case is being compiled.
    pub(super) case_callers: Vec<Caller>,
    /// The identities met since the last look.
    pub(super) met: BTreeSet<IdentityId>,
    /// What the filters left out.
    pub(super) offer: &'p mut Offer,
    /// What the words for outcomes mean, where they mean something of their own.
    pub(super) outcomes: Option<Arc<Outcomes>>,
}

impl<'r> Callers<'r> for SuiteCallers<'_, '_> {
    fn find(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<IdentityId> {
        let found = self.lookup(reader, name);
        self.met.extend(found);
        found
    }

    fn flow(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<Found> {
        self.find_flow(reader, name)
    }

    fn outcomes(&self) -> Option<Arc<Outcomes>> {
        self.outcomes.clone()
    }

    fn names(&self, base: &Arc<Names>, caller: Caller) -> Arc<Names> {
        let one = [caller];
        let callers: &[Caller] = if caller == Caller::Case { &self.case_callers } else { &one };
        let ids: Vec<IdentityId> = callers
            .iter()
            .filter_map(|c| match c {
                Caller::Identity(id) => Some(*id),
                Caller::Case | Caller::Nobody | Caller::Anonymous => None,
            })
            .collect();
        if ids.is_empty() {
            return Arc::clone(base);
        }
        let mut names = (**base).clone();
        let known = ids.iter().map(|id| &self.register.known[id.0 as usize]);
        let (mut fields, mut parts) = (BTreeSet::new(), BTreeSet::new());
        for known in known {
            fields.extend(known.fields.iter().cloned());
            parts.extend(known.parts.iter().cloned());
        }
        names.object("identity", Members::These(fields));
        names.object("session", Members::These(parts));
        names.object("jar", Members::Any);
        Arc::new(names)
    }
}

impl SuiteCallers<'_, '_> {
    fn lookup(&mut self, reader: &mut Reader<'_>, name: &Spanned<Arc<str>>) -> Option<IdentityId> {
        let all = self.layers.named(|l| &l.identities);
        let Some(found) = all.iter().find(|i| i.name == name.value) else {
            // What is wrong with its declaration was told there.
            if self.layers.down().any(|l| l.faulty_identities.contains(&name.value)) {
                return None;
            }
            let known: Vec<&str> = all.iter().map(|i| &*i.name).chain(["anonymous"]).collect();
            reader.fault(diags::unknown_identity(name.span, &name.value, &known));
            return None;
        };
        self.instance(reader, found)
    }

    /// Compiles an identity, once for each world it lives in.
    pub(super) fn instance(&mut self, reader: &mut Reader<'_>, named: &Named<IdentitySpec>) -> Option<IdentityId> {
        let (spec, scheme) = like::resolve(named, self.layers, reader)?;
        let in_suite = |span: Span| {
            self.layers.suite.is_some_and(|s| {
                s.identities.iter().any(|i| i.span == span) || s.auth.iter().any(|a| a.value.node.span == span)
            })
        };
        // An identity of the project does not see what a suite says, so that all suites share its login.
        let own = in_suite(named.span) || in_suite(scheme.node.span);
        let (world, names) = if own { self.own.clone() } else { self.base.clone() };
        let key = (named.span, scheme.node.span, world);
        if let Some(known) = self.register.by_key.get(&key) {
            return *known;
        }
        // Entered first: an identity whose login needs itself finds nothing instead of going round.
        self.register.by_key.insert(key, None);
        let before = std::mem::replace(&mut reader.names, names);
        let whole = Named { name: Arc::clone(&named.name), span: named.span, value: spec };
        self.register.path.push((Arc::clone(&named.name), key));
        let made = if own {
            self.compile(reader, &whole, &scheme, world)
        } else {
            // It does not see whom a suite declares.
            self.as_project(|project| project.compile(reader, &whole, &scheme, world))
        };
        self.register.path.pop();
        reader.names = before;
        let id = made.map(|(identity, known)| {
            self.plan.identities.push(identity);
            self.register.known.push(known);
            IdentityId(u32::try_from(self.plan.identities.len() - 1).unwrap_or(u32::MAX))
        });
        self.register.by_key.insert(key, id);
        id
    }

    /// Compiles a scheme for somebody who has whatever it needs: nobody may be using it.
    pub(super) fn check_scheme(&mut self, reader: &mut Reader<'_>, named: &Named<SchemeSpec>) {
        let span = named.value.node.span;
        if !self.register.checked.insert(span) {
            return;
        }
        let own = self.layers.suite.is_some_and(|s| s.auth.iter().any(|a| a.value.node.span == span));
        let Some(scheme) = like::scheme(named, self.layers, reader) else { return };
        self.refuse_command(reader, &scheme);
        let (world, layers) =
            if own { (&self.own, self.layers.clone()) } else { (&self.base, self.layers.without_suite()) };
        let mut names = (*world.1).clone();
        names.object("identity", Members::Any);
        names.object("sessions", Members::Any);
        let before = std::mem::replace(&mut reader.names, Arc::new(names));
        let needs = auth::kind_of(&scheme).map_or(&[][..], |kind| kind.needs);
        let fields: Vec<(Arc<str>, Span)> = needs.iter().map(|n| (Arc::from(*n), span)).collect();
        let base = target::literal(&layers, self.options);
        let approver = auth::approver(&scheme).map(|_| Members::Any);
        let person = Person { place: span, fields: &fields, approver, base, now: self.options.now };
        read_scheme(&scheme, person, &layers, reader, &mut Vec::new());
        reader.names = before;
    }

    /// With `--no-exec` no scheme runs a program.
    fn refuse_command(&mut self, reader: &mut Reader<'_>, scheme: &SchemeSpec) {
        let runs = auth::kind_of(scheme).is_some_and(|kind| kind.keys.iter().any(|k| k.name == "command"));
        if let (true, Commands::Refuse, Data::Map(entries)) = (runs, self.options.commands, &scheme.node.data) {
            let commands = entries.iter().filter(|e| &*e.key == "command").map(|e| e.value.span);
            commands.filter(|span| self.register.checked.insert(*span)).for_each(|s| reader.fault(diags::no_exec(s)));
        }
    }

    fn compile(
        &mut self,
        reader: &mut Reader<'_>,
        named: &Named<IdentitySpec>,
        scheme: &SchemeSpec,
        world: usize,
    ) -> Option<(Identity, Known)> {
        self.refuse_command(reader, scheme);
        let spec = &named.value;
        let mut names = (*reader.names).clone();
        names.watch_sessions();
        names.object("sessions", Members::Any);
        reader.names = Arc::new(names);
        let mut fields = Vec::new();
        for field in &spec.fields {
            if let Some(value) = reader.template(&field.value) {
                let text = value.as_literal();
                let fault = text.and_then(|text| auth::check_field(scheme, &field.name, text, field.value.span));
                let fault = fault.or_else(|| auth::check_secret(scheme, &field.name, &field.value, &reader.names));
                fault.into_iter().for_each(|fault| reader.fault(fault));
                fields.push((Arc::clone(&field.name), field.span, value));
            }
        }
        let mut names = (*reader.names).clone();
        let mut visible: BTreeSet<String> = fields.iter().map(|(n, ..)| n.to_string()).collect();
        visible.extend(["name".to_owned(), "role".to_owned()]);
        names.object("identity", Members::These(visible.clone()));
        reader.names = Arc::new(names);
        let approver = auth::approver(scheme).map(|name| self.need(reader, &name));
        let places: Vec<(Arc<str>, Span)> = fields.iter().map(|(n, s, _)| (Arc::clone(n), *s)).collect();
        let base = target::literal(self.layers, self.options);
        let of_approver = approver.map(|id| self.fields_of(id));
        let person = Person { place: named.span, fields: &places, approver: of_approver, base, now: self.options.now };
        let mut steps = std::mem::take(&mut self.plan.steps);
        let login = read_scheme(scheme, person, self.layers, reader, &mut steps);
        self.plan.steps = steps;
        let needs = self.needs(reader);
        let login = login?;
        let (mut needs, approver) = (needs?, approver.map_or(Some(None), |id| id.map(Some))?);
        needs.extend(approver.filter(|id| !needs.contains(id)));
        let parts = login.scheme.parts().iter().map(ToString::to_string).collect();
        let fields = fields
            .into_iter()
            .map(|(name, _, value)| IdentityField { secret: !auth::is_name(&name), name, value })
            .collect();
        let role = spec.role.as_ref().map(|r| Arc::clone(&r.value));
        let identity =
            Identity { name: Arc::clone(&named.name), role, span: named.span, world, fields, needs, approver, login };
        Some((identity, Known { fields: visible, parts }))
    }
}

impl<'a> SuiteCallers<'_, 'a> {
    /// Does something as a suite would that declares nothing of its own.
    pub(super) fn as_project<T>(&mut self, run: impl FnOnce(&mut SuiteCallers<'_, 'a>) -> T) -> T {
        let layers = self.layers.without_suite();
        run(&mut SuiteCallers {
            plan: self.plan,
            register: self.register,
            layers: &layers,
            own: self.base.clone(),
            base: self.base.clone(),
            options: self.options,
            sources: self.sources,
            case_callers: Vec::new(),
            met: BTreeSet::new(),
            offer: self.offer,
            outcomes: None,
        })
    }

    /// The identities whose sessions the one that is being compiled needs before it can log in: the circles among
    /// them are told, and whoever stands in one is nobody.
    fn needs(&mut self, reader: &mut Reader<'_>) -> Option<Vec<IdentityId>> {
        let asked = reader.names.sessions_asked().into_iter();
        let mut all = Vec::new();
        for (name, asked) in asked {
            let found = self.need(reader, &Spanned::new(Arc::from(&*name), asked.place));
            found.inspect(|id| self.parts_exist(reader, *id, &name, &asked));
            all.push(found);
        }
        all.into_iter().collect()
    }

    /// What is asked of somebody's session is a part of what their scheme gets.
    pub(super) fn parts_exist(&self, reader: &mut Reader<'_>, id: IdentityId, name: &str, asked: &Asked) {
        let known = &self.register.known[id.0 as usize].parts;
        for (part, place) in asked.parts.iter().filter(|(part, _)| !known.contains(*part)) {
            let kind = self.plan.identities[id.0 as usize].login.kind.name;
            reader.fault(diags::no_part(*place, name, part, (kind, known)));
        }
    }

    fn need(&mut self, reader: &mut Reader<'_>, name: &Spanned<Arc<str>>) -> Option<IdentityId> {
        if &*name.value == "anonymous" {
            reader.fault(diags::anonymous_session(name.span));
            return None;
        }
        let before = reader.diags.errors();
        let found = self.lookup(reader, name);
        if let Some(start) = self.register.path.iter().position(|(other, _)| *other == name.value) {
            let circle: Vec<&str> = self.register.path[start..].iter().map(|(name, _)| &**name).collect();
            if found.is_none() && reader.diags.errors() == before {
                reader.fault(diags::waiting_circle(name.span, &circle));
            }
        }
        found
    }

    /// The fields of an identity; any, where it could not be found and that was told.
    fn fields_of(&self, id: Option<IdentityId>) -> Members {
        id.map_or(Members::Any, |id| Members::These(self.register.known[id.0 as usize].fields.clone()))
    }
}

/// Whom a scheme is read for.
struct Person<'a> {
    place: Span,
    fields: &'a [(Arc<str>, Span)],
    /// The fields of whoever approves the login.
    approver: Option<Members>,
    /// The address of the target, where that is written out.
    base: Option<Arc<str>>,
    now: Timestamp,
}

fn read_scheme(
    scheme: &SchemeSpec,
    Person { place, fields, approver, base, now }: Person<'_>,
    layers: &Layers<'_>,
    reader: &mut Reader<'_>,
    steps: &mut Vec<Vec<Step>>,
) -> Option<auth::Login> {
    let mut nobody = NoCallers;
    let defaults = Defaults::default();
    let mut compile = Compile {
        reader,
        defaults: &defaults,
        folder: &layers.folder,
        root: &layers.root,
        callers: &mut nobody,
        stand_in: Caller::Case,
        given: Arc::default(),
    };
    let identity = (place != scheme.node.span).then_some(place);
    let mut cx = ReadScheme { compile: &mut compile, steps, fields, identity, base, now, approver };
    auth::read(scheme, place, &mut cx)
}
