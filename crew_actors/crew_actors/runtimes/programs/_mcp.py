# MCP servers, in the words of each program. Values of variables never stand on a command
# line, where everybody on the machine can read them: a program that is given its servers
# there finds them in its environment.
"""Tell agent programs which MCP servers they have."""

import json
from collections.abc import Iterator, Mapping

from crew_actors.model import McpServer
from crew_actors.runtimes._job import Job


def variables_of(job: Job) -> Mapping[str, str]:
    """Return the variables that the servers of *job* need, as far as they are set."""
    return {
        name: job.environ[name]
        for server in job.mcp
        for name in server.variables
        if name in job.environ
    }


def for_claude(job: Job) -> tuple[str, ...]:
    """Return the arguments of Claude Code: the servers of *job*, and no others."""
    if not job.mcp:
        return ()
    servers = {server.name: _claude_server(server) for server in job.mcp}
    return ("--mcp-config", json.dumps({"mcpServers": servers}), "--strict-mcp-config")


def for_codex(job: Job) -> tuple[str, ...]:
    """Return the arguments of Codex. Others that it has by its own settings stay."""
    return tuple(
        part
        for server in job.mcp
        for name, value in _codex_server(server)
        for part in ("-c", f"mcp_servers.{server.name}.{name}={json.dumps(value)}")
    )


def for_acp(job: Job, *, http: bool) -> tuple[list[dict[str, object]], list[str]]:
    """Return the servers of *job* for a session, and the names of those that cannot be.

    *http*: whether the agent can ask servers over HTTP.
    """
    servers: list[dict[str, object]] = []
    missing: list[str] = []
    for server in job.mcp:
        if server.url and not http:
            missing.append(server.name)
        else:
            servers.append(_acp_server(server, job.environ))
    return servers, missing


def _claude_server(server: McpServer) -> dict[str, object]:
    if server.url:
        token = {"Authorization": f"Bearer ${{{server.token_env}}}"}
        headers = {} if server.token_env is None else {"headers": token}
        return {"type": "http", "url": server.url, **headers}
    program, *arguments = server.command
    env = {name: f"${{{name}}}" for name in server.env}
    return {"command": program, "args": arguments, "env": env}


def _codex_server(server: McpServer) -> Iterator[tuple[str, object]]:
    if server.url:
        yield "url", server.url
        if server.token_env is not None:
            yield "bearer_token_env_var", server.token_env
        return
    program, *arguments = server.command
    yield "command", program
    yield "args", arguments
    if server.env:
        yield "env_vars", list(server.env)


def _acp_server(server: McpServer, environ: Mapping[str, str]) -> dict[str, object]:
    if server.url:
        token = "" if server.token_env is None else environ.get(server.token_env, "")
        headers = [{"name": "Authorization", "value": f"Bearer {token}"}]
        return {
            "type": "http",
            "name": server.name,
            "url": server.url,
            "headers": headers if token else [],
        }
    program, *arguments = server.command
    return {
        "name": server.name,
        "command": program,
        "args": arguments,
        "env": [
            {"name": name, "value": environ[name]}
            for name in server.env
            if name in environ
        ],
    }
