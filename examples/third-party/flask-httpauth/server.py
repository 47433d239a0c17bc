"""A small API behind the Digest guards of Flask-HTTPAuth: `python server.py PORT`.

The guards are Flask-HTTPAuth's; this file only says who the people are, and what each guard asks for.
"""
import sys

from flask import Flask, jsonify
from flask_httpauth import HTTPDigestAuth

PASSWORDS = {"ann": 'open "sesame": 1', "zoë": "töpfe-6"}

app = Flask(__name__)
# Nonces live in the session, whose cookie says so; a client has to keep both together.
app.secret_key = "an example, and good for nothing else"
GUARDS = {
    "md5": HTTPDigestAuth(realm="one"),
    "sess": HTTPDigestAuth(realm="two", algorithm="MD5-Sess"),
    "old": HTTPDigestAuth(realm="three", qop=None),
}


@app.get("/")
def front(): return "ready"


def guarded(name, guard):
    guard.get_password(PASSWORDS.get)

    @guard.login_required
    def report(): return jsonify(area=name, user=guard.current_user())

    app.add_url_rule(f"/{name}", name, report, methods=["GET", "POST"])


for name, guard in GUARDS.items():
    guarded(name, guard)

app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
