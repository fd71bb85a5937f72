"""The folders that an agent has to itself."""

import hashlib

from crew_actors.model import AgentMemory
from crew_actors.places import Project
from crew_actors.resources._resources import Agent, Catalog


def memory_of(catalog: Catalog, agent: Agent) -> AgentMemory | None:
    """Tell where *agent* keeps its notes. Its name is one that a folder may have."""
    project, places = catalog.project, catalog.places
    if agent.memory is None or places is None:
        return None
    file = f"{agent.name}/MEMORY.md"
    if agent.memory == "user" or project is None:
        return AgentMemory(root=str(places.data), path=f"memory/user/{file}")
    if agent.memory == "local":
        folder = f"memory/{_short(project)}/{file}"
        return AgentMemory(root=str(places.data), path=folder)
    return AgentMemory(root=str(project.root), path=f".crew/memory/{file}")


def home_of(catalog: Catalog, agent: Agent) -> str | None:
    """Tell the absolute path of the home folder of *agent*, if it has one of its own.

    One that comes with a project is at home nowhere else: it may share its name with
    another one, which is signed in.
    """
    project, places = catalog.project, catalog.places
    if not agent.own_home or places is None:
        return None
    whose = "user"
    if project is not None and agent.source.tier == "project":
        whose = _short(project)
    return str(places.data / "homes" / whose / agent.name)


def _short(project: Project) -> str:
    """Make the name of a folder for what belongs to *project*."""
    return hashlib.sha256(str(project.root).encode()).hexdigest()[:16]
