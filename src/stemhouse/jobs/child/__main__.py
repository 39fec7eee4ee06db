"""The child process itself: ``python -m stemhouse.jobs.child``. Started by the worker only."""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO, NoReturn

from stemhouse.engine.progress import CancelToken
from stemhouse.engine.runtime import RuntimeOptions
from stemhouse.errors import Cancelled, OutOfMemory, StemhouseError
from stemhouse.jobs.child.limits import (
    end_with,
    give_way,
    limit_memory,
    no_core_dumps,
    went_beyond,
)
from stemhouse.jobs.child.messages import (
    ChildEvent,
    SeparationTask,
    decode_task,
    encode_event,
    error_data,
)
from stemhouse.jobs.child.process import EXIT_OUT_OF_MEMORY
from stemhouse.jobs.child.songs import SongBench


class Conversation:
    """Both directions of the pipe: tasks come out of a queue, cancellations act at once."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers
        self._tasks: queue.Queue[SeparationTask] = queue.Queue()
        self._cancels: dict[str, CancelToken] = {}
        self._telling = threading.Lock()

    def listen(self) -> None:
        """Read requests until the worker is gone, then end this process with it."""
        for line in sys.stdin:
            request = json.loads(line)
            if request["op"] == "separate":
                task = decode_task(request["task"])
                self._cancels[task.task_id] = CancelToken()
                self._tasks.put(task)
            elif request["task_id"] in self._cancels:
                self._cancels[request["task_id"]].cancel()
        # Nobody is left who wants a result: do not finish the song.
        os._exit(0)

    def next_task(self) -> tuple[SeparationTask, CancelToken]:
        """Wait for a song."""
        task = self._tasks.get()
        return task, self._cancels[task.task_id]

    def forget(self, task: SeparationTask) -> None:
        """A song is over."""
        del self._cancels[task.task_id]

    def tell(self, event: ChildEvent) -> None:
        """Report to the worker. Called from the threads that encode as well."""
        with self._telling:
            self._answers.write(encode_event(event))
            self._answers.flush()


def main() -> None:
    """Separate songs until the worker goes."""
    options = _arguments()
    if options.lifeline is not None:
        end_with(options.lifeline)
    give_way()
    no_core_dumps()
    limit_memory(options.memory_bytes)
    conversation = Conversation(_own_pipe())
    threading.Thread(target=conversation.listen, daemon=True).start()
    runtime = RuntimeOptions(
        provider=options.provider,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
    )
    bench = SongBench(options.models, runtime)
    conversation.tell(ChildEvent("ready", None, {"process_id": os.getpid()}))
    while True:
        task, cancel = conversation.next_task()
        try:
            result = bench.separate(task, cancel, conversation.tell)
            answer = ChildEvent("done", task.task_id, result)
        except MemoryError:
            _end_without_memory(conversation, task)
        except StemhouseError as error:
            if not isinstance(error, Cancelled) and went_beyond(options.memory_bytes):
                # What a library made of a failed allocation.
                _end_without_memory(conversation, task)
            answer = ChildEvent("error", task.task_id, error_data(error))
        conversation.tell(answer)
        conversation.forget(task)


def _end_without_memory(conversation: Conversation, task: SeparationTask) -> NoReturn:
    # What is left of this process cannot be trusted: say so with its end.
    conversation.tell(ChildEvent("error", task.task_id, error_data(_OUT_OF_MEMORY)))
    os._exit(EXIT_OUT_OF_MEMORY)


_OUT_OF_MEMORY = OutOfMemory("the separation needed more memory than it may take")


def _own_pipe() -> IO[str]:
    # Libraries print; what they print goes to standard error, where it spoils nothing.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stemhouse.jobs.child")
    parser.add_argument("--lifeline", type=int)
    parser.add_argument("--memory-bytes", type=int)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
