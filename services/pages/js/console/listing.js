// A table that grows by pages. On a narrow screen each of its rows is a card (the style sheet does that, so the roles are
// said: browsers forget them with the layout).

import { h } from '../shared/dom.js';
import { number, t } from '../shared/page.js';
import { busy } from '../shared/say.js';
import { asking } from './account.js';
import { empty, fill } from './pane.js';

/**
 * `columns` are `{title, cell}`, where `cell(item)` gives what stands there (`long` ones need a line of a card, `quiet` titles are not seen); `attributes(item)` are the row's; `nothing` is what to say
 * when there is none. `show(read)` shows what `read()` gives, `{items, next}`, and `more(next)` reads a following page.
 */
export class Listing {
  constructor(place, { caption, columns, attributes, nothing, more }) {
    Object.assign(this, { place, caption, columns, attributes, nothing, more });
  }

  show(read) {
    this.read = read;
    return fill(this.place, async () => {
      const { items, next } = await read();
      if (items.length === 0 && !next) return empty(...this.nothing());
      this.body = h('tbody', { role: 'rowgroup' }, items.map((item) => this.row(item)));
      this.rest = h('div', { class: 'row more' });
      this.offer(next);
      return [this.table(), this.rest];
    });
  }

  table() {
    const heads = this.columns.map(({ title, quiet }) => (
      h('th', { role: 'columnheader', scope: 'col' }, quiet ? h('span', { class: 'hidden-text' }, title) : title)));
    return h('div', { class: 'card flush' }, h('div', { class: 'scroll' },
      h('table', { role: 'table', class: 'cards', 'aria-label': this.caption },
        h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads)),
        this.body)));
  }

  row(item) {
    const cells = this.columns.map(({ title, quiet, long, cell }) => (
      h('td', { role: 'cell', class: long ? 'whole-line' : false, 'data-label': quiet ? false : title }, cell(item))));
    return h('tr', { role: 'row', tabindex: -1, ...this.attributes(item) }, cells);
  }

  /** Shows a row anew, and keeps the keyboard in it. */
  renew(old, item) {
    const fresh = this.row(item);
    const inside = old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (inside || document.activeElement === document.body) fresh.focus({ preventScroll: true });
  }

  /** Takes a row away; the keyboard goes to the next one, and after the last it is looked whether there are others. */
  remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    if (next) next.focus({ preventScroll: true });
    else this.show(this.read);
  }

  offer(next) {
    const count = h('span', { class: 'small quiet', role: 'status' }, t('shown', { count: number(this.body.children.length) }));
    const button = next && h('button', { type: 'button', 'data-more': true, onclick: (event) => this.grow(event.currentTarget, next) }, t('more'));
    this.rest.replaceChildren(...[button, count].filter(Boolean));
  }

  grow(button, next) {
    return busy(button, async () => {
      const page = await asking(() => this.more(next));
      const rows = page.items.map((item) => this.row(item));
      this.body.append(...rows);
      this.offer(page.next);
      rows[0]?.focus({ preventScroll: true });
    });
  }
}
