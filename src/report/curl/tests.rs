//! What a shell makes of the commands.

use super::*;
use crate::event::{BodyRecord, MessageRecord};
use crate::report::fixture::{body, hop, message};

fn post(kind: BodyKind, text: &str) -> HopRecord {
    let headers = [("host", "x"), ("content-length", "5"), ("X-Empty", ""), ("content-type", "application/json")];
    hop("https://x/a?b=1&c=2", message("POST /a HTTP/1.1", &headers, body(kind, text)), None)
}

fn get(line: &str, url: &str, headers: &[(&str, &str)]) -> HopRecord {
    hop(url, message(line, headers, body(BodyKind::Empty, "")), None)
}

#[test]
fn curl_answers_digest_challenges_itself() {
    let answer = "Digest username=\"ann\", realm=\"r\", nonce=\"n\", response=\"‹masked:0›\"";
    assert_eq!(digest(&answer["Digest ".len()..]).as_deref(), Some("ann"));
    assert_eq!(digest("username=\"0123\", userhash=true"), None);
    assert_eq!(digest("username*=UTF-8''k%C3%BC, realm=\"r\"").as_deref(), Some("kü"));
    assert_eq!(digest(r#"username="ca\"m\\x", realm="r""#).as_deref(), Some(r#"ca"m\x"#));
    let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", answer)]), Some("job"));
    assert_eq!(made.lines(500), ["curl -i --digest -u \"ann:$JOB_PASSWORD\" http://x/"]);
}

#[test]
fn masked_basic_credentials_are_given_as_user_and_password() {
    for (plain, user) in [("YT", "a"), ("YWw6", "al"), ("YWxpO", "ali"), ("Ym9iO", "bob"), ("YWxpY2UyO", "alice2")] {
        let header = format!("Basic {plain}‹x.password›");
        let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", &header)]), None);
        assert_eq!(made.lines(500), [format!("curl -i -u \"{user}:$X_PASSWORD\" http://x/")]);
        assert_eq!(made.variables, [("X_PASSWORD".to_owned(), "‹x.password›".to_owned())]);
    }
    // A part of Base64 cannot be read from a variable.
    for odd in ["Basic YWxp‹x›", "Basic YWxpY2U6‹alice.password›A==", "Basic YWw6‹x›YW‹y›"] {
        let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", odd)]), None);
        assert_eq!(made.lines(500), [r#"curl -i -H "authorization: Basic $BASIC_CREDENTIALS" http://x/"#], "{odd}");
    }
    for odd in ["Basic ‹x›", "Basic YWxp‹x›", "Basic !‹x›", "Bearer YWw6‹x›", "Basic YWw6‹x›YW‹y›"]
    {
        let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", odd)]), None);
        assert!(made.lines(500)[0].contains("-H "), "{odd}: {made:?}");
    }
}

#[test]
fn only_what_is_needed_is_said() {
    let single = |h: &HopRecord| command(h, None).lines(500).join("\n");
    assert_eq!(single(&get("GET / HTTP/1.1", "http://x/", &[("accept", "*/*"), ("host", "x")])), "curl -i http://x/");
    assert_eq!(single(&get("HEAD / HTTP/1.1", "http://x/", &[])), "curl --head http://x/");
    assert_eq!(single(&get("DELETE /n HTTP/1.1", "http://x/n", &[])), "curl -i -X DELETE http://x/n");
    assert_eq!(
        single(&get("GET / HTTP/1.1", "http://x/../[a]", &[])),
        "curl -i --globoff --path-as-is 'http://x/../[a]'"
    );
    assert_eq!(
        single(&post(BodyKind::Json, r#"{"a":"it's"}"#)),
        r#"curl -i -H 'X-Empty;' -H 'content-type: application/json' --data-raw '{"a":"it'\''s"}' 'https://x/a?b=1&c=2'"#
    );
}

#[test]
fn long_commands_take_a_line_a_part() {
    let lines = command(&post(BodyKind::Json, "{}"), None).lines(40);
    assert_eq!(lines[0], "curl -i \\");
    assert!(lines[1..lines.len() - 1].iter().all(|l| l.starts_with("  -") && l.ends_with(" \\")), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "  'https://x/a?b=1&c=2'");
}

#[test]
fn masked_values_become_variables_each_its_own() {
    let headers = [
        ("Authorization", "Bearer ‹alice.access_token#1›"),
        ("X-Old", "‹alice.access_token#2›x"),
        ("X", "‹a.b›‹a_b›$"),
        ("Y", "‹w.secret#1.form-encoded›"),
    ];
    let curl = command(&get("GET / HTTP/1.1", "http://x/?k=‹7›&again=‹alice.access_token#1›", &headers), None);
    assert_eq!(
        curl.parts[1..],
        [
            r#"-H "Authorization: Bearer $ALICE_ACCESS_TOKEN""#,
            r#"-H "X-Old: ${ALICE_ACCESS_TOKEN_2}x""#,
            r#"-H 'X: '"$A_B""$A_B_2"'$'"#,
            r#"-H "Y: $W_SECRET_FORM_ENCODED""#,
            r#""http://x/?k=$SECRET7&again=$ALICE_ACCESS_TOKEN""#,
        ]
    );
    assert_eq!(curl.variables.len(), 6);
}

#[test]
fn bodies_that_cannot_be_typed_come_from_a_file() {
    let mut long = post(BodyKind::Text, &"x".repeat(5000));
    assert_eq!(command(&long, None).body_file, Some("body.bin"));
    long.request.body = BodyRecord { kind: BodyKind::Binary, text: String::new(), bytes: 3 };
    assert!(command(&long, None).parts.contains(&"--data-binary @body.bin".to_owned()));
}

/// Lets a real shell read the command, with a `curl` that only repeats its arguments and its input.
#[cfg(unix)]
fn read_by_a_shell(curl: &Curl) -> Vec<String> {
    let mark = "\u{1}";
    let stub = format!(
        "curl() {{ case \"$*\" in *@-*) cat; printf '{mark}';; esac; for a; do printf '%s{mark}' \"$a\"; done; }}\n"
    );
    let out = std::process::Command::new("sh")
        .arg("-c")
        .arg(stub + &curl.lines(20).join("\n"))
        .envs(curl.variables.iter().map(|(name, masked)| (name.as_str(), masked.as_str())))
        .output()
        .unwrap();
    assert!(out.status.success(), "{curl:?} {out:?}");
    String::from_utf8(out.stdout).unwrap().split_terminator(mark).map(str::to_owned).collect()
}

#[cfg(unix)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn a_shell_reads_back_what_was_meant(
        value in "([ -~]|‹a[.]b#[12]›|é){1,20}",
        text in "([ -~]|[\\n\\t\\r\\x02-\\x1f\\u{202e}]|‹a[.]b#[12]›|‹|日){1,30}",
    ) {
        let mut request = message("PUT /a HTTP/1.1", &[("X-Value", &value), ("Content-Type", "text/plain")], body(BodyKind::Text, &text));
        request.headers.push(("Host".to_owned(), "x".to_owned()));
        let args = read_by_a_shell(&command(&hop("http://x/a", request, None), None));
        let header = format!("X-Value: {value}");
        proptest::prop_assert!(args.contains(&header), "{args:?}");
        let at = args.iter().position(|a| a.starts_with("--data")).unwrap();
        let sent = if args[at] == "--data-raw" { &args[at + 1] } else { &args[0] };
        proptest::prop_assert_eq!(sent, &text);
    }
}

#[test]
fn certificates_are_always_verified() {
    let message: MessageRecord = message("GET / HTTP/1.1", &[], body(BodyKind::Empty, ""));
    let parts = command(&hop("https://self-signed.badssl.com/", message, None), None).parts;
    assert!(!parts.iter().any(|p| p == "-k" || p.contains("insecure")));
}

#[test]
fn values_without_a_name_are_told_apart_by_where_they_stand() {
    let text = "refresh_token=‹masked›&client_id=cli&client_secret=‹masked›";
    let mut request = post(BodyKind::Text, text);
    request.request.headers.clear();
    let made = command(&request, None);
    assert!(
        made.parts.contains(&"--data-raw \"refresh_token=$MASKED&client_id=cli&client_secret=$MASKED_2\"".to_owned())
    );
    assert_eq!(made.variables.len(), 2, "{made:?}");
}

#[test]
fn a_form_is_encoded_by_curl_where_a_variable_stands() {
    let of = |text: &str| {
        let mut request = post(BodyKind::Form, text);
        request.request.headers.clear();
        command(&request, None).parts[1..].iter().filter(|part| part.starts_with("--")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("a=1&b=%20x"), ["--data-raw 'a=1&b=%20x'"]);
    assert_eq!(
        of("grant_type=password&scope=a+b&password=‹ann.password›&x=%C3%A9%2B‹t#1›+&client_id=c"),
        [
            "--data-raw 'grant_type=password&scope=a+b'",
            "--data-urlencode \"password=$ANN_PASSWORD\"",
            "--data-urlencode \"x=é+$T \"",
            "--data-raw client_id=c",
        ]
    );
    // What is no pair is sent as it stands.
    assert_eq!(of("a=1&‹b.c›"), ["--data-raw \"a=1&$B_C\""]);
}
