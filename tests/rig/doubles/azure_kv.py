#!/usr/bin/env python3
"""A test double of the Azure Key Vault keys REST API, with a token issuer beside it.

Written from the public REST reference (keys: create, get, versions, update, encrypt, decrypt, wrapkey,
unwrapkey; the 401 challenge; managed-identity and client-credential token requests). It is NOT Key Vault:
private keys lie in clear in the state file and tokens are plain words. Standard library plus `cryptography`.

  azure_kv.py --dir D [--port 8443] [--msi-port 8444] [--proxy-port 8445]

D gets ca.crt (trust this one), server.crt/.key (SAN 127.0.0.1, localhost, *.localhost, *.vault.azure.net,
login.microsoftonline.com) and state.json. All sockets on 127.0.0.1.
  TLS port:  the vault, /<tenant>/oauth2/v2.0/token, its OpenID metadata, /common/discovery/instance
  MSI port:  plain http; App Service shape: GET /msi/token, header X-IDENTITY-HEADER: rig
  proxy:     CONNECT to any host and port leads to the TLS port, so that unchanged clients reach it by the names
             of real vaults (HTTPS_PROXY=http://127.0.0.1:8445)
The token is the client_id if that is one of: good, encrypt-only, decrypt-only, denied, junk; else "good".
  denied -> 403 on everything, junk -> 401 even with a token.
Challenge resource: the request's host and port without its first label (for 127.0.0.1:8443 it is 0.0.1:8443),
which is what clients that verify the challenge ask for; --resource gives a fixed one.
POST /_double/faults: JSON list of {"op": "encrypt|decrypt|get|token|*", "times": n, "code": 429,
 "error": "Throttled", "message": "...", "retry_after": 1, "delay": 0.0, "raw": "<html>"}; GET/DELETE /_double/log.
"""
import argparse, base64, datetime, ipaddress, json, os, re, socket, ssl, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PADS = {
    "RSA-OAEP-256": padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    "RSA-OAEP": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
    "RSA1_5": padding.PKCS1v15(),
}
TOKENS = ("good", "encrypt-only", "decrypt-only", "denied", "junk")
TENANT = "00000000-0000-0000-0000-000000000001"


def b64u(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def unb64u(s):
    return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))


class Fail(Exception):
    def __init__(self, code, name, message, inner=None, headers=()):
        self.code, self.headers = code, dict(headers)
        self.body = {"error": {"code": name, "message": message, **({"innererror": {"code": inner}} if inner else {})}}


