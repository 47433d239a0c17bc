use super::*;
use crate::source::SourceMap;

fn names() -> Names {
    let mut names = Names::default();
    for name in ["token", "n", "flag", "obj", "nothing"] {
        names.add(name);
    }
    names.object("identity", Members::These(["username".to_owned(), "password".to_owned()].into()));
    names.object("env", Members::Any);
    names
}

fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.set_folder(std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
    scope.set("token", Value::from("t0k"));
    scope.set("n", Value::from(42));
    scope.set("flag", Value::from(true));
    scope.set("obj", from_json(&serde_json::json!({"a": [1, null, "x"]})));
    scope.set("nothing", Value::from(()));
    scope.set_fields("identity", [("username", Value::from("alice")), ("password", Value::from("hunter2-long"))]);
    scope
}

fn compile(text: &str) -> Result<Template, Vec<String>> {
    let mut diags = Diagnostics::default();
    let template = Template::compile(&text.into(), Origin::NONE, &names(), &mut diags);
    template.ok_or_else(|| diags.iter().map(|d| d.message.clone()).collect())
}

fn render(text: &str) -> Result<String, String> {
    compile(text).map_err(|m| m.join("; "))?.render(&scope()).map_err(|e| e.message)
}

#[test]
fn values_print_the_json_way_and_keep_their_type_alone() {
    assert_eq!(render("Bearer {{ token }}").unwrap(), "Bearer t0k");
    assert_eq!(render("{{ flag }}/{{ n }}/{{ obj }}").unwrap(), r#"true/42/{"a":[1,null,"x"]}"#);
    assert_eq!(compile("{{ n }}").unwrap().value(&scope()).unwrap(), serde_json::json!(42));
    assert_eq!(compile("{{ obj.a }}").unwrap().value(&scope()).unwrap(), serde_json::json!([1, null, "x"]));
    assert_eq!(compile("x{{ n }}").unwrap().value(&scope()).unwrap(), serde_json::json!("x42"));
    assert_eq!(render("{% if flag %}yes{% else %}no{% endif %} {{ flag }}").unwrap(), "yes true");
    assert_eq!(render("{{ '}}' }}").unwrap(), "}}");
    assert_eq!(render("{{ identity.username }} {{ identity['username'] }}").unwrap(), "alice alice");
}

#[test]
fn null_and_undefined_never_become_text() {
    assert!(render("a{{ nothing }}").unwrap_err().contains("null"));
    assert!(render("{{ nothing }}").is_err());
    assert!(render("{{ obj.b }}").unwrap_err().contains("undefined"));
    assert!(render("{% for x in [1] %}{{ obj.b }}{% endfor %}").is_err());
    assert_eq!(render("{{ obj.b | default('d') }}").unwrap(), "d");
}

#[test]
fn unknown_names_and_filters_are_found_when_compiling() {
    let message = |text: &str| compile(text).unwrap_err().join("; ");
    assert!(message("{{ tokn }}").contains("nothing supplies `tokn`"));
    assert!(message("{{ blake('a') }}").contains("there is no function `blake`"));
    assert!(message("{{ identity.usernme }}").contains("`identity.usernme`"));
    assert!(message("{{ token | uper }}").contains("no filter called `uper`"));
    assert!(message("{{ nofunction(1) }}").contains("nofunction"));
    assert!(message("{{ token").contains("never closed"));
    assert!(message("{{ }}").contains("nothing between"));
    assert!(message("{{ a b }}").contains("cannot be read"));
    assert!(message("{% if %}").contains("cannot be read"));
    assert!(compile("{{ env.ANY }}").is_ok());
    assert!(compile("{{ token | upper | default('a|b') }}").is_ok());
}

#[test]
fn places_are_found_in_plain_quoted_and_block_scalars() {
    for source in
        ["Bearer {{ tokn }}", "\"Bearer {{ tokn }}\"", "|\n  Bearer\n  {{ tokn }}\n", "\"B\\u0065arer {{ tokn }}\""]
    {
        let mut map = SourceMap::default();
        let file = map.add("f", source);
        let decoded: Arc<str> = match source.as_bytes()[0] {
            b'|' => "Bearer\n{{ tokn }}\n".into(),
            _ => "Bearer {{ tokn }}".into(),
        };
        let origin = Origin { span: Span::new(file, 0, source.len()), raw: source };
        let mut diags = Diagnostics::default();
        assert!(Template::compile(&decoded, origin, &names(), &mut diags).is_none());
        let span = diags.sorted()[0].span;
        assert_eq!(map.slice(span), "tokn", "in {source:?}");
    }
}

#[test]
fn errors_never_print_values() {
    for text in [
        "{{ identity.password + 1 }}",
        "{{ identity.password.x.y }}",
        "{{ identity.password | int }}",
        "{% for a in n %}{% endfor %}",
        "{{ identity.password() }}",
        "{{ hmac(identity.password, 'a', 'b') }}",
    ] {
        let error = render(text).unwrap_err();
        assert!(!error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn endless_templates_are_stopped() {
    assert!(render("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").is_err());
}

#[test]
fn functions_have_unique_names_and_working_examples() {
    for (i, function) in FUNCTIONS.iter().enumerate() {
        assert!(FUNCTIONS[i + 1..].iter().all(|f| f.name != function.name));
        let text = format!("{{{{ {} }}}}", function.example);
        let mut made = render(&text);
        // A one-time password that would be stale on arrival is not given out.
        if made.as_ref().is_err_and(|e| function.name == "totp" && e.contains("not ready yet")) {
            std::thread::sleep(std::time::Duration::from_secs(3));
            made = render(&text);
        }
        assert!(made.is_ok(), "{}: {made:?}", function.name);
    }
    assert_eq!(
        render("{{ sha256('abc') | hex }}").unwrap(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(render("{{ hex(md5('')) }}").unwrap(), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(render("{{ base64('test:123£') }}").unwrap(), "dGVzdDoxMjPCow==");
    // RFC 4231, test case 2
    assert_eq!(
        render("{{ hex(hmac('sha256', 'Jefe', 'what do ya want for nothing?')) }}").unwrap(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(render("{{ sha256('a') }}").unwrap_err().contains("bytes"));
    // FIPS 180-1, appendix A.
    assert_eq!(render("{{ hex(sha1('abc')) }}").unwrap(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    // FIPS 180-2, appendices C.1 and D.1.
    let (sha512, sha384) = (render("{{ hex(sha512('abc')) }}").unwrap(), render("{{ hex(sha384('abc')) }}").unwrap());
    assert!(sha512.starts_with("ddaf35a193617abacc417349ae204131") && sha512.ends_with("2a9ac94fa54ca49f"), "{sha512}");
    assert!(sha384.starts_with("cb00753f45a35e8bb5a03d699ac65007") && sha384.ends_with("58baeca134c825a7"), "{sha384}");
}

#[test]
fn tokens_and_keys_are_made_as_their_rfcs_say() {
    // RFC 7636, appendix B
    let challenge = "{{ pkce('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk') }}";
    assert_eq!(render(challenge).unwrap(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert_eq!(
        render("{% set p = pkce() %}{{ pkce(p.verifier) == p.challenge }} {{ p.method }}").unwrap(),
        "true S256"
    );
    let token = render("{{ jwt({'sub': 'ann'}, 'secret', kid='k', header={'typ': 'at+jwt'}) }}").unwrap();
    let read = crate::jose::Token::parse(&token).unwrap();
    assert_eq!(read.claims().unwrap(), serde_json::json!({"sub": "ann"}));
    let header = serde_json::json!({"alg": "HS256", "typ": "at+jwt", "kid": "k"});
    assert_eq!(serde_json::Value::Object(read.header().clone()), header);
    let key = crate::jose::Key::secret(b"secret").unwrap();
    assert_eq!(crate::jose::Jwks::of(key).verify(&read), Ok(()));
    // RFC 8037, appendix A.3
    let jwk = "{'kty': 'OKP', 'crv': 'Ed25519', 'x': '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}";
    let print = render(&format!("{{{{ jwk_thumbprint({jwk}) }}}}")).unwrap();
    assert_eq!(print, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    for (text, words) in [
        ("{{ jwt({}, 'secret', alg='none') }}", "no algorithm that signs"),
        ("{{ jwt({}, 'secret', alg='RS256') }}", "the key is a secret"),
        ("{{ jwt({}, '') }}", "empty"),
        ("{{ jwt({}, 'secret', typ='x') }}", "by name"),
        ("{{ jwt('x', 'secret') }}", "a map"),
        ("{{ jwt({}, '{') }}", "no JSON"),
        ("{{ jwk_thumbprint({}) }}", "`kty`"),
        ("{{ file('/etc/passwd') }}", "outside"),
        ("{{ file('nope') }}", "no such file"),
        ("{{ totp('1') }}", "Base32"),
        ("{{ hex('a', upper=true) }}", "by name"),
        ("{{ totp('GEZDGNBV', digits=9) }}", "from 6 to 8"),
        ("{{ totp('GEZDGNBV', algorithm='md5') }}", "knows sha1"),
    ] {
        let told = render(text).unwrap_err();
        assert!(told.contains(words), "{text}: {told}");
    }
}

#[test]
fn a_password_that_is_not_ready_says_when_it_is() {
    let template = compile("{{ totp('MFRGGZDFMZTWQ2LK', step=300) }}").unwrap();
    let now = || jiff::Timestamp::now().as_second();
    // At the very end of a step the first one is not given out either.
    let first = template.render(&scope());
    let again = template.render(&scope()).unwrap_err();
    let ready = again.ready_at.unwrap().as_second();
    assert!(ready % 300 == 0 && ready > now() - 1 && ready <= now() + 301, "{ready}");
    assert!(first.is_ok() || first.unwrap_err().ready_at.is_some());
    assert!(again.message.contains("not ready"), "{}", again.message);
}

proptest::proptest! {
    #[test]
    fn compiling_never_panics(text in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|[a-z .|'\"(){}é-]){0,40}") {
        let _ = compile(&text).map(|t| t.render(&scope()));
    }
}
