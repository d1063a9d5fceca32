// An event as a row of a list: a line for people, and the whole of it when opened.

import { h } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { by, extras, kind, label } from './event_words.js';
import { copy, short, when, written } from './marks.js';

/** The row of an event. What somebody has made unreadable is shown as it is. */
export function eventRow(event) {
  const { ledgerseq, time, type = '?', data = {} } = event;
  const line = h('summary', {},
    h('span', { class: 'seq mono' }, ledgerseq ?? '?'),
    h('span', { class: 'time small quiet' }, when(time)),
    h('code', { class: 'badge type', 'data-kind': kind(type) }, type),
    h('span', { class: 'said' }, said(type, data)));
  const details = h('details', {}, line);
  // The whole is made when it is asked for: most are never opened.
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(whole(event));
  });
  return h('li', { 'data-seq': ledgerseq ?? '', 'data-type': type }, details);
}

function said(type, data) {
  const parts = [
    h('strong', {}, label(type)),
    data.participant && short(data.participant),
    data.room && written(data.room),
    ...extras(data).map((extra) => h('bdi', {}, extra)),
    by(data.actor) && h('span', { class: 'quiet' }, t('by', { who: by(data.actor) })),
  ];
  return parts.filter(Boolean).flatMap((part, i) => (i ? [' ', h('i', { class: 'dot', 'aria-hidden': 'true' }, '·'), ' ', part] : [part]));
}

function whole(event) {
  const text = event.unread ?? JSON.stringify(event, null, 2);
  return h('div', { class: 'whole' },
    h('pre', { class: 'mono', tabindex: 0, role: 'region', 'aria-label': t('event.whole') }, text),
    copy(() => text, t('event.copy')));
}

/** An event from its text. */
export function readEvent(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { unread: text };
  }
}