def certificates(d):
    if os.path.exists(f"{d}/server.crt"):
        return
    now = datetime.datetime.now(datetime.timezone.utc)

    def make(cn, issuer, issuer_key, key, exts):
        b = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])).issuer_name(issuer)
        b = b.public_key(key.public_key()).serial_number(x509.random_serial_number())
        b = b.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=365))
        for e, crit in exts:
            b = b.add_extension(e, crit)
        return b.sign(issuer_key, hashes.SHA256())

    ck, sk = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "key vault double CA")])
    ca = make("key vault double CA", name, ck, ck, [(x509.BasicConstraints(True, None), True), (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
    san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *(x509.DNSName(n) for n in ("localhost", "*.localhost", "*.vault.azure.net", "login.microsoftonline.com"))])
    leaf = make("127.0.0.1", name, ck, sk, [(san, False), (x509.BasicConstraints(False, None), True), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)])
    pem = serialization.Encoding.PEM
    open(f"{d}/ca.crt", "wb").write(ca.public_bytes(pem))
    open(f"{d}/server.crt", "wb").write(leaf.public_bytes(pem))
    open(f"{d}/server.key", "wb").write(sk.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Proxy(BaseHTTPRequestHandler):
    """Leads every CONNECT to the TLS port."""
    target = 0

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        with socket.create_connection(("127.0.0.1", self.target)) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=copy, args=(there, self.connection), daemon=True)
            back.start()
            copy(self.connection, there)
            back.join()
        self.close_connection = True


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        # The other direction ends when nothing more can come.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Store:
    def __init__(self, path):
        self.path, self.lock, self.keys, self.faults, self.log = path, threading.RLock(), {}, [], []
        if os.path.exists(path):
            self.keys = json.load(open(path))

    def save(self):
        with open(self.path + ".tmp", "w") as f:
            json.dump(self.keys, f, indent=1)
        os.replace(self.path + ".tmp", self.path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store = None
    resource = None

    def log_message(self, *_):
        pass

    def reply(self, code, obj, headers=(), raw=None):
        data = raw.encode() if raw is not None else json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html" if raw is not None else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("x-ms-request-id", str(uuid.uuid4()))
        for k, v in dict(headers).items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(data)

    def do(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        u, s = urlsplit(self.path), self.store
        if u.path.startswith("/_double/"):
            with s.lock:
                if u.path.endswith("faults"):
                    s.faults = json.loads(raw or b"[]")
                    return self.reply(200, {"rules": len(s.faults)})
                if self.command == "DELETE":
                    s.log = []
                return self.reply(200, s.log)
        rec = {"method": self.command, "host": self.headers.get("Host"), "path": self.path, "headers": dict(self.headers), "body": raw.decode("utf-8", "replace")}
        code, obj, head, text = 200, None, {}, None
        try:
            fault = self.fault(u.path)
            if fault:
                time.sleep(fault.get("delay", 0))
                if "code" in fault:
                    head = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
                    if "raw" not in fault:
                        raise Fail(fault["code"], fault.get("error", "Throttled"), fault.get("message", "injected"), headers=head)
                    code, text = fault["code"], fault["raw"]
            if text is None:
                obj = self.token(u, raw) or self.vault(u, raw)
        except Fail as e:
            code, obj, head = e.code, e.body, e.headers
        rec["status"] = code
        with s.lock:
            s.log.append(rec)
        self.reply(code, obj, head, text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do

    def fault(self, path):
        op = "token" if "token" in path else path.rsplit("/", 1)[1] if path.endswith("crypt") else "get"
        with self.store.lock:
            for r in self.store.faults:
                if r.get("op", "*") in ("*", op) and r.get("times", 1) > 0:
                    r["times"] = r.get("times", 1) - 1
                    return r

    def token(self, u, raw):
        base = f"https://{self.headers.get('Host')}"
        if u.path == "/msi/token":
            if self.headers.get("X-IDENTITY-HEADER") != "rig":
                raise Fail(401, "Unauthorized", "wrong X-IDENTITY-HEADER")
            q = parse_qs(u.query)
            cid = q.get("client_id", ["good"])[0]
            return {"access_token": cid if cid in TOKENS else "good", "expires_on": str(int(time.time()) + 86400), "resource": q["resource"][0], "token_type": "Bearer", "client_id": cid}
        if m := re.fullmatch(r"/([^/]+)/oauth2/v2.0/token", u.path):
            cid = parse_qs(raw.decode()).get("client_id", ["good"])[0]
            return {"access_token": cid if cid in TOKENS else "good", "expires_in": 3600, "ext_expires_in": 3600, "token_type": "Bearer"}
        if m := re.fullmatch(r"/([^/]+)/v2.0/.well-known/openid-configuration", u.path):
            return {"issuer": f"{base}/{m[1]}/v2.0", "token_endpoint": f"{base}/{m[1]}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/{m[1]}/oauth2/v2.0/authorize", "jwks_uri": f"{base}/{m[1]}/keys"}
        if u.path == "/common/discovery/instance":
            ep = parse_qs(u.query)["authorization_endpoint"][0]
            host, tenant = urlsplit(ep).netloc, ep.split("/")[3]
            return {"tenant_discovery_endpoint": f"https://{host}/{tenant}/v2.0/.well-known/openid-configuration", "api-version": "1.1",
                    "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]}

    def vault(self, u, raw):
        s, host = self.store, self.headers.get("Host")
        who = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if who not in TOKENS or who == "junk":
            res = self.resource or "https://" + host.split(".", 1)[1]
            raise Fail(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token." if not who else "AKV10032: Invalid issuer.",
                       headers={"WWW-Authenticate": f'Bearer authorization="https://{host}/{TENANT}", resource="{res}"'})
        if "api-version" not in parse_qs(u.query):
            raise Fail(400, "BadParameter", "api-version must be specified")
        parts = u.path.strip("/").split("/")
        if parts[0] != "keys" or len(parts) < 2:
            raise Fail(404, "NotFound", "no such path")
        name, rest = parts[1], parts[2:]
        op = rest[-1] if rest and rest[-1] in ("create", "versions", "encrypt", "decrypt", "wrapkey", "unwrapkey") else {"GET": "read", "PATCH": "update", "DELETE": "delete"}[self.command]
        ok = who == "good" or (who == "encrypt-only" and op in ("encrypt", "wrapkey", "read")) or (who == "decrypt-only" and op in ("decrypt", "unwrapkey"))
        if not ok:
            raise Fail(403, "Forbidden", f"Caller is not authorized to perform action on resource.\r\nAction: 'Microsoft.KeyVault/vaults/keys/{op}/action'\r\nResource: '/keys/{name}'", "ForbiddenByRbac")
        body = json.loads(raw) if raw.strip() else {}
        with s.lock:
            if op == "create":
                if body.get("kty") not in ("RSA", "RSA-HSM"):
                    raise Fail(400, "BadParameter", "only RSA keys here")
                k = rsa.generate_private_key(public_exponent=65537, key_size=body.get("key_size", 2048))
                ver, now = uuid.uuid4().hex, int(time.time())
                pem = k.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
                s.keys.setdefault(name, []).append({"version": ver, "pem": pem, "ops": body.get("key_ops"), "attributes": {"enabled": True, "created": now, "updated": now, **body.get("attributes", {})}})
                s.save()
                return self.bundle(name, s.keys[name][-1])
            if name not in s.keys:
                raise Fail(404, "KeyNotFound", f"A key with (name/id) {name} was not found in this key vault.")
            if op == "versions":
                return {"value": [{"kid": self.kid(name, v), "attributes": v["attributes"]} for v in s.keys[name]], "nextLink": None}
            if op == "delete":
                gone = s.keys.pop(name)
                s.save()
                return self.bundle(name, gone[-1])
            ver = rest[0] if rest and rest[0] != op else ""
            v = next((v for v in s.keys[name] if v["version"] == ver), None) if ver else s.keys[name][-1]
            if v is None:
                raise Fail(404, "KeyNotFound", f"A key with (name/id) {name}/{ver} was not found in this key vault.")
            if op == "update":
                v["attributes"].update(body.get("attributes", {}))
                s.save()
            if op in ("read", "update"):
                return self.bundle(name, v)
            a = v["attributes"]
            if not a["enabled"]:
                raise Fail(403, "Forbidden", f"Operation {op} is not allowed on a disabled key.", "KeyDisabled")
            if op in ("encrypt", "wrapkey") and not a.get("nbf", 0) <= time.time() < a.get("exp", 2**40):
                raise Fail(403, "Forbidden", f"Operation {op} is not allowed on an expired or not yet valid key.", "KeyNotYetValidOrExpired")
            alg, value = PADS.get(body.get("alg")), unb64u(body.get("value", ""))
            if alg is None:
                raise Fail(400, "BadParameter", f"Key and Algorithm combination is not supported: RSA, {body.get('alg')}")
            key = serialization.load_pem_private_key(v["pem"].encode(), None)
            try:
                out = key.public_key().encrypt(value, alg) if op in ("encrypt", "wrapkey") else key.decrypt(value, alg)
            except ValueError:
                raise Fail(400, "BadParameter", "The parameter is incorrect.")
            return {"kid": self.kid(name, v), "value": b64u(out)}

    def kid(self, name, v):
        return f"https://{self.headers.get('Host')}/keys/{name}/{v['version']}"

    def bundle(self, name, v):
        n = serialization.load_pem_private_key(v["pem"].encode(), None).public_key().public_numbers()
        ops = v["ops"] or ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
        return {"key": {"kid": self.kid(name, v), "kty": "RSA", "key_ops": ops, "n": b64u(n.n.to_bytes((n.n.bit_length() + 7) // 8, "big")), "e": b64u(n.e.to_bytes(3, "big"))},
                "attributes": {**v["attributes"], "recoveryLevel": "Recoverable+Purgeable"}}


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--dir", required=True)
    a.add_argument("--port", type=int, default=8443)
    a.add_argument("--msi-port", type=int, default=8444)
    a.add_argument("--proxy-port", type=int, default=8445)
    a.add_argument("--resource")
    o = a.parse_args()
    os.makedirs(o.dir, exist_ok=True)
    certificates(o.dir)
    Handler.store, Handler.resource = Store(f"{o.dir}/state.json"), o.resource
    tls = ThreadingHTTPServer(("127.0.0.1", o.port), Handler)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(f"{o.dir}/server.crt", f"{o.dir}/server.key")
    tls.socket = ctx.wrap_socket(tls.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=tls.serve_forever, daemon=True).start()
    Proxy.target = o.port
    proxy = ThreadingHTTPServer(("127.0.0.1", o.proxy_port), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", o.msi_port), Handler).serve_forever()
