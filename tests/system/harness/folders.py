"""Where a test's files are."""
import os
import shutil


def remove(folder):
    """Once the test has ended; NESTOR_KEEP=1 keeps it, and says where it is."""
    if os.environ.get("NESTOR_KEEP"):
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
