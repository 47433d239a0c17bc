//! What the tests that go through the binary share: a folder of their own, a clean environment, masked output.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) mod mask;
pub(crate) mod odd;
pub(crate) mod recorder;
pub(crate) mod transcript;
pub(crate) mod weak;

/// The binary under test.
pub(crate) const AUTHSPEC: &str = env!("CARGO_BIN_EXE_authspec");

/// A temporary folder to run the binary in.
pub(crate) struct Session {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Session {
    /// An empty folder; the environment holds nothing but a UTF-8 locale.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("authspec-test-").tempdir().expect("a temporary folder");
        Self { folder, env: vec![("LANG".into(), "C.UTF-8".into())] }
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("folders");
        fs::write(path, bytes).expect("a file");
        self
    }

    /// Copies all files below a folder.
    pub(crate) fn copy(&self, from: &Path) {
        copy(from, self.folder.path()).expect("files are copied");
    }

    /// Where a file of the folder is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// Prepares the binary with arguments, ready to spawn.
    pub(crate) fn command(&self, args: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        self.command_of(AUTHSPEC, args)
    }

    /// The same of another program.
    pub(crate) fn command_of(&self, program: &str, args: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        // Windows needs these for sockets and the temporary folder.
        for name in ["SystemRoot", "TEMP", "TMP"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[impl AsRef<std::ffi::OsStr>]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Runs the binary with a file of the folder as standard input.
    pub(crate) fn run_with_input(&self, args: &[String], input: &str) -> Output {
        let mut command = self.command(args);
        if let Ok(file) = File::open(self.path(input)) {
            command.stdin(file);
        }
        command.output().expect("the binary starts")
    }

    /// Masks what changes from run to run in a text of this session.
    pub(crate) fn mask(&self, text: &str) -> String {
        mask::mask(text, self.folder.path())
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Both streams and the code of a run, as one text for messages.
pub(crate) fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("code {:?}\n--- stdout\n{out}\n--- stderr\n{err}", output.status.code())
}

/// The names of all elements of an XML text, which has to be well-formed to its end.
pub(crate) fn xml_elements(text: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("no XML: {e} at {}\n{text}", reader.error_position())) {
            Event::Eof => return names,
            Event::Start(element) | Event::Empty(element) => {
                for attribute in element.attributes() {
                    let _ = attribute.expect("an attribute").value;
                }
                names.push(String::from_utf8_lossy(element.name().as_ref()).into_owned());
            }
            Event::Text(text) => _ = text.decode().expect("a text"),
            Event::End(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}
