//! Resolves what suites and identities run in: the layers of project, environment and suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{PlanOptions, TargetPlan, TargetUrl, World, diags, read_dotenv};
use crate::diag::Diagnostics;
use crate::http::{Address, TlsSettings, Verify};
use crate::source::{SourceMap, Span};
use crate::spec::{Defaults, Named, Node, Project, Reader, Shared, Suite, Suites, TargetSpec, TlsSpec};
use crate::step::{Compile, Tree, read_file};
use crate::template::{Members, Names, Origin, Template};

/// The layers that apply at a place, lowest first.
#[derive(Clone)]
pub(super) struct Layers<'a> {
    pub(super) project: Option<&'a Shared>,
    pub(super) environment: Option<&'a Shared>,
    pub(super) suite: Option<&'a Shared>,
    /// Folder of the project file, else of the suite.
    pub(super) root: PathBuf,
    /// Folder of the suite.
    pub(super) folder: PathBuf,
    pub(super) project_index: Option<usize>,
    /// A suite of which only the target counts.
    pub(super) target_of_suite: Option<&'a Shared>,
}

impl<'a> Layers<'a> {
    pub(super) fn of(suite: &'a Suite, suites: &'a Suites, environment: Option<&str>) -> Self {
        let project: Option<&Project> = suite.project.map(|p| &suites.projects[p]);
        let environment = environment
            .and_then(|name| project.and_then(|p| crate::spec::find(&p.environments, name)))
            .map(|e| &e.value);
        Self {
            project: project.map(|p| &p.shared),
            environment,
            suite: Some(&suite.shared),
            root: project.map_or_else(|| suite.folder.clone(), |p| p.folder.clone()),
            folder: suite.folder.clone(),
            project_index: suite.project,
            target_of_suite: None,
        }
    }

    /// The layers without the suite: what identities of the project run in.
    pub(super) fn without_suite(&self) -> Self {
        Self { suite: None, folder: self.root.clone(), ..self.clone() }
    }

    /// All layers, highest first.
    pub(super) fn down(&self) -> impl Iterator<Item = &'a Shared> {
        [self.suite, self.environment, self.project].into_iter().flatten()
    }

    pub(super) fn target(&self) -> Option<&'a TargetSpec> {
        self.target_of_suite.into_iter().chain(self.down()).find_map(|l| l.target.as_ref())
    }

    /// Joins named things of all layers; higher layers override by name, the order is that of the lowest.
    pub(super) fn named<T>(&self, of: impl Fn(&'a Shared) -> &'a [Named<T>]) -> Vec<&'a Named<T>> {
        let mut out: Vec<&'a Named<T>> = Vec::new();
        for layer in [self.project, self.environment, self.suite].into_iter().flatten() {
            for item in of(layer) {
                match out.iter_mut().find(|o| o.name == item.name) {
                    Some(slot) => *slot = item,
                    None => out.push(item),
                }
            }
        }
        out
    }

    /// The defaults of all layers, key by key; headers are joined by name.
    pub(super) fn defaults(&self) -> Defaults {
        let mut out = Defaults::default();
        for layer in self.down() {
            let d = &layer.defaults;
            out.caller = out.caller.or_else(|| d.caller.clone());
            out.headers = out.headers.or_else(|| d.headers.clone());
            out.redirects = out.redirects.or(d.redirects);
            out.timeout = out.timeout.or(d.timeout);
        }
        out
    }

    /// A key under which equal worlds are shared.
    pub(super) fn key(&self, overriding: &PlanOptions) -> Option<String> {
        if let Some(suite) = self.suite {
            let own = !suite.vars.is_empty()
                || !suite.secrets.is_empty()
                || suite.tls.is_some()
                || suite.proxy.is_some()
                || !suite.resolve.is_empty()
                || !suite.origins.is_empty()
                || suite.target.as_ref().is_some_and(|t| t.ready.is_some());
            if own {
                return None;
            }
        }
        let target = match (&overriding.target, self.target()) {
            (Some(url), _) => url.clone(),
            (None, Some(spec)) => spec.url.scalar().unwrap_or_default().to_string(),
            (None, None) => String::new(),
        };
        Some(format!("{:?} {:?} {target}", self.project_index, self.project_index.is_none().then_some(&self.root)))
    }
}

