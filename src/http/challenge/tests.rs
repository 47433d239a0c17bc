//! The table of known fields, and properties over any bytes.

use proptest::prelude::*;

use super::*;

/// Rows of: name ¦ field lines, split by ⏎ ¦ challenges as re-spelled, split by || ¦ a part of
/// each problem, split by +. Most names are those of the public httpauth test cases.
const TABLE: &str = r#"
simplebasic ¦ Basic realm="foo" ¦ Basic realm="foo" ¦
simplebasicucase ¦ BASIC REALM="foo" ¦ BASIC REALM="foo" ¦
simplebasictok ¦ Basic realm=foo ¦ Basic realm="foo" ¦ `realm` must be in quotes
simplebasictokbs ¦ Basic realm=\f\o\o ¦ Basic ¦ `realm=\f\o\o` cannot be read + needs `realm`
simplebasicsq ¦ Basic realm='foo' ¦ Basic realm="'foo'" ¦ `realm` is in single quotes
simplebasicpct ¦ Basic realm="foo%20bar" ¦ Basic realm="foo%20bar" ¦
simplebasiccomma ¦ Basic , realm="foo" ¦ Basic realm="foo" ¦
simplebasiccomma2 ¦ Basic, realm="foo" ¦ Basic ¦ `realm="foo"` stands where a scheme must stand + needs `realm`
simplebasicnorealm ¦ Basic ¦ Basic ¦ Basic needs `realm`
simplebasic2realms ¦ Basic realm="foo", realm="bar" ¦ Basic realm="foo" ¦ `realm="bar"` repeats
simplebasicwsrealm ¦ Basic realm = "foo" ¦ Basic realm="foo" ¦
simplebasicrealmsqc ¦ Basic realm="\f\o\o" ¦ Basic realm="foo" ¦
simplebasicrealmsqc2 ¦ Basic realm="\"foo\"" ¦ Basic realm="\"foo\"" ¦
simplebasicnewparam1 ¦ Basic realm="foo", bar="xyz",, a=b,,,c=d ¦ Basic realm="foo", bar="xyz", a="b", c="d" ¦
simplebasicnewparam2 ¦ Basic bar="xyz", realm="foo" ¦ Basic bar="xyz", realm="foo" ¦
simplebasicrealmutf8 ¦ Basic realm="foo-ä" ¦ Basic realm="foo-ä" ¦
simplebasicrealmrfc2047 ¦ Basic realm="=?ISO-8859-1?Q?foo-=E4?=" ¦ Basic realm="=?ISO-8859-1?Q?foo-=E4?=" ¦
multibasicunknown ¦ Basic realm="basic", Newauth realm="newauth" ¦ Basic realm="basic" || Newauth realm="newauth" ¦
multibasicunknownnoparam ¦ Basic realm="basic", Newauth ¦ Basic realm="basic" || Newauth ¦
multibasicunknown2 ¦ Newauth realm="newauth", Basic realm="basic" ¦ Newauth realm="newauth" || Basic realm="basic" ¦
multibasicunknown2np ¦ Newauth, Basic realm="basic" ¦ Newauth || Basic realm="basic" ¦
multibasicunknown2mf ¦ Newauth realm="newauth"⏎Basic realm="basic" ¦ Newauth realm="newauth" || Basic realm="basic" ¦
multibasicempty ¦ ,Basic realm="basic" ¦ Basic realm="basic" ¦
multibasicqs ¦ Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple" ¦ Newauth realm="apps", type="1", title="Login to \"apps\"" || Basic realm="simple" ¦
multidisgscheme ¦ Newauth realm="Newauth Realm", basic=foo, Basic realm="Basic Realm" ¦ Newauth realm="Newauth Realm", basic="foo" || Basic realm="Basic Realm" ¦
unknown ¦ Newauth param="value" ¦ Newauth param="value" ¦
parametersnotrequired ¦ A, B ¦ A || B ¦
disguisedrealm ¦ Basic foo="realm=nottherealm", realm="basic" ¦ Basic foo="realm=nottherealm", realm="basic" ¦
disguisedrealm2 ¦ Basic nottherealm="nottherealm", realm="basic" ¦ Basic nottherealm="nottherealm", realm="basic" ¦
missingquote ¦ Basic realm="basic ¦ Basic ¦ `realm="basic` cannot be read: the closing quote + needs `realm`
scheme, space, comma ¦ Newauth , Other ¦ Newauth || Other ¦
negotiate ¦ Negotiate ¦ Negotiate ¦
negotiate token ¦ Negotiate YIIx/+a=, Basic realm="x" ¦ Negotiate YIIx/+a= || Basic realm="x" ¦
negotiate then param ¦ Negotiate YII=, realm="x" ¦ Negotiate YII=, realm="x" ¦
bearer alone ¦ Bearer ¦ Bearer ¦ at least one parameter
bearer comma in quotes ¦ Bearer error="invalid_token",error_description="a, b" ¦ Bearer error="invalid_token", error_description="a, b" ¦
bearer missing comma ¦ Bearer realm="x" error="y" ¦ Bearer realm="x", error="y" ¦ no comma before `error`
scheme missing comma ¦ Basic realm="x" Bearer error="y" ¦ Basic realm="x" || Bearer error="y" ¦ no comma before it
bearer url ¦ Bearer resource_metadata=https://a.example/x?y=z ¦ Bearer resource_metadata="https://a.example/x?y=z" ¦ needs quotes around
bearer empty ¦ Bearer realm= ¦ Bearer realm="" ¦ `realm` has no value
bearer token ¦ Bearer abc ¦ Bearer abc ¦ takes parameters
dpop ¦ DPoP algs="ES256 PS256", error="use_dpop_nonce" ¦ DPoP algs="ES256 PS256", error="use_dpop_nonce" ¦
digest twice ¦ Digest realm="a", nonce="n", algorithm=SHA-256, Digest realm="a", nonce="n", algorithm=MD5, stale=TRUE ¦ Digest realm="a", nonce="n", algorithm=SHA-256 || Digest realm="a", nonce="n", algorithm=MD5, stale=TRUE ¦
digest no nonce ¦ Digest realm="a" ¦ Digest realm="a" ¦ Digest needs `nonce`
two lines, one challenge ¦ Digest realm="a"⏎nonce="n" ¦ Digest realm="a", nonce="n" ¦ `nonce` stands on a field line of its own
unclosed, then a line ¦ Newauth x="y⏎Basic realm="a" ¦ Newauth || Basic realm="a" ¦ `x="y` cannot be read
no scheme ¦ realm="x" ¦  ¦ `realm="x"` stands where a scheme must stand
stray ¦ Basic realm="x", ="a, b" @c ¦ Basic realm="x" ¦ `="a, b"` is neither + `@c` is neither
stray after scheme ¦ Basic@x realm="x" ¦ Basic realm="x" ¦ `@x` is neither
text after quotes ¦ Basic realm=""foo"" ¦ Basic realm="" || foo ¦ is empty + no comma before it + `""` is neither
"#;

