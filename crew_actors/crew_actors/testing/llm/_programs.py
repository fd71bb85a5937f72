"""Point real agent programs to a fake LLM."""

import json
from pathlib import Path
from typing import Final

VARIABLES: Final = (
    *("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"),
    *("GOOGLE_GEMINI_BASE_URL", "GEMINI_CLI_TRUST_WORKSPACE", "ENABLE_TOOL_SEARCH"),
)
"""Names of the variables that `point_programs` returns."""


def point_programs(home: Path, url: str) -> dict[str, str]:
    """Let pi, Claude Code, Codex, Gemini and opencode ask the fake LLM at *url*.

    Writes their settings below *home*, an empty folder that becomes their HOME, and
    returns the variables that they need beside it. The model is `fake/fake` for pi and
    opencode, and anything for the others. Blocks.

    Raises:
      OSError: the settings cannot be written.
    """
    for path, text in _settings(url).items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    values = (
        *(url, "a-key", "o-key", "g-key", url, "true"),
        "false",  # a script calls tools that it has not looked for
    )
    return dict(zip(VARIABLES, values, strict=True))


def _settings(url: str) -> dict[str, str]:
    """Return the files of settings, by their paths below the home."""
    model: dict[str, object] = {
        "id": "fake",
        "name": "fake",
        "contextWindow": 100_000,
        "maxTokens": 1000,
        "cost": {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0},
    }
    provider: dict[str, object] = {
        "baseUrl": f"{url}/v1",
        "api": "openai-completions",
        "apiKey": "k",
        "models": [model],
    }
    gemini = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
    }
    service: dict[str, object] = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "k"},
        "models": {"fake": {"name": "fake"}},
    }
    opencode = {"model": "fake/fake", "provider": {"fake": service}}
    codex = (
        'model = "fake"\nmodel_provider = "fake"\n[model_providers.fake]\nname = "fake"\n'
        f'base_url = "{url}/v1"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
        "[sandbox_workspace_write]\nexclude_slash_tmp = true\n"
    )
    return {
        ".pi/agent/models.json": json.dumps({"providers": {"fake": provider}}),
        ".gemini/settings.json": json.dumps(gemini),
        ".config/opencode/opencode.json": json.dumps(opencode),
        ".codex/config.toml": codex,
    }
