"""MCP servers, whose tools an agent program may be given."""

import attrs


@attrs.frozen(kw_only=True)
class McpServer:
    """How an agent program reaches a server: it starts a command, or asks a URL."""

    name: str
    command: tuple[str, ...] = ()
    """The program and its arguments; empty for one that has a URL."""

    url: str = ""
    env: tuple[str, ...] = ()
    """Names of variables that the command gets, with the values of the crew."""

    token_env: str | None = None
    """The variable that holds the token for the URL."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables that it needs."""
        return self.env if self.token_env is None else (*self.env, self.token_env)
