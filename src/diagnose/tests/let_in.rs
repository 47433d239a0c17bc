//! What let somebody in.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::Memory;
use crate::evidence::testing::{NOW, Try, get, jwt, send};

const ADDRESS: &str = "https://api.test/notes/1";

fn refused(t: Try) -> Try {
    t.wants(StatusSet::of(&[401]))
}

fn holding(header: &str, exp: i64) -> Try {
    get(ADDRESS).with("authorization", &format!("Bearer {}", jwt(header, &format!("{{\"exp\":{exp}}}")))).gets(200)
}

pub(super) fn examples() -> Vec<Example> {
    const SIGNED: &str = r#"{"alg":"RS256"}"#;
    let gets = || refused(get(ADDRESS).bearer().gets(200));
    let unsigned = jwt(r#"{"alg":"none"}"#, "{}");
    let unsigned = unsigned.rsplit_once('.').map(|(head, _)| format!("Bearer {head}.")).unwrap();
    let public = || Memory { public: true, ..Memory::default() };
    let left = || Memory { left: Some("POST /logout".into()), ..Memory::default() };
    let others = || Memory { others: vec!["root".into()], ..Memory::default() };
    let beyond = || get(ADDRESS).bearer().gets(200).wants(StatusSet::of(&[403]));
    let hidden = || get(ADDRESS).bearer().gets(200).wants(StatusSet::of(&[404]));
    let cookie = |t: Try| t.jar(ADDRESS, "sid=1; Path=/");
    let nobody = || refused(get(ADDRESS).by_nobody().gets(200));
    let login = || send("POST", "https://api.test/login").by_nobody().body("application/json", "{}").gets(200);
    vec![
        example("let-in-expired-token", refused(holding(SIGNED, NOW - 60)), refused(holding(SIGNED, NOW + 60))),
        example("let-in-expired-token", refused(holding(SIGNED, NOW - 60)), holding(SIGNED, NOW - 60)),
        example(
            "let-in-unsigned-token",
            refused(get(ADDRESS).with("authorization", &unsigned).gets(200)),
            refused(holding(SIGNED, NOW + 60)),
        ),
        example("let-in-after-logout", gets().remembers(left()), gets()),
        example("let-in-after-logout", gets().remembers(left()), nobody().remembers(left())),
        example("let-in-without-credential", gets().remembers(public()), gets()),
        example("let-in-without-credential", nobody(), refused(login())),
        example("let-in-without-credential", nobody(), nobody().text(r#"{"errors":["not logged in"]}"#)),
        example("let-in-by-cache", gets().says("age", "7"), gets().says("age", "0")),
        example("let-in-by-cache", beyond().refused_before(), beyond()),
        example("let-in-without-right", beyond(), beyond().refused_before()),
        example("let-in-without-credential", nobody(), nobody().refused_before()),
        example("let-in-as-sent", gets(), gets().refused_before()),
        example("let-in-by-cookie", cookie(gets()), gets()),
        example("let-in-as-sent", gets(), gets().remembers(public())),
        example("let-in-as-sent", gets(), beyond()),
        example("let-in-without-right", beyond(), beyond().remembers(left())),
        example("let-in-without-right", beyond(), get(ADDRESS).bearer().gets(200)),
        example("let-in-without-right", beyond(), gets()),
        example("let-in-without-right", hidden().remembers(others()), hidden()),
        example(
            "let-in-without-right",
            beyond(),
            beyond().text("<!doctype html><form><input type=password name=p></form>"),
        ),
    ]
}
