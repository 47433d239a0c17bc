//! Every reason a case can give for not having passed, as a table.

/// A kind of reason, stable across versions; `authspec explain` reads it.
#[derive(Debug)]
pub struct ReasonCode {
    /// The stable, kebab-case name.
    pub name: &'static str,
    /// One sentence: what it means.
    pub about: &'static str,
    /// What to do about it, a few sentences.
    pub explain: &'static str,
}

/// Finds a reason's row by name.
pub fn reason_code(name: &str) -> Option<&'static ReasonCode> {
    REASONS.iter().find(|r| r.name == name)
}

/// All reasons. Verdict first in mind: failed, blocked, inconclusive, errored, skipped, not run.
pub const REASONS: &[ReasonCode] = &[
    ReasonCode {
        name: "check-failed",
        about: "an expectation did not hold",
        explain: "The answer came and was judged; the report shows the line of the expectation, what it asked for and what was there. Run the case alone with `--id` and `-vv` to see the whole exchange.",
    },
    ReasonCode {
        name: "check-unjudgeable",
        about: "an expectation could not be judged on this answer",
        explain: "For example `json:` on a body that is not JSON. Such an expectation never passes, also not under `not` or `exists: false`; look at the body that came back.",
    },
    ReasonCode {
        name: "mutant-accepted",
        about: "a deliberate defect was let in",
        explain: "The request had one defect for which it has to be refused, the same request without it was allowed, and the server let it in. `authspec explain` with the mutation's id says what it means and what to do.",
    },
    ReasonCode {
        name: "refused-with-data",
        about: "the status refuses, and the answer has what whoever is allowed gets, or much of it",
        explain: "The answer was 401, 403, 404 or the way to a login page, and yet what is guarded stands in it: its body is the same as the one of a request that was allowed, or has most of its values, a record or a whole sentence of it, several values of a column, or one that tells by itself (an e-mail address, the number of an account, a key), be it in another form, encoded or in a field of the head. What stands in the request, what its sender is known by or was given, and what is told where it guards nothing does not count. A 404 is compared with what anybody was shown of the same thing as well. Browsers do not show it, and whoever reads the answer has it. Often the handler runs on after it has set the status or the redirect; it has to end there. Short bodies, such as `{}` or `ok`, are not compared.",
    },
    ReasonCode {
        name: "weak-secret",
        about: "the secret that signs the tokens can be guessed",
        explain: "Secrets that others use were tried on the token of the login, without any request, and one of them signed it: whoever holds a token can find it and sign others. Which one it is, is not told, for it is a secret of the server; `authspec explain jwt-hs-weak-key` says what to do.",
    },
    ReasonCode {
        name: "mutant-crashed",
        about: "the server broke on a deliberate defect",
        explain: "It answered 5xx, or not in time. The request was not served, but input of a stranger reached code that does not expect it; it has to be refused like any other bad credential.",
    },
    ReasonCode {
        name: "mutant-refused",
        about: "what has to make no difference was refused",
        explain: "The change is one that the standard says makes no difference, so a correct client is refused. `authspec explain` with the mutation's id names the section.",
    },
    ReasonCode {
        name: "mutant-inexact",
        about: "a deliberate defect was refused in another way than the one that is due",
        explain: "Nobody got in; the status or the challenge differs from what the standard asks, which is what clients go by. It fails only with `strict: true`.",
    },
    ReasonCode {
        name: "mutant-amiss",
        about: "the answer does not say what it has to",
        explain: "The row is about what the answer says and not about a refusal, such as the challenge of a 401 or what browsers are told. `authspec explain` with its id says what is missing and what to do.",
    },
    ReasonCode {
        name: "not-applicable",
        about: "the mutation has no sense for this credential or request",
        explain: "In a pack such rows are skipped and counted. One that was asked for by its own name is inconclusive, since nothing was tried.",
    },
    ReasonCode {
        name: "nothing-applies",
        about: "no row of the packs that were asked for has a sense for this credential, so nothing was tried",
        explain: "A row that has no sense for a credential is skipped in a pack. Where that is so of every row, the packs are about another kind of credential than the one that the identity is known by, as the suite declares it: `pack.session` breaks a cookie, `pack.jwt` and `pack.expiry` a JSON Web Token. A token that a login keeps in a cookie is named under `send`: `send: { cookie: NAME, … }`.",
    },
    ReasonCode {
        name: "no-bad-token",
        about: "no honestly bad token is at hand",
        explain: "A token that is expired, or for somebody else, has to be correctly signed to prove anything. It is made with the `signing_key` of the scheme, which has to be the key that signed the token of the login; or it is the token of another identity, `with: { these: …, donor: NAME }`, or one that an earlier run kept (`AUTHSPEC_KEEP_KEY`), or the one at hand, waited for with `--max-wait`. The report says what is lacking.",
    },
    ReasonCode {
        name: "other-cause",
        about: "the refusal may have another cause than the one that was tried",
        explain: "A bad token is correctly signed, and was not made for this test, so it may differ in more than one way. The refusal counts when the server names the cause that was tried, or when nothing else differs; here neither is so. Take a donor that differs in nothing else, such as the same client with another `audience` or `resource`. One that was waited for, or kept from an earlier run, may have been ended by a login or a restart meanwhile. A changed login is refused for another cause, too, where the server asks for its nonce to the last, where what it sends once more was over by itself by then, or where a logout of the case ended its session before. What a step writes itself may be refused for its age where it was good when the run began and had its end meanwhile.",
    },
    ReasonCode {
        name: "control-refused",
        about: "the same request with the good credential was not allowed, so a refusal proves nothing",
        explain: "Before a defect is judged, the unchanged request has to be allowed. Check the path, the rights of the identity and the target's data; `-vv` shows the exchange.",
    },
    ReasonCode {
        name: "control-allowed",
        about: "the plain request was allowed, so there is nothing to get around",
        explain: "A detour starts from a request that is refused. Run it as somebody who may not do this.",
    },
    ReasonCode {
        name: "public",
        about: "anonymous gets the same, so nothing is protected here",
        explain: "Without any credential the request is allowed as well. Whatever is done to a credential is then without effect, and proves nothing.",
    },
    ReasonCode {
        name: "control-change",
        about: "the request was not accepted as it is, so that it is refused with a defect proves nothing",
        explain: "A request that changes something is not repeated as its own control, and a forged one that is refused may be refused for its path or its fields. It counts when the same request is accepted in the run: `with: [none, csrf-missing]` sends it as it is, too.",
    },
    ReasonCode {
        name: "control-origin",
        about: "the good origin is not allowed either, so one that is denied proves nothing",
        explain: "A row about other origins starts from a request whose `Origin` is that of your own pages. Where the answer does not allow it, every origin is denied, and nothing shows that origins are compared. `cors-origin-allowed` says what is missing.",
    },
    ReasonCode {
        name: "unclear-answer",
        about: "it cannot be told what let the request in, or where it led",
        explain: "The server answers paths that do not exist as well, as single-page applications do, so a 2xx alone says little. With `control: NAME` the answer is compared with what somebody gets who is allowed: the same is a way in, that of a made-up path is none. Where a session's cookie travels beside the credential under test, it may be what is let in.",
    },
    ReasonCode {
        name: "locked-out",
        about: "the good credential was refused as if the account or the address were locked",
        explain: "The server says that it is locked (423), so the refusal may have come from the lock, not from the defect. Run with fewer mutations at once, raise what locks in the test environment, or use an account of its own. A limit (429) is `asked-too-often`.",
    },
    ReasonCode {
        name: "asked-too-often",
        about: "a limit answered, which neither lets in nor refuses",
        explain: "A 429, or a 503 or a 403 that says when to come again, is no answer to who may do what. Where the server says when (`Retry-After`, `RateLimit`, `X-RateLimit-Reset`), the request is sent again then, for half a minute in all; here it says nothing, or something longer. Raise the limit of the test environment, or send less at once (`--jobs-per-host`). A step about the limit itself says `expect: 429`, and gets it at once.",
    },
    ReasonCode {
        name: "refused-otherwise",
        about: "a defect that was refused in one way is refused in another way by now, so this refusal may be a limiter's",
        explain: "Where defects are refused in different ways, one or two of each way are sent again when all of a request are done. When one is refused like the others by then, the server, or a firewall before it, has begun to refuse whatever looks bad, and nothing shows what the application would answer to any that were refused so. Run with fewer mutations at once, let the limiter of the test environment pass you by, or ask the application itself.",
    },
    ReasonCode {
        name: "control-after",
        about: "the good credential was not allowed any more afterwards",
        explain: "The session died, or the server did, while the defects were sent, so the refusals may have that cause. Run the case alone; a token that lives for seconds is too short for many cases.",
    },
    ReasonCode {
        name: "control-signed",
        about: "the good token was not allowed when it was signed anew, so the refusal of a bad one proves nothing",
        explain: "A token that `signing_key` makes is to be refused for what is wrong with it. So the good one is signed anew as well, with the same claims and a blank between them, and has to be allowed. A server that refuses it refuses whatever it did not make itself, such as one that keeps a list of the tokens that it gave out, and nothing shows whether it looks at claims. Take the bad token from the server itself: without `signing_key`, by a donor (`with: { these: …, donor: NAME }`), by `AUTHSPEC_KEEP_KEY`, or by `--max-wait`.",
    },
    ReasonCode {
        name: "premise",
        about: "what the case stands on does not hold, so the rest would prove nothing",
        explain: "A step with `premise: true` shows that there is something to prove: that the credential works before it is ended, that somebody can still log in afterwards. What it expected and what came back stand beside this; mend that first.",
    },
    ReasonCode {
        name: "no-control",
        about: "the request changes something, and nothing shows that the good credential would be allowed",
        explain: "An unsafe request is not repeated as its own control. Give the scheme a `whoami`, or the case `control: { request: GET /me }`; or make what it needs in the suite's `setup` (in a matrix: `given`), and the whole case is replayed with the good credential. `control: off` takes the refusal as it is.",
    },
    ReasonCode {
        name: "uncontrolled",
        about: "`control: off`: the refusal stands for itself",
        explain: "Nothing shows that the same request would have been allowed with the good credential. The case passes, and is counted as unproven.",
    },
    ReasonCode {
        name: "attack-not-allowed",
        about: "an attacking mutation would be sent to a host that is not permitted",
        explain: "Mutations that attack go to this machine, and to hosts listed under `allow_attacks_on` in `authspec.yaml`.",
    },
    ReasonCode {
        name: "destructive-not-allowed",
        about: "a mutation would be sent that may write or delete data, and nothing says that it may be lost",
        explain: "What a destructive mutation asks for is done by a server that is weak: data is written, changed or deleted. So it is sent to the embedded demo, and elsewhere only with `allow_destructive: true` in the suite, in `authspec.yaml` or in the environment that is picked; a request that only reads (GET, HEAD, OPTIONS) needs no leave. In a pack such rows are left out without it, and counted.",
    },
    ReasonCode {
        name: "login-failed",
        about: "the identity has no session, so nothing more was sent in its name",
        explain: "All cases of the identity are blocked by this one cause. Check the credentials of the identity, the scheme's login step and what the server answered to it; `-vv` shows the exchange.",
    },
    ReasonCode {
        name: "logout-failed",
        about: "the scheme could not end the session",
        explain: "`request: logout` did what the scheme says, and what came of it is no logout: the server refused to revoke, or its page did not send the browser back to where and with what it was to. Give the step an `expect` if that is what it is about.",
    },
    ReasonCode {
        name: "astray",
        about: "the server sends the browser of a login to an address that it must not be sent to",
        explain: "A code belongs to whoever receives it, so it goes to the redirect URI that is registered for the client and nowhere else; an error or a logout goes nowhere else either. Nothing was asked at that address. With `vary` of a redirect URI the server accepted what it has to refuse. If the address is registered as well, expect it by `redirect: { to: … }`; if the login goes through it, its origin belongs under `origins:`.",
    },
    ReasonCode {
        name: "server-unproven",
        about: "the server did not prove what it says back as a proof that it knows the password",
        explain: "With Digest a server may prove itself, too: `rspauth` in `Authentication-Info` is a hash of the password and the client's own nonce (RFC 7616, section 3.5). It came, and it is wrong: whoever answered does not know the password, something between changed the answer (with `qop=auth-int`), or the server hashes something else. It is computed as that of the request, without the method, for the same `uri`, `nc` and `cnonce`. A server that cannot prove itself leaves it out.",
    },
    ReasonCode {
        name: "wrong-person",
        about: "`whoami` says that it is somebody else, or nobody",
        explain: "The scheme's `whoami` step runs before an identity is used, after its login where it has one, and did not hold. Either the login answers 200 without logging in, the server does not take the credential, the credential is not sent where the server reads it (`send:`), or it belongs to another account.",
    },
    ReasonCode {
        name: "vary-missed",
        about: "`vary` changed nothing: no request was sent with another value",
        explain: "Either the parameter has that value anyway, and the report says so; or the login went another way, or stopped before that exchange, so what came back says nothing about the parameter. The report names the exchanges that were made; look at what the first of them was answered.",
    },
    ReasonCode {
        name: "no-session",
        about: "a step needs a session of its caller, and there is none such in this case",
        explain: "A `request: login` before it was refused, or its scheme has nothing of the kind that is asked for, or `credential` asks for a part that it does not have, or for the value that it has anyway. Nothing was sent: a request without a credential would prove nothing.",
    },
    ReasonCode {
        name: "setup-failed",
        about: "the suite's setup did not work, so its cases were not run",
        explain: "Every case of the suite is blocked by the one step shown. Mend that step first.",
    },
    ReasonCode {
        name: "target-not-ready",
        about: "the target did not become ready in time",
        explain: "Its `ready` request was sent again and again until `within` ran out, and never answered below 400. Check the address, whether the server is up, and whether a proxy is needed.",
    },
    ReasonCode {
        name: "never-allowed",
        about: "the identity was never allowed anything that anonymous is not, so its refusals prove nothing",
        explain: "A refused request only shows that access is controlled if the same person gets in somewhere. Add a case in which the identity is allowed something that anonymous is not, or a `whoami` to its scheme.",
    },
    ReasonCode {
        name: "not-sent",
        about: "the identity's credential was not sent with the request, so its refusal is nobody's",
        explain: "The request left without a cookie, token or answer of the identity, so whoever sent it was refused as a stranger. A session cookie may be for another path, or for https only; a server may ask for another scheme than the identity has; `-vv` shows what was sent and which cookies were kept back. Ask for an address that the credential is for, or write `as: anonymous`.",
    },
    ReasonCode {
        name: "not-alive",
        about: "the identity was not seen being allowed anything around the refusal, so its credential may have been dead",
        explain: "Everybody is refused with a session that ended or an account that is locked. Give the scheme a `whoami`, which is asked again after such a refusal, or let the case first do something that the identity may do.",
    },
    ReasonCode {
        name: "unproven",
        about: "nobody was allowed the same request in this run, so the refusal may have another cause",
        explain: "A 401 or 403 also comes from a wrong path or method behind a guard. Add a case in which somebody is allowed the same method and target. Without `--require-proof` the case passes and is counted as unproven; with it, it is inconclusive.",
    },
    ReasonCode {
        name: "got-in",
        about: "somebody got in where the access matrix expects a refusal",
        explain: "The answer was 2xx. Where the body is the same as that of somebody who may, it is no harmless page: the route does not ask who is calling (BOLA where the object is another person's, BFLA where the role is missing). An empty body or one that differs may be a list of the caller's own things; then the cell is `allow`.",
    },
    ReasonCode {
        name: "let-in-later",
        about: "a request that was refused at first was let in once somebody else had been allowed the same",
        explain: "Both answers are shown. Between them nothing was changed by the case, and somebody who may was allowed the same method and target: so the answer was most likely kept, by a cache in the application or before it, and is given to whoever asks. Let answers behind a login carry `Cache-Control: private` or `no-store`, let the cache ask who it is before it answers, or tell callers apart by `Vary: Authorization, Cookie`. Where another case gives this right meanwhile, write both as steps of one case.",
    },
    ReasonCode {
        name: "changed",
        about: "the request was refused, and yet `unchanged` does not find things as they were",
        explain: "The server did what was asked before or beside saying no. Only the status is right; look for a check of access that runs after the work, or in another handler.",
    },
    ReasonCode {
        name: "unchanged-amiss",
        about: "`unchanged` does not hold before anything was asked, so it cannot show whether something changed",
        explain: "Before the first refused cell of a row `unchanged` is asked once, after a `given` of its own and without the request of the row. It did not hold then, so that it does not hold afterwards says nothing about the server. A slip in its path, somebody who may not read, or an expectation that was never true are the usual reasons.",
    },
    ReasonCode {
        name: "given-failed",
        about: "the steps that make something for a cell did not work, so the cell was not asked",
        explain: "`given` runs before every cell of its row. The step that did not work is shown with its exchange.",
    },
    ReasonCode {
        name: "row-unreached",
        about: "nobody was let in by this row of the access matrix, so its refusals prove nothing",
        explain: "A route that is broken, or a path with a slip, refuses everybody. A row needs a cell that is let in, to the same target or to one that `given` made by the same steps; `closed: true` says that nobody may.",
    },
    ReasonCode {
        name: "let-in-to-error",
        about: "whoever is let in gets nothing but an error",
        explain: "The status lets in, and the body is an error with no data beside it (`error`, `errors`, `success: false`, a status of failure with its message, `application/problem+json`), or a page to log in on: the route may be broken, or the API may refuse so. What is guarded was not got by anybody then, and a refusal of others may have the same cause. Look at the body as well, such as `{ status: 200, json: { $.users: { exists: true } } }`; an API that refuses with 200 says once under `outcomes:` what that looks like. With `strict: true` it fails.",
    },
    ReasonCode {
        name: "odd-refusal",
        about: "a known person was refused with 401, or anonymous with 403",
        explain: "401 asks who you are, 403 says that it is known and no (RFC 9110, sections 15.5.2 and 15.5.4). A client that gets a 401 logs in again in vain. It is counted beside the verdict; with `strict: true` it fails the cell. An API that means to answer so says it once: `outcomes: { deny: { identity: 401 } }`.",
    },
    ReasonCode {
        name: "connection",
        about: "no answer came: the connection failed",
        explain: "The server could not be reached or closed the connection. Check that it runs, the address, the port and the proxy.",
    },
    ReasonCode {
        name: "tls",
        about: "no answer came: TLS could not be agreed or verified",
        explain: "Certificates are verified. For a private authority name its certificate under `tls: { ca: file }`; `tls: { verify: false }` switches verification off and is repeated in every report.",
    },
    ReasonCode {
        name: "timeout",
        about: "no answer came in time",
        explain: "The whole exchange has 30 s unless `timeout:` or `--timeout` says otherwise.",
    },
    ReasonCode {
        name: "body-too-large",
        about: "the answer's body is larger than is read",
        explain: "At most 10 MiB of a body are read, decompressed. A login or refusal that large is hardly meant.",
    },
    ReasonCode {
        name: "bad-answer",
        about: "the answer is not readable HTTP, or its encoding is broken",
        explain: "The server's bytes could not be decoded. Try the `curl` line of the report and compare.",
    },
    ReasonCode {
        name: "redirects",
        about: "the redirects did not end where they should",
        explain: "More than 20 hops, a target that cannot be resolved, or `until` was not reached; every hop is in the report.",
    },
    ReasonCode {
        name: "capture-failed",
        about: "a capture found nothing",
        explain: "The step is errored, because later steps would run with nothing in hand. Look at the answer: often the login failed with status 200, or the field has another name.",
    },
    ReasonCode {
        name: "form",
        about: "a form could not be filled or sent as the step says",
        explain: "`submit` sends a form of the last HTML page that the same caller got in the same case. The message names what the page has: say which form with `form:` and a CSS selector, which button with `button:`, and name fields as the page does.",
    },
    ReasonCode {
        name: "template",
        about: "a template could not be rendered",
        explain: "A name was undefined at this point, or an operation does not fit its value. Nothing was sent.",
    },
    ReasonCode {
        name: "unsendable",
        about: "the request cannot be sent as it came out",
        explain: "A value holds what cannot travel where it stands, such as a line break in a header field. Nothing was sent; the message says which and where.",
    },
    ReasonCode {
        name: "other-origin",
        about: "the step would send a credential to an origin it is not bound to",
        explain: "A credential goes to its target's and its login's origin only, also where a step of somebody else's or nobody's has it written out, as `{{ sessions.alice.access_token }}`. If the other origin is trusted, add it under `origins:`; otherwise send the step as nobody and without it.",
    },
    ReasonCode {
        name: "teardown-failed",
        about: "a teardown did not work",
        explain: "What it belongs to was judged, but something may have been left behind; the step is shown. A case whose own teardown did not work is errored unless it failed before.",
    },
    ReasonCode {
        name: "session-disturbed",
        about: "a case with a shared session ended or rotated the session that others use",
        explain: "Say `session: fresh` on a case that logs out, refreshes by hand or changes the password, so that it gets a login of its own; so does a case that waits for the end of its session, which others may renew meanwhile. Where the server gives a session another cookie with each answer, every case and row says so: each begins with a copy of the session, and the first that sends it makes it old for all others.",
    },
    ReasonCode {
        name: "condition",
        about: "nothing was sent, because the `if` of every step was false",
        explain: "Such a case counts as skipped. If it should have run, look at what its conditions compare.",
    },
    ReasonCode { name: "skipped", about: "the suite says `skip`", explain: "The reason stands beside it." },
    ReasonCode {
        name: "xfail",
        about: "it failed, as `xfail` expects",
        explain: "The reason stands beside it. The case counts as skipped until it passes or the day of `until` is over.",
    },
    ReasonCode {
        name: "xfail-passed",
        about: "it passed, and `xfail` expects it to fail",
        explain: "What `xfail` waits for seems to be mended: remove `xfail`, so that the case guards it from now on.",
    },
    ReasonCode {
        name: "xfail-over",
        about: "the day until which `xfail` holds is over",
        explain: "An expected failure has an end, so that it is not forgotten. Mend what it waits for, or give it a later day under `until`.",
    },
    ReasonCode {
        name: "fail-fast",
        about: "not started, because an earlier case did not pass and `--fail-fast` is on",
        explain: "Run without `--fail-fast` to see all.",
    },
    ReasonCode {
        name: "interrupted",
        about: "not finished, because the run was interrupted",
        explain: "Reports hold what was decided up to then.",
    },
    ReasonCode {
        name: "deadline",
        about: "not finished, because `--deadline` ran out",
        explain: "Give the run more time, or select fewer cases.",
    },
    ReasonCode {
        name: "retried",
        about: "passed only after being run again",
        explain: "The first attempt's reason is kept in the report. `--fail-on flaky` makes such a case fail the run.",
    },
    ReasonCode {
        name: "internal",
        about: "authspec itself went wrong in this case",
        explain: "This is a bug in authspec; the other cases are not touched. Please report it with the case.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (i, row) in REASONS.iter().enumerate() {
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", row.name);
            assert!(REASONS[i + 1..].iter().all(|other| other.name != row.name), "{} twice", row.name);
            assert!(!row.explain.is_empty());
        }
    }
}