fn parse(lines: &[&[u8]]) -> Vec<Challenge> {
    parse_challenges(lines.iter().copied())
}

#[test]
fn every_row_of_the_table_holds() {
    for row in TABLE.trim().lines() {
        let cells: Vec<&str> = row.split('¦').map(str::trim).collect();
        let [name, lines, challenges, problems] = cells.as_slice() else { panic!("{row}") };
        let lines: Vec<&[u8]> = lines.split('⏎').map(str::as_bytes).collect();
        let found = parse(&lines);
        let spelled: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(spelled.join(" || "), *challenges, "{name}");
        let told: Vec<&String> = found.iter().flat_map(|c| &c.problems).collect();
        let wanted: Vec<&str> = problems.split(" + ").filter(|p| !p.is_empty()).collect();
        let alike = told.len() == wanted.len() && told.iter().zip(&wanted).all(|(t, w)| t.contains(w));
        assert!(alike, "{name}: {told:#?} instead of {wanted:#?}");
    }
}

#[test]
fn an_empty_field_has_no_challenges() {
    assert_eq!(parse(&[]), []);
    assert_eq!(parse(&[b"", b" , ,"]), []);
}

#[test]
fn a_folded_field_is_read_and_noted() {
    let found = parse(&[b"Basic\r\n realm=\"foo\""]);
    assert_eq!(found[0].to_string(), "Basic realm=\"foo\"");
    assert_eq!(found[0].problems, ["the field is folded over several lines, which is obsolete"]);
}

#[test]
fn a_realm_in_latin_1_keeps_its_bytes() {
    let found = parse(&[b"Basic realm=\"foo-\xe4\""]);
    assert_eq!(found[0].param("realm"), Some("foo-ä"));
    assert_eq!(found[0].problems, ["`realm` is not UTF-8 and was read as ISO-8859-1"]);
}

#[test]
fn names_are_found_in_any_case() {
    let found = parse(&[b"bEARER Error=\"invalid_token\""]);
    assert!(found[0].is("Bearer") && !found[0].is("Bear"));
    assert_eq!(found[0].param("ERROR"), Some("invalid_token"));
    assert_eq!(found[0].param("scope"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..3)) {
        parse_challenges(lines.iter().map(Vec::as_slice));
    }

    #[test]
    fn nothing_is_dropped_silently(line in "[QZ=\",\\\\ @\t]{0,30}") {
        let found = parse(&[line.as_bytes()]);
        let kept: Vec<String> = found.iter().map(|c| format!("{c} {}", c.problems.join(" "))).collect();
        // None of these is in the wording of a problem.
        for letter in ['Q', 'Z', '@'] {
            let count = |text: &str| text.matches(letter).count();
            prop_assert!(count(&line) <= count(&kept.concat()), "{line} became {kept:?}");
        }
    }

    #[test]
    fn a_respelled_challenge_reads_the_same(
        scheme in "[A-Z][a-z]{2,8}x",
        params in proptest::collection::btree_map("[a-z]{1,6}", "\\PC{1,12}", 0..4),
    ) {
        let params = params.into_iter().collect();
        let challenge = Challenge { scheme, params, ..Challenge::default() };
        let spelled = format!("{challenge}, {challenge}");
        prop_assert_eq!(parse_challenges([spelled.as_bytes()]), [challenge.clone(), challenge]);
    }
}
