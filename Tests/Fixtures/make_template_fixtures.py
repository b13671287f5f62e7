"""Makes templates/cases.json: what jinja2, set up as transformers does, gives for every line of templates/cases.txt. A case is a
template with its text, or with null where it raises.

    python make_template_fixtures.py [--output templates/cases.json]
"""

import argparse
import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = pathlib.Path(__file__).parent / "templates"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "cases.json")
    parser.add_argument("--errors", action="store_true", help="write the errors in place of null")
    arguments = parser.parse_args()
    variables = json.loads((HERE / "variables.json").read_text())
    cases = []
    for line in (HERE / "cases.txt").read_text().split("\n"):
        if not line or line.startswith("# "):
            continue
        template = line.replace("⏎", "\n")
        try:
            result = _compile_jinja_template(template).render(**variables)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"} if arguments.errors else None
        cases.append(json.dumps([template, result], ensure_ascii=False))
    arguments.output.write_text("[\n" + ",\n".join(cases) + "\n]\n")


if __name__ == "__main__":
    main()
