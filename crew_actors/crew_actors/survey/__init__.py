# The survey: five small programs that look at a repository and tell what they see.
#
# 1. An agent is a process: `python -P -m crew_actors.survey NAME`, run in the
#    repository. It speaks the protocol of command agents and nothing else.
# 2. It imports the standard library and attrs, nothing of the project: it starts
#    fast and works alone.
# 3. Nothing of the repository is executed, nothing is sent anywhere, nothing in the
#    repository is changed. The only program started is git, with its doors shut.
# 4. The same tree and the same history give the same bytes: everything is sorted,
#    no clock is read, no absolute path is shown.
# 5. Every look is bounded, and what was not looked at is said.
"""Deterministic agents that survey a repository."""
