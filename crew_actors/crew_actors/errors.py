"""The root of every error that is meant for a person."""


class UserError(Exception):
    """Something that its reader can mend.

    Its text names the thing, its place and the way out, and can be shown as it is.
    Nothing was started and nothing half-written when it is raised, unless the class
    says otherwise.
    """

    exit_code: int = 2
    """What a command line exits with: 2 for a wrong use, 1 for a failure."""
