"""What `helm test` runs: a manager answers at the addresses of both Services."""

import os
import ssl
import sys
import urllib.error
import urllib.request

# Whether the certificate is the right one is for the API server to say, at each review.
context = ssl._create_unverified_context()


def status(url):
    """The status code of an answer, whatever it is."""
    try:
        return urllib.request.urlopen(url, timeout=10, context=context).status
    except urllib.error.HTTPError as error:
        return error.code


# Secured metrics want a token (401); reviews come by POST (405).
wanted = {"METRICS": (200, 401), "WEBHOOKS": (405,)}
wrong = {}
for name, codes in wanted.items():
    try:
        code = status(os.environ[name])
    except OSError as error:
        code = error
    sys.stdout.write(f"{os.environ[name]}: {code}\n")
    if code not in codes:
        wrong[name] = code
sys.exit(f"not reached: {wrong}" if wrong else 0)
