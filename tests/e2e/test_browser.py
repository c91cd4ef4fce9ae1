"""A person looks at a study in a browser, from the command that opens it to the model that was exported."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.conftest import COMMAND, answered
from tests.ports import free_port
from tests.servers import START_LIMIT_S, end_with_children, wait_for_page
from trackers.mlflow.store import embedded_uri

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")

# Pages of a fresh server take a while on a busy machine.
PATIENCE_MS = 30_000


@dataclass(frozen=True)
class Pages:
    """The running pages.

    Attributes:
        address: Of the server.
        opened: What the command opened in the browser.
    """

    address: str
    opened: str


@pytest.fixture(scope="module")
def pages(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """What `bertailor ui tiny` starts and opens; the browser is a program that writes down what it is to open."""
    folder, port = tmp_path_factory.mktemp("browser"), free_port()
    opened, browser = folder / "opened", folder / "scribe"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n')
    browser.chmod(0o755)
    # By its name, because what BROWSER says is split where it has a space.
    variables = {**os.environ, "BROWSER": browser.name, "PATH": f"{folder}:{os.environ['PATH']}"}
    server = subprocess.Popen(
        [COMMAND, "ui", "tiny", "--port", str(port)], cwd=snapshot, env=variables, stdout=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_page(f"{address}/health", server)
        deadline = time.monotonic() + START_LIMIT_S
        while not opened.is_file():
            assert server.poll() is None
            assert time.monotonic() < deadline, "no browser was asked to open anything"
            time.sleep(0.1)
        yield Pages(address, opened.read_text().strip())
    finally:
        end_with_children(server)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    # MLflow's assistant would cover a third of the first page that a new browser sees.
    page.add_init_script("localStorage['mlflow.assistant.fab.autoOpenedOnFirstLoad_v1'] = 'true'")
    yield page
    page.close()


@pytest.fixture(scope="module")
def front(snapshot: Path) -> list[dict[str, object]]:
    members: list[dict[str, object]] = answered("front", "tiny", cwd=snapshot)["front"]
    return members


def test_the_study_is_found_by_its_task_and_device(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.address}/#/experiments")
    page.get_by_text("Model training", exact=True).click()  # beside "GenAI"; MLflow remembers it
    page.get_by_role("link", name="commands on this-machine").click()
    expect(page.get_by_role("link", name="tiny", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def test_the_command_opens_the_study_and_its_description_leads_to_a_trial(
    pages: Pages, page: Page, front: list[dict[str, object]]
) -> None:
    page.goto(pages.opened)
    expect(page.get_by_text("Recommended: #")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Expand description").click()
    member = front[0]
    row = page.get_by_role("row", name=re.compile(rf"^#{member['trial']} {re.escape(str(member['candidate']))}"))
    expect(row).to_contain_text(f"{member['score']:.4f}")
    with page.expect_popup() as opened:
        row.get_by_role("link").click()
    trial = opened.value
    name = f"#{member['trial']} {member['candidate']}"
    expect(trial.get_by_role("heading", name=name)).to_be_visible(timeout=PATIENCE_MS)
    expect(trial.get_by_text("latency_p95_ms")).to_be_visible(timeout=PATIENCE_MS)
    trial.close()


def test_the_data_set_is_an_input_of_the_study(pages: Pages, page: Page) -> None:
    page.goto(pages.opened)
    expect(page.get_by_text(re.compile(r"^commands \([0-9a-f]{16}\)"))).to_be_visible(timeout=PATIENCE_MS)


def test_the_front_can_be_filtered_out_of_all_trials(pages: Pages, page: Page, front: list[dict[str, object]]) -> None:
    page.goto(f"{pages.opened.partition('/runs/')[0]}/runs?workflowType=machine_learning")
    search = page.get_by_placeholder("metrics.rmse")
    search.fill("tags.outcome = 'front'")
    search.press("Enter")
    # By default trials are folded away under their study, which counts too.
    expect(page.get_by_text(f"{len(front) + 1} matching runs")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("gridcell").filter(has=page.get_by_role("link", name="tiny")).get_by_role("button").click()
    listed = page.get_by_role("link", name=re.compile(r"^#\d+ "))
    expect(listed).to_have_count(len(front), timeout=PATIENCE_MS)
    assert set(listed.all_inner_texts()) == {f"#{member['trial']} {member['candidate']}" for member in front}


def test_the_view_of_the_front_shows_what_matters_first(
    pages: Pages, page: Page, front: list[dict[str, object]]
) -> None:
    page.goto(f"{pages.opened.partition('/runs/')[0]}/runs?viewStateShareKey=bertailor-front")
    expect(page.get_by_text(f"{len(front)} matching runs")).to_be_visible(timeout=PATIENCE_MS)
    wanted = ["score", "latency_ms", "size_mb", "memory_mb", "depth"]
    headings = [page.get_by_role("columnheader", name=name, exact=True).first for name in wanted]
    boxes = [heading.bounding_box() for heading in headings]
    places = [box["x"] for box in boxes if box is not None]
    assert len(places) == len(wanted)
    assert places == sorted(places)
    first = page.get_by_role("link", name=re.compile(r"^#\d+ ")).first
    expect(first).to_have_text(f"#{front[0]['trial']} {front[0]['candidate']}")


def test_the_plots_are_interactive_and_among_the_artefacts(pages: Pages, page: Page) -> None:
    page.goto(pages.opened)
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("report.html").click()
    report = page.frame_locator("iframe")
    expect(report.locator("#front .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    expect(report.locator(".js-plotly-plot")).to_have_count(5, timeout=PATIENCE_MS)
    page.get_by_text("plots", exact=True).click()
    page.get_by_text("architecture.png").click()
    expect(page.locator("img[alt*='architecture.png'], img[src^='blob:']").first).to_be_visible(timeout=PATIENCE_MS)


def test_the_exported_model_is_registered_with_its_alias_and_signature(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.address}/#/models/tiny/versions/1")
    expect(page.get_by_text("@ exported").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Inputs (1)")).to_be_visible()
    expect(page.get_by_text("Outputs (2)")).to_be_visible()
    page.get_by_role("link", name=re.compile(r"^#\d+ ")).click()
    expect(page.get_by_text("latency_p95_ms")).to_be_visible(timeout=PATIENCE_MS)


def test_the_registered_model_answers_as_the_bundle_does(snapshot: Path) -> None:
    script = (
        "import json, mlflow; mlflow.set_tracking_uri('{uri}');"
        " graph = mlflow.onnx.load_model('models:/tiny@exported');"
        " answers = mlflow.pyfunc.load_model('models:/tiny@exported').predict(['set a timer for 12 minutes']);"
        " print(json.dumps([len(graph.graph.node), answers]))"
    ).format(uri=embedded_uri(snapshot / "mlruns"))
    python = COMMAND.with_name("python")
    said = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout
    n_nodes, answers = json.loads(said.splitlines()[-1])
    (expected,) = answered("predict", "bundle", "set a timer for 12 minutes", cwd=snapshot)
    assert n_nodes > 10
    assert answers[0]["label"] == expected["label"]
    assert answers[0]["probability"] == pytest.approx(expected["probability"], abs=1e-4)
    client = MlflowClient(embedded_uri(snapshot / "mlruns"))
    assert client.get_model_version_by_alias("tiny", "exported").tags["candidate"]


def test_where_there_is_no_browser_the_address_is_told_and_the_server_ends_with_the_command(snapshot: Path) -> None:
    port = free_port()
    variables = {**{k: v for k, v in os.environ.items() if k != "DISPLAY"}, "BROWSER": "/nowhere/browser", "PATH": ""}
    command = [COMMAND, "ui", "tiny", "--port", str(port)]
    server = subprocess.Popen(command, cwd=snapshot, env=variables, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        told = next(line for line in server.stdout if "no browser can be opened here" in line)
        assert f"open http://127.0.0.1:{port}/#/experiments/" in told
        children = psutil.Process(server.pid).children(recursive=True)
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert children
    assert not psutil.wait_procs(children, timeout=15)[1]
