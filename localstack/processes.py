#!/usr/bin/env python3
"""LocalStack as a process of this machine, with each function's `bootstrap` as a process beside it.

usage: processes.py      the environment is LocalStack's own; run with its Python

LocalStack's executor starts a container from an image and runs a program in it (lambda-runtime-init). This one replaces it where
neither is available: it serves the Lambda runtime API (AWS, "Using the Lambda runtime API for custom runtimes") and runs the binary.
The rest is LocalStack's: APIs, CloudFormation, roles and credentials, versions, concurrency, logs.
"""

import json
import subprocess
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

from localstack import config
from localstack.services.lambda_.invocation import runtime_executor

# Before LocalStack's other modules import the name.
runtime_executor.get_runtime_executor = lambda: ProcessExecutor
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException  # noqa: E402
from localstack.services.lambda_.invocation.lambda_models import InvocationResult  # noqa: E402

PREFIX = "/2018-06-01/runtime/"

# Lambda's limit for a function's start (AWS, "Understanding the Lambda execution environment lifecycle": 10 s).
START_SECONDS = 10

# The lines of a call arrive through a pipe, its response through a socket.
LOG_SECONDS = 0.02


class RuntimeApi(BaseHTTPRequestHandler):
    """Responds to one process, which is `self.server.process`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """The default writes each request to stderr."""

    def do_GET(self):
        if self.path != f"{PREFIX}invocation/next":
            return self.respond(404)
        call = self.server.process.next_call()
        if call is None:
            self.close_connection = True
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call["invoke-id"],
            "Lambda-Runtime-Deadline-Ms": str(call["deadline_ms"]),
            "Lambda-Runtime-Invoked-Function-Arn": call["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": call["trace-id"],
        }
        return self.respond(200, call["payload"].encode(), headers)

    def do_POST(self):
        body = self.body()
        match self.path.removeprefix(PREFIX).split("/"):
            case ["invocation", request, ("response" | "error") as kind]:
                self.server.process.end(request, body, kind == "error")
            case ["init", "error"]:
                self.server.process.fail_start(body)
            case _:
                return self.respond(404)
        return self.respond(202)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def respond(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Bootstrap:
    """A running `bootstrap` with a runtime API of its own."""

    def __init__(self, folder, environment):
        self.calls, self.started, self.start_error = SimpleQueue(), threading.Event(), None
        self.request, self.response, self.lines = None, None, []
        self.api = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
        self.api.daemon_threads, self.api.process = True, self
        threading.Thread(target=self.api.serve_forever, daemon=True).start()
        own = {
            "LAMBDA_TASK_ROOT": str(folder),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.server_address[1]}",
        }
        self.process = subprocess.Popen(
            [folder / "bootstrap"],
            cwd=folder,
            env=environment | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self.read, daemon=True).start()
        if not self.started.wait(START_SECONDS):
            self.fail_start(failure("Sandbox.Timedout", f"Task timed out after {START_SECONDS}.00 seconds"))
        if self.start_error is not None:
            self.stop()
            raise StatusErrorException("Environment startup failed", self.start_error)

    def read(self):
        """Collects the log until the process ends."""
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace"))
        status = self.process.wait()
        self.fail_start(failure("Runtime.ExitError", f"Runtime exited with {status} at its start: {''.join(self.lines)}"))
        if self.request is not None:
            self.end(self.request, failure("Runtime.ExitError", f"Runtime exited with {status}", self.request), True)

    def fail_start(self, payload):
        """Ignored after the start."""
        if not self.started.is_set():
            self.start_error = payload
            self.started.set()

    def next_call(self):
        """Waits for a call. `None` after the last one."""
        self.started.set()
        return self.calls.get()

    def end(self, request, payload, is_error):
        """Ignored if the call has ended, as after its time limit."""
        if request == self.request and not self.response.done():
            self.response.set_result((payload, is_error))

    def is_running(self):
        return self.process.poll() is None

    def call(self, call, seconds):
        """The payload and whether it is an error. The process does not survive its time limit."""
        self.request, self.response = call["invoke-id"], Future()
        self.calls.put(call | {"deadline_ms": int((time.time() + seconds) * 1000)})
        try:
            return self.response.result(seconds)
        except NoResponse:
            self.process.kill()
            self.process.wait()
            return failure("Sandbox.Timedout", f"Task timed out after {seconds}.00 seconds", self.request), True
        finally:
            self.request = None

    def stop(self):
        self.calls.put(None)
        if self.is_running():
            self.process.kill()
        # Takes up to half a second.
        threading.Thread(target=self.close, daemon=True).start()

    def close(self):
        self.api.shutdown()
        self.api.server_close()


def failure(kind, error, request=None):
    """The payload of a function that failed. There is no request at its start."""
    of_request = f"RequestId: {request} " if request else ""
    return json.dumps({"errorType": kind, "errorMessage": f"{of_request}Error: {error}"}).encode()


class ProcessExecutor(runtime_executor.RuntimeExecutor):
    """LocalStack's execution environment: one process, which is replaced after it has crashed."""

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.environment, self.bootstrap = {}, None

    def start(self, env_vars):
        self.environment = {name: str(value) for name, value in env_vars.items() if value is not None}
        self.bootstrap = Bootstrap(self.folder(), self.environment)

    def folder(self):
        return Path(self.function_version.config.code.get_unzipped_code_location())

    def invoke(self, payload):
        if not self.bootstrap.is_running():
            self.bootstrap.stop()
            self.bootstrap = Bootstrap(self.folder(), self.environment)
        request, first = payload["invoke-id"], len(self.bootstrap.lines)
        response, is_error = self.bootstrap.call(payload, self.function_version.config.timeout)
        time.sleep(LOG_SECONDS)
        log = "".join(self.bootstrap.lines[first:])
        version = self.function_version.id.qualifier
        log = f"START RequestId: {request} Version: {version}\n{log}END RequestId: {request}\n"
        return InvocationResult(request, response, is_error, log)

    def stop(self):
        if self.bootstrap is not None:
            self.bootstrap.stop()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def get_logs(self):
        return "".join(self.bootstrap.lines) if self.bootstrap else ""

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass


if __name__ == "__main__":
    from localstack.runtime.main import main

    main()
