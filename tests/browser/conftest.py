"""A JupyterLab and a Chromium for the tests of this folder: one server for all, one tab and one kernel for each file.

Without a Chromium the tests are skipped and say what to install; MC_JUPYTER_BROWSER=required makes that a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, Server, tab
from tests.notebook.conftest import SLOW_DRIVER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)


def chromium() -> str:
    """The browser to start. Without one, or without Playwright, the test ends here."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found and importlib.util.find_spec("playwright"):
        return found
    if found:
        lacking = "Playwright is not installed: pip install playwright (`make test` does)"
    else:
        lacking = f"no Chromium on PATH ({', '.join(CHROMIUMS)}): apt-get install chromium"
    if os.environ.get("MC_JUPYTER_BROWSER") == "required":
        pytest.fail(f"MC_JUPYTER_BROWSER=required, and {lacking}", pytrace=False)
    pytest.skip(lacking)


# For this folder only, not for the session: Playwright runs an event loop in this thread, and while it does,
# nbclient and jupyter_client cannot run theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield made
        made.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("lab"))
    (made.drivers / "slow.py").write_text(SLOW_DRIVER)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lab(server: Server, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A new notebook in a tab, whose first cell has loaded the extension: `lab.run(source)` adds cells to it.

    Its kernel also has `driver: slow`, which writes its input's words for as long as a test needs.
    """
    name = server.write(f"{request.module.__name__.rpartition('.')[2]}.ipynb", "%load_ext mc_jupyter")
    with tab(server, browser, name) as made:
        made.cell(0).run()
        made.ask(
            "None", after=f"import mc_jupyter.drivers; mc_jupyter.drivers.__path__.append({str(server.drivers)!r})"
        )
        yield made


@pytest.fixture(autouse=True)
def no_errors_in_the_page(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test makes JavaScript complain of on its console, or a widget's callback raise, fails the test."""
    if "lab" not in request.fixturenames:
        yield
        return
    lab: Lab = request.getfixturevalue("lab")
    lab.forget_faults()
    yield
    assert lab.faults() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A picture of the page where a test has failed."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and isinstance(lab, Lab):
        report.sections.append(("screenshot", str(lab.screenshot(f"FAILED-{item.name}"))))
    return report
