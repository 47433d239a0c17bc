//! `authspec demo`: the embedded API for trying things out.

use std::path::Path;

use super::args::DemoArgs;
use super::context::Context;
use crate::demo::{CLIENT_FILES, Demo, DemoOptions};
use crate::exec::{Stop, Stopper};
use crate::term::hang;
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
    context.say(&front(url, context.out.page()));
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

/// What there is to try: people, keys, clients, requests.
fn front(url: &str, page: usize) -> String {
    let people = "alice\u{a0}/\u{a0}wonderland-7\u{a0}(user), bob\u{a0}/\u{a0}builder-8\u{a0}(user), \
                  dora\u{a0}/\u{a0}auditor-3\u{a0}(auditor), root\u{a0}/\u{a0}toor-admin-9\u{a0}(admin), \
                  carol\u{a0}/\u{a0}caramel-4\u{a0}(disabled), lara\u{a0}/\u{a0}lockout-5\u{a0}(user)";
    let keys = "demo-key-reader-1a2b3c4d, demo-key-writer-5e6f7a8b, demo-key-revoked-9c0d1e2f";
    let issuer = format!("issuer {url}/oauth; its clients, their secrets and keys stand on {url}/");
    let clients = "service\u{a0}/\u{a0}service-secret-7d1f, web\u{a0}/\u{a0}web-secret-3c9e, spa\u{a0}(public)";
    let row = |head: &str, text: &str| hang(head, text, page);
    let told = [
        row("  users  ", people),
        row("  keys   ", keys),
        row("  oauth  ", &issuer),
        row("         ", clients),
        format!("  try    curl {url}/health\n"),
        format!("         curl -X POST {url}/login -H 'content-type: application/json' \\\n"),
        "              -d '{\"username\":\"alice\",\"password\":\"wonderland-7\"}'\n".to_owned(),
        format!("         authspec run specs/ --target {url}\n"),
    ];
    format!("demo API on {url}\n\n{}\nstop it with Ctrl-C\n", told.concat())
}
