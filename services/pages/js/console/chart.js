// A bar chart, drawn as SVG without a word in it, so that it may be stretched; the words stand around it.

import { h } from '../shared/dom.js';

const SVG = 'http://www.w3.org/2000/svg';
/** The height of the drawing in its own units; a bar is one wide. */
const HEIGHT = 100;

/**
 * `values` over `labels`, up to `most`. `said` is what the chart says, for whoever does not see it; `ends` are the words below its
 * beginning, middle and end.
 */
export function chart({ values, labels, most, said, ends, mostText }) {
  // Bars of many are drawn without a gap, or nothing would be left of them.
  const gap = values.length > 60 ? 0 : 0.22;
  const drawing = shape('svg', { viewBox: `0 0 ${values.length} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said });
  drawing.append(line(values.length, 0), line(values.length, HEIGHT / 2), line(values.length, HEIGHT));
  values.forEach((value, i) => drawing.append(...bar(value, i, { gap, most, label: labels[i] })));
  return h('div', { class: 'chart' },
    h('span', { class: 'most', 'aria-hidden': 'true' }, mostText),
    drawing,
    h('div', { class: 'ends', 'aria-hidden': 'true' }, ends.map((end) => h('span', {}, end))));
}

function bar(value, i, { gap, most, label }) {
  const height = (value / most) * HEIGHT;
  // All of the column answers to the pointer, not only what is filled.
  const column = shape('rect', { class: 'column', x: i, y: 0, width: 1, height: HEIGHT });
  const title = shape('title');
  title.textContent = label;
  column.append(title);
  const filled = shape('rect', { class: 'bar', x: i + gap / 2, y: HEIGHT - height, width: 1 - gap, height });
  return [filled, column];
}

function line(width, y) {
  return shape('line', { x1: 0, x2: width, y1: y, y2: y, 'vector-effect': 'non-scaling-stroke' });
}

function shape(name, attributes = {}) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
