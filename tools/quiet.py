"""Import TensorFlow without its start-up lines; imported before anything.

A build without a GPU says so in half a dozen lines that no log level
silences. They are shown after all if the import fails, or where
TF_CPP_MIN_LOG_LEVEL is set to 0.
"""

import os
import sys
import tempfile


def _import_quietly() -> None:
    saved = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            # Many small models in a process look like retracing.
            tf.get_logger().setLevel("ERROR")
        except BaseException:
            lines.seek(0)
            os.write(saved, lines.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") != "0":
    sys.stderr.flush()
    _import_quietly()
