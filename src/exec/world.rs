//! Worlds at run time: a base address, the values in scope, and a transport.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use url::Origin;

use super::once::Once;
use super::serve::{self, Serving};
use super::{RunOptions, ready, value};
use crate::demo::{Demo, DemoOptions};
use crate::diag::{Diagnostic, Diagnostics};
use crate::http::{Address, Proxy, Settings, Transport, Verify};
use crate::plan::{DemoPlan, Plan, TargetPlan, TargetUrl, World};
use crate::secret::SecretSet;
use crate::source::Span;
use crate::step::{Caller, IdentityId};
use crate::template::{Scope, Value};

/// A world that requests can be sent in.
#[derive(Debug)]
pub(crate) struct WorldRun {
    /// What paths are appended to.
    pub(crate) base: String,
    /// The other places, by name.
    pub(crate) targets: Vec<String>,
    /// Variables, secrets, environment and targets.
    pub(crate) scope: Arc<Scope>,
    /// Where requests leave.
    pub(crate) transport: Arc<Transport>,
    /// Where credentials of this world may go.
    pub(crate) origins: Vec<Origin>,
    /// Which of its targets are the embedded demo: nothing of anybody's is there.
    pub(crate) demos: Vec<Origin>,
    /// Why nothing can be sent: the target never got ready.
    pub(crate) not_ready: Option<NotReady>,
    /// Which command of the run serves it.
    pub(crate) served: Option<usize>,
}

/// A target that did not answer.
#[derive(Debug, Clone)]
pub(crate) struct NotReady {
    pub(crate) message: String,
    pub(crate) span: Span,
}

/// Everything that is alive before the first case.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) worlds: Vec<Option<WorldRun>>,
    /// Shown names of the targets.
    pub targets: Vec<String>,
    /// What weakens the run.
    pub notices: Vec<String>,
    /// The embedded demo, stopped when this is dropped.
    pub(crate) demos: Vec<(DemoPlan, Demo)>,
    /// The commands of targets, stopped when this is dropped.
    pub(crate) serving: Serving,
    /// The requests that waiting for targets took.
    pub(crate) requests: u32,
}

impl Prepared {
    /// The demo that was started so.
    fn demo(&self, plan: &DemoPlan) -> Option<&Demo> {
        self.demos.iter().find(|(started, _)| started == plan).map(|(_, demo)| demo)
    }
}

/// Brings the worlds that the plan uses to life. What is wrong goes to `diags`; then nothing may run.
pub async fn prepare(plan: &Plan, options: &RunOptions, secrets: &SecretSet, diags: &mut Diagnostics) -> Prepared {
    let mut prepared = Prepared {
        worlds: Vec::new(),
        targets: Vec::new(),
        notices: Vec::new(),
        demos: Vec::new(),
        serving: Serving::default(),
        requests: 0,
    };
    let used = used_worlds(plan);
    let mut transports: HashMap<Settings, Arc<Transport>> = HashMap::new();
    let mut once = Once::default();
    for (index, world) in plan.worlds.iter().enumerate() {
        let run = if used.contains(&index) {
            let scope = value::scope(world, &mut once, secrets, diags);
            start(world, scope, options, &mut transports, &mut prepared, diags)
        } else {
            None
        };
        prepared.worlds.push(run);
    }
    name_secrets(plan, &prepared, secrets);
    if diags.errors() == 0 {
        prepared.serving = serve::start_all(plan, &mut prepared.worlds).await;
        prepared.requests = ready::await_all(plan, &mut prepared.worlds, &prepared.serving).await;
    }
    prepared
}

/// Names what identities take from the environment in the order of the file: of two who have the same password the
/// first gives it its name, and not the one who logs in first.
fn name_secrets(plan: &Plan, prepared: &Prepared, secrets: &SecretSet) {
    for identity in &plan.identities {
        let Some(Some(world)) = prepared.worlds.get(identity.world) else { continue };
        for field in identity.fields.iter().filter(|f| f.secret && f.value.source().contains("env.")) {
            if let Ok(text) = field.value.render(&world.scope) {
                secrets.declare(&format!("{}.{}", identity.name, field.name), &text);
            }
        }
    }
}

fn used_worlds(plan: &Plan) -> Vec<usize> {
    let mut ids: Vec<IdentityId> = plan.suites.iter().flat_map(|s| s.identities.clone()).collect();
    for case in &plan.cases {
        ids.extend(&case.shape.identities);
        ids.extend(case.with.iter().flat_map(|with| with.donors.iter().copied()));
        if let Caller::Identity(id) = case.caller {
            ids.push(id);
        }
    }
    // Whoever logs in with the session of another one needs that one's world as well.
    let of_identities = plan.with_needs(ids).into_iter().map(|id| plan.identities[id.0 as usize].world);
    plan.suites.iter().map(|s| s.world).chain(of_identities).collect()
}

