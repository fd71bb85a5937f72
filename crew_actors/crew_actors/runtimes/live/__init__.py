# Agents that live in this process: a model is asked over HTTP, its tools are used here.
#
#   _run      from a job to an outcome     _agent    the loop
#   _asking   models, others in reserve    _history  what was said so far
#   _letters  what people say to it        _budget   how long it may go on
#   _rights   which tools it has           _place    which files it may use
#   _tool     what a tool is               _files _commands _people _result  the tools
#   _processes  commands, supervised       _search_worker  a program that searches
"""Run agents that live in this process."""

from ._run import candidates_of as candidates_of, run_live as run_live
