"""Requests and answers as JSON, one a line: how the benchmarks and tests in TypeScript talk to Python."""

import json
import os
import sys
import traceback

# Read by the libraries as they are imported.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def serve(handlers):
    """Answers every line {"op": name, ...} of stdin by handlers[name](request), until stdin ends.

    An answer is {"result": ...} or {"error": text}. The real stdout is kept for answers: whatever a library prints
    goes to stderr.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": handlers[request["op"]](request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def peak_memory_mb():
    """The most memory this process ever had resident, in megabytes (10^6 bytes).

    Linux's VmHWM where there is one: getrusage's figure starts from the parent's, which the process was forked from.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def versions():
    """The versions that a result depends on."""
    import platform

    import accelerate
    import tokenizers
    import torch
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "accelerate": accelerate.__version__,
    }
