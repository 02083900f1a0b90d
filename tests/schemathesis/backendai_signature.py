"""A schemathesis hook: every request to Backend.AI's API is signed as its clients sign theirs (HMAC-SHA256), so that what answers is the
endpoint and not the check of credentials. The key pair is taken from BACKENDAI_ACCESS_KEY and BACKENDAI_SECRET_KEY."""

import hashlib
import hmac
import os
from datetime import datetime, timezone
from urllib.parse import urlsplit

import schemathesis
from requests.auth import AuthBase

VERSION = "v5.20191215"


class Signature(AuthBase):
    """Signs a request as it is sent: with its final path, query and headers."""

    def __call__(self, request):
        date = datetime.now(timezone.utc).isoformat()
        host = urlsplit(request.url).netloc
        kind = request.headers.get("Content-Type", "application/octet-stream")
        kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind
        kind = kind.split(";")[0].strip()
        text = "\n".join(
            [
                request.method,
                request.path_url,
                date,
                f"host:{host}",
                f"content-type:{kind}",
                f"x-backendai-version:{VERSION}",
                hashlib.sha256(b"").hexdigest(),
            ]
        )
        key = os.environ["BACKENDAI_SECRET_KEY"].encode()
        for part in (date[:10].replace("-", ""), host):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        access_key = os.environ["BACKENDAI_ACCESS_KEY"]
        request.headers["Date"] = date
        request.headers["X-BackendAI-Version"] = VERSION
        request.headers["Authorization"] = (
            f"BackendAI signMethod=HMAC-SHA256, credential={access_key}:{signature}"
        )
        return request


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = Signature()
