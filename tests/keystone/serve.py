"""Serves a real Keystone on 127.0.0.1, for tests: serve.py PORT CONFIGURATION_FILE."""

import os
import sys

port, configuration = int(sys.argv[1]), sys.argv[2]
os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
# Keystone reads the arguments too.
sys.argv = sys.argv[:1]

from keystone.server import wsgi  # noqa: E402
from werkzeug.serving import run_simple  # noqa: E402

run_simple("127.0.0.1", port, wsgi.initialize_public_application(), threaded=True)
