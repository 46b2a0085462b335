"""One training by many processes, on one machine or on many: docs/backprop/many_machines.md and docs/cluster.md.

mpiexec -n 4 python script.py       and in the script: model.fit(x, y, distributed="mpi")

data_parallel   what a step becomes: shards, outputs, gradients
shards          a network that runs on shards
batch_norm      batch normalization over the shards of all processes
gradients       their sum, in buckets
tree            the fixed order of a sum
communicator    the others, through MPI
"""

from minicnn.distributed.communicator import MPI as MPI
from minicnn.distributed.communicator import Single as Single
from minicnn.distributed.communicator import launched as launched
from minicnn.distributed.communicator import share_cores as share_cores
from minicnn.distributed.data_parallel import DataParallel as DataParallel
from minicnn.distributed.data_parallel import get as get
