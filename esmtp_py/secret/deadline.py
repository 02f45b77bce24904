"""A call of foreign code that may never return: after its time we go on without it."""

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Late(Exception):
    """It has not returned in time.  Its thread stays behind until the process ends."""


def within(seconds: float, work: "Callable[[], Any]") -> "Any":
    """What ``work`` returns or raises, if it does so in time; otherwise Late.

    Foreign code that wants to end the process, or panics, raises a RuntimeError.
    """
    results: list[Any] = []
    errors: list[Exception] = []
    running = _thread.allocate_lock()
    running.acquire()

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)
        except BaseException as error:
            errors.append(RuntimeError(f"{type(error).__name__} {error}".rstrip()))
        finally:
            running.release()

    _thread.start_new_thread(run, ())
    if not running.acquire(timeout=seconds):
        raise Late
    if errors:
        raise errors[0]
    return results[0]
