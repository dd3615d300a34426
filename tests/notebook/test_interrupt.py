"""Whose handler of SIGINT stands where: a kernel has ours from load_ext to unload_ext, nobody else has."""

from __future__ import annotations

import signal

from IPython.core.interactiveshell import InteractiveShell

from tests.notebook.conftest import Kernel

HANDLERS = """
import signal
kernel = get_ipython().kernel
[type(h).__name__ for h in (signal.getsignal(signal.SIGINT), kernel.saved_sigint_handler)]
"""


def shown(kernel: Kernel, source: str) -> str:
    (output,) = kernel.run(source).outputs()
    return str(output["data"]["text/plain"])


def test_a_shell_without_a_kernel_keeps_its_handler(shell: InteractiveShell) -> None:
    before = signal.getsignal(signal.SIGINT)
    shell.run_line_magic("unload_ext", "mc_jupyter")
    shell.run_line_magic("load_ext", "mc_jupyter")
    shell.run_cell("1")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_kernel_has_ours_while_it_works_and_while_it_is_idle(kernel: Kernel) -> None:
    assert shown(kernel, HANDLERS) == "['_Layer', '_Layer']"
    under = "signal.getsignal(signal.SIGINT).under is signal.default_int_handler"
    assert shown(kernel, f"{under}, kernel.saved_sigint_handler.under == signal.SIG_IGN") == "(True, True)"


def test_what_is_unloaded_leaves_no_handler(kernel: Kernel) -> None:
    kernel.run("%unload_ext mc_jupyter")
    assert shown(kernel, HANDLERS) == "['builtin_function_or_method', 'Handlers']"
    assert shown(kernel, "[name for name in vars(kernel) if 'handler_hook' in name]") == "[]"
    kernel.run("%load_ext mc_jupyter")
    kernel.run("%reload_ext mc_jupyter")
    assert shown(kernel, HANDLERS) == "['_Layer', '_Layer']"


def test_a_cell_of_ones_own_still_ends_with_keyboard_interrupt(kernel: Kernel) -> None:
    ran = kernel.run("import time; display('begun'); time.sleep(30)", interrupt_after=1, timeout=20)
    assert ran.of("error")[0]["ename"] == "KeyboardInterrupt"


def test_an_idle_kernel_outlives_an_interrupt(kernel: Kernel) -> None:
    kernel.manager.interrupt_kernel()
    assert shown(kernel, "1 + 1") == "2"
