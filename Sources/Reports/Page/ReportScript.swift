// The script of the report: what a mouse and keys do with the charts. The page is whole without it.

enum ReportScript {
  static let text = #"""
    (() => {
    'use strict';
    const NS = 'http://www.w3.org/2000/svg';
    const short = v => String(+v.toPrecision(5));
    const ticks = (a, b, n) => {
      const rough = (b - a) / n, p = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map(k => k * p).find(s => s >= rough) || rough, out = [];
      for (let i = Math.ceil(a / step); i <= Math.floor(b / step) && out.length < 20; i++) out.push(i * step);
      return out;
    };
    const node = (parent, name, attributes, text) => {
      const e = document.createElementNS(NS, name);
      for (const k in attributes) e.setAttribute(k, attributes[k]);
      if (text !== undefined) e.textContent = text;
      parent.append(e);
      return e;
    };
    let smooth = 0;
    const charts = [...document.querySelectorAll('svg.plot')].map(svg => {
      const area = svg.querySelector('svg.area'), group = area.querySelector('g'), grid = svg.querySelector('g.ticks');
      const out = svg.parentNode.querySelector('output');
      const w = +area.getAttribute('width'), h = +area.getAttribute('height');
      const x = +area.getAttribute('x'), y = +area.getAttribute('y');
      const whole = svg.dataset.view.split(' ').map(Number);
      let view = whole, from = null, cursor = null;
      const lines = [...group.querySelectorAll('path')].map(path => ({ path, name: path.dataset.name,
        noisy: path.hasAttribute('data-noisy'),
        points: [...path.getAttribute('d').matchAll(/([ML])(\S+) ([^ML]+)/g)].map(m => [+m[2], +m[3], m[1]]) }));
      const rule = node(area, 'path', { class: 'rule', d: '' });
      const box = node(area, 'rect', { class: 'box', width: 0, height: h });
      const draw = () => {
        const [x0, x1, y0, y1] = view, sx = w / (x1 - x0), sy = h / (y1 - y0);
        group.setAttribute('transform', `matrix(${sx} 0 0 ${-sy} ${-x0 * sx} ${h + y0 * sy})`);
        grid.replaceChildren();
        for (const v of ticks(y0, y1, 4)) {
          const p = y + h * (1 - (v - y0) / (y1 - y0));
          node(grid, 'path', { d: `M${x} ${p}h${w}` });
          node(grid, 'text', { x: x - 6, y: p + 4, class: 'y' }, short(v));
        }
        for (const v of ticks(x0, x1, 6)) if (Number.isInteger(v))
          node(grid, 'text', { x: x + w * (v - x0) / (x1 - x0), y: y + h + 17, class: 'x' }, v.toLocaleString('en'));
      };
      const restyle = () => {
        for (const line of lines) if (line.noisy) {
          let mean = 0, weight = 0;
          line.shown = line.points.map(([a, b, k]) => {
            mean = mean * smooth + b * (1 - smooth); weight = weight * smooth + 1 - smooth;
            return [a, mean / weight, k];
          });
          line.path.setAttribute('d', line.shown.map(([a, b, k]) => k + a + ' ' + b).join(''));
          if (!line.faint && smooth > 0) {
            line.faint = line.path.cloneNode();
            line.faint.setAttribute('d', line.points.map(([a, b, k]) => k + a + ' ' + b).join(''));
            line.faint.classList.add('faint');
            group.prepend(line.faint);
          } else if (line.faint && smooth === 0) { line.faint.remove(); line.faint = null; }
        }
      };
      const show = step => {
        cursor = step;
        let best = null;
        const words = [];
        for (const line of lines) {
          let low = 0, high = line.points.length - 1;
          while (low < high) { const m = low + high >> 1; line.points[m][0] < step ? low = m + 1 : high = m; }
          const before = line.points[low - 1];
          const point = before && step - before[0] < line.points[low][0] - step ? before : line.points[low];
          if (best === null || Math.abs(point[0] - step) < Math.abs(best - step)) best = point[0];
          words.push([line, point]);
        }
        out.textContent = 'step ' + best.toLocaleString('en') + ': ' + words.map(([line, point]) =>
          (lines.length > 1 ? line.name + ' ' : '') + short(point[1]) + (point[0] === best ? '' : ` (step ${point[0]})`)).join(', ');
        rule.setAttribute('d', `M${w * (best - view[0]) / (view[1] - view[0])} 0v${h}`);
        return best;
      };
      const leave = () => { out.textContent = ''; rule.setAttribute('d', ''); cursor = null; };
      const zoom = (a, b) => {
        const inside = lines.flatMap(l => l.points).filter(p => p[0] >= a && p[0] <= b).map(p => p[1]);
        if (inside.length < 2 || b <= a) return;
        const low = inside.reduce((m, v) => Math.min(m, v)), high = inside.reduce((m, v) => Math.max(m, v));
        const margin = (high - low) / 20 || Math.abs(low) / 10 || 1;
        view = [a, b, low - margin, high + margin];
        draw();
      };
      const reset = () => { view = whole; draw(); };
      const step = event => {
        const r = area.getBoundingClientRect ? svg.getBoundingClientRect() : null;
        const px = (event.clientX - r.left) / r.width * svg.viewBox.baseVal.width - x;
        return view[0] + Math.min(Math.max(px / w, 0), 1) * (view[1] - view[0]);
      };
      svg.addEventListener('pointermove', event => {
        const s = step(event);
        show(s);
        if (from !== null) {
          const a = w * (Math.min(from, s) - view[0]) / (view[1] - view[0]);
          const b = w * (Math.max(from, s) - view[0]) / (view[1] - view[0]);
          box.setAttribute('x', a); box.setAttribute('width', b - a);
        }
      });
      svg.addEventListener('pointerdown', event => { from = step(event); event.preventDefault(); svg.focus({ preventScroll: true }); });
      svg.addEventListener('pointerleave', () => { leave(); from = null; box.setAttribute('width', 0); });
      svg.addEventListener('pointerup', event => {
        if (from !== null) { const s = step(event); if (Math.abs(s - from) > (view[1] - view[0]) / 50) zoom(Math.min(from, s), Math.max(from, s)); }
        from = null; box.setAttribute('width', 0);
      });
      svg.addEventListener('dblclick', reset);
      svg.addEventListener('blur', leave);
      svg.addEventListener('keydown', event => {
        const now = cursor ?? (view[0] + view[1]) / 2, wide = view[1] - view[0];
        const all = [...new Set(lines.flatMap(l => l.points.map(p => p[0])))].sort((a, b) => a - b);
        // Without a cursor, one comes in from the side.
        if (event.key === 'ArrowRight') show(all.find(s => cursor === null ? s >= view[0] : s > cursor) ?? all[all.length - 1]);
        else if (event.key === 'ArrowLeft') show(all.findLast(s => cursor === null ? s <= view[1] : s < cursor) ?? all[0]);
        else if (event.key === '+') zoom(Math.max(now - wide / 4, whole[0]), Math.min(now + wide / 4, whole[1]));
        else if (event.key === '-' || event.key === 'Escape') reset();
        else return;
        event.preventDefault();
      });
      return restyle;
    });
    const slider = document.getElementById('smooth');
    if (slider) {
      slider.parentNode.hidden = false;
      slider.addEventListener('input', () => {
        smooth = +slider.value; slider.nextElementSibling.textContent = slider.value;
        charts.forEach(restyle => restyle());
      });
    }
    })();
    """#

  static let style = """
    body { max-width: 76rem; }
    h2 { margin: 2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem 1.6rem; }
    figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; font-size: .92rem; }
    figcaption small, figcaption .key { font-weight: 400; color: var(--soft); }
    .key { white-space: nowrap; margin-left: .5rem; } .key svg { width: 22px; height: 8px; margin-right: .25rem; }
    .plot { display: block; width: 100%; height: auto; touch-action: pan-y; cursor: crosshair; }
    .plot:focus-visible { outline: 2px solid var(--note); outline-offset: 2px; }
    .ticks path { stroke: var(--line); } .ticks text { font: 12px ui-monospace, monospace; fill: var(--soft); }
    .y { text-anchor: end; } .x { text-anchor: middle; }
    .area path, .key path { fill: none; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    .area .faint { opacity: .3; } .area .rule { stroke: var(--soft); stroke-width: 1; }
    .box { fill: var(--note); opacity: .18; }
    output { display: block; min-height: 1.4em; font: 13px/1.4 ui-monospace, monospace; color: var(--soft); }
    .c0 { stroke: #1f5fbf; } .c1 { stroke: #b8500f; stroke-dasharray: 6 3; } .c2 { stroke: #2a7a3b; stroke-dasharray: 2 3; }
    .c3 { stroke: #8a3fa0; stroke-dasharray: 9 3 2 3; } .c4 { stroke: #9a1f3c; } .c5 { stroke: #566; stroke-dasharray: 4 4; }
    @media (prefers-color-scheme: dark) { .c0 { stroke: #7fb0ff; } .c1 { stroke: #f0a05a; } .c2 { stroke: #7ecf8d; }
      .c3 { stroke: #cf9be0; } .c4 { stroke: #f08aa0; } .c5 { stroke: #aab8b8; } }
    td.number, th.number { text-align: right; white-space: nowrap; } pre { overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap;
      overflow-wrap: anywhere; color: var(--ink); }
    .differs td { background: color-mix(in srgb, var(--warning) 14%, transparent); }
    .bad { color: var(--mistake); } .bar { display: inline-block; height: .7em; background: var(--note); vertical-align: baseline; }
    .bar.wait { background: var(--line); } summary { cursor: pointer; }
    .tools { display: flex; gap: .6rem; align-items: center; color: var(--soft); font-size: .92rem; margin: .3rem 0 .8rem; }
    @media print { .tools { display: none; } figure, tr { break-inside: avoid; } details:not([open]) > :not(summary) { display: block; } }
    """
}