/// The variables of the process and of `.env`; the process wins.
pub(super) fn variables(root: &Path, options: &PlanOptions) -> Arc<BTreeMap<String, String>> {
    let mut all = read_dotenv(root);
    all.extend(options.variables.clone());
    Arc::new(all)
}

/// The names that are in scope in a world before any step ran.
pub(super) fn names(layers: &Layers<'_>, variables: &BTreeMap<String, String>, options: &PlanOptions) -> Names {
    let mut names = Names::default();
    for var in layers.named(|l| &l.vars) {
        names.add(&var.name);
    }
    for (name, _) in &options.vars {
        names.add(name);
    }
    let secrets: BTreeSet<String> = layers.named(|l| &l.secrets).iter().map(|s| s.name.to_string()).collect();
    names.object("secrets", Members::These(secrets));
    let known: BTreeSet<String> = variables.keys().cloned().collect();
    names.object("env", Members::Env(Arc::new(known), options.unset));
    names
}

/// Compiles a world.
pub(super) fn build(
    layers: &Layers<'_>,
    variables: &Arc<BTreeMap<String, String>>,
    names: &Arc<Names>,
    options: &PlanOptions,
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> World {
    let mut reader = Reader { sources, diags, names: Arc::clone(names) };
    let mut vars = compile_vars(layers, &mut reader);
    for (name, value) in &options.vars {
        vars.retain(|(n, _)| **n != **name);
        // `--var` gives text; what reads as JSON keeps its type.
        let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.clone()));
        vars.push((name.as_str().into(), Tree::Const(value)));
    }
    let secrets = layers
        .named(|l| &l.secrets)
        .into_iter()
        .map(|s| {
            let own = layers.suite.is_some_and(|l| l.secrets.iter().any(|o| o.span == s.span));
            (s.clone(), if own { layers.folder.clone() } else { layers.root.clone() })
        })
        .collect();
    World {
        target: target(layers, options, &mut reader),
        vars,
        secrets,
        variables: Arc::clone(variables),
        tls: tls(layers, &mut reader),
        proxy: layers.down().find_map(|l| l.proxy.as_ref()).and_then(|n| reader.template(n)),
        resolve: layers
            .named(|l| &l.resolve)
            .into_iter()
            .filter_map(|n| Some((Arc::clone(&n.name), reader.template(&n.value)?)))
            .collect(),
        origins: layers.down().flat_map(|l| &l.origins).filter_map(|n| reader.template(n)).collect(),
    }
}

fn compile_vars(layers: &Layers<'_>, reader: &mut Reader<'_>) -> Vec<(Arc<str>, Tree)> {
    let all = layers.named(|l| &l.vars);
    let trees: Vec<(Arc<str>, Span, Tree)> =
        all.iter().filter_map(|v| Some((Arc::clone(&v.name), v.span, Tree::compile(&v.value, reader)?))).collect();
    // Each after those it uses: take those whose needs are met until none is left.
    let mut out: Vec<(Arc<str>, Tree)> = Vec::new();
    let mut open = trees;
    while !open.is_empty() {
        let names: Vec<Arc<str>> = open.iter().map(|(n, ..)| Arc::clone(n)).collect();
        let (ready, blocked): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(_, _, tree)| names.iter().all(|n| !tree.uses(n)));
        if ready.is_empty() {
            let circle = circle(&blocked);
            let names: Vec<&str> = circle.iter().map(|i| &*blocked[*i].0).collect();
            reader.fault(diags::var_cycle(blocked[circle[0]].1, &names));
            // Without this circle the rest may still be sound, or have a circle of its own.
            open = blocked.into_iter().enumerate().filter(|(i, _)| !circle.contains(i)).map(|(_, v)| v).collect();
            continue;
        }
        out.extend(ready.into_iter().map(|(n, _, t)| (n, t)));
        open = blocked;
    }
    out
}

