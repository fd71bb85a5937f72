# What a user, a project, the environment and a command line have set.
#
#   _settings  the settings and their sections     _keys    one description of each key
#   _values    is a value one of its key           _files   read a file, find a line
#   _layers    five layers become one              _problems what is wrong, and errors
#   _schema    the same as JSON schema             _edit    change a file, keep comments
#
# This is the whole rule of trust: a project may only tighten. Each key says how.
"""Settings, from `config.toml` and its layers."""

from crew_actors.config._edit import (
    Edited as Edited,
    SettingsNotWritten as SettingsNotWritten,
    edit_file as edit_file,
    replace_file as replace_file,
    template as template,
)
from crew_actors.config._keys import (
    Key as Key,
    ProjectRule as ProjectRule,
    all_keys as all_keys,
    find_key as find_key,
    variable_of as variable_of,
)
from crew_actors.config._layers import (
    Config as Config,
    Layer as Layer,
    Setting as Setting,
    load_config as load_config,
    load_settings as load_settings,
    project_file as project_file,
    refused as refused,
    told_value as told_value,
    user_file as user_file,
)
from crew_actors.config._problems import (
    BadSetting as BadSetting,
    BadSettings as BadSettings,
    ConfigProblem as ConfigProblem,
)
from crew_actors.config._schema import json_schema as json_schema
from crew_actors.config._settings import (
    JournalSettings as JournalSettings,
    LimitSettings as LimitSettings,
    RetrySettings as RetrySettings,
    RunSettings as RunSettings,
    Settings as Settings,
)
from crew_actors.config._values import convert as convert
