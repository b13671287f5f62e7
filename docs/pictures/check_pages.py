"""Opens pages in headless Chromium as a reader would, and says what is wrong with them.

    python check_pages.py PAGE.html … [--pictures FOLDER]

In a virtual environment with playwright and axe-playwright-python, and with Debian's chromium. Each page is opened from
file://, light and dark, wide and narrow: it may load nothing else, log no error, take more than 200 KB, or be wider than
the window; axe-core finds no fault of contrast, names or keyboard. Where a page has charts, pointing at one shows numbers,
dragging zooms, a double click goes back, and the keyboard does the same. Exit code 1 if anything is wrong.
"""
import argparse
import os
import pathlib
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

LIMIT = 200_000


def charts(page, fail):
    """What a reader does with a chart, by pointer and by keys."""
    chart = page.locator("figure:has(svg[tabindex])").first
    if chart.count() == 0:
        return
    svg = chart.locator("svg[tabindex]").first
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    at = lambda share: (box["x"] + box["width"] * share, box["y"] + box["height"] * 0.5)
    before = svg.inner_html()
    page.mouse.move(*at(0.5))
    pointed = chart.inner_text() + svg.inner_html()
    page.mouse.move(*at(0.7))
    if chart.inner_text() + svg.inner_html() == pointed:
        fail("pointing at a chart shows no numbers")
    page.mouse.move(*at(0.3))
    page.mouse.down()
    page.mouse.move(*at(0.6), steps=5)
    page.mouse.up()
    page.mouse.move(5, 5)
    zoomed = svg.inner_html()
    if zoomed == before:
        fail("dragging over a chart does not zoom")
    page.mouse.dblclick(*at(0.5))
    page.mouse.move(5, 5)
    if svg.inner_html() == zoomed:
        fail("a double click does not go back")
    svg.focus()
    page.keyboard.press("ArrowRight")
    first = chart.inner_text() + svg.inner_html()
    page.keyboard.press("ArrowRight")
    if chart.inner_text() + svg.inner_html() == first:
        fail("arrows do not move through a chart")
    page.keyboard.press("+")
    if svg.inner_html() == before:
        fail("+ does not zoom")
    page.keyboard.press("-")


def check(browser, path, scheme, width, pictures):
    wrong = []
    fail = lambda words: wrong.append(f"{path} ({scheme}, {width} wide): {words}")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("console", lambda m: m.type == "error" and fail(f"the console says: {m.text}"))
    page.on("pageerror", lambda e: fail(f"the script failed: {e}"))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or fail(f"it asks for {r.url}"))
    page.goto(pathlib.Path(path).resolve().as_uri())
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        fail("it is wider than the window")
    for violation in Axe().run(page).response["violations"]:
        nodes = ", ".join(str(node["target"]) for node in violation["nodes"][:3])
        fail(f"{violation['id']} ({violation['impact']}): {violation['help']}: {nodes}")
    charts(page, fail)
    if pictures:
        name = f"{pathlib.Path(path).stem}-{scheme}-{width}.png"
        page.screenshot(path=os.path.join(pictures, name), full_page=width > 600)
    context.close()
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--pictures")
    options = parser.parse_args()
    wrong = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for path in options.pages:
            if os.path.getsize(path) > LIMIT:
                wrong.append(f"{path}: {os.path.getsize(path):,} bytes, more than {LIMIT:,}")
            for scheme in ("light", "dark"):
                for width in (1200, 420):
                    wrong += check(browser, path, scheme, width, options.pictures)
        browser.close()
    print("\n".join(wrong) or f"{len(options.pages)} pages, nothing wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
