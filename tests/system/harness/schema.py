"""The public schema in Python, generated from proto/ when first imported."""
import os
import shutil
import subprocess
import sys
import tempfile
import atexit

from . import requirements

_folder = tempfile.mkdtemp(prefix="nestor-schema-")
atexit.register(shutil.rmtree, _folder, True)
_proto = os.path.join(requirements.ROOT, "proto")
subprocess.run(["protoc", f"--proto_path={_proto}", f"--python_out={_folder}",
                *sorted(f"nestor/v1/{name}" for name in os.listdir(f"{_proto}/nestor/v1"))], check=True)
sys.path.insert(0, _folder)

from nestor.v1 import envelope_pb2, operator_pb2  # noqa: E402,F401 (made above)

MAGIC = 0x4E535452
OPERATOR_MAGIC = 0x4E53544F
