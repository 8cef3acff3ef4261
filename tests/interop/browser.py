"""A headless Chromium for tests, driven through chromedriver by the WebDriver protocol over plain HTTP.

Its profile is a new directory that goes with it; it looks up no name and talks to the loopback address only.
"""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ANSWER_SECONDS = 120
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--lang=en",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


def is_installed():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


class Browser:
    def __init__(self, width=1200, height=1000):
        self.profile = tempfile.mkdtemp(prefix="zkprov-browser-")
        self.session = None
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        try:
            for line in self.driver.stdout:
                started = re.search(rb"started successfully on port (\d+)", line)
                if started:
                    break
            else:
                raise RuntimeError("chromedriver has not started")
            self.port = int(started[1])
            options = {"binary": shutil.which("chromium"),
                       "args": FLAGS + ["--user-data-dir=" + self.profile, "--window-size=%d,%d" % (width, height)]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                      "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.session = "/session/" + answer["sessionId"]
        except BaseException:
            self.close()
            raise

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError("%s %s: %s: %s" % (method, path, answer["error"], answer.get("message")))
        return answer

    def post(self, path, **body):
        return self.call("POST", self.session + path, body)

    def open(self, url):
        self.post("/url", url=url)

    def run(self, script, *arguments):
        """What the body of a function returns in the page."""
        return self.post("/execute/sync", script=script, args=list(arguments))

    def text(self, selector):
        return self.run("const found = document.querySelector(arguments[0]); return found ? found.innerText : null;", selector)

    def press(self, *keys):
        """To the element that has the focus: names of keys as in WebDriver's table, "\\ue004" is Tab."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", cmd=command, params=parameters)

    def log(self, kind):
        return self.post("/se/log", type=kind)

    def complaints(self):
        """What the console was told of errors and warnings since the last call."""
        return [entry["message"] for entry in self.log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self):
        """The addresses asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]

    def picture(self, path):
        """The whole page."""
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", self.session)
        except (OSError, RuntimeError, http.client.HTTPException):
            pass
        finally:
            self.session = None
            try:
                os.killpg(self.driver.pid, signal.SIGKILL)  # the group that was started for it
            except ProcessLookupError:
                pass
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)
