#!/usr/bin/env python3
"""Prints a run of stepspan while it runs, with the Python standard library alone: tail.py ws://HOST:PORT/api/v1/tail TOKEN RUN."""
import base64, json, os, socket, struct, sys, urllib.parse

url, token, run = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3]
sock = socket.create_connection((url.hostname, url.port)); stream = sock.makefile("rb")
sock.sendall((f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Protocol: stepspan.tail.v1\r\nAuthorization: Bearer {token}\r\n\r\n").encode())
if b" 101 " not in stream.readline(): sys.exit("refused")
while stream.readline().strip(): pass

def send(opcode, data):  # A client masks what it sends; a mask of zeros leaves it as it is.
    sock.sendall(struct.pack("!BBHI", 0x80 | opcode, 0xFE, len(data), 0) + data)

send(1, json.dumps({"type": "subscribe_execution", "executionId": run, "fromSeq": 0}).encode())
while (head := stream.read(2)) and head[0] & 15 != 8:  # 8: the server closes
    size = {126: "!H", 127: "!Q"}.get(head[1])
    data = stream.read(struct.unpack(size, stream.read(struct.calcsize(size)))[0] if size else head[1])
    if head[0] & 15 == 9: send(10, data)  # a ping wants its pong
    if head[0] & 15 != 1: continue
    message = json.loads(data)  # from here on: the protocol
    if message["type"] == "output_stream": print(*(line["text"] + ("" if line.get("unterminated") else "\n") for line in message["data"]["lines"]), sep="", end="", flush=True)
    elif message["type"] == "error": sys.exit(message["data"]["message"])
    elif message["type"] == "caught_up" and message["data"]["ended"]: break
