"""An authorization server and a small API made of Authlib and Flask: `python server.py PORT KEYS`.

Grants, client authentication, scopes and the guard of the API are Authlib's; this file only says who the clients and the
people are, and keeps the tokens.
"""
import sys
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from flask import Flask, jsonify
from joserfc.jwk import ECKey, OctKey

PORT, KEYS = int(sys.argv[1]), sys.argv[2]
ISSUER = f"http://127.0.0.1:{PORT}"
AUDIENCES = [ISSUER, f"{ISSUER}/token"]
LIFETIME = 3
JWT_BEARER = JWTBearerGrant.GRANT_TYPE


def pem(name):
    with open(f"{KEYS}/{name}.pem") as file:
        return ECKey.import_key(file.read())


class Client(ClientMixin):
    def __init__(self, client_id, key, methods, grant_types, secret=None):
        self.client_id, self.key, self.methods, self.grant_types, self.secret = client_id, key, methods, grant_types, secret

    def get_client_id(self): return self.client_id
    def get_default_redirect_uri(self): return None
    def check_redirect_uri(self, redirect_uri): return False
    def get_allowed_scope(self, scope): return " ".join(s for s in (scope or "").split() if s in ("read", "write"))
    def check_client_secret(self, client_secret): return client_secret == self.secret
    def check_endpoint_auth_method(self, method, endpoint): return method in self.methods
    def check_response_type(self, response_type): return False
    def check_grant_type(self, grant_type): return grant_type in self.grant_types


class User:
    def __init__(self, name): self.name = name
    def get_user_id(self): return self.name


class Token(TokenMixin):
    def __init__(self, data, client, user):
        self.text, self.scope, self.client, self.user = data["access_token"], data.get("scope", ""), client, user
        self.end, self.revoked = time.time() + data["expires_in"], False

    def check_client(self, client): return client.client_id == self.client.client_id
    def get_scope(self): return self.scope
    def get_expires_in(self): return LIFETIME
    def is_expired(self): return time.time() > self.end
    def is_revoked(self): return self.revoked
    def get_user(self): return self.user
    def get_client(self): return self.client


SIGNED = JWTBearerClientAssertion.CLIENT_AUTH_METHOD
CLIENTS = {client.client_id: client for client in [
    Client("robot", pem("robot"), ["none"], [JWT_BEARER]),
    Client("signer", pem("robot"), [SIGNED], ["client_credentials"]),
    Client("whisperer", OctKey.import_key("a-secret-of-at-least-thirty-two-bytes-for-hs256"), [SIGNED], ["client_credentials"]),
    Client("idle", pem("robot"), ["none"], ["client_credentials"]),
    Client("keeper", None, ["client_secret_basic"], ["client_credentials"], "a secret+more"),
]}
USERS = {"ann": User("ann"), "gone": None, "ben": User("ben")}
MAY_ACT_FOR = {"robot": ["ann"]}
TOKENS, SEEN = {}, set()


class Bearer(JWTBearerGrant):
    LEEWAY = 1
    def resolve_issuer_client(self, issuer): return CLIENTS.get(issuer)
    def resolve_client_public_key(self, client): return client.key
    def authenticate_user(self, subject): return USERS.get(subject)
    def has_granted_permission(self, client, user): return user.name in MAY_ACT_FOR.get(client.client_id, [])
    def get_audiences(self): return AUDIENCES


class Assertion(JWTBearerClientAssertion):
    def get_audiences(self): return AUDIENCES
    def resolve_client_public_key(self, client): return client.key

    def validate_jti(self, claims, jti):
        seen = (claims["sub"], jti) in SEEN
        SEEN.add((claims["sub"], jti))
        return not seen


class ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [SIGNED, "client_secret_basic"]


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = [SIGNED]
    def query_token(self, token_string, token_type_hint): return TOKENS.get(token_string)
    def revoke_token(self, token, request): token.revoked = True


class Guard(BearerTokenValidator):
    def authenticate_token(self, token_string): return TOKENS.get(token_string)


def save(data, request):
    TOKENS[data["access_token"]] = Token(data, request.client, request.user)


app = Flask(__name__)
app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": LIFETIME, JWT_BEARER: LIFETIME}
app.config["OAUTH2_SCOPES_SUPPORTED"] = ["read", "write"]
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save)
server.register_grant(Bearer)
server.register_grant(ClientCredentials)
server.register_client_auth_method(SIGNED, Assertion())
server.register_endpoint(Revocation)
require = ResourceProtector()
require.register_token_validator(Guard())


@app.get("/")
def front(): return "ready"


@app.post("/token")
def token(): return server.create_token_response()


@app.post("/revoke")
def revoke(): return server.create_endpoint_response("revocation")


@app.get("/.well-known/oauth-authorization-server")
def metadata(): return jsonify(issuer=ISSUER, token_endpoint=f"{ISSUER}/token", revocation_endpoint=f"{ISSUER}/revoke")


def who(): return jsonify(user=getattr(current_token.user, "name", None), client=current_token.client.client_id, scope=current_token.scope)


@app.get("/read")
@require("read")
def read(): return who()


@app.get("/write")
@require("write")
def write(): return who()


app.run("127.0.0.1", PORT, threaded=True)
