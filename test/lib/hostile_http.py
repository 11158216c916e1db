#!/usr/bin/python3
"""A REST API that misbehaves: what Patroni's looks like when it is not well.

    hostile_http.py PORT SETTINGS [CERTIFICATE KEY [CLIENTS-CA]]

Listens on several addresses of this machine (127.0.x.x), on each with a fault of its own.
SETTINGS is a JSON file, read anew for each request but for the addresses:

    faults      address to fault; "none" answers as it should
    answers     path, or address and path, to what is answered there
    password    what a change needs, "user:password"

PATCH /config is merged into what is answered to GET.  Ends with its standard input.

Each request is a line on standard output: address, method, path, user and body.

Not for: how Patroni behaves when it is well; tests have a real one for that.
"""
import base64
import json
import socket
import ssl
import sys
import threading
import time

port, settings_file = int(sys.argv[1]), sys.argv[2]
tls = None
if len(sys.argv) > 4:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[3], sys.argv[4])
if len(sys.argv) > 5:
    tls.load_verify_locations(sys.argv[5])
    tls.verify_mode = ssl.CERT_REQUIRED


def log(*words):
    """one line, whoever else writes"""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def settings():
    with open(settings_file) as file:
        return json.load(file)


# ---- faults that are a stream of bytes, after which the connection is closed ----

OK = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"


def told(text):
    return OK + b"\r\n" + text


STREAMS = {
    "garbage": b"\x00\xff\xfe SSH-2.0-what is this\r\n\r\n",
    "empty": b"",
    "html": told(b"<html><body>It works!</body></html>"),
    "no_json": told(b"It works!"),
    "nul": told(b"{\"name\": \"a\x00b\"}"),
    "nul_escape": told(b"{\"members\": [{\"name\": \"a\\u0000b\"}], \"patroni\": {\"version\": \"3\\u0000\"}}"),
    "not_utf8": told(b"{\"name\": \"\xc3\x28\", \"patroni\": {\"version\": \"\xff\"}}"),
    "deep": told(b"[" * 3000 + b"]" * 3000),
    "deep_object": told(b"{\"patroni\":" * 500 + b"1" + b"}" * 500),
    "other_types": told(b"{\"members\": {\"name\": 1}, \"patroni\": [], \"xlog\": 7, \"state\": {}}"),
    "number_as_text": told(b"{\"members\": [{\"name\": \"a\", \"timeline\": \"1\"}],"
                           b" \"patroni\": {\"version\": \"3.0.2\"}, \"timeline\": \"1\"}"),
    "huge_number": told(b"{\"members\": [], \"patroni\": {\"version\": \"3.0.2\"},"
                        b" \"timeline\": 99999999999999999999}"),
    "no_time": told(b"{\"members\": [], \"scheduled_switchover\": {\"at\": \"2030-01-01 nowhere3+02:00\"}}"),
    "another": told(b"{\"members\": [], \"patroni\": {\"version\": \"3.0.2\"}, \"timeline\": 1,"
                    b" \"state\": \"running\", \"role\": \"master\","
                    b" \"database_system_identifier\": \"4711\"}"),
    "cut": OK + b"Content-Length: 1000\r\n\r\n{\"members\": [",
    "big": told(b"\"" + b"x" * 5000000 + b"\""),
    "big_announced": OK + b"Content-Length: 5000002\r\n\r\n\"" + b"x" * 5000000 + b"\"",
    "big_header": OK + (b"X-Long: " + b"y" * 1000 + b"\r\n") * 200 + b"\r\n{}",
    "redirect": b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\n\r\n",
    "unavailable": b"HTTP/1.0 503 Service Unavailable\r\n\r\nthe store\r\ncannot be reached",
}


# ---- faults that take their time ----

def hang(conn):
    """until the other side has enough"""
    while conn.recv(65536):
        pass


def hang_in_body(conn):
    conn.sendall(OK + b"Content-Length: 100\r\n\r\n{")
    hang(conn)


def drip(conn):
    """a byte a second"""
    conn.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    while True:
        conn.sendall(b"{")
        time.sleep(1)


def endless(conn):
    conn.sendall(OK + b"\r\n\"")
    while True:
        conn.sendall(b"x" * 65536)


def endless_header(conn):
    conn.sendall(OK)
    while True:
        conn.sendall(b"X-More: of this\r\n")


BEHAVIOURS = {
    "hang": hang,
    "hang_in_body": hang_in_body,
    "drip": drip,
    "endless": endless,
    "endless_header": endless_header,
}


# ---- requests ----

def read_request(conn):
    """method, path, fields of the head, body; None: there was none"""
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    while len(body) < int(fields.get("content-length", 0)):
        more = conn.recv(65536)
        if not more:
            return None
        body += more
    method, path, _ = lines[0].split(" ", 2)
    return method, path, fields, body


def respond(conn, status, body):
    conn.sendall(("HTTP/1.0 %s\r\nContent-Type: application/json\r\n\r\n%s" % (status, body)).encode())


patched = {}


def merge(into, patch):
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def answer(conn, address, method, path, said, user, body):
    """as Patroni would"""
    told_now = settings()
    answers = told_now["answers"]
    found = answers.get(address + path, answers.get(path))
    if method != "GET" and user != told_now.get("password"):
        # as a proxy that repeats what it does not understand
        respond(conn, "401 Unauthorized", "not authenticated: %s" % said)
        return
    if path == "/config":
        if method == "PATCH":
            merge(patched, json.loads(body))
        merge(found, patched)
    if found is not None:
        respond(conn, "200 OK", json.dumps(found))
    else:
        respond(conn, "404 Not Found", "{}")


def serve(conn, address, fault):
    try:
        if fault == "deaf":
            hang(conn)
            return
        if tls is not None:
            conn = tls.wrap_socket(conn, server_side=True)
        request = read_request(conn)
        if request is None:
            return
        method, path, fields, body = request
        said = fields.get("authorization", "")
        user = base64.b64decode(said[6:]).decode() if said.startswith("Basic ") else "-"
        log(address, method, path, user, body.decode())
        if fault in STREAMS:
            conn.sendall(STREAMS[fault])
        elif fault in BEHAVIOURS:
            BEHAVIOURS[fault](conn)
        else:
            answer(conn, address, method, path, said, user, body)
        if tls is not None:
            # as Patroni: without it newer libraries take the answer for one that was cut
            conn = conn.unwrap()
        conn.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    finally:
        conn.close()


def listen(address, fault):
    listener = socket.create_server((address, port), backlog=100)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, address, fault), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


for where, what in settings()["faults"].items():
    listen(where, what)
log("listening")

# whoever has started us is gone
sys.stdin.read()
