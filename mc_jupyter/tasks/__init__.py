"""What a model can be asked to do: one file per task.

A task says what one call takes and what it gives; it knows no library. To add one, write `tasks/my_task.py`:

    from mc_jupyter.parts import Embedding, Field, Task, TaskAction, Texts, performs

    class MyTask(Task):
        '''One line that help and the schema show.'''

        head = "encoder"                                  # which kind of model it needs
        result = Embedding                                # what one input gives

        class Action(TaskAction):                         # its fields, each with limits and a description
            text: Texts = Field(description="The text to read, or a list of them.")
            scale: float = Field(1.0, gt=0, le=100, description="What every number is multiplied by.")

    @performs(MyTask, by="huggingface")
    def embed(library, call):                             # one result for each of call.items, in order
        tokens = library.tokenizer(call.items, padding=True, return_tensors="pt").to(library.model.device)
        first = library.model(**tokens).last_hidden_state[:, 0] * call.action.scale
        return [Embedding(numbers) for numbers in first.tolist()]

The file's name is the task's (`my_task.py` is `task: my-task`); nothing else is edited. The function is the task's own
recipe for one library: it gets the driver that holds the loaded model (`library.model`, `library.tokenizer`) and the
call. Of several libraries that answer to the word, the one that loads models of the task's head is meant. A task
without a recipe is performed by drivers: each has a method marked `@performs(MyTask)` (see `mc_jupyter.drivers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from mc_jupyter.catalog import Part
from mc_jupyter.errors import Problem
from mc_jupyter.language.fields import Bound, Closed, Spelled
from mc_jupyter.language.kinds import IMAGE, TEXT, Takes

F = TypeVar("F", bound=Callable[..., Any])

Texts = Annotated[Bound[str | list[str]], Spelled("prompt"), Takes(TEXT, "text", "prompt")]
"""One text or a list of texts; also written `prompt`."""


Images = Annotated[Bound[Any], Takes(IMAGE, "image")]
"""One image or a list: PIL images, bytes, data URIs, or paths given `as image;path`."""


class TaskAction(Closed):
    """What every call may say, whatever the task."""

    output: Any = Field(None, description="What the call gives back, built from ${result}; default: the result itself.")
    batch_size: Bound[Annotated[int, Field(ge=1, le=4096)]] | None = Field(
        None, description="How many inputs go through the model at once; default: as many as make good use of it."
    )


class Task(Part, room="tasks", noun="task"):
    """One thing that models do."""

    head: ClassVar[str]
    """The kind of model it needs: `causal-lm`, `sequence-classifier`, `encoder` …; tasks of one head share a model."""

    input: ClassVar[str] = "text"
    """The field that the call's inputs arrive in; a cell that leaves it out gets `${input.…}` of that name."""

    driver: ClassVar[str] = "huggingface"
    """The driver when the cell names none."""

    result: ClassVar[type]
    """The type of one result."""

    tags: ClassVar[tuple[str, ...]] = ()
    """What else cards of models call it, as their `pipeline_tag`."""

    pictures: ClassVar[bool] = False
    """Whether its results are seen as pictures, so that a notebook may be told how to store them."""

    class Settings(Closed):
        """Component-level fields that only this task has."""

    class Action(TaskAction):
        """The fields of one call."""

    @classmethod
    def check(cls, action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """What is wrong with written fields *together*: pairs of the field to point at and the Problem.

        `action` holds only what the cell itself says, by field, before expressions are evaluated. Raises nothing.
        """
        return iter(())

    @classmethod
    def items(cls, action: Any) -> tuple[list[Any], bool]:
        """The inputs of a call, and whether they came as a list (so that results go back as one).

        `action` are the call's fields, every expression evaluated.
        """
        given = getattr(action, cls.input)
        return (list(given), True) if isinstance(given, list) else ([given], False)


def performs(*tasks: type[Task] | str, by: str | None = None) -> Callable[[F], F]:
    """Mark what performs these `tasks`, each named by its class or its word.

    That is a driver's method, which gets the call; or, with `by`, a function of the task's own file, which gets the
    driver's instance and the call. `by` is a word of `driver:` or the name of one library. The call is a TaskCall; what
    is marked gives one result for each of `call.items`, in order (see `Driver.perform`).
    """

    def mark(recipe: F) -> F:
        marked: Any = recipe
        marked._performs = frozenset(t if isinstance(t, str) else t.name for t in tasks)
        marked._by = by
        return recipe

    return mark
