"""An application behind a port of its own, for what asks it over HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI


@asynccontextmanager
async def served(app: FastAPI, lifespan: Literal["on", "off"] = "off") -> AsyncIterator[str]:
    """The address of the application; who comes before it has started waits in the queue.

    With its lifespan on it opens and closes what it needs itself.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan=lifespan, log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
