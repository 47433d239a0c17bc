//! `run --watch`: a change runs again, and Ctrl-C between runs ends with the code of the last one.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::support::Session;
use crate::support::recorder::{Recorder, answer};

struct Watching {
    session: Session,
    child: Child,
    told: Receiver<String>,
}

fn start(server: &Recorder, suite: &str) -> Watching {
    let session = Session::new().env("TARGET", server.url()).file("suite.yaml", suite);
    let session = session.file("authspec.yaml", "vars: { path: /first }\n");
    let args = ["run", ".", "--watch", "-q", "--json", "results.json"];
    let mut child = session.command(&args).spawn().expect("the binary starts");
    let told = lines(child.stderr.take().expect("a pipe"));
    Watching { session, child, told }
}

fn lines(stream: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

impl Watching {
    /// Waits until a line with this text was told.
    fn wait_for(&self, text: &str) {
        loop {
            let line =
                self.told.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("`{text}` is not told"));
            if line.contains(text) {
                return;
            }
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.session.path(name), text).expect("a file");
    }

    fn interrupt(mut self) -> Option<i32> {
        let status = Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        assert!(status.expect("`kill` is there").success());
        self.child.wait().expect("the binary ends").code()
    }
}

const SUITE: &str = "target: \"{{ env.TARGET }}\"\ncases: [ { request: \"GET {{ path }}\", expect: 200 } ]\n";

fn server() -> Recorder {
    Recorder::start(|request| {
        let status = if request.contains("/missing") { "404 Not Found" } else { "200 OK" };
        answer(status, &[], b"fine")
    })
}

#[test]
fn a_change_runs_again_and_an_interrupt_gives_the_last_code() {
    let server = server();
    let watching = start(&server, SUITE);
    // The report that each run writes into the folder is no change.
    watching.wait_for("watching 2 files; Ctrl-C ends");
    thread::sleep(Duration::from_millis(1300));
    assert_eq!(server.heard().len(), 1, "it ran again without a change");
    // The project file is read too.
    watching.write("authspec.yaml", "vars: { path: /second }\n");
    watching.wait_for("authspec.yaml changed");
    watching.wait_for("watching 2 files");
    assert!(server.has_heard("/second"));
    // A faulty file is told, and mended.
    watching.write("suite.yaml", "cases: [ { reqest: GET /me } ]\n");
    watching.wait_for("suite.yaml changed");
    watching.wait_for("reqest");
    watching.wait_for("watching");
    watching.write("suite.yaml", &SUITE.replace("{{ path }}", "/missing"));
    watching.wait_for("suite.yaml changed");
    watching.wait_for("watching");
    assert!(server.has_heard("/missing"));
    // A new file is a change as well.
    watching.write("more.yaml", &SUITE.replace("{{ path }}", "/more"));
    watching.wait_for("more.yaml changed");
    watching.wait_for("watching 3 files");
    assert!(server.has_heard("/more"));
    assert_eq!(watching.interrupt(), Some(1), "the last run failed");
}

#[test]
fn an_interrupt_during_a_run_is_one() {
    let server = server();
    let watching = start(&server, &SUITE.replace("expect: 200", "pause: 60s"));
    // The run waits in its pause by then.
    thread::sleep(Duration::from_millis(700));
    assert_eq!(watching.interrupt(), Some(130));
    assert!(server.heard().is_empty());
}
