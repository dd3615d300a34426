"""A plan: what a text would do here, in lines."""

from __future__ import annotations

from mc_jupyter.notebook.html import frame, pre
from mc_jupyter.notebook.views import View


class Plan(View):
    """What `%compose check` answers."""

    types = ("mc_jupyter.document.plan.Plan",)

    def plain(self) -> str:
        return "\n".join(self.value.lines())

    def html(self) -> str:
        return frame(pre(self.plain()))
