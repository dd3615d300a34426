"""mc_jupyter.events."""

from __future__ import annotations

from dataclasses import replace

from mc_jupyter.events import Note, Run


def test_a_run_tells_its_listener() -> None:
    heard: list[object] = []
    Run(listener=heard.append).note("hello")
    assert heard == [Note("hello")]


def test_a_copy_of_a_run_hears_the_same_word_to_stop() -> None:
    run = Run()
    copy = replace(run, listener=print)
    assert not copy.stopped
    run.stop()
    assert copy.stopped
    assert not Run().stopped
