"""Headless Chromium with the network off, and how loud what it plays is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOUDEST = """async (seconds) => {
  const audios = [...document.querySelectorAll('audio')];
  const audio = audios.find((a) => !a.paused) || audios[0];
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(audio.captureStream()).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let peak = 0;
  const begun = performance.now();
  const last = () => (peak > 0.005 ? 1000 : 20_000) * seconds;  // a tune may open with a rest, a busy machine is late
  while (performance.now() - begun < last()) {
    await new Promise((done) => setTimeout(done, 20));
    analyser.getFloatTimeDomainData(samples);
    for (const x of samples) peak = Math.max(peak, Math.abs(x));
  }
  await context.close();
  return peak;
}"""


@contextmanager
def offline_chromium(profile: Path, host: str = "", **options) -> Iterator:
    """A browser with a profile of its own; the test is skipped where there is none.

    host: the only one that it may reach, such as "127.0.0.1:8888". options: of the context.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            profile,
            executable_path=str(CHROMIUM),
            headless=True,
            args=ARGUMENTS,
            offline=not host,
            **options,
        )
        if host:
            context.route(lambda url: url.startswith("http") and urlsplit(url).netloc != host, lambda r: r.abort())
        yield context
        context.close()


def wait_until(frame, condition: str, seconds: float = 20.0) -> None:
    """Wait for a condition in a page. (Playwright's own waiting needs eval, which the page's policy forbids.)"""
    deadline = time.monotonic() + seconds
    while not frame.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        time.sleep(0.02)
