//! Resolves what suites and identities run in: the layers of project, environment and suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Commands, PlanOptions, SecretPlan, Var, World, diags, read_dotenv, target};
use crate::auth::diags as auth;
use crate::diag::{Diagnostics, Severity};
use crate::files::one_end_less;
use crate::http::{TlsSettings, Verify, out_of_time};
use crate::source::{SourceMap, Span, Spanned};
use crate::spec::{
    Defaults, FlowSpec, Named, Node, Project, Reader, SecretSource, SecretSpec, Shared, Suite, Suites, TargetSpec,
};
use crate::step::{OUTSIDE, Tree, leaves, read_file_or_absolute};
use crate::template::{Lined, Members, Names};

/// The layers that apply at a place, lowest first.
#[derive(Clone)]
pub(super) struct Layers<'a> {
    pub(super) project: Option<&'a Shared>,
    pub(super) environment: Option<&'a Shared>,
    pub(super) suite: Option<&'a Shared>,
    /// The flows that are there for everybody, below all that is declared.
    pub(super) ready: &'a [Named<Arc<FlowSpec>>],
    /// Folder of the project file, else of the suite.
    pub(super) root: PathBuf,
    /// Folder of the suite.
    pub(super) folder: PathBuf,
    pub(super) project_index: Option<usize>,
    /// A suite of which only the target counts, and its folder.
    pub(super) target_of_suite: Option<(&'a Shared, PathBuf)>,
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
            ready: &suites.ready,
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

    /// Finds what the highest layer says, with the folder that its paths start from.
    pub(super) fn find<T>(&self, of: impl Fn(&'a Shared) -> Option<T>) -> Option<(T, &Path)> {
        let own = self.suite.and_then(&of).map(|found| (found, &*self.folder));
        own.or_else(|| [self.environment, self.project].into_iter().flatten().find_map(of).map(|f| (f, &*self.root)))
    }

    /// All layers, highest first.
    pub(super) fn down(&self) -> impl Iterator<Item = &'a Shared> {
        [self.suite, self.environment, self.project].into_iter().flatten()
    }

    pub(super) fn target(&self) -> Option<&'a TargetSpec> {
        self.target_and_folder().map(|(target, _)| target)
    }

    /// The target, with the folder that the paths of its `ready` start from.
    pub(super) fn target_and_folder(&self) -> Option<(&'a TargetSpec, &Path)> {
        let lent = self.target_of_suite.as_ref();
        lent.and_then(|(suite, folder)| Some((suite.target.as_ref()?, &**folder)))
            .or_else(|| self.find(|l| l.target.as_ref()))
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
            out.redirects = out.redirects.or_else(|| d.redirects.clone());
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
                || !suite.targets.is_empty();
            if own {
                return None;
            }
        }
        let target = self.target();
        let given = target::overriding(overriding, target);
        let url = match (given, target) {
            (Some(url), _) => url.clone(),
            (None, Some(spec)) => spec.url.scalar().unwrap_or_default().to_string(),
            (None, None) => String::new(),
        };
        let ready = target.map(|t| (t.ready.as_ref().map(|n| n.span), t.within, t.command.as_ref().map(|n| n.span)));
        let folder = self.project_index.is_none().then_some(&self.root);
        let demo = target.and_then(|t| t.demo.as_ref()).filter(|_| given.is_none()).map(|demo| {
            let key = demo.signing_key.as_ref().map(|path| (&path.value, &self.folder));
            (demo.tls, key, demo.weak.iter().map(|w| w.id).collect::<Vec<_>>())
        });
        Some(format!("{:?} {folder:?} {ready:?} {demo:?} {url}", self.project_index))
    }
}

/// The variables of the process and of `.env`; the process wins.
pub(super) fn variables(root: &Path, options: &PlanOptions) -> Arc<BTreeMap<String, String>> {
    let mut all = read_dotenv(root);
    all.extend(options.variables.clone());
    Arc::new(all)
}

/// The names that are in scope in a world before any step ran.
pub(super) fn names(
    layers: &Layers<'_>,
    variables: &BTreeMap<String, String>,
    options: &PlanOptions,
    sources: &SourceMap,
) -> Names {
    let mut names = Names::default();
    for var in layers.named(|l| &l.vars) {
        names.add(&var.name);
    }
    for (name, _) in &options.vars {
        names.add(name);
    }
    let secrets: BTreeSet<String> = layers.named(|l| &l.secrets).iter().map(|s| s.name.to_string()).collect();
    names.object("secrets", Members::These(secrets));
    names.set_lined(lined(layers, variables, sources));
    let known: BTreeSet<String> = variables.keys().cloned().collect();
    names.object("env", Members::Env(Arc::new(known), options.unset));
    names
}

