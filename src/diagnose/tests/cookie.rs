//! Cookies.

use super::{Example, example};
use crate::evidence::Kept;
use crate::evidence::testing::get;

const URL: &str = "https://api.test/me";

pub(super) fn examples() -> Vec<Example> {
    let kept =
        |insecure| Kept { name: "sid".into(), why: "SameSite=None needs Secure, which is missing".into(), insecure };
    let with = |set: &str| get(URL).by_cookies().jar(URL, set).gets(401);
    vec![
        example(
            "cookie-secure-over-http",
            get("http://api.test/me").by_cookies().jar(URL, "sid=1; Secure").gets(401),
            get("http://api.test/me").by_cookies().jar(URL, "sid=1").gets(401),
        ),
        example(
            "cookie-secure-over-http",
            get(URL).refused_at_login(kept(true)).gets(401),
            get(URL).refused_at_login(kept(false)).gets(401),
        ),
        example(
            "cookie-other-host",
            get(URL).by_cookies().jar("https://www.test/login", "sid=1").gets(401),
            get(URL).by_cookies().jar("https://www.api.test/login", "sid=1; Domain=api.test").gets(401),
        ),
        example("cookie-other-path", with("sid=1; Path=/admin"), with("sid=1; Path=/me")),
        example("cookie-expired", with("sid=1; Max-Age=30"), with("sid=1; Max-Age=90")),
        example(
            "cookie-refused",
            get(URL).refused_at_login(kept(false)).gets(401),
            get(URL).refused_at_login(kept(false)).jar(URL, "sid=1").gets(401),
        ),
        example("cookie-twice", with("sid=1").jar(URL, "sid=2; Path=/me"), with("sid=1").jar(URL, "sid=2; Path=/you")),
        example(
            "cookie-deleted",
            with("sid=1; Path=/").says("set-cookie", "sid=; Max-Age=0; Path=/"),
            with("sid=1; Path=/").says("set-cookie", "old=; Max-Age=0; Path=/"),
        ),
    ]
}
