"""A picture of a terminal: what `tmux capture-pane -e -p` prints becomes an SVG, dark or light as the reader has it.

    tmux capture-pane -e -p | python3 terminal.py COLUMNS > picture.svg
"""
import html
import re
import sys

columns = int(sys.argv[1])
lines = sys.stdin.read().rstrip("\n").split("\n")
width, height = 8.43, 18

out = []
for row, line in enumerate(lines):
    x, style = 0, ""
    # Colours are CSI sequences that end in m; nothing else is left in a captured pane.
    for part in re.split("(\x1b\\[[0-9;]*m)", line):
        code = re.fullmatch("\x1b\\[([0-9;]*)m", part)
        if code:
            numbers = [int(n or 0) for n in code[1].split(";")]
            style = "cyan" if 36 in numbers else "dim" if 2 in numbers else "" if 0 in numbers else style
        elif part:
            name = f' class="{style}"' if style else ""
            out.append(
                f'<text x="{12 + x * width:.1f}" y="{24 + row * height}"{name} xml:space="preserve" '
                f'textLength="{len(part) * width:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(part)}</text>')
            x += len(part)

w, h = 24 + columns * width, 22 + len(lines) * height
print(f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h}" role="img" aria-label="A run in a terminal">
<style>
rect {{ fill: #f6f6f3; }} text {{ font: 14px ui-monospace, monospace; fill: #1c1e21; }} .cyan {{ fill: #0b6f7c; }} .dim {{ fill: #6a6d70; }}
@media (prefers-color-scheme: dark) {{ rect {{ fill: #191a1b; }} text {{ fill: #e4e4e1; }} .cyan {{ fill: #5cc6d0; }} .dim {{ fill: #a0a3a6; }} }}
</style>
<rect width="100%" height="100%" rx="8"/>
{chr(10).join(out)}
</svg>''')
