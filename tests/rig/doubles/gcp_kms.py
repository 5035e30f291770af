#!/usr/bin/env python3
"""A test double of the Cloud KMS REST API (symmetric ENCRYPT_DECRYPT keys only).

Written from the public REST reference of cloudkms v1. It is NOT Cloud KMS: keys lie in clear in the state
file, and only what a SOPS client needs is there. Standard library plus `cryptography`. Loopback only.

  gcp_kms.py --port 9021 [--state FILE] [--log FILE]

Bearer tokens: `good` may do all, `encrypt-only` and `decrypt-only` one call each, `denied` nothing (403);
a service account's self-signed JWT is taken as `good` (signature unchecked); anything else, or none, is 401.
Faults: POST /_double/faults with a JSON list of rules
  {"op": "encrypt|decrypt|*", "times": 2, "code": 503, "status": "UNAVAILABLE", "message": "...",
   "delay": 0.0, "raw": "<html>", "corrupt_crc": false, "wrong_version": false}
GET /_double/log gives the requests seen (JSON lines), DELETE /_double/log empties it.
"""
import argparse, base64, json, os, re, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/:]+"
STATES = {"ENABLED": 1, "DISABLED": 2, "DESTROYED": 3, "DESTROY_SCHEDULED": 4}
MAX = 65536
ENC_PERM, DEC_PERM = "cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"


def _table():
    out = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        out.append(n)
    return out


CRC = _table()


def crc32c(data):
    c = 0xFFFFFFFF
    for b in data:
        c = CRC[(c ^ b) & 255] ^ (c >> 8)
    return c ^ 0xFFFFFFFF


class Fail(Exception):
    def __init__(self, code, status, message, reason=None):
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
                "metadata": {"service": "cloudkms.googleapis.com"}}
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": status, **({"details": [info]} if reason else {})}}


def invalid(msg):
    return Fail(400, "INVALID_ARGUMENT", msg)


class Store:
    def __init__(self, path):
        self.path, self.lock, self.keys, self.faults, self.log = path, threading.RLock(), {}, [], []
        if path and os.path.exists(path):
            self.keys = json.load(open(path))

    def save(self):
        if self.path:
            with open(self.path + ".tmp", "w") as f:
                json.dump(self.keys, f, indent=1)
            os.replace(self.path + ".tmp", self.path)


def self_signed(jwt):
    """A service account's self-signed JWT counts as `good` if it names an issuer and is not expired (signature unchecked)."""
    try:
        p = jwt.split(".")[1]
        c = json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))
        return "good" if c["iss"] and c["iat"] - 60 <= time.time() < c["exp"] else "expired"
    except Exception:
        return "junk"


def unb64(body, name):
    try:
        s = body.get(name, "")
        return base64.b64decode(s + "=" * (-len(s) % 4), altchars=b"-_" if re.search("[-_]", s) else None, validate=True)
    except Exception:
        raise invalid(f"Invalid value at '{name}' (TYPE_BYTES), Base64 decoding failed")


