"""Where channels lead in tests: a webhook and a mail server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any


@dataclass
class Webhook:
    """Answers `status` and `answer` to every POST, and keeps what came."""

    port: int = 0
    status: int = 200
    answer: dict[str, Any] = field(default_factory=dict)
    delay_seconds: float = 0.0
    refused_words: tuple[str, ...] = ()
    tries: int = 0
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As apprise writes it, with a secret inside."""
        return f"json://desk:hunter2@127.0.0.1:{self.port}/hook/s3cret-token"

    @property
    def keys(self) -> list[str]:
        """The keys of the notices that it took, in the order they came."""
        return [notice["key"] for body in self.bodies for notice in body["notices"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        [length] = [
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.lower().startswith("content-length")
        ]
        raw = await reader.readexactly(length)
        self.tries += 1
        await asyncio.sleep(self.delay_seconds)
        body = json.loads(raw)
        refused = any(word in raw.decode() for word in self.refused_words)
        status = 400 if refused else self.status
        if status == 200:
            self.paths.append(head.split()[1])
            self.bodies.append(body)
        answer = json.dumps(self.answer).encode()
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Length: {len(answer)}\r\n"
            "Content-Type: application/json\r\nConnection: close\r\n\r\n".encode()
            + answer
        )
        await writer.drain()
        writer.close()


@dataclass
class MailServer:
    """Takes every mail."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 loopback")
        while line := await reader.readline():
            match line[:4].upper().strip():
                case b"DATA":
                    await say("354 go on")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append(message_from_bytes(raw))
                    await say("250 taken")
                case b"QUIT":
                    await say("221 bye")
                    break
                case _:
                    await say("250 fine")
        writer.close()


@dataclass(frozen=True)
class Received:
    """A webhook as it came."""

    headers: dict[str, str]
    text: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def sequence(self) -> int:
        sequence: int = json.loads(self.text)["data"]["sequence"]
        return sequence


@dataclass
class Receiver:
    """A customer's system: answers `status`, or what `statuses` says next, and keeps what came."""

    port: int = 0
    status: int = 204
    statuses: list[int] = field(default_factory=list)
    refused_words: tuple[str, ...] = ()
    extra_headers: str = ""
    hangs: bool = False
    tries: int = 0
    taken: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=s3cret"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(":") for line in head.splitlines()[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        text = (await reader.readexactly(int(headers["content-length"]))).decode()
        self.tries += 1
        self.came.set()
        if self.hangs:
            await reader.read()
            writer.close()
            return
        status = self.statuses.pop(0) if self.statuses else self.status
        if any(word in text for word in self.refused_words):
            status = 500
        if 200 <= status < 300:
            self.taken.append(Received(headers, text))
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n{self.extra_headers}"
            "Connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(sink: Webhook | MailServer | Receiver) -> AsyncIterator[None]:
    """Lets the sink listen, on the port that it had before."""
    server = await asyncio.start_server(sink.serve, "127.0.0.1", sink.port)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