/// The secrets whose file or variable is there and has several lines, with what names it, and the variables that do: they
/// are no tokens or passwords.
fn lined(layers: &Layers<'_>, variables: &BTreeMap<String, String>, sources: &SourceMap) -> Lined {
    let is_lined = |text: &str| text.contains(['\n', '\r']);
    let several = |named: &&Named<SecretSpec>| {
        let (what, place) = match (&named.value.source, &named.value.json) {
            (SecretSource::File(path), None) => {
                let (folder, root) = secret_home(named, layers, sources);
                let bytes = read_file_or_absolute(folder, root, &path.value).ok()?;
                let text = std::str::from_utf8(&bytes).ok()?;
                is_lined(one_end_less(text)).then(|| ("the file".to_owned(), path.span))?
            }
            (SecretSource::Env(name), None) => {
                let text = variables.get(&*name.value)?;
                is_lined(one_end_less(text)).then(|| (format!("the variable `{}`", name.value), name.span))?
            }
            (SecretSource::File(_) | SecretSource::Env(_) | SecretSource::Command(..), _) => return None,
        };
        Some((named.name.to_string(), (what, place)))
    };
    let secrets = layers.named(|l| &l.secrets).iter().filter_map(several).collect();
    let variables = variables.iter().filter(|(_, text)| is_lined(text)).map(|(name, _)| name.clone()).collect();
    Lined { secrets, variables }
}

/// Where the file of a secret is looked for, and the folder that it stays in.
fn secret_home<'a>(named: &Named<SecretSpec>, layers: &'a Layers<'_>, sources: &'a SourceMap) -> (&'a Path, &'a Path) {
    let own = layers.suite.is_some_and(|l| l.secrets.iter().any(|o| o.span == named.span));
    let folder = if own { &layers.folder } else { &layers.root };
    home(sources, named.span, folder, &layers.root)
}

/// Adds the names of targets, which what is computed before them cannot use.
pub(super) fn with_targets(names: &Arc<Names>, layers: &Layers<'_>) -> Arc<Names> {
    let declared = layers.named(|l| &l.targets).iter().map(|t| t.name.to_string()).collect::<BTreeSet<_>>();
    let faulty = layers.down().flat_map(|l| &l.faulty_targets).filter(|n| !n.contains(' ')).map(ToString::to_string);
    let all: BTreeSet<String> = declared.into_iter().chain(faulty).collect();
    if all.is_empty() {
        return Arc::clone(names);
    }
    let mut names = (**names).clone();
    names.object("targets", Members::These(all));
    Arc::new(names)
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
    let (target, targets) = (target::own(layers, options, &mut reader), target::others(layers, &mut reader));
    let mut vars = compile_vars(layers, &mut reader);
    vars.retain(|v| options.vars.iter().all(|(name, _)| *v.name != **name));
    // First, since others may use them.
    vars.splice(0..0, given_vars(&options.vars));
    let secrets = layers.named(|l| &l.secrets);
    if options.unset == Severity::Warning {
        warn_of_unset(&secrets, variables, &mut reader);
    }
    let secrets = secrets.into_iter().map(|s| secret(s, layers, options, &mut reader)).collect();
    reader.names = with_targets(names, layers);
    World {
        folder: layers.root.clone(),
        target,
        targets,
        vars,
        secrets,
        variables: Arc::clone(variables),
        tls: tls(layers, options.now, &mut reader),
        proxy: layers.down().find_map(|l| l.proxy.as_ref()).and_then(|n| reader.template(n)),
        resolve: layers
            .named(|l| &l.resolve)
            .into_iter()
            .filter_map(|n| Some((Arc::clone(&n.name), reader.template(&n.value)?)))
            .collect(),
        origins: layers.down().flat_map(|l| &l.origins).filter_map(|n| reader.template(n)).collect(),
        attacks: layers.down().flat_map(|l| &l.attacks).map(|glob| Arc::clone(&glob.value)).collect(),
    }
}

/// Secrets are read by a run alone; that one will be lacking can be told before.
fn warn_of_unset(secrets: &[&Named<SecretSpec>], variables: &BTreeMap<String, String>, reader: &mut Reader<'_>) {
    for secret in secrets {
        if let SecretSource::Env(name) = &secret.value.source
            && !variables.contains_key(&*name.value)
        {
            reader.fault(crate::template::diags::unset_secret(name.span, &name.value));
        }
    }
}

fn secret(
    named: &Named<SecretSpec>,
    layers: &Layers<'_>,
    options: &PlanOptions,
    reader: &mut Reader<'_>,
) -> SecretPlan {
    if let (SecretSource::Command(_, span), Commands::Refuse) = (&named.value.source, options.commands) {
        reader.fault(diags::no_exec(*span));
    }
    let (folder, root) = secret_home(named, layers, reader.sources);
    if let SecretSource::File(path) = &named.value.source
        && leaves(folder, root, &path.value)
    {
        reader.fault(crate::step::diags::file_outside(path.span, &path.value));
    }
    SecretPlan {
        name: Arc::clone(&named.name),
        span: named.span,
        spec: named.value.clone(),
        folder: folder.to_owned(),
        root: root.to_owned(),
    }
}

