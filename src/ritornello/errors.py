"""The one error that a user's mistake becomes.

Everything that reads what a person wrote (files, plans, recipes, options) raises ``UserError``;
the command line prints it as one line and ends with exit code 2. A bug raises something else.
"""

from __future__ import annotations


class UserError(ValueError):
    """Something the user can mend: what is wrong, where, which limit it breaks, how to mend it.

    Args:
        what: what is wrong, as a short sentence without a full stop.
        where: the file, option or field.
        limit: the limit that was broken, with its unit; empty if there is none.
        mend: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str = "", limit: str = "", mend: str = "") -> None:
        self.what, self.where, self.limit, self.mend = what, where, limit, mend
        text = f"{where}: {what}" if where else what
        if limit:
            text += f" (limit: {limit})"
        if mend:
            text += f"; {mend}"
        super().__init__(" ".join(text.split()))  # one line, whatever a parser put into `what`