def check_crc(body, field, data):
    """True when a checksum was sent and matched; the real service refuses a wrong one."""
    if field not in body:
        return False
    if int(body[field]) != crc32c(data):
        raise invalid(f"The checksum in field {field} did not match the data in field {field[:-6]}.")
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store = None
    logfile = None

    def log_message(self, *_):
        pass

    def reply(self, code, obj, raw=None):
        data = raw.encode() if raw is not None else json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html" if raw is not None else "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(data)

    def do(self):
        n = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(n)
        u = urlsplit(self.path)
        s = self.store
        if u.path.startswith("/_double/"):
            return self.control(u.path, raw)
        if u.path == "/token" or u.path.startswith("/computeMetadata/"):
            return self.auth(u.path, raw)
        rec = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": raw.decode("utf-8", "replace")}
        code, obj, text = 200, None, None
        try:
            fault = self.fault(u.path)
            if fault:
                time.sleep(fault.get("delay", 0))
            if fault and "code" in fault:
                if "raw" in fault:
                    text = fault["raw"]
                    code = fault["code"]
                else:
                    raise Fail(fault["code"], fault.get("status", "UNAVAILABLE"), fault.get("message", "injected"))
            else:
                obj = self.route(u, parse_qs(u.query), json.loads(raw) if raw.strip() else {}, fault or {})
        except Fail as e:
            code, obj = e.code, e.body
        except json.JSONDecodeError:
            code, obj = 400, invalid("Invalid JSON payload received.").body
        rec["status"] = code
        with s.lock:
            s.log.append(rec)
            if self.logfile:
                self.logfile.write(json.dumps(rec) + "\n")
                self.logfile.flush()
        self.reply(code, obj, text)

    do_GET = do_POST = do_PATCH = do_DELETE = do

    def control(self, path, raw):
        s = self.store
        with s.lock:
            if path == "/_double/faults" and self.command == "POST":
                s.faults = json.loads(raw or b"[]")
                return self.reply(200, {"rules": len(s.faults)})
            if path == "/_double/log":
                if self.command == "DELETE":
                    s.log = []
                return self.reply(200, s.log)
        self.reply(404, {})

    def auth(self, path, raw):
        """Token endpoint for service-account JSON (token_uri) and a metadata server (GCE_METADATA_HOST)."""
        with self.store.lock:
            self.store.log.append({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": raw.decode("utf-8", "replace"), "status": 200})
        token = {"access_token": "good", "expires_in": 3600, "token_type": "Bearer"}
        if path == "/token" or path.endswith("/token"):
            return self.reply(200, token)
        self.reply(200, None, "rig" if path.endswith("project-id") else "googleapis.com" if "universe" in path else "ok")

    def fault(self, path):
        op = path.rsplit(":", 1)[1] if ":" in path else "admin"
        with self.store.lock:
            for r in self.store.faults:
                if r.get("op", "*") in ("*", op) and r.get("times", 1) > 0:
                    r["times"] = r.get("times", 1) - 1
                    return r

    def allow(self, perm, name):
        who = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if who.count(".") == 2:
            who = self_signed(who)
        if who not in ("good", "encrypt-only", "decrypt-only", "denied"):
            raise Fail(401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
                       "cookie or other valid authentication credential.", "ACCESS_TOKEN_TYPE_UNSUPPORTED")
        if not (who == "good" or (who == "encrypt-only" and perm == ENC_PERM) or (who == "decrypt-only" and perm == DEC_PERM)):
            raise Fail(403, "PERMISSION_DENIED", f"Permission '{perm}' denied on resource '{name}' (or it may not exist).", "IAM_PERMISSION_DENIED")

    def key(self, name):
        k = self.store.keys.get(name)
        if k is None:
            raise Fail(404, "NOT_FOUND", f"CryptoKey {name} not found.")
        return k

    def usable(self, name, k, n):
        v = k["versions"].get(str(n))
        full = f"{name}/cryptoKeyVersions/{n}"
        if v is None:
            raise Fail(404, "NOT_FOUND", f"CryptoKeyVersion {full} not found.")
        if v["state"] != "ENABLED":
            raise Fail(400, "FAILED_PRECONDITION", f"{full} is not enabled, current state is: {v['state']}.", "KEY_DISABLED" if v["state"] == "DISABLED" else "KEY_DESTROYED")
        return full, base64.b64decode(v["material"])

    def view(self, name, k, ints):
        def enum(s):
            return STATES[s] if ints else s
        p = str(k["primary"])
        return {"name": name, "purpose": 1 if ints else "ENCRYPT_DECRYPT",
                "primary": {"name": f"{name}/cryptoKeyVersions/{p}", "state": enum(k["versions"][p]["state"]),
                            "protectionLevel": 1 if ints else "SOFTWARE", "algorithm": 1 if ints else "GOOGLE_SYMMETRIC_ENCRYPTION"}}

    def route(self, u, q, body, fault):
        s, path = self.store, u.path.removeprefix("/v1/")
        ints = any("enum-encoding=int" in x for x in q.get("$alt", []))
        level = 1 if ints else "SOFTWARE"
        with s.lock:
            if m := re.fullmatch(f"({KEY})(?:/cryptoKeyVersions/([0-9]+))?:encrypt", path):
                name, k = m[1], None
                self.allow(ENC_PERM, name)
                k = self.key(name)
                pt, aad = unb64(body, "plaintext"), unb64(body, "additionalAuthenticatedData")
                vp, va = check_crc(body, "plaintextCrc32c", pt), check_crc(body, "additionalAuthenticatedDataCrc32c", aad)
                if not pt:
                    raise invalid("Plaintext must not be empty.")
                if len(pt) > MAX or len(aad) > MAX:
                    raise invalid(f"The plaintext must be no larger than {MAX} bytes.")
                n = int(m[2] or k["primary"])
                full, mat = self.usable(name, k, n)
                iv = os.urandom(12)
                ct = n.to_bytes(4, "big") + iv + AESGCM(mat).encrypt(iv, pt, name.encode() + b"\0" + aad)
                out = {"name": full, "ciphertext": base64.b64encode(ct).decode(), "ciphertextCrc32c": str(crc32c(ct) ^ bool(fault.get("corrupt_crc"))), "protectionLevel": level}
                if vp:
                    out["verifiedPlaintextCrc32c"] = True
                if va:
                    out["verifiedAdditionalAuthenticatedDataCrc32c"] = True
                return out
            if m := re.fullmatch(f"({KEY}):decrypt", path):
                name = m[1]
                self.allow(DEC_PERM, name)
                k = self.key(name)
                ct, aad = unb64(body, "ciphertext"), unb64(body, "additionalAuthenticatedData")
                check_crc(body, "ciphertextCrc32c", ct)
                check_crc(body, "additionalAuthenticatedDataCrc32c", aad)
                bad = invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
                n = int.from_bytes(ct[:4], "big")
                if len(ct) < 32 or str(n) not in k["versions"]:
                    raise bad
                _, mat = self.usable(name, k, n)
                try:
                    pt = AESGCM(mat).decrypt(ct[4:16], ct[16:], name.encode() + b"\0" + aad)
                except Exception:
                    raise bad
                return {"plaintext": base64.b64encode(pt).decode(), "plaintextCrc32c": str(crc32c(pt) ^ bool(fault.get("corrupt_crc"))),
                        "usedPrimary": n == k["primary"], "protectionLevel": level}
            self.allow("cloudkms.admin", path)
            if self.command == "POST" and (m := re.fullmatch(r"(projects/[^/]+/locations/[^/]+/keyRings/[^/]+)/cryptoKeys", path)):
                name = f"{m[1]}/cryptoKeys/{q['cryptoKeyId'][0]}"
                if name in s.keys:
                    raise Fail(409, "ALREADY_EXISTS", f"CryptoKey {name} already exists.")
                s.keys[name] = {"primary": 1, "versions": {"1": {"state": "ENABLED", "material": base64.b64encode(os.urandom(32)).decode()}}}
                s.save()
                return self.view(name, s.keys[name], ints)
            if self.command == "GET" and re.fullmatch(KEY, path):
                return self.view(path, self.key(path), ints)
            if self.command == "POST" and (m := re.fullmatch(f"({KEY})/cryptoKeyVersions", path)):
                k = self.key(m[1])
                n = len(k["versions"]) + 1
                k["versions"][str(n)] = {"state": "ENABLED", "material": base64.b64encode(os.urandom(32)).decode()}
                s.save()
                return {"name": f"{m[1]}/cryptoKeyVersions/{n}", "state": "ENABLED"}
            if m := re.fullmatch(f"({KEY}):updatePrimaryVersion", path):
                k = self.key(m[1])
                k["primary"] = int(body["cryptoKeyVersionId"])
                s.save()
                return self.view(m[1], k, ints)
            if m := re.fullmatch(f"({KEY})/cryptoKeyVersions/([0-9]+)(:destroy)?", path):
                v = self.key(m[1])["versions"][m[2]]
                v["state"] = "DESTROY_SCHEDULED" if m[3] else body.get("state", v["state"])
                s.save()
                return {"name": path.removesuffix(":destroy"), "state": v["state"]}
        raise Fail(404, "NOT_FOUND", "Not found.")


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--port", type=int, default=9021)
    a.add_argument("--state")
    a.add_argument("--log")
    o = a.parse_args()
    Handler.store = Store(o.state)
    Handler.logfile = open(o.log, "a") if o.log else None
    ThreadingHTTPServer(("127.0.0.1", o.port), Handler).serve_forever()
