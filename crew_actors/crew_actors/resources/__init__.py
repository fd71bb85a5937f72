# Resources are markdown files: who works (agents), together with whom (teams), and
# in which order (workflows). From the bottom up:
#
#   _problems _errors _resources      values
#   _frontmatter _values _yaml        what is written
#   _reader _files _sections          what is written, typed and with lines
#   _agents _teams _workflows         one file each
#   _discover _checks _load _plan     all files, checked, made into tasks
#   _content _trust                   what of it may be executed
"""Agents, teams and workflows as markdown files."""

from crew_actors.resources._agents import PLACEHOLDERS as PLACEHOLDERS
from crew_actors.resources._checks import validate_all as validate_all
from crew_actors.resources._content import content_hash as content_hash
from crew_actors.resources._errors import (
    InvalidResource as InvalidResource,
    InvalidWorkflow as InvalidWorkflow,
    Kind as Kind,
    ResourceError as ResourceError,
    TrustStoreDamaged as TrustStoreDamaged,
    UnknownResource as UnknownResource,
)
from crew_actors.resources._load import load_catalog as load_catalog
from crew_actors.resources._plan import (
    AGENT_PROGRAM as AGENT_PROGRAM,
    plan_tasks as plan_tasks,
)
from crew_actors.resources._problems import Problem as Problem
from crew_actors.resources._resources import (
    Agent as Agent,
    Catalog as Catalog,
    Role as Role,
    Source as Source,
    Step as Step,
    Team as Team,
    Tier as Tier,
    Workflow as Workflow,
)
from crew_actors.resources._trust import (
    Executable as Executable,
    TrustStore as TrustStore,
    executables as executables,
)
