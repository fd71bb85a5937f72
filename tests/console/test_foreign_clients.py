"""Clients that share nothing with the server but the protocol."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import trio
from tests.support.console import console_in
from tests.support.crews import echo
from tests.support.plans import plan, task

from crew_actors.console import ConsoleAddress

websockets = pytest.importorskip("websockets.sync.client")


def _with_websockets(address: ConsoleAddress, run: str) -> list[dict[str, object]]:
    """Talk to a console from a thread, over a library of its own kind."""
    heard: list[dict[str, object]] = []
    with websockets.connect(
        f"ws://127.0.0.1:{address.port}/ws",
        subprotocols=["crew.v1"],
        open_timeout=10,
        close_timeout=2,
    ) as socket:
        hello: dict[str, object] = {
            "token": address.tokens.operator,
            "versions": ["crew.v1"],
        }
        requests: list[tuple[str, dict[str, object]]] = [
            ("hello", hello),
            ("status", {"run": run}),
            ("subscribe", {"scope": "run", "run": run}),
            ("nothing", {}),
        ]
        for number, (method, params) in enumerate(requests, start=1):
            frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            socket.send(json.dumps(frame))
            heard.append(json.loads(socket.recv(timeout=10)))
        socket.ping().wait(10)
    return heard


def _check(heard: list[dict[str, object]], run: str) -> None:
    text = json.dumps(heard)
    assert [one["id"] for one in heard] == [1, 2, 3, 4]
    assert '"role": "operator"' in text
    assert '"status": "completed"' in text
    assert run in text
    assert "-32601" in text


async def test_websockets_from_the_package_index(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a")))
        await run.wait()
        heard = await trio.to_thread.run_sync(_with_websockets, address, run.id)
        _check(heard, run.id)


_SCRIPT = """
const WebSocket = %s;
const [port, token, run] = process.argv.slice(2);
const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['crew.v1']);
const asked = [
  ['hello', {token, versions: ['crew.v1']}],
  ['status', {run}],
  ['subscribe', {scope: 'run', run}],
  ['nothing', {}],
];
const heard = [];
const ask = () => {
  const [method, params] = asked[heard.length];
  const id = heard.length + 1;
  socket.send(JSON.stringify({jsonrpc: '2.0', id, method, params}));
};
socket.onopen = ask;
socket.onmessage = (event) => {
  heard.push(JSON.parse(event.data));
  if (heard.length < asked.length) return ask();
  console.log(JSON.stringify(heard));
  socket.close();
};
socket.onerror = (event) => { console.error(event.message); process.exit(1); };
"""


def _environ() -> dict[str, str]:
    """Return what a node needs to find packages, that of playwright among them."""
    places = [os.environ.get("NODE_PATH", "")]
    playwright = importlib.util.find_spec("playwright")
    folders = (playwright and playwright.submodule_search_locations) or ()
    places += [str(Path(one) / "driver" / "package" / "lib") for one in folders]
    path = os.pathsep.join(one for one in places if one)
    return {"PATH": os.environ["PATH"], "NODE_PATH": path}


def _has(node: str, environ: dict[str, str], kind: str) -> bool:
    """Tell whether a node has websockets of this *kind*."""
    probe = f"process.exit({kind} ? 0 : 1)"
    done = subprocess.run(
        [node, "-e", probe], env=environ, capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize(
    ("library", "kinds"),
    [
        ("of npm", ("require('ws')", "require('utilsBundle').ws")),
        ("of node", ("globalThis.WebSocket",)),
    ],
)
async def test_javascript_in_node(
    library: str, kinds: tuple[str, ...], tmp_path: Path
) -> None:
    node, environ = shutil.which("node"), _environ()
    if node is None:
        pytest.skip("there is no node on this machine")
    found = next((kind for kind in kinds if _has(node, environ, kind)), None)
    if found is None:
        pytest.skip(f"this node has no websockets {library}")
    script = tmp_path / "client.cjs"
    script.write_text(_SCRIPT % found)
    project = tmp_path / "project"
    project.mkdir()
    async with console_in(project, worker=echo) as (crew, address):
        run = await crew.start(plan(task("a")))
        await run.wait()
        with trio.fail_after(30):
            ended = await trio.run_process(
                [node, str(script), str(address.port), address.tokens.operator, run.id],
                env=environ,
                capture_stdout=True,
            )
        _check(json.loads(ended.stdout), run.id)