/// A circle among variables of which each needs another: follows one until it comes round.
fn circle(blocked: &[(Arc<str>, Span, Tree)]) -> Vec<usize> {
    let mut path = vec![0];
    loop {
        let tree = &blocked[path[path.len() - 1]].2;
        let next = blocked.iter().position(|(name, ..)| tree.uses(name)).unwrap_or(0);
        if let Some(start) = path.iter().position(|i| *i == next) {
            let mut circle = path.split_off(start);
            circle.sort_unstable();
            return circle;
        }
        path.push(next);
    }
}

fn target(layers: &Layers<'_>, options: &PlanOptions, reader: &mut Reader<'_>) -> Option<TargetPlan> {
    let within = Duration::from_secs(30);
    if let Some(url) = &options.target {
        let url = match url.as_str() {
            "demo" => TargetUrl::Demo,
            text => {
                let template = Template::compile(&text.into(), Origin::NONE, &reader.names, reader.diags)?;
                if let Some(Err(why)) = template.as_literal().map(|literal| Address::parse(literal)) {
                    reader.fault(diags::bad_target(Span::NONE, &why.to_string()));
                    return None;
                }
                TargetUrl::Url(template)
            }
        };
        return Some(TargetPlan { url, ready: None, within, span: Span::NONE });
    }
    let spec = layers.target()?;
    let text = reader.word(&spec.url)?;
    let url = if &*text.value == "demo" {
        TargetUrl::Demo
    } else {
        let template = reader.template(&spec.url)?;
        if let Some(literal) = template.as_literal()
            && let Err(why) = Address::parse(literal)
        {
            reader.fault(diags::bad_target(spec.url.span, &why.to_string()));
            return None;
        }
        TargetUrl::Url(template)
    };
    let ready = spec.ready.as_ref().and_then(|n| ready(n, layers, reader));
    Some(TargetPlan { url, ready, within: spec.within.unwrap_or(within), span: spec.url.span })
}

fn ready(node: &Node, layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<crate::step::Step> {
    let spec = crate::spec::request_step(node, reader)?;
    let mut nobody = super::identity::NoCallers;
    let mut compile = Compile {
        reader,
        defaults: &Defaults::default(),
        folder: &layers.folder,
        root: &layers.root,
        callers: &mut nobody,
    };
    compile.step(&spec)
}

fn tls(layers: &Layers<'_>, reader: &mut Reader<'_>) -> TlsSettings {
    let mut out = TlsSettings::default();
    let Some(spec): Option<&TlsSpec> = layers.down().find_map(|l| l.tls.as_ref()) else { return out };
    if spec.verify.as_ref().is_some_and(|v| !v.value) {
        out.verify = Verify::Off;
    }
    let mut read = |path: &Option<crate::source::Spanned<Arc<str>>>| {
        let path = path.as_ref()?;
        // Certificates often live elsewhere, so they may lie outside the project's folder.
        let folder = if Path::new(&*path.value).is_absolute() { Path::new("/") } else { &layers.folder };
        match read_file(folder, Path::new("/"), &path.value) {
            Ok(bytes) => Some((bytes.to_vec(), path.span)),
            Err(why) => {
                reader.fault(crate::step::diags::file(path.span, &path.value, &why));
                None
            }
        }
    };
    let (ca, cert, key) = (read(&spec.ca), read(&spec.cert), read(&spec.key));
    let place = [&ca, &cert, &key].into_iter().flatten().map(|(_, s)| *s).next();
    out.ca = ca.map(|(b, _)| b);
    out.cert = cert.map(|(b, _)| b);
    out.key = key.map(|(b, _)| b);
    if let (Some(place), Err(why)) = (place, out.check()) {
        reader.fault(diags::tls(place, &why));
    }
    out
}
