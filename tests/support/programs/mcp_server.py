"""A small MCP server on its standard input and output, with one tool: `open`."""

import json
import os
import sys

TOOL: dict[str, object] = {
    "name": "open",
    "description": "Opens the box.",
    "inputSchema": {"type": "object", "properties": {}},
}


def answer(method: str, params: dict[str, object]) -> dict[str, object]:
    """Answer one request."""
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "box", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        said = f"in the box is {os.environ.get('BOX', 'nothing')}"
        return {"content": [{"type": "text", "text": said}]}
    return {}


def main() -> None:
    """Answer each line, until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            result = answer(asked["method"], asked.get("params", {}))
            told = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
