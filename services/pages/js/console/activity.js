// What went on lately: a chart for each thing that is counted, or all of them as a table.

import { get, query } from '../shared/api.js';
import { byId, h } from '../shared/dom.js';
import { lang, number, t } from '../shared/page.js';
import { chart } from './chart.js';
import { SERIES, bars, series, top } from './counts.js';
import { fill } from './pane.js';

const hour = new Intl.DateTimeFormat(lang, { weekday: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
const hourAlone = new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(lang, { weekday: 'short', day: 'numeric', month: 'short' });

const [span, button] = [byId('activity-span'), byId('activity-table')];
span.addEventListener('change', () => showActivity());
button.addEventListener('click', () => {
  button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
  showActivity();
});

/** Asks, and shows what came. */
export function showActivity(how) {
  const { by, starts } = bars(span.value, new Date());
  return fill(byId('activity-charts'), async () => {
    const counts = await get(query('/api/audit/counts', { from: starts[0].toISOString(), to: new Date().toISOString() }));
    const counted = series(counts, starts);
    const named = starts.map((start) => (by === 'day' ? day : hour).format(start));
    if (button.getAttribute('aria-pressed') === 'true') return table(counted, starts, named);
    const ends = [0, Math.floor(starts.length / 2), starts.length - 1]
      .map((i) => (span.value === 'day' ? hourAlone : day).format(starts[i]));
    return h('div', { class: 'charts' }, Object.keys(SERIES).map((name) => one(name, counted[name], named, ends)));
  }, how);
}

function one(name, values, named, ends) {
  const [total, most] = [values.reduce((sum, value) => sum + value, 0), Math.max(...values)];
  const title = t(`series.${name}`);
  const said = total === 0 ? t('chart.none', { title })
    : t('chart.said', { title, total: number(total), most: number(most), when: named[values.indexOf(most)] });
  return h('figure', { 'data-series': name },
    h('figcaption', {},
      h('span', { class: 'label' }, title),
      h('strong', { class: 'total' }, number(total)),
      h('span', { class: 'small quiet' }, t(`series.${name}.about`))),
    chart({
      values, most: top(values), mostText: number(top(values)), said, ends,
      labels: values.map((value, i) => `${named[i]}: ${number(value)}`),
    }));
}

/** The newest first: that is what is looked for. */
function table(counted, starts, named) {
  const names = Object.keys(SERIES);
  const head = h('tr', {}, h('th', { scope: 'col' }, t('chart.when')), names.map((name) => h('th', { scope: 'col', class: 'number' }, t(`series.${name}`))));
  const rows = starts.map((start, i) => h('tr', {},
    h('th', { scope: 'row' }, h('time', { datetime: start.toISOString() }, named[i])),
    names.map((name) => h('td', { class: 'number' }, number(counted[name][i])))));
  return h('div', { class: 'scroll tall', tabindex: 0, role: 'region', 'aria-label': t('activity') },
    h('table', {}, h('thead', {}, head), h('tbody', {}, rows.reverse())));
}
