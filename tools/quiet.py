"""Import TensorFlow without its start-up lines; imported before anything.

A build without a GPU says so in half a dozen lines that no log level
silences. They are shown after all if the import fails, or where
TF_CPP_MIN_LOG_LEVEL is set to 0. Ctrl-C during the imports is told in a line,
as later.
"""

import os
import sys
import tempfile
import types


def _import_quietly() -> None:
    saved = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            # Many small models in a process look like retracing.
            tf.get_logger().setLevel("ERROR")
        except Exception:
            lines.seek(0)
            os.write(saved, lines.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _told_in_a_line(
    kind: type[BaseException],
    error: BaseException,
    trace: types.TracebackType | None,
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _told_in_a_line
if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") != "0":
    sys.stderr.flush()
    _import_quietly()
