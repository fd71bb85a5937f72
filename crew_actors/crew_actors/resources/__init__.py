# Resources are markdown files: who works (agents), together with whom (teams), and
# in which order (workflows). From the bottom up:
#
#   _problems _errors _resources      values
#   _frontmatter _values _yaml        what is written
#   _reader _files _sections          what is written, typed and with lines
#   _agents _teams _workflows         one file each
#   _skills                           what agents may be told besides
#   _discover _checks _load _plan     all files, checked, made into tasks
#   _content _trust _consent          what of it may be executed
#   _shelf _edit _write _change       files found, edited, written; checked changes
#   _vocabulary _goals _recommend     which team fits a goal
"""Agents, teams and workflows as markdown files."""

from crew_actors.resources._agents import PLACEHOLDERS as PLACEHOLDERS
from crew_actors.resources._change import (
    BadChange as BadChange,
    Change as Change,
    InvalidChange as InvalidChange,
    ResourceEditor as ResourceEditor,
    Scope as Scope,
    StillReferenced as StillReferenced,
)
from crew_actors.resources._checks import validate_all as validate_all
from crew_actors.resources._consent import (
    NotTrusted as NotTrusted,
    executable_lines as executable_lines,
    find_consent as find_consent,
    introduction as introduction,
)
from crew_actors.resources._content import content_hash as content_hash
from crew_actors.resources._discover import read_regular as read_regular
from crew_actors.resources._errors import (
    InvalidResource as InvalidResource,
    InvalidWorkflow as InvalidWorkflow,
    Kind as Kind,
    ResourceError as ResourceError,
    TrustStoreDamaged as TrustStoreDamaged,
    UnknownResource as UnknownResource,
)
from crew_actors.resources._folders import home_of as home_of
from crew_actors.resources._load import load_catalog as load_catalog
from crew_actors.resources._plan import (
    AGENT_PROGRAM as AGENT_PROGRAM,
    adaptive_step as adaptive_step,
    plan_roles as plan_roles,
    plan_tasks as plan_tasks,
)
from crew_actors.resources._problems import Problem as Problem
from crew_actors.resources._recommend import (
    NoTeam as NoTeam,
    Recommendation as Recommendation,
    Subtask as Subtask,
    recommend as recommend,
)
from crew_actors.resources._resources import (
    Agent as Agent,
    Catalog as Catalog,
    Role as Role,
    Skill as Skill,
    Source as Source,
    Step as Step,
    Team as Team,
    Tier as Tier,
    Workflow as Workflow,
)
from crew_actors.resources._shelf import (
    BuiltIn as BuiltIn,
    Foreign as Foreign,
    Reference as Reference,
    SeveralFiles as SeveralFiles,
)
from crew_actors.resources._trust import (
    SHELL as SHELL,
    Executable as Executable,
    TrustStore as TrustStore,
    executables as executables,
)
from crew_actors.resources._write import (
    AlreadyThere as AlreadyThere,
    ChangedMeanwhile as ChangedMeanwhile,
    FileChange as FileChange,
    NotRestored as NotRestored,
)
