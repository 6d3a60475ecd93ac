"""A headless Chromium, and notebooks shown in it by Voila or JupyterLab."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PATIENCE = 90


@pytest.fixture(scope="session")
def browser():
    """Chromium as the system has it; without it these tests fail."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program, "no Chromium found; install it (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture
def voila(browser, tmp_path):
    """A function that shows cells of code as a page of Voila."""
    with _servers() as start:

        def show(*cells):
            file = write_notebook(tmp_path / "page.ipynb", *cells)
            port = start("voila", str(file), "--no-browser", "--Voila.ip=127.0.0.1", folder=tmp_path)
            page = browser.new_page(viewport={"width": 1400, "height": 1100})
            page.goto(f"http://127.0.0.1:{port}/", timeout=PATIENCE * 1000)
            return page

        yield show


@pytest.fixture(scope="module")
def jupyterlab(browser, tmp_path_factory):
    """A function that opens cells of code in JupyterLab, in a laptop's window, and runs them all."""
    with _servers() as start:

        def show(*cells):
            folder = tmp_path_factory.mktemp("lab")
            write_notebook(folder / "page.ipynb", *cells)
            token = os.urandom(12).hex()
            options = ("--allow-root", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}")
            options += ("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly")
            options += ("--LabApp.news_url=",)
            port = start("jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", *options, folder=folder)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(f"http://127.0.0.1:{port}/lab/tree/page.ipynb?token={token}", timeout=PATIENCE * 1000)
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE * 1000)
            page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=PATIENCE * 1000)
            page.wait_for_function(READY, timeout=PATIENCE * 1000)
            page.evaluate(RUN_ALL)
            return page

        yield show


READY = "window.jupyterapp && window.jupyterapp.commands.hasCommand('notebook:run-all-cells')"
RUN_ALL = """(async () => {
    const shown = window.jupyterapp.shell.currentWidget;
    await shown.context.sessionContext.ready;
    await shown.context.sessionContext.session.kernel.info;
    return await window.jupyterapp.commands.execute('notebook:run-all-cells');
})()"""


def write_notebook(file, *cells):
    """A notebook of these cells of code."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    shown = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=shown, metadata={"kernelspec": kernel})
    nbformat.write(notebook, file)
    return file


@contextmanager
def _servers():
    started = []

    def start(module, *options, folder):
        port = _free_port()
        kept = {name: str(folder / name.lower()) for name in FOLDERS}
        named = f"--port={port}" if module == "voila" else f"--ServerApp.port={port}"
        command = [sys.executable, "-m", module, *options, named]
        with (folder / "server.log").open("wb") as log:
            started.append(subprocess.Popen(command, env=os.environ | kept, stdout=log, stderr=subprocess.STDOUT))
        _wait_for(port, started[-1], folder / "server.log")
        return port

    try:
        yield start
    finally:
        for server in started:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port, server, log):
    for _ in range(PATIENCE * 5):
        assert server.poll() is None, log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text())
