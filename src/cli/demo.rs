//! `authspec demo`: the embedded API for trying things out.

use std::path::Path;

use super::args::DemoArgs;
use super::context::Context;
use crate::demo::{CLIENT_FILES, Demo, DemoOptions};
use crate::exec::{Stop, Stopper};
use crate::verdict;

pub(super) fn run(args: &DemoArgs, context: &mut Context) -> u8 {
    let signing_key = match args.signing_key.as_ref().map(std::fs::read_to_string).transpose() {
        Ok(key) => key,
        Err(error) => {
            let path = args.signing_key.as_deref().unwrap_or_else(|| Path::new(""));
            context.complain(&format!("error: {} cannot be read: {error}\n", path.display()));
            return verdict::USAGE;
        }
    };
    let options = DemoOptions { port: args.port, tls: args.tls, signing_key, weak: args.weak.clone() };
    let demo = match Demo::start(options) {
        Ok(demo) => demo,
        Err(error) => {
            context.complain(&format!("error: {error}\n"));
            return verdict::USAGE;
        }
    };
    if let (Some(path), Some(pem)) = (&args.ca_out, demo.ca_pem())
        && let Err(error) = std::fs::write(path, pem)
    {
        context.complain(&format!("error: {} cannot be written: {error}\n", path.display()));
        return verdict::USAGE;
    }
    for (name, bytes) in CLIENT_FILES.iter().filter(|_| args.client_certs.is_some()) {
        let path = args.client_certs.as_deref().unwrap_or_else(|| Path::new("")).join(name);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = folder.and_then(|()| std::fs::write(&path, bytes)) {
            context.complain(&format!("error: {} cannot be written: {error}\n", path.display()));
            return verdict::USAGE;
        }
    }
    let url = demo.url();
    let weak: Vec<&str> = args.weak.iter().map(|w| w.id).collect();
    if !weak.is_empty() {
        context.complain(&format!("weak on purpose: {}\n", weak.join(", ")));
    }
    context.say(&format!(
        "demo API on {url}\n\n  users  alice / wonderland-7 (user), bob / builder-8 (user), dora / auditor-3 (auditor),\n         root / toor-admin-9 (admin), carol / caramel-4 (disabled), lara / lockout-5 (user)\n  keys   demo-key-reader-1a2b3c4d, demo-key-writer-5e6f7a8b, demo-key-revoked-9c0d1e2f\n  oauth  issuer {url}/oauth; its clients, their secrets and keys stand on {url}/\n         service / service-secret-7d1f, web / web-secret-3c9e, spa (public)\n  try    curl {url}/health\n         curl -X POST {url}/login -H 'content-type: application/json' \\\n              -d '{{\"username\":\"alice\",\"password\":\"wonderland-7\"}}'\n         authspec run specs/ --target {url}\n\nstop it with Ctrl-C\n"
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return verdict::USAGE };
    let stopper = Stopper::default();
    runtime.block_on(async {
        tokio::spawn(super::signals::listen(stopper.clone(), None));
        while stopper.state() == Stop::No {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    verdict::ALL_PASSED
}