fn start(
    world: &World,
    mut scope: Scope,
    options: &RunOptions,
    transports: &mut HashMap<Settings, Arc<Transport>>,
    prepared: &mut Prepared,
    diags: &mut Diagnostics,
) -> Option<WorldRun> {
    let mut settings = settings(world, &scope, options, diags)?;
    let target = world.target.as_ref()?;
    let base = base(target, &scope, prepared, diags)?;
    if let TargetUrl::Demo(plan) = &target.url
        && let Some(authority) = prepared.demo(plan).and_then(Demo::ca_pem)
    {
        // The run started it, so it knows whose certificate it shows.
        settings.tls.ca.get_or_insert_default().extend(authority.as_bytes());
    }
    let transport = transports.entry(settings).or_insert_with_key(|s| Arc::new(Transport::new(s.clone())));
    let transport = Arc::clone(transport);
    let origin = Address::parse(&base).map(|a| a.origin()).ok()?;
    let named = world.targets.iter().map(|(_, target)| self::base(target, &scope, prepared, diags));
    let targets = named.collect::<Option<Vec<String>>>()?;
    if !targets.is_empty() {
        let names = world.targets.iter().map(|(name, _)| name.to_string());
        scope.set_fields("targets", names.zip(targets.iter().map(|url| Value::from(url.as_str()))));
    }
    let mut origins = vec![origin];
    for template in &world.origins {
        match template.render(&scope).map_err(|e| value::variable(&e, "an origin")) {
            Ok(text) => match Address::parse(&text) {
                Ok(address) => origins.push(address.origin()),
                Err(why) => diags.push(fault(template.span(), &format!("this is no origin: {why}"))),
            },
            Err(diagnostic) => diags.push(diagnostic),
        }
    }
    if world.tls.verify == Verify::Off {
        let notice = format!("TLS certificates of {base} are not verified (`tls: {{ verify: false }}`)");
        if !prepared.notices.contains(&notice) {
            prepared.notices.push(notice);
        }
    }
    let demos = demos(world, &base, &targets);
    Some(WorldRun { base, targets, scope: Arc::new(scope), transport, origins, demos, not_ready: None, served: None })
}

/// Where the embedded demo is among the targets of a world.
fn demos(world: &World, base: &str, targets: &[String]) -> Vec<Origin> {
    let own = world.target.iter().zip([base]);
    let named = world.targets.iter().map(|(_, target)| target).zip(targets.iter().map(String::as_str));
    let demos = own.chain(named).filter(|(target, _)| matches!(target.url, TargetUrl::Demo(_)));
    demos.filter_map(|(_, base)| Some(Address::parse(base).ok()?.origin())).collect()
}

fn fault(span: Span, message: &str) -> Diagnostic {
    let error = crate::template::TemplateError::new(message, span);
    value::variable(&error, "this setting")
}

fn base(target: &TargetPlan, scope: &Scope, prepared: &mut Prepared, diags: &mut Diagnostics) -> Option<String> {
    let (base, shown) = match &target.url {
        TargetUrl::Demo(plan) => {
            if prepared.demo(plan).is_none() {
                let signing_key = plan.signing_key.as_deref().map(str::to_owned);
                match Demo::start(DemoOptions { port: 0, tls: plan.tls, signing_key, weak: plan.weak.clone() }) {
                    Ok(demo) => prepared.demos.push((plan.clone(), demo)),
                    Err(error) => {
                        diags.push(fault(target.span, &error.to_string()));
                        return None;
                    }
                }
            }
            let url = prepared.demo(plan)?.url().to_owned();
            (url.clone(), format!("demo {url}"))
        }
        TargetUrl::Url(template) => match template.render(scope) {
            Ok(url) => (url.clone(), url),
            Err(error) => {
                diags.push(value::variable(&error, "the target"));
                return None;
            }
        },
    };
    if let Err(why) = Address::parse(&base) {
        diags.push(fault(target.span, &format!("the target is no address: {why}")));
        return None;
    }
    if !prepared.targets.contains(&shown) {
        prepared.targets.push(shown);
    }
    Some(base.trim_end_matches('/').to_owned())
}

fn settings(world: &World, scope: &Scope, options: &RunOptions, diags: &mut Diagnostics) -> Option<Settings> {
    let before = diags.errors();
    let proxy = match &world.proxy {
        None => Proxy::Direct,
        Some(template) => match template.render(scope) {
            Ok(text) if text == "env" => Proxy::Env,
            Ok(text) => Proxy::Url(text),
            Err(error) => {
                diags.push(value::variable(&error, "the proxy"));
                Proxy::Direct
            }
        },
    };
    let mut resolve = Vec::new();
    for (host, template) in &world.resolve {
        let Ok(text) = template.render(scope).map_err(|e| diags.push(value::variable(&e, "an address"))) else {
            continue;
        };
        let address = text.parse::<SocketAddr>().or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)));
        match address {
            Ok(address) => resolve.push((host.to_lowercase(), address)),
            Err(_) => diags.push(fault(template.span(), &format!("`{text}` is no IP address"))),
        }
    }
    let settings = Settings { tls: world.tls.clone(), proxy, resolve, max_body: options.max_body };
    (diags.errors() == before).then_some(settings)
}
