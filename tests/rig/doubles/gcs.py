#!/usr/bin/env python3
"""A test double of the JSON API of Google Cloud Storage: buckets with objects, nothing else.

Written from the public REST reference of storage v1. It is NOT Cloud Storage: objects lie in memory, and only
what a SOPS client needs is there. Standard library. Loopback only.

  gcs.py --port 9041 --bucket NAME [--bucket NAME ...]

It takes `POST /upload/storage/v1/b/B/o?uploadType=multipart` and `GET /storage/v1/b/B/o/NAME[?alt=media]`, with any
credentials or none. An upload whose `crc32c` is not that of its content is refused, as by the service.
Faults: POST /_double/faults with a JSON list of rules
  {"op": "upload|get|*", "times": 2, "code": 503, "message": "...", "reason": "...", "raw": "<html>", "corrupt_crc": true}
GET /_double/log gives the requests seen, GET /_double/objects all objects as {"BUCKET/NAME": base64}.
"""
import argparse, base64, email.parser, email.policy, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LOCK, OBJECTS, FAULTS, LOG, BUCKETS = threading.RLock(), {}, [], [], set()


def crc32c(data):
    c = 0xFFFFFFFF
    for byte in data:
        c ^= byte
        for _ in range(8):
            c = (c >> 1) ^ 0x82F63B78 if c & 1 else c >> 1
    return base64.b64encode((c ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


def related(content_type, body):
    """The two parts of a multipart/related body: JSON, and content."""
    head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    about, content = message.get_payload()
    # The parser works on text and changes line ends; the bytes are taken from the body itself.
    boundary = b"--" + message.get_boundary().encode()
    raw = body.split(boundary)[2].split(b"\r\n\r\n", 1)[1]
    return json.loads(about.get_payload(decode=True)), raw[:-2], content.get_content_type()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code, message, reason):
        errors = [{"message": message, "domain": "global", "reason": reason}]
        self.answer(code, {"error": {"code": code, "message": message, "errors": errors}})

    def fault(self, op):
        with LOCK:
            for rule in FAULTS:
                if rule.get("op", "*") in (op, "*") and rule.get("times", 1) > 0:
                    rule["times"] = rule.get("times", 1) - 1
                    return rule
        return None

    def handle_one(self, method):
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if url.path == "/_double/log":
            return self.answer(200, LOG)
        if url.path == "/_double/objects":
            return self.answer(200, {"/".join(k): base64.b64encode(v).decode() for k, v in OBJECTS.items()})
        if url.path == "/_double/faults":
            FAULTS[:] = json.loads(body)
            return self.answer(200, {})
        steps = [unquote(step) for step in url.path.split("/")[1:]]
        upload = steps[0] == "upload"
        steps = steps[1:] if upload else steps
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        LOG.append({"method": method, "path": self.path, "headers": dict(self.headers)})
        rule = self.fault("upload" if upload else "get")
        if rule and "code" in rule:
            if "raw" in rule:
                return self.answer(rule["code"], rule["raw"].encode(), "text/html")
            return self.refuse(rule["code"], rule.get("message", ""), rule.get("reason", ""))
        if steps[:3] != ["storage", "v1", "b"] or len(steps) < 5:
            return self.refuse(404, "Not Found", "notFound")
        bucket = steps[3]
        if bucket not in BUCKETS:
            return self.refuse(404, "The specified bucket does not exist.", "notFound")
        if upload:
            if query.get("uploadType") != "multipart":
                return self.refuse(400, "only multipart uploads are known here", "invalid")
            about, content, _ = related(self.headers["Content-Type"], body)
            name = about.get("name") or query.get("name")
            if about.get("crc32c", crc32c(content)) != crc32c(content):
                return self.refuse(400, "Provided CRC32C does not match.", "invalid")
            with LOCK:
                OBJECTS[bucket, name] = content
            sum = "AAAAAA==" if rule and rule.get("corrupt_crc") else crc32c(content)
            return self.answer(200, {"kind": "storage#object", "name": name, "bucket": bucket, "generation": str(len(LOG)),
                                     "size": str(len(content)), "crc32c": sum})
        name = "/".join(steps[5:])
        if (bucket, name) not in OBJECTS:
            return self.refuse(404, f"No such object: {bucket}/{name}", "notFound")
        content = OBJECTS[bucket, name]
        if query.get("alt") == "media":
            return self.answer(200, content, "application/octet-stream")
        self.answer(200, {"name": name, "bucket": bucket, "size": str(len(content)), "crc32c": crc32c(content)})

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")

    def do_PUT(self):
        self.handle_one("PUT")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket", action="append", default=[])
    options = parser.parse_args()
    BUCKETS.update(options.bucket)
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
