"""One process of several that train the networks of fer: started by mpiexec; process 0 prints what came out.

mpiexec -n 2 python -m tests.fer.processes FOLDER simple vgg tiny
"""

import contextlib
import hashlib
import io
import json
import sys

from fer import train
from fer.data import synthetic
from fer.training.processes import Processes


def main() -> None:
    """Train each network for an epoch; print {network: digest of all weights and of the history}."""
    out, *networks = sys.argv[1:]
    processes, data, digests = Processes(), synthetic.load(90), {}
    for arch in networks:
        config = train.Config(
            arch=arch, epochs=1, batch_size=24, shards=4, augment="full", ema=0.9, optimizer="adamw",
            label_smoothing=0.1, out=out, data="synthetic",
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            result = train.run(config, data, processes=processes)
        whole = hashlib.sha256()
        for weight in result.model.get_weights():
            whole.update(weight.tobytes())
        digests[arch] = [whole.hexdigest(), result.history, result.report.accuracy]
    if processes.first:
        print(json.dumps(digests))


if __name__ == "__main__":
    main()
