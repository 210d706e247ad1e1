from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from ome.sandbox.display import changes, drawn
from ome.sandbox.picture import BenchmarkLine, EventLine, ModelLine, Picture, PodLine, ServiceLine

PICTURE = Picture(
    8,
    (ModelLine("llama", "Ready", 8, 0, 0),),
    (ServiceLine("demo/chat", "llama", "sglang", "best of 3 [bold]", True, "http://chat", ""),),
    (PodLine("chat-engine-0", "gpu-6", "Running", True),),
    (EventLine("inferenceservice/chat", "Ready", "InferenceService [chat] is Ready", False),),
)


def shown(picture: Picture) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(drawn(picture, 6.2))
    return capture.get()


def test_brackets_in_names_and_messages_are_no_markup() -> None:
    text = shown(PICTURE)
    assert "InferenceService [chat] is Ready" in text
    assert "best of 3 [bold]" in text
    assert "8 nodes   6 s   Ready" in text


def test_only_what_is_new_or_different_is_a_line() -> None:
    lines = list(changes(None, PICTURE))
    assert lines == [
        "model llama: Ready (ready 8, updating 0, failed 0 nodes)",
        "inferenceservice demo/chat: Ready, runtime sglang (best of 3 [bold]), http://chat",
        "pod chat-engine-0: Running, ready on gpu-6",
        "event inferenceservice/chat: Ready: InferenceService [chat] is Ready",
    ]
    assert list(changes(PICTURE, PICTURE)) == []


def test_benchmarks_are_shown_and_waited_for() -> None:
    running = BenchmarkLine("demo/chat", "Running", "running run 1/4: [D(1,1)], concurrency=1")
    picture = replace(PICTURE, benchmarks=(running,))
    assert running.details in shown(picture)
    (line,) = changes(PICTURE, picture)
    assert line == f"benchmarkjob demo/chat: Running {running.details}"
    assert PICTURE.ready
    assert not picture.ready
    assert picture.problem == f"benchmarkjob/demo/chat: Running: {running.details}"
    assert replace(PICTURE, benchmarks=(replace(running, state="Completed"),)).ready
