use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::temp::{UNFINISHED, remove};
use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn written(path: &Path, shape: Shape, text: &str, secrets: &SecretSet) -> Result<Written, FileError> {
    ReportFile::create(path, shape)?.write(secrets, |to| to.write_all(text.as_bytes()))
}

#[test]
fn a_report_appears_whole_in_a_folder_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/deep/report.json");
    let done = written(&path, Shape::Json, "{}\n", &SecretSet::new()).unwrap();
    assert_eq!((done.masked, done.searched, &done.path), (0, 0, &path));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
    assert_eq!(names(path.parent().unwrap()), ["report.json"]);
}

#[test]
fn an_older_report_stays_until_the_new_one_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, "old").unwrap();
    let mut file = ReportFile::create(&path, Shape::Json).unwrap();
    file.write_all(b"new").unwrap();
    file.flush().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()).len(), 2);
    file.finish(&SecretSet::new()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[test]
fn nothing_is_left_of_a_report_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut dropped = ReportFile::create(&path, Shape::Json).unwrap();
    dropped.write_all(&vec![b'x'; 200_000]).unwrap();
    drop(dropped);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        ReportFile::create(&path, Shape::Json).unwrap().write(&SecretSet::new(), |_| panic!("in the middle"))
    }));
    assert!(panicked.is_err());
    let failed = ReportFile::create(&path, Shape::Json)
        .unwrap()
        .write(&SecretSet::new(), |_| Err(io::ErrorKind::StorageFull.into()));
    assert!(matches!(failed, Err(FileError::Write { .. })), "{failed:?}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_process_that_ends_at_once_can_remove_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = ReportFile::create(&folder.path().join("report.json"), Shape::Json).unwrap();
    let temp = names(folder.path());
    assert_eq!(temp.len(), 1);
    // Only this test's file, as others run beside it in the same process.
    let kept = UNFINISHED.lock().unwrap().iter().any(|path| path.ends_with(&temp[0]));
    assert!(kept);
    remove(UNFINISHED.lock().unwrap().extract_if(.., |path| path.starts_with(folder.path())));
    assert_eq!(names(folder.path()), [""; 0]);
    std::mem::forget(file);
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in [folder.path().join("file/report.json"), folder.path().to_owned()] {
        let why = written(&path, Shape::Json, "{}", &SecretSet::new()).unwrap_err();
        assert!(matches!(why, FileError::Create { .. }), "{why:?}");
        let told = why.to_string();
        assert!(told.starts_with(&format!("{} cannot be created: ", path.display())), "{told}");
        assert!(told.contains("irectory"), "{told}");
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let why = written(Path::new("/dev/full"), Shape::Json, "{}", &SecretSet::new()).unwrap_err();
    assert!(matches!(&why, FileError::Publish { why, .. } if why.kind() == io::ErrorKind::StorageFull), "{why:?}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_others_may_read() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (link, real) = (folder.path().join("link.json"), folder.path().join("real.json"));
    fs::write(&real, "old").unwrap();
    symlink("real.json", &link).unwrap();
    written(&link, Shape::Json, "new", &SecretSet::new()).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o400, 0o400);
    assert_ne!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600, "as the umask says");
}

/// A stream whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_is_searched_too() {
    let secrets = SecretSet::new();
    secrets.declare("alice.password", "hunter22");
    let stream = Stream::default();
    let file = ReportFile::to_stream(Box::new(stream.clone()), Shape::Json).unwrap();
    let done = file.write(&secrets, |to| to.write_all(br#"{"name":"is hunter22"}"#)).unwrap();
    assert_eq!((done.searched, done.masked), (1, 1));
    assert_eq!(stream.0.lock().unwrap().as_slice(), r#"{"name":"is ‹alice.password›"}"#.as_bytes());
}

#[test]
fn what_is_found_is_masked_inside_its_escapes() {
    let secrets = SecretSet::new();
    secrets.declare("alice.password", "pass\"<word>\n1");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let json = serde_json::json!({"name": "is pass\"<word>\n1!", "code": "x"}).to_string();
    assert_eq!(written(&path, Shape::Json, &json, &secrets).unwrap().masked, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"name":"is ‹alice.password›!","code":"x"}"#);
    let xml = "<a m=\"pass&quot;&lt;word&gt;&#10;1\" time=\"1\"><![CDATA[pass\"<word>\n1]]></a>";
    assert_eq!(written(&path, Shape::Xml, xml, &secrets).unwrap().masked, 2);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "<a m=\"‹alice.password›\" time=\"1\"><![CDATA[‹alice.password›]]></a>");
}

#[test]
fn words_of_the_format_are_no_secrets() {
    let secrets = SecretSet::new();
    for word in ["failed", "verdict", "testcase", "classname", "inconclusive", "2026-01-02"] {
        secrets.declare("silly", word);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let json =
        r#"{"verdict":"failed","started":"2026-01-02","tolerated":["inconclusive","failed"],"name":"a failed one"}"#;
    assert_eq!(written(&path, Shape::Json, json, &secrets).unwrap().masked, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), json.replace("a failed one", "a ‹silly› one"));
    let xml = "<testcase classname=\"x\" timestamp=\"2026-01-02\"></testcase>";
    assert_eq!(written(&path, Shape::Xml, xml, &secrets).unwrap().masked, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), xml);
}

#[test]
fn a_secret_that_cannot_be_masked_keeps_the_report_back() {
    let secrets = SecretSet::new();
    secrets.declare("alice.password", "hunter22");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    for (shape, text) in [
        (Shape::Json, r#"{"hunter22":1}"#),
        (Shape::Xml, "<a><!-- hunter22 --></a>"),
        (Shape::Xml, "<a hunter22=\"\"/>"),
        (Shape::Xml, "<hunter22/>"),
    ] {
        let why = written(&path, shape, text, &secrets).unwrap_err();
        assert!(matches!(&why, FileError::Secret { label, .. } if label == "‹alice.password›"), "{text}: {why:?}");
        assert!(!why.to_string().contains("hunter22"));
    }
    assert_eq!(names(folder.path()), [""; 0]);
}