/// Where paths that stand at a place start from and the folder they stay in: what a base file says stays its own.
pub(super) fn home<'a>(sources: &'a SourceMap, place: Span, folder: &'a Path, root: &'a Path) -> (&'a Path, &'a Path) {
    sources.home(place.file).map_or((folder, root), |home| (home, home))
}

/// `--var` gives text; what reads as JSON keeps its type. The last one of a name counts.
fn given_vars(given: &[(String, String)]) -> Vec<Var> {
    let mut vars: Vec<Var> = Vec::new();
    for (name, value) in given {
        let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.clone()));
        vars.retain(|v| *v.name != **name);
        vars.push(Var { name: name.as_str().into(), span: Span::NONE, value: Tree::Const(value) });
    }
    vars
}

fn compile_vars(layers: &Layers<'_>, reader: &mut Reader<'_>) -> Vec<Var> {
    ordered(&layers.named(|l| &l.vars), reader)
}

/// Compiles variables, each after those it uses.
pub(super) fn ordered(all: &[&Named<Node>], reader: &mut Reader<'_>) -> Vec<Var> {
    let compile = |v: &&Named<Node>| {
        Some(Var { name: Arc::clone(&v.name), span: v.span, value: Tree::compile(&v.value, reader)? })
    };
    // Each after those it uses: take those whose needs are met until none is left.
    let mut open: Vec<Var> = all.iter().filter_map(compile).collect();
    let mut out: Vec<Var> = Vec::new();
    while !open.is_empty() {
        let names: Vec<Arc<str>> = open.iter().map(|v| Arc::clone(&v.name)).collect();
        let (ready, blocked): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|var| names.iter().all(|n| !var.value.uses(n)));
        if ready.is_empty() {
            let circle = circle(&blocked);
            let names: Vec<&str> = circle.iter().map(|i| &*blocked[*i].name).collect();
            reader.fault(diags::var_cycle(blocked[circle[0]].span, &names));
            // Without this circle the rest may still be sound, or have a circle of its own.
            open = blocked.into_iter().enumerate().filter(|(i, _)| !circle.contains(i)).map(|(_, v)| v).collect();
            continue;
        }
        out.extend(ready);
        open = blocked;
    }
    out
}

/// A circle among variables of which each needs another: follows one until it comes round.
fn circle(blocked: &[Var]) -> Vec<usize> {
    let mut path = vec![0];
    loop {
        let tree = &blocked[path[path.len() - 1]].value;
        let next = blocked.iter().position(|var| tree.uses(&var.name)).unwrap_or(0);
        if let Some(start) = path.iter().position(|i| *i == next) {
            let mut circle = path.split_off(start);
            circle.sort_unstable();
            return circle;
        }
        path.push(next);
    }
}

/// The bytes of a file that a suite or project names.
pub(super) fn file(path: &Spanned<Arc<str>>, folder: &Path, root: &Path, reader: &mut Reader<'_>) -> Option<Bytes> {
    let (folder, root) = home(reader.sources, path.span, folder, root);
    match read_file_or_absolute(folder, root, &path.value) {
        Ok(bytes) => Some(bytes),
        Err(why) if why == OUTSIDE => {
            reader.fault(crate::step::diags::file_outside(path.span, &path.value));
            None
        }
        Err(why) => {
            reader.fault(crate::step::diags::file(path.span, &path.value, &why));
            None
        }
    }
}

fn tls(layers: &Layers<'_>, now: Timestamp, reader: &mut Reader<'_>) -> TlsSettings {
    let mut out = TlsSettings::default();
    let Some((spec, folder)) = layers.find(|l| l.tls.as_ref()) else { return out };
    if spec.verify.as_ref().is_some_and(|v| !v.value) {
        out.verify = Verify::Off;
    }
    let mut read = |path: &Option<Spanned<Arc<str>>>| {
        let path = path.as_ref()?;
        Some((file(path, folder, &layers.root, reader)?.to_vec(), path.span))
    };
    let (ca, cert, key) = (read(&spec.ca), read(&spec.cert), read(&spec.key));
    let place = [&ca, &cert, &key].into_iter().flatten().map(|(_, s)| *s).next();
    if let Some((place, why)) = cert.as_ref().and_then(|(pem, place)| Some((*place, out_of_time(pem, now)?))) {
        reader.fault(auth::out_of_time(place, &why));
    }
    out.ca = ca.map(|(b, _)| b);
    out.cert = cert.map(|(b, _)| b);
    out.key = key.map(|(b, _)| b);
    if let (Some(place), Err(why)) = (place, out.check()) {
        reader.fault(diags::tls(place, &why));
    }
    out
}
