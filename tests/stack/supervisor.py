"""Holds a stack until it is killed: `python -m tests.stack.supervisor DATA_DIR PORT UI_PORT`.

Prints one line of JSON when the stack is up; a StackError goes to stderr with exit code 1.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from ops.stack import Stack, StackError
from settings import Settings


async def hold(data_dir: Path, temporal_port: int, ui_port: int) -> None:
    settings = Settings(data_dir=data_dir, temporal_port=temporal_port, ui_port=ui_port)
    async with Stack(settings, {}) as stack:
        children = [getattr(service, "child", None) for service in stack.services]
        report = {
            "uid": os.geteuid(),
            "database_url": stack.database_url,
            "pids": [child.pid for child in children if child is not None],
        }
        print(json.dumps(report), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(hold(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
    except KeyboardInterrupt:
        os._exit(0)
    except StackError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
