//! Resolves what servers a suite asks: by their address, the demo, or a command that starts one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::world::Layers;
use super::{CommandPlan, Commands, DemoPlan, PlanOptions, TargetPlan, TargetUrl, diags, world};
use crate::demo::Demo;
use crate::http::Address;
use crate::source::{Span, Spanned};
use crate::spec::{Defaults, Named, Node, Reader, TargetSpec};
use crate::step::{Caller, Compile};
use crate::template::{Origin, Template};

/// The target that a suite has of its own, or by its layers.
///
/// `--target` takes the place of the address alone: how a target shows that it is ready stays.
pub(super) fn own(layers: &Layers<'_>, options: &PlanOptions, reader: &mut Reader<'_>) -> Option<TargetPlan> {
    let (spec, folder) = layers.target_and_folder().map_or((None, &*layers.folder), |(s, f)| (Some(s), f));
    let (url, span) = match overriding(options, spec) {
        Some(url) => (given_url(url, reader)?, Span::NONE),
        None => (written_url(spec?, folder, &layers.root, reader)?, spec?.url.span),
    };
    let ready = spec.and_then(|s| s.ready.as_ref()).and_then(|n| ready(n, folder, layers, reader));
    let within = spec.and_then(|s| s.within).unwrap_or(Duration::from_secs(30));
    // Another address is served by somebody else.
    let own = spec.filter(|_| overriding(options, spec).is_none()).and_then(|s| s.command.as_ref());
    let command = own.and_then(|n| command(n, folder, options, reader));
    Some(TargetPlan { url, command, ready, within, span })
}

/// The targets beside that one, by their names.
pub(super) fn others(layers: &Layers<'_>, reader: &mut Reader<'_>) -> Vec<(Arc<str>, TargetPlan)> {
    let own = |span: Span| layers.suite.is_some_and(|s| s.targets.iter().any(|t| t.span == span));
    let compile = |named: &Named<TargetSpec>, reader: &mut Reader<'_>| {
        let spec = &named.value;
        let folder = if own(named.span) { &layers.folder } else { &layers.root };
        let url = written_url(spec, folder, &layers.root, reader)?;
        let ready = spec.ready.as_ref().and_then(|n| ready(n, folder, layers, reader));
        let within = spec.within.unwrap_or(Duration::from_secs(30));
        let plan = TargetPlan { url, command: None, ready, within, span: spec.url.span };
        Some((Arc::clone(&named.name), plan))
    };
    layers.named(|l| &l.targets).into_iter().filter_map(|named| compile(named, reader)).collect()
}

fn command(node: &Node, folder: &Path, options: &PlanOptions, reader: &mut Reader<'_>) -> Option<CommandPlan> {
    if options.commands == Commands::Refuse {
        reader.fault(diags::no_exec(node.span));
        return None;
    }
    let words = reader.one_or_more(node).iter().map(|w| reader.template(w)).collect::<Option<Vec<_>>>()?;
    let (folder, _) = world::home(reader.sources, node.span, folder, folder);
    Some(CommandPlan { words, folder: folder.to_owned(), span: node.span })
}

/// The address of the command line. A demo of a suite's own is what `--target demo` asks for, with what the suite needs
/// of it.
pub(super) fn overriding<'o>(options: &'o PlanOptions, spec: Option<&TargetSpec>) -> Option<&'o String> {
    let is_demo = spec.is_some_and(|spec| spec.demo.is_some());
    options.target.as_ref().filter(|given| !(is_demo && *given == "demo"))
}

/// The address of the target, where that is written out; the demo's is not known before it starts.
pub(super) fn literal(layers: &Layers<'_>, options: &PlanOptions) -> Option<Arc<str>> {
    let spec = layers.target();
    let written = spec.filter(|spec| spec.demo.is_none()).and_then(|spec| spec.url.scalar());
    let given = overriding(options, spec).map(|text| Arc::from(text.as_str()));
    given.or_else(|| written.map(|text| Arc::from(&*text))).filter(|text: &Arc<str>| Address::parse(text).is_ok())
}

fn given_url(text: &str, reader: &mut Reader<'_>) -> Option<TargetUrl> {
    if text == "demo" {
        return Some(TargetUrl::Demo(DemoPlan::default()));
    }
    let template = Template::compile(&text.into(), Origin::NONE, &reader.names, reader.diags)?;
    if let Some(Err(why)) = template.as_literal().map(|literal| Address::parse(literal)) {
        reader.fault(diags::bad_target(Span::NONE, &why.to_string()));
        return None;
    }
    Some(TargetUrl::Url(template))
}

fn written_url(spec: &TargetSpec, folder: &Path, root: &Path, reader: &mut Reader<'_>) -> Option<TargetUrl> {
    if let Some(demo) = &spec.demo {
        let signing_key = match &demo.signing_key {
            None => None,
            Some(path) => Some(signing_key(path, folder, root, reader)?),
        };
        return Some(TargetUrl::Demo(DemoPlan { tls: demo.tls, signing_key, weak: demo.weak.clone() }));
    }
    if &*reader.word(&spec.url)?.value == "demo" {
        return Some(TargetUrl::Demo(DemoPlan::default()));
    }
    let template = reader.template(&spec.url)?;
    if let Some(literal) = template.as_literal()
        && let Err(why) = Address::parse(literal)
    {
        reader.fault(diags::bad_target(spec.url.span, &why.to_string()));
        return None;
    }
    Some(TargetUrl::Url(template))
}

/// The PEM text of the key that the demo signs with.
fn signing_key(path: &Spanned<Arc<str>>, folder: &Path, root: &Path, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let pem: Arc<str> = String::from_utf8_lossy(&world::file(path, folder, root, reader)?).into();
    if !Demo::can_sign_with(&pem) {
        reader.fault(diags::signing_key(path.span));
        return None;
    }
    Some(pem)
}

fn ready(node: &Node, folder: &Path, layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<crate::step::Step> {
    let spec = crate::spec::request_step(node, reader)?;
    let mut nobody = super::identity::NoCallers;
    let mut compile = Compile {
        reader,
        defaults: &Defaults::default(),
        folder,
        root: &layers.root,
        callers: &mut nobody,
        stand_in: Caller::Case,
        given: Arc::default(),
    };
    compile.step(&spec)
}
